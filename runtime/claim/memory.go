package claim

import (
	"context"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
)

// Memory is a [Store] within one process: an [Index] behind a lock, on the process's clock. Nothing survives it.
type Memory struct {
	mu    sync.Mutex
	index *Index
}

var _ Store = (*Memory)(nil)

// NewMemory makes an empty store that is not open yet.
func NewMemory() *Memory { return &Memory{index: NewIndex()} }

// at runs one transition alone, at the current time.
func (m *Memory) at(transition func(x *Index, now int64)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	transition(m.index, time.Now().UnixMilli())
}

// Open: see [Directory].
func (m *Memory) Open(_ context.Context, incarnation string) (inForce string, err error) {
	m.at(func(x *Index, _ int64) { inForce = x.Open(incarnation) })
	return inForce, nil
}

// Worker: see [Directory].
func (m *Memory) Worker(_ context.Context, worker fleet.Worker) (w Worker, ok bool, err error) {
	m.at(func(x *Index, _ int64) { w, ok = x.Worker(worker) })
	return w, ok, nil
}

// Gone: see [Directory].
func (m *Memory) Gone(_ context.Context, worker fleet.Worker, life fleet.Life) (gone bool, err error) {
	m.at(func(x *Index, _ int64) { gone = x.Gone(worker, life) })
	return gone, nil
}

// Claim: see [Claims].
func (m *Memory) Claim(_ context.Context, r Request, t Terms) (a Answer, err error) {
	m.at(func(x *Index, now int64) { a, err = x.Claim(now, r, t) })
	return a, err
}

// Leave: see [Claims].
func (m *Memory) Leave(_ context.Context, user fleet.User) error {
	m.at(func(x *Index, _ int64) { x.Leave(user) })
	return nil
}

// Sent: see [Claims].
func (m *Memory) Sent(_ context.Context, worker fleet.Worker, epoch fleet.Epoch) (err error) {
	m.at(func(x *Index, _ int64) { err = x.Sent(worker, epoch) })
	return err
}

// Release: see [Claims].
func (m *Memory) Release(_ context.Context, user fleet.User, epoch fleet.Epoch) (err error) {
	m.at(func(x *Index, _ int64) { err = x.Release(user, epoch) })
	return err
}

// Undo: see [Claims].
func (m *Memory) Undo(_ context.Context, user fleet.User, epoch fleet.Epoch, t Terms) (undone bool, err error) {
	m.at(func(x *Index, now int64) { undone = x.Undo(now, user, epoch, t) })
	return undone, nil
}

// Raise: see [Directory].
func (m *Memory) Raise(_ context.Context, floor fleet.Epoch) error {
	m.at(func(x *Index, _ int64) { x.Raise(floor) })
	return nil
}

// Register: see [Hosts].
func (m *Memory) Register(_ context.Context, r Registration, t Terms) (s Standing, err error) {
	m.at(func(x *Index, now int64) { s = x.Register(now, r, t) })
	return s, nil
}

// Beat: see [Hosts].
func (m *Memory) Beat(_ context.Context, host fleet.Host, beats []Beat, t Terms) (s []Standing, err error) {
	m.at(func(x *Index, now int64) { s = x.Beat(now, host, beats, t) })
	return s, nil
}

// Confirm: see [Hosts].
func (m *Memory) Confirm(_ context.Context, worker fleet.Worker, life fleet.Life, epoch fleet.Epoch) (err error) {
	m.at(func(x *Index, now int64) { err = x.Confirm(now, worker, life, epoch) })
	return err
}

// Exit: see [Hosts].
func (m *Memory) Exit(_ context.Context, worker fleet.Worker, life fleet.Life, t Terms) (d Death, err error) {
	m.at(func(x *Index, now int64) { d, err = x.Exit(now, worker, life, t) })
	return d, err
}

// Park: see [Hosts].
func (m *Memory) Park(_ context.Context, host fleet.Host, workers []fleet.Worker, silence time.Duration) error {
	m.at(func(x *Index, now int64) { x.Park(now, host, workers, millis(silence)) })
	return nil
}

// Reap: see [Passes].
func (m *Memory) Reap(_ context.Context, t Terms) (r Reaped, err error) {
	m.at(func(x *Index, now int64) { r = x.Reap(now, t) })
	return r, nil
}

// Unconfirmed: see [Passes].
func (m *Memory) Unconfirmed(_ context.Context, skip, limit int) (u []Unconfirmed, err error) {
	m.at(func(x *Index, now int64) { u = x.Unconfirmed(now, skip, limit) })
	return u, nil
}

// Expire: see [Passes].
func (m *Memory) Expire(_ context.Context, worker fleet.Worker, epoch fleet.Epoch, t Terms) (expired bool, err error) {
	m.at(func(x *Index, now int64) { expired = x.Expire(now, worker, epoch, t) })
	return expired, nil
}

// Heal: see [Passes].
func (m *Memory) Heal(_ context.Context, cursor, limit int, t Terms) (h Healed, err error) {
	m.at(func(x *Index, now int64) { h = x.Heal(now, cursor, limit, t) })
	return h, nil
}

// Stock: see [Launches].
func (m *Memory) Stock(_ context.Context, t Terms) (s Stocktake, err error) {
	m.at(func(x *Index, now int64) { s = x.Stock(now, t) })
	return s, nil
}

// Reserve: see [Launches].
func (m *Memory) Reserve(_ context.Context, p Plan, t Terms) (err error) {
	m.at(func(x *Index, now int64) { err = x.Reserve(now, p, t) })
	return err
}

// Launched: see [Launches].
func (m *Memory) Launched(_ context.Context, key string, workers []fleet.Worker) error {
	m.at(func(x *Index, _ int64) { x.Launched(key, workers) })
	return nil
}

// Note: see [Launches].
func (m *Memory) Note(_ context.Context, text string) error {
	m.at(func(x *Index, _ int64) { x.Note(text) })
	return nil
}

// Retire: see [Launches].
func (m *Memory) Retire(_ context.Context, r Retirement) (retired []fleet.Worker, err error) {
	m.at(func(x *Index, now int64) { retired = x.Retire(now, r) })
	return retired, nil
}

// Arrivals: see [Arrivals].
func (m *Memory) Arrivals(context.Context) (list []Arrived, err error) {
	m.at(func(x *Index, now int64) { list = x.Arrivals(now) })
	return list, nil
}

// Drain: see [Drains].
func (m *Memory) Drain(_ context.Context, host fleet.Host, by Drainer) (known bool, err error) {
	m.at(func(x *Index, _ int64) { known = x.Drain(host, by) })
	return known, nil
}

// Undrain: see [Drains].
func (m *Memory) Undrain(_ context.Context, host fleet.Host, by Drainer, t Terms) (undone bool, err error) {
	m.at(func(x *Index, now int64) { undone = x.Undrain(now, host, by, t) })
	return undone, nil
}

// Withdraw: see [Drains].
func (m *Memory) Withdraw(_ context.Context, worker fleet.Worker) (state State, known bool, err error) {
	m.at(func(x *Index, now int64) { state, known = x.Withdraw(now, worker) })
	return state, known, nil
}

// Workers: see [Overview].
func (m *Memory) Workers(_ context.Context, from time.Time, limit int) (list []Listed, err error) {
	m.at(func(x *Index, _ int64) { list = x.Workers(from, limit) })
	return list, nil
}

// Waiting: see [Overview].
func (m *Memory) Waiting(_ context.Context, from, limit int) (list []Waiter, err error) {
	m.at(func(x *Index, _ int64) { list = x.Waiting(from, limit) })
	return list, nil
}

// Heard: see [Overview].
func (m *Memory) Heard(context.Context) (list []Heard, err error) {
	m.at(func(x *Index, _ int64) { list = x.Heard() })
	return list, nil
}

// Agree: see [Passes].
func (m *Memory) Agree(_ context.Context, worker fleet.Worker, life fleet.Life, epoch fleet.Epoch) (err error) {
	m.at(func(x *Index, _ int64) { err = x.Agree(worker, life, epoch) })
	return err
}

// Census: see [Directory].
func (m *Memory) Census(context.Context) (c Census, err error) {
	m.at(func(x *Index, now int64) { c = x.Census(now) })
	return c, nil
}
