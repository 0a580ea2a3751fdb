package provider

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// Program is the file name by which the engine finds an aws plugin: the executable that is started under this name
// serves the provider.
const Program = "pulumi-resource-aws"

// sdk is the module whose version the plugin reports.
const sdk = "github.com/pulumi/pulumi-aws/sdk/v6"

// Serve listens on a free loopback port, tells the engine which on stdout, as the plugin protocol asks, and answers
// until the context ends.
func Serve(ctx context.Context, stdout io.Writer) error {
	cancel := make(chan bool)
	go func() {
		<-ctx.Done()
		close(cancel)
	}()
	server := NewServer(sdkVersion())
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancel,
		Init: func(s *grpc.Server) error {
			pulumirpc.RegisterResourceProviderServer(s, server)
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("listen for the engine: %w", err)
	}
	if _, err := fmt.Fprintf(stdout, "%d\n", handle.Port); err != nil {
		return fmt.Errorf("tell the engine the port: %w", err)
	}
	return <-handle.Done
}

// sdkVersion reads the SDK's version off the executable, where the linker put it.
func sdkVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, module := range info.Deps {
		if module.Path == sdk {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return ""
}
