// Package publish makes a process's metrics known: on /metrics, and as lines that CloudWatch reads.
package publish

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"workerfleet/runtime/telemetry"
)

// Output is where lines go.
type Output struct {
	Log   *slog.Logger
	Lines io.Writer
}

// flushEvery is how often metrics that alarms read are written to the output.
const flushEvery = time.Minute

// Start answers /metrics and writes what alarms read. stop ends both, after a last line.
func Start(address string, recorder *telemetry.Recorder, to Output) (stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	to.Log.Info("metrics", "address", listener.Addr().String())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", recorder.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			to.Log.Error("metrics", "error", err)
		}
	})
	both.Go(func() {
		tick := time.NewTicker(flushEvery)
		defer tick.Stop()
		for open := true; open; {
			select {
			case <-tick.C:
			case <-ended:
				open = false
			}
			if err := recorder.Flush(to.Lines, time.Now()); err != nil {
				to.Log.Warn("metrics", "error", err)
			}
		}
	})
	return func() {
		close(ended)
		_ = server.Close()
		both.Wait()
	}, nil
}
