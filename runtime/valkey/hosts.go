package valkey

import (
	"context"
	"fmt"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// Register: see [claim.Hosts].
func (s *Store) Register(ctx context.Context, r claim.Registration, t claim.Terms) (claim.Standing, error) {
	a, err := s.run(ctx, scriptRegister, string(r.Worker), string(r.Host), r.Life.String(), r.Revision, r.Key,
		string(r.User), r.Epoch.String(), ms(t.TTL), ms(t.Acknowledge), ms(t.Guard))
	if err != nil {
		return "", err
	}
	return claim.Standing(a.text()), a.failed(scriptRegister)
}

// Beat: see [claim.Hosts].
func (s *Store) Beat(ctx context.Context, host fleet.Host, beats []claim.Beat, t claim.Terms) ([]claim.Standing, error) {
	if len(beats) > claim.BeatLimit {
		return nil, fmt.Errorf("beat: %d workers in one batch; allowed: at most %d", len(beats), claim.BeatLimit)
	}
	args := make([]any, 0, 3+3*len(beats))
	args = append(args, string(host), ms(t.TTL), ms(t.Guard))
	for _, b := range beats {
		args = append(args, string(b.Worker), b.Life.String(), b.Epoch.String())
	}
	a, err := s.run(ctx, scriptBeat, args...)
	if err != nil {
		return nil, err
	}
	marks := a.text()
	if a.err == nil && len(marks) != len(beats) {
		a.misfit(fmt.Sprintf("%d standings", len(beats)), marks)
	}
	if err := a.failed(scriptBeat); err != nil {
		return nil, err
	}
	words := map[byte]claim.Standing{'o': claim.Ok, 'a': claim.Announce, 'p': claim.Pending, 'f': claim.Fenced}
	standings := make([]claim.Standing, len(beats))
	for i := range standings {
		standings[i] = words[marks[i]]
	}
	return standings, nil
}

// Confirm: see [claim.Hosts].
func (s *Store) Confirm(ctx context.Context, worker fleet.Worker, life fleet.Life, epoch fleet.Epoch) error {
	return s.fenced(ctx, scriptConfirm, string(worker), life.String(), epoch.String())
}

// Exit: see [claim.Hosts].
func (s *Store) Exit(ctx context.Context, worker fleet.Worker, life fleet.Life, t claim.Terms) (claim.Death, error) {
	a, err := s.run(ctx, scriptExit, string(worker), life.String(), ms(t.Acknowledge), ms(t.Renew))
	if err != nil {
		return claim.Death{}, err
	}
	switch a.text() {
	case "fenced":
		return claim.Death{}, claim.ErrFenced
	case "gone":
		return claim.Death{Worker: worker, Life: life}, nil
	}
	return a.death(), a.failed(scriptExit)
}

// End: see [claim.Ends].
func (s *Store) End(ctx context.Context, workers []fleet.Worker, t claim.Terms) ([]claim.Death, error) {
	if len(workers) > claim.EndLimit {
		return nil, fmt.Errorf("end: %d workers at once; allowed: at most %d", len(workers), claim.EndLimit)
	}
	args := []any{ms(t.Acknowledge), ms(t.Renew)}
	for _, worker := range workers {
		args = append(args, string(worker))
	}
	a, err := s.run(ctx, scriptEnd, args...)
	if err != nil {
		return nil, err
	}
	var dead []claim.Death
	for list := a.list(); ; {
		if list.err != nil || len(list.parts) == 0 {
			return dead, list.failed(scriptEnd)
		}
		dead = append(dead, list.death())
	}
}

// Park: see [claim.Hosts].
func (s *Store) Park(ctx context.Context, host fleet.Host, workers []fleet.Worker, silence time.Duration) error {
	args := []any{string(host), ms(silence)}
	for _, worker := range workers {
		args = append(args, string(worker))
	}
	return s.fenced(ctx, scriptPark, args...)
}
