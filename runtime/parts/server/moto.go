package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
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

// Ports that a listener may choose from lie below those that Linux gives to outgoing connections (32768 and up): one of
// these could take the port between two starts of its server.
const lowestPort, highestPort = 15_000, 32_000

// FreePort finds a loopback port that nobody listens on at this moment.
func FreePort() (port int, err error) {
	for range 100 {
		port = lowestPort + rand.IntN(highestPort-lowestPort)
		var listener net.Listener
		if listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}
