package server

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Postgres starts a PostgreSQL server with an empty database in a new folder below dir, reached through a unix socket
// there by the owner "fleet" without a password. program is the path of the postgres binary, with initdb and pg_isready
// beside it. dir must be short: a socket's address takes about 100 bytes. As root the server runs as an unprivileged
// account, because PostgreSQL refuses root.
func Postgres(ctx context.Context, program, dir string) (*Server, error) {
	// Its tools stand beside the program itself, not beside a link to it.
	program, err := filepath.EvalSymlinks(program)
	if err != nil {
		return nil, fmt.Errorf("find PostgreSQL: %w", err)
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	home := filepath.Join(dir, "pg")
	if err := own(home, as); err != nil {
		return nil, err
	}
	tool := func(name string, args ...string) *exec.Cmd {
		command := exec.CommandContext(ctx, filepath.Join(filepath.Dir(program), name), args...)
		command.Dir = home
		command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: as}
		return command
	}
	data := filepath.Join(home, "data")
	if _, err := os.Stat(data); os.IsNotExist(err) {
		initdb := tool("initdb", "-D", data, "-U", "fleet", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
		if output, err := initdb.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("make a PostgreSQL database: %w\n%s", err, output)
		}
	}
	server, err := start(ctx, spec{
		name: program, dir: home, as: as,
		args: []string{"-D", data, "-k", home, "-c", "listen_addresses="},
		ready: func(ctx context.Context) bool {
			return tool("pg_isready", "-q", "-h", home, "-U", "fleet", "-d", "postgres").Run() == nil
		},
	})
	if err != nil {
		return nil, err
	}
	server.URL = "postgres:///postgres?" + url.Values{"host": {home}, "user": {"fleet"}}.Encode()
	return server, nil
}

// unprivileged is the account that root starts servers as; nil where this process is not root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
		if uidErr == nil && gidErr == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("PostgreSQL refuses root, and there is no account postgres or nobody to run it as")
}
