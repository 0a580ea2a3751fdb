package main

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Built twice into two folders the zip has the same bytes, holds one executable of the architecture that Lambda can start,
// and nothing in it names a folder of this machine. The other architecture is built by make build alone: it would
// compile every library once more.
func TestSameSourcesSameBytes(t *testing.T) {
	var zips [2][]byte
	for i := range zips {
		dir := filepath.Join(t.TempDir(), "out")
		var out, errs bytes.Buffer
		require.Equal(t, 0, run(t.Context(), []string{"--to", dir, "--for", runtime.GOARCH}, &out, &errs), errs.String())
		var err error
		zips[i], err = os.ReadFile(filepath.Join(dir, "function-"+runtime.GOARCH+".zip"))
		require.NoError(t, err)
	}
	require.True(t, bytes.Equal(zips[0], zips[1]), "two builds differ")
	archive, err := zip.NewReader(bytes.NewReader(zips[0]), int64(len(zips[0])))
	require.NoError(t, err)
	require.Len(t, archive.File, 1)
	require.Equal(t, "bootstrap", archive.File[0].Name)
	require.Equal(t, os.FileMode(0o755), archive.File[0].Mode())
	file, err := archive.File[0].Open()
	require.NoError(t, err)
	program, err := io.ReadAll(file)
	require.NoError(t, err)
	parsed, err := elf.NewFile(bytes.NewReader(program))
	require.NoError(t, err)
	libraries, err := parsed.ImportedLibraries()
	require.NoError(t, err)
	require.Empty(t, libraries, "it needs no library of its host")
	here, err := filepath.Abs("../../..")
	require.NoError(t, err)
	require.NotContains(t, string(program), here)
	require.NotContains(t, string(program), "net/rpc.")
}

// A command line that cannot be followed names what is allowed.
func TestRefusals(t *testing.T) {
	var errs bytes.Buffer
	require.Equal(t, 2, run(t.Context(), []string{"--for", "mips"}, io.Discard, &errs))
	require.Contains(t, errs.String(), `--for: "mips" is not allowed; allowed: amd64, arm64`)
	require.Equal(t, 2, run(t.Context(), []string{"--frob"}, io.Discard, &errs))
}
