package valkey

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed *.lua
var sources embed.FS

// route is the key that every script declares: it leads the call to the pool's slot.
const route = "{pool}:incarnation"

// never is a key of that slot which nobody writes, and which every call declares too. While the slot moves to another
// shard, a server runs a script that declares keys it has, although others that the script needs are elsewhere; one
// that declares several of which some are missing it refuses with TRYAGAIN. So no script runs on half of the data.
const never = "{pool}:never"

// script is one transition.
type script struct {
	name string
	// whenFull lets it run on a server that has no memory left: what keeps or ends sessions must not stop then.
	whenFull bool
}

var (
	scriptAgree       = script{"agree", true}
	scriptArrivals    = script{"arrivals", false}
	scriptBeat        = script{"beat", true}
	scriptCensus      = script{"census", false}
	scriptClaim       = script{"claim", false}
	scriptConfirm     = script{"confirm", true}
	scriptDrain       = script{"drain", true}
	scriptEnd         = script{"end", true}
	scriptExit        = script{"exit", true}
	scriptExpire      = script{"expire", true}
	scriptGone        = script{"gone", false}
	scriptHeard       = script{"heard", false}
	scriptHeal        = script{"heal", false}
	scriptLaunched    = script{"launched", true}
	scriptLeave       = script{"leave", true}
	scriptNote        = script{"note", false}
	scriptOpen        = script{"open", false}
	scriptPark        = script{"park", true}
	scriptRaise       = script{"raise", true}
	scriptReap        = script{"reap", true}
	scriptRegister    = script{"register", false}
	scriptRelease     = script{"release", true}
	scriptReserve     = script{"reserve", false}
	scriptRetire      = script{"retire", true}
	scriptSent        = script{"sent", true}
	scriptStock       = script{"stock", false}
	scriptUnconfirmed = script{"unconfirmed", false}
	scriptUndo        = script{"undo", true}
	scriptWaiting     = script{"waiting", false}
	scriptWithdraw    = script{"withdraw", true}
	scriptWorkers     = script{"workers", false}
)

func scripts() []script {
	return []script{
		scriptAgree, scriptArrivals, scriptBeat, scriptCensus, scriptClaim, scriptConfirm, scriptDrain, scriptEnd, scriptExit, scriptExpire, scriptGone, scriptHeal, scriptHeard,
		scriptLaunched, scriptLeave, scriptNote, scriptOpen, scriptPark, scriptRaise, scriptReap, scriptRegister, scriptRelease, scriptReserve, scriptRetire,
		scriptSent, scriptStock, scriptUnconfirmed, scriptUndo, scriptWaiting, scriptWithdraw, scriptWorkers,
	}
}

// load reads the scripts. strict puts the line before them by which a real server refuses access to other slots; the
// embedded one does not understand it.
func load(strict bool) (map[script]*redis.Script, error) {
	shared, err := sources.ReadFile("pool.lua")
	if err != nil {
		return nil, fmt.Errorf("read the shared script: %w", err)
	}
	loaded, parts := map[script]*redis.Script{}, divide(string(shared))
	for _, s := range scripts() {
		own, err := sources.ReadFile(s.name + ".lua")
		if err != nil {
			return nil, fmt.Errorf("read the script %s: %w", s.name, err)
		}
		head := ""
		switch {
		case strict && s.whenFull:
			head = "#!lua flags=allow-oom\n"
		case strict:
			head = "#!lua\n"
		}
		loaded[s] = redis.NewScript(head + needed(parts, string(own)))
	}
	return loaded, nil
}

// definition is how a part of the shared script begins, which parts of their own name.
var definition = regexp.MustCompile(`(?m)^local (?:function )?(\w+)`)

// part is one part of the shared script, and what names it; the first has no name and stands in every script.
type part struct {
	code  string
	named *regexp.Regexp
}

func divide(shared string) []part {
	var parts []part
	for _, code := range strings.Split(bare(shared), "\n\n") {
		p := part{code: code}
		if name := definition.FindStringSubmatch(code); name != nil && len(parts) > 0 {
			p.named = regexp.MustCompile(`\b` + name[1] + `\b`)
		}
		parts = append(parts, p)
	}
	return parts
}

// needed puts before a script those parts of the shared one that it names, and those that these name. Each call of a
// script makes all functions anew that stand in it: half of what a short one takes.
func needed(parts []part, own string) string {
	code := bare(own)
	for _, p := range slices.Backward(parts) {
		if p.named == nil || p.named.MatchString(code) {
			code = p.code + "\n" + code
		}
	}
	return code
}

// bare is a script without the lines that are comments.
func bare(script string) string {
	var code strings.Builder
	for line := range strings.Lines(script) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			code.WriteString(line)
		}
	}
	return code.String()
}

// understands says whether the server takes the first line of strict scripts.
func understands(ctx context.Context, client redis.UniversalClient) (bool, error) {
	const probe = "#!lua flags=no-writes\nreturn 1"
	err := client.Eval(ctx, probe, []string{route}).Err()
	var refused redis.Error
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &refused) && strings.Contains(refused.Error(), "compiling script"):
		return false, nil
	default:
		return false, fmt.Errorf("try a script: %w", err)
	}
}

// answer reads a script's reply from left to right. The first misfit stays; later reads return zero values.
type answer struct {
	parts []any
	err   error
	// now is the server's time at which the script ran.
	now time.Time
}

func (a *answer) next() any {
	if a.err == nil && len(a.parts) == 0 {
		a.err = fmt.Errorf("the answer is too short")
	}
	if a.err != nil {
		return nil
	}
	part := a.parts[0]
	a.parts = a.parts[1:]
	return part
}

func (a *answer) text() string {
	switch part := a.next().(type) {
	case string:
		return part
	case int64:
		return strconv.FormatInt(part, 10)
	default:
		a.misfit("a text", part)
		return ""
	}
}

func (a *answer) number() int64 {
	n, err := strconv.ParseInt(a.text(), 10, 64)
	if err != nil {
		a.misfit("a whole number", err)
	}
	return n
}

func (a *answer) flag() bool { return a.text() == "1" }

func (a *answer) list() *answer {
	part := a.next()
	parts, ok := part.([]any)
	if !ok {
		a.misfit("a list", part)
	}
	return &answer{parts: parts, err: a.err}
}

func (a *answer) misfit(wanted string, found any) {
	if a.err == nil {
		a.err = fmt.Errorf("the answer holds %v where %s is expected", found, wanted)
	}
}
