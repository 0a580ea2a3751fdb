package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Moto starts moto's server, which answers for AWS, on a loopback port. It keeps nothing.
func Moto(ctx context.Context, program string) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	client := http.Client{Timeout: time.Second}
	server, err := start(ctx, spec{
		name: program, args: []string{"-H", "127.0.0.1", "-p", fmt.Sprint(port)},
		ready: func(ctx context.Context) bool {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/moto-api/data.json", nil)
			if err != nil {
				return false
			}
			response, err := client.Do(request)
			if err != nil {
				return false
			}
			return response.Body.Close() == nil && response.StatusCode == http.StatusOK
		},
	})
	if err != nil {
		return nil, err
	}
	server.URL = url
	return server, nil
}

// FreePort finds a loopback port that nobody listens on at this moment.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
