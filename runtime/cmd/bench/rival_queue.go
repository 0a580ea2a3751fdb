package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/cmd/bench/baseline"
	"workerfleet/runtime/cmd/internal/index"
	"workerfleet/runtime/fifo"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/sqs"
)

// queueClaim is the baseline behind a FIFO queue of this process.
type queueClaim struct {
	*servers
	client   redis.UniversalClient
	listener *httptest.Server
	sender   *sqs.Sender
	pool     *baseline.Pool
	end      context.CancelFunc
	group    sync.WaitGroup
}

// rivalConnections are a rival's to the store: as many as it can use.
const rivalConnections = 64

// connect empties the store and connects a rival to it.
func (s *servers) connect(ctx context.Context) (redis.UniversalClient, error) {
	client, err := index.Connect(ctx, index.Settings{Stack: s.settings.Stack, Valkey: s.settings.Valkey, Connections: rivalConnections}, nothing)
	if err != nil {
		return nil, err
	}
	if err := client.FlushAll(ctx).Err(); err != nil {
		return nil, fmt.Errorf("empty the store: %w", err)
	}
	return client, nil
}

func startQueueClaim(ctx context.Context, o runOptions, s *servers) (started rival, err error) {
	r := &queueClaim{servers: s, end: func() {}}
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	if r.client, err = s.connect(ctx); err != nil {
		return nil, err
	}
	var queues *fifo.Server
	r.listener = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { queues.ServeHTTP(w, q) }))
	name := string(queue.PoolClaim) + ".fifo"
	if queues, err = fifo.New(r.listener.URL, fifo.Config{Name: name}); err != nil {
		return nil, err
	}
	config, err := iam.Config(fifo.Region, func(string) string { return "bench" })
	if err != nil {
		return nil, err
	}
	config.BaseEndpoint = nil // the queue's own
	if r.sender, err = sqs.NewSender(config, map[queue.Name]string{queue.PoolClaim: queues.URL(name)}); err != nil {
		return nil, err
	}
	source, err := sqs.NewSource(config, queues.URL(name))
	if err != nil {
		return nil, err
	}
	r.pool = baseline.NewPool(r.client, source, o.workers)
	if err = r.pool.Open(ctx); err != nil {
		return nil, err
	}
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	r.end = end
	r.group.Go(func() { r.pool.Run(work) })
	return r, nil
}

func (r *queueClaim) claim(ctx context.Context, n int) (string, error) {
	ready := r.pool.Wait(user(n))
	if err := r.sender.Send(ctx, queue.PoolClaim, queue.Task{Type: queue.Wake, ID: strconv.Itoa(n), User: user(n), At: time.Now()}); err != nil {
		return "", err
	}
	select {
	case worker := <-ready:
		return strconv.Itoa(worker), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (r *queueClaim) doubled() int { return r.pool.Doubled() }

func (r *queueClaim) spent(ctx context.Context) spent { return r.servers.spent(ctx, r.client) }

func (r *queueClaim) stop() {
	r.end()
	r.group.Wait()
	if r.listener != nil {
		r.listener.Close()
	}
	if r.client != nil {
		_ = r.client.Close()
	}
}
