package valkey

import (
	"context"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/batch"
)

// Bounds of what goes together in one message: one connection that hangs must not stop all, and no message keeps the server
// for longer than the longest script does.
const (
	lanes = 2
	most  = 64
)

// invocation is one call of a script.
type invocation struct {
	what script
	args []any
}

// keys are those that every script declares.
var keys = []string{route, never}

// invoke calls scripts, several in one message. They run one after the other, and others' calls may run between them.
func (s *Store) invoke(ctx context.Context, all []invocation) []batch.Answer[[]any] {
	commands := make([]*redis.Cmd, len(all))
	if len(all) > 1 {
		_, _ = s.client.Pipelined(ctx, func(line redis.Pipeliner) error {
			for i, one := range all {
				commands[i] = s.scripts[one.what].EvalSha(ctx, line, keys, one.args...)
			}
			return nil
		})
	}
	answers := make([]batch.Answer[[]any], len(all))
	for i, one := range all {
		// Who is alone; and those that ran nowhere, because the server does not have the script, or not all of the slot.
		if commands[i] == nil || redis.HasErrorPrefix(commands[i].Err(), "NOSCRIPT") || redis.HasErrorPrefix(commands[i].Err(), "TRYAGAIN") {
			commands[i] = s.scripts[one.what].Run(ctx, s.client, keys, one.args...)
		}
		answers[i].Out, answers[i].Err = commands[i].Slice()
	}
	return answers
}

// entry is what is to be added to a stream.
type entry struct {
	stream string
	length int64 // about: older entries are trimmed
	text   []byte
}

// append adds entries to streams, several in one message.
func (m *Mail) append(ctx context.Context, all []entry) []batch.Answer[struct{}] {
	commands := make([]*redis.StringCmd, len(all))
	add := func(to redis.Cmdable, e entry) *redis.StringCmd {
		return to.XAdd(ctx, &redis.XAddArgs{Stream: e.stream, MaxLen: e.length, Approx: true, Values: []any{"m", e.text}})
	}
	if len(all) == 1 {
		commands[0] = add(m.client, all[0])
	} else {
		_, _ = m.client.Pipelined(ctx, func(line redis.Pipeliner) error {
			for i, e := range all {
				commands[i] = add(line, e)
			}
			return nil
		})
	}
	answers := make([]batch.Answer[struct{}], len(all))
	for i, command := range commands {
		answers[i].Err = command.Err()
	}
	return answers
}
