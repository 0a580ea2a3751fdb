package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Valkey starts a server of the program, redis-server or valkey-server, on a unix socket in dir. It keeps nothing on
// disk. More arguments follow its own, so that they win.
func Valkey(ctx context.Context, program, dir string, more ...string) (*Server, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the server's folder: %w", err)
	}
	socket := filepath.Join(dir, "valkey.sock")
	server, err := start(ctx, spec{
		name: program, dir: dir, args: append(volatile("--port", "0", "--unixsocket", socket), more...),
		ready: func(ctx context.Context) bool { return pong(ctx, "unix", socket) },
	})
	if err != nil {
		return nil, err
	}
	server.URL = "unix://" + socket
	return server, nil
}

// ValkeyNode starts a server of the program on a loopback port, ready to join a cluster through the bus port. More
// arguments follow its own, so that they win.
func ValkeyNode(ctx context.Context, program, dir string, port, bus int, more ...string) (*Server, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the server's folder: %w", err)
	}
	address := net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
	server, err := start(ctx, spec{
		name: program, dir: dir,
		args:  append(volatile("--bind", "127.0.0.1", "--port", fmt.Sprint(port), "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(bus)), more...),
		ready: func(ctx context.Context) bool { return pong(ctx, "tcp", address) },
	})
	if err != nil {
		return nil, err
	}
	server.URL = "redis://" + address
	return server, nil
}

func volatile(args ...string) []string {
	return append([]string{"--save", "", "--appendonly", "no"}, args...)
}

// pong says whether a server answers. One that still loads answers with an error, which is no pong.
func pong(ctx context.Context, network, address string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	reply := make([]byte, 16)
	n, _ := conn.Read(reply)
	return strings.HasPrefix(string(reply[:n]), "+PONG")
}
