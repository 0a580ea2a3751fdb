package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// restartStore ends the store as a crash does, and starts it again after a while: empty, or as it was that while ago, as
// after a failover to a replica that was behind.
func (p *platform) restartStore(ctx context.Context, old bool, away time.Duration) error {
	image := filepath.Join(p.dir, "valkey", "dump.rdb") // which the server reads at its start
	if old {
		if err := p.path.Client.Save(ctx).Err(); err != nil {
			return fmt.Errorf("save the store: %w", err)
		}
		time.Sleep(away)
	}
	p.valkeyServer.Stop()
	time.Sleep(away)
	running, err := p.storeAgain(ctx)
	if err != nil {
		return err
	}
	p.valkeyServer = running
	if err := os.Remove(image); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the store's image: %w", err)
	}
	return nil
}

// restartDatabase has the database shut down at once, as before a crash's recovery, and starts it again after a while.
func (p *platform) restartDatabase(ctx context.Context, away time.Duration) error {
	if err := syscall.Kill(p.databaseServer.PID(), syscall.SIGQUIT); err != nil {
		return fmt.Errorf("shut the database down: %w", err)
	}
	<-p.databaseServer.Exited()
	time.Sleep(away)
	running, err := p.databaseAgain(ctx)
	if err != nil {
		return err
	}
	p.databaseServer = running
	return nil
}
