package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// jobs is a job queue in Redis: a session is a job, a worker is a place of a host's server, and a user is served when a
// place takes the job, which it holds until the end.
type jobs struct {
	*servers
	client redis.UniversalClient
	queue  *asynq.Client
	hosts  []*asynq.Server
	work   context.Context
	end    context.CancelFunc
	mu     sync.Mutex
	waits  map[string]chan string
	places map[string]int // that were taken, by host
}

// sessionJob is the kind of a job; look is how often an idle server looks for one: ten times as often as by default.
const (
	sessionJob = "session"
	lookEvery  = 100 * time.Millisecond
)

func startAsynq(ctx context.Context, o runOptions, s *servers) (started rival, err error) {
	r := &jobs{servers: s, waits: map[string]chan string{}, places: map[string]int{}}
	r.work, r.end = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	if r.client, err = s.connect(ctx); err != nil {
		return nil, err
	}
	r.queue = asynq.NewClientFromRedisClient(r.client)
	for i := range o.hosts {
		name := string(hostName(i))
		places := o.workers/o.hosts + min(1, max(0, o.workers%o.hosts-i))
		server := asynq.NewServerFromRedisClient(r.client, asynq.Config{
			Concurrency: places, TaskCheckInterval: lookEvery, Logger: silent{}, LogLevel: asynq.FatalLevel, BaseContext: func() context.Context { return r.work },
			ShutdownTimeout: time.Second,
		})
		if err = server.Start(asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error { return r.serve(ctx, name, string(t.Payload())) })); err != nil {
			return nil, fmt.Errorf("start a host's server: %w", err)
		}
		r.hosts = append(r.hosts, server)
	}
	return r, nil
}

// serve is a session on a place of a host.
func (r *jobs) serve(ctx context.Context, host, who string) error {
	r.mu.Lock()
	r.places[host]++
	place := fmt.Sprintf("%s-%d", host, r.places[host])
	if ready := r.waits[who]; ready != nil {
		ready <- place
		delete(r.waits, who)
	}
	r.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (r *jobs) claim(ctx context.Context, n int) (string, error) {
	who, ready := string(user(n)), make(chan string, 1)
	r.mu.Lock()
	r.waits[who] = ready
	r.mu.Unlock()
	if _, err := r.queue.EnqueueContext(ctx, asynq.NewTask(sessionJob, []byte(who)), asynq.TaskID(who), asynq.Timeout(24*time.Hour)); err != nil {
		return "", fmt.Errorf("send the job: %w", err)
	}
	select {
	case place := <-ready:
		return place, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (r *jobs) spent(ctx context.Context) spent { return r.servers.spent(ctx, r.client) }

func (r *jobs) stop() {
	r.end()
	var group sync.WaitGroup
	for _, server := range r.hosts {
		group.Go(server.Shutdown)
	}
	group.Wait()
	if r.client != nil {
		_ = r.client.Close()
	}
}

// silent is a log that nobody reads.
type silent struct{}

func (silent) Debug(...any) {}
func (silent) Info(...any)  {}
func (silent) Warn(...any)  {}
func (silent) Error(...any) {}
func (silent) Fatal(...any) {}
