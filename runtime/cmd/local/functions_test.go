package main

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The platform is right with the functions alone, and with keepers and functions at work on one pool: users are served, a
// killed worker's user is served again on another one and the worker replaced, once; nothing is launched twice, and no
// account has two workers. With keepers alone it is what all other tests of this package run. A minute between two
// passes is shortened here; what Lambda itself adds is not seen.
func TestFunctionsCarryThePlatform(t *testing.T) {
	for name, noKeepers := range map[string]bool{"alone": true, "beside keepers": false} {
		t.Run(name, func(t *testing.T) {
			o := quick(6, 10, 2)
			o.embedded, o.functions, o.noKeepers, o.rhythm = true, true, noKeepers, 200*time.Millisecond
			p := startProduct(t, o)
			before := p.serveAll()
			p.requireExclusive(before)
			victim := p.user(0)
			require.NoError(t, p.killWorker(before[victim].WorkerID))
			again, err := p.claim(t.Context(), victim, before[victim].WorkerID)
			require.NoError(t, err)
			require.Greater(t, again.Epoch, before[victim].Epoch)
			for _, f := range p.lambdas.running { // a process that dies is one pass less
				for _, pid := range f.Processes() {
					require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
				}
			}
			p.within(20*time.Second, "the killed worker is replaced", func(ctx context.Context) bool {
				census, err := p.path.Store.Census(ctx)
				return err == nil && census.Free == o.workers-o.users
			})
			time.Sleep(5 * o.rhythm) // more passes launch nothing more
			tasks, err := p.provider.List(t.Context())
			require.NoError(t, err)
			require.Len(t, tasks, o.workers)
			after := p.serveAll()
			before[victim] = again
			for user, s := range before {
				require.Equal(t, s.Epoch, after[user].Epoch)
			}
			p.requireExclusive(after)
		})
	}
}
