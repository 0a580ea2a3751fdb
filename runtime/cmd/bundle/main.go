// Command bundle builds what a deployment hands to Lambda: for each architecture one zip with the functions' program, the
// same bytes from the same sources wherever it runs.
package main

import (
	"archive/zip"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run returns 0 when every zip was written, 1 when not, 2 for a command line that is not understood.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bundle", flag.ContinueOnError)
	flags.SetOutput(stderr)
	to := flags.String("to", "dist", "folder that the zips are written to")
	architectures := flags.String("for", "amd64,arm64", "architectures, with commas between them")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	for architecture := range strings.SplitSeq(*architectures, ",") {
		if architecture != "amd64" && architecture != "arm64" {
			fmt.Fprintf(stderr, "bundle: --for: %q is not allowed; allowed: amd64, arm64\n", architecture)
			return 2
		}
		path := filepath.Join(*to, "function-"+architecture+".zip")
		size, err := bundle(ctx, architecture, path)
		if err != nil {
			fmt.Fprintln(stderr, "bundle:", err)
			return 1
		}
		fmt.Fprintf(stdout, "%s  %.1f MB\n", path, float64(size)/1e6)
	}
	return 0
}

// bundle builds the program for an architecture and writes its zip. It returns the zip's size.
func bundle(ctx context.Context, architecture, path string) (int, error) {
	dir, err := os.MkdirTemp("", "bundle")
	if err != nil {
		return 0, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, entry)
	// Nothing of this machine goes in: neither its paths, nor the state of its repository, nor a C library. Lambda's older
	// protocol stays out, and with it net/rpc.
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", program,
		"workerfleet/runtime/cmd/function")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+architecture, "CGO_ENABLED=0", "GOFLAGS=")
	if output, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build for %s: %w\n%s", architecture, err, output)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		return 0, fmt.Errorf("read the program: %w", err)
	}
	packed, err := pack(text)
	if err != nil {
		return 0, fmt.Errorf("pack: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, fmt.Errorf("make the folder: %w", err)
	}
	if err := os.WriteFile(path, packed, 0o644); err != nil {
		return 0, fmt.Errorf("write %s: %w", path, err)
	}
	return len(packed), nil
}

// entry is what Lambda runs.
const entry = "bootstrap"

// written is the time that every zip names: the first that a zip can.
var written = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func pack(program []byte) ([]byte, error) {
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	header := &zip.FileHeader{Name: entry, Method: zip.Deflate, Modified: written}
	header.SetMode(0o755)
	file, err := archive.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(program); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}
