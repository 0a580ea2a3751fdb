package parts

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// program puts an executable of that name into dir, which prints a line.
func program(t *testing.T, dir, name, prints string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+prints+"'\n"), 0o755))
	return path
}

// Only a Redis from 7 on counts; what does not say its version, or does not run, is no Redis.
func TestRedisIsNewEnough(t *testing.T) {
	for prints, ok := range map[string]bool{
		"Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64": true,
		"Redis server v=10.1.0": true,
		"Redis server v=6.2.1":  false,
		"hello":                 false,
	} {
		dir := t.TempDir()
		t.Setenv("PATH", dir+":/bin:/usr/bin:/nowhere")
		path := program(t, dir, "redis-server", prints)
		require.Equal(t, ok, atLeastRedis7(path), prints)
		if ok {
			found, _ := machine{root: dir}.find(Redis)
			require.Equal(t, path, found)
		}
	}
	require.False(t, atLeastRedis7(filepath.Join(t.TempDir(), "redis-server")))
}

// Debian's PostgreSQL is found outside PATH, the newest version first and by number, and only with its tools beside it.
func TestPostgresOfDebian(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	m := machine{root: t.TempDir()}
	_, ok := m.find(Postgres)
	require.False(t, ok)

	bin := func(version string) string { return filepath.Join(m.root, "usr/lib/postgresql", version, "bin") }
	for _, version := range []string{"9", "15", "17"} {
		program(t, bin(version), "postgres", "")
	}
	_, ok = m.find(Postgres)
	require.False(t, ok, "a server without initdb makes no database")

	for _, version := range []string{"9", "15"} {
		program(t, bin(version), "initdb", "")
		program(t, bin(version), "pg_ctl", "")
	}
	path, ok := m.find(Postgres)
	require.True(t, ok)
	require.Equal(t, filepath.Join(bin("15"), "postgres"), path)
}

// A virtual environment is found from a folder below it and preferred to PATH; nothing above the module's root counts.
func TestMotoInAVirtualEnvironment(t *testing.T) {
	root := t.TempDir()
	below := filepath.Join(root, "a/b")
	require.NoError(t, os.MkdirAll(below, 0o755))
	t.Setenv("PATH", filepath.Join(root, "bin"))
	t.Chdir(below)
	onPath := program(t, filepath.Join(root, "bin"), "moto_server", "")
	venv := program(t, filepath.Join(root, ".venv/bin"), "moto_server", "")

	path, ok := Find(Moto)
	require.True(t, ok)
	require.Equal(t, venv, path)

	require.NoError(t, os.WriteFile(filepath.Join(root, "a/go.mod"), nil, 0o644))
	path, ok = Find(Moto)
	require.True(t, ok)
	require.Equal(t, onPath, path)
}

// What PATH does not have is absent, and what it has is found under any of its names.
func TestFindOnPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	t.Setenv("CC", "")
	t.Chdir(t.TempDir())
	for part, name := range map[Part]string{Valkey: "valkey-server", Chromium: "google-chrome", Compiler: "clang"} {
		_, ok := Find(part)
		require.False(t, ok, part)
		path := program(t, dir, name, "")
		found, ok := Find(part)
		require.True(t, ok, part)
		require.Equal(t, path, found)
	}
	_, ok := Find("memcached")
	require.False(t, ok)
}

// Whatever is found on this machine can be started. Parts that are absent here prove nothing.
func TestFoundPartsStart(t *testing.T) {
	for _, d := range All() {
		if path, ok := Find(d.Part); ok && d.Part != Moto { // moto takes seconds to answer
			require.NoError(t, exec.Command(path, "--version").Run(), path)
		}
	}
}

// Every part says what it is for and how to get it; all demands what is not optional, a list what it names.
func TestRequired(t *testing.T) {
	for _, d := range All() {
		require.NotEmpty(t, d.Use, d.Part)
		require.NotEmpty(t, d.Install, d.Part)
	}
	for value, want := range map[string][]Part{
		"":                        nil,
		"all":                     {Redis, Postgres, Chromium, Moto, Compiler},
		"valkey-server, postgres": {Valkey, Postgres},
	} {
		got, err := Required(value)
		require.NoError(t, err)
		require.Equal(t, want, got, value)
	}
	for _, wrong := range []string{"redis", "all,postgres", ","} {
		_, err := Required(wrong)
		require.ErrorContains(t, err, "is no part; allowed: all, or some of [redis-server valkey-server postgres")
	}
}
