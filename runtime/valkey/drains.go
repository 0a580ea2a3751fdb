package valkey

import (
	"context"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

var _ claim.Drains = (*Store)(nil)

// Drain: see [claim.Drains].
func (s *Store) Drain(ctx context.Context, host fleet.Host, by claim.Drainer) (bool, error) {
	return s.mark(ctx, host, by, 1, 0)
}

// Undrain: see [claim.Drains].
func (s *Store) Undrain(ctx context.Context, host fleet.Host, by claim.Drainer, t claim.Terms) (bool, error) {
	return s.mark(ctx, host, by, 0, ms(t.Acknowledge))
}

func (s *Store) mark(ctx context.Context, host fleet.Host, by claim.Drainer, on int, acknowledge int64) (bool, error) {
	a, err := s.run(ctx, scriptDrain, string(host), string(by), on, acknowledge)
	if err != nil {
		return false, err
	}
	return a.flag(), a.failed(scriptDrain)
}

// Withdraw: see [claim.Drains].
func (s *Store) Withdraw(ctx context.Context, worker fleet.Worker) (claim.State, bool, error) {
	a, err := s.run(ctx, scriptWithdraw, string(worker))
	if err != nil {
		return "", false, err
	}
	state := claim.State(a.text())
	return state, state != "", a.failed(scriptWithdraw)
}
