package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// evident finds which of the canaries stand in a text: as they are, in hex as a database writes bytes, or in base64.
func evident(text []byte, canaries []string) (found []string) {
	for _, canary := range canaries {
		raw := []byte(canary)
		forms := []string{canary, hex.EncodeToString(raw)}
		for shift := range 3 { // base64 writes a text in one of three ways, by where it begins
			coded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), raw...))
			forms = append(forms, coded[(shift*8+5)/6+1:len(coded)-2])
		}
		for _, form := range forms {
			if bytes.Contains(text, []byte(form)) {
				found = append(found, canary)
				break
			}
		}
	}
	return found
}

// places are all texts that the platform has left: each file of its folder, but for the keys themselves; each table's rows;
// each of the store's keys with its value, and every command that it was sent.
func (p *product) places(spoken []byte) map[string][]byte {
	p.Helper()
	places := map[string][]byte{"commands to the store": spoken}
	require.NoError(p, filepath.WalkDir(p.dir, func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, p.dir)
		if errors.Is(err, fs.ErrNotExist) || err == nil && (!entry.Type().IsRegular() || name == "/key" || name == "/certificate.key") {
			return nil // the database drops files as it goes
		}
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		places["file "+name] = text
		return err
	}))
	p.tables(places)
	ctx := p.Context()
	require.NoError(p, p.path.Client.ConfigSet(ctx, "rdbcompression", "no").Err(), "a dump would hide long texts")
	keys := p.path.Client.Scan(ctx, 0, "*", 100).Iterator()
	for keys.Next(ctx) {
		value, err := p.path.Client.Dump(ctx, keys.Val()).Result()
		if err == nil { // else it is gone since
			places["key "+keys.Val()] = []byte(keys.Val() + value)
		}
	}
	require.NoError(p, keys.Err())
	return places
}

func (p *product) tables(places map[string][]byte) {
	p.Helper()
	ctx := p.Context()
	conn, err := pgx.Connect(ctx, string(p.database.URL))
	require.NoError(p, err)
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	require.NoError(p, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(p, err)
	for _, name := range names {
		rows, err := conn.Query(ctx, `SELECT t::text FROM `+pgx.Identifier{name}.Sanitize()+` t`)
		require.NoError(p, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(p, err)
		places["table "+name] = []byte(strings.Join(lines, "\n"))
	}
}

// monitor keeps every command that the store is sent; the returned function ends it.
func (p *product) monitor() (spoken func() []byte) {
	p.Helper()
	conn, err := net.Dial("unix", strings.TrimPrefix(p.valkey.Address.URL, "unix://"))
	require.NoError(p, err)
	_, err = conn.Write([]byte("MONITOR\r\n"))
	require.NoError(p, err)
	const last = "the last of the commands"
	var text bytes.Buffer
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 1<<24)
	require.True(p, lines.Scan(), "the store lists no commands")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() && !bytes.Contains(lines.Bytes(), []byte(last)) {
			text.Write(append(lines.Bytes(), '\n'))
		}
	}()
	return func() []byte {
		require.NoError(p, p.path.Client.Echo(p.Context(), last).Err())
		<-ended
		_ = conn.Close()
		return text.Bytes()
	}
}

// leaks names every place and the canary that stands in it.
func leaks(places map[string][]byte, canaries []string) (found []string) {
	for name, text := range places {
		for _, canary := range evident(text, canaries) {
			found = append(found, name+": "+canary)
		}
	}
	return found
}

// After a day with orders and deaths nothing that is secret stands in the open: not brokers' credentials, not webhooks'
// secrets, not the API's own, in no log, table, file of the database, key or command of the store. That the search would
// find one is shown with each kind of place. What it cannot see is the memory of processes, and other codings than text, hex
// and base64.
func TestSecretsStaySecret(t *testing.T) {
	realParts(t)
	o := quick(6, 9, 2)
	o.orders, o.functions, o.rhythm = 4, true, 200*time.Millisecond
	p := startProduct(t, o)
	p.secrets.add(string(p.tokens.Secret))
	spoken := p.monitor()
	sessions := p.serveAll()
	require.NoError(t, p.killWorker(sessions[p.user(0)].WorkerID))
	require.NoError(t, p.trade(t.Context(), time.Second))
	require.NoError(t, p.settle(t.Context()))
	require.True(t, p.trading.verdict.clean(), p.trading.verdict.Notes)
	canaries := p.secrets.all()
	require.Len(t, canaries, 2*o.users+1)
	said := spoken()
	places := p.places(said)
	kinds := map[string]int{}
	for name := range places {
		kind, _, _ := strings.Cut(name, " ")
		kinds[kind]++
	}
	for _, kind := range []string{"file", "table", "key", "commands"} {
		require.NotZero(t, kinds[kind], "no %s was searched", kind)
	}
	require.NotEmpty(t, places["table order_events"])
	require.Contains(t, string(said), "evalsha", "the store's commands are seen")
	require.Empty(t, leaks(places, canaries))

	planted := p.secrets.all()[0]
	spoken = p.monitor()
	ctx := t.Context()
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "planted.log"), []byte("x "+planted), 0o600))
	require.NoError(t, p.path.Database.Halt(ctx, p.user(0), true, "because of "+planted))
	require.NoError(t, p.path.Client.XAdd(ctx, &redis.XAddArgs{Stream: "planted", Values: []string{"field", strings.Repeat("x", 100) + planted}}).Err())
	found := strings.Join(leaks(p.places(spoken()), canaries), "\n")
	for _, place := range []string{"file /planted.log", "file /pg/", "table halts", "key planted", "commands to the store"} {
		require.Contains(t, found, place)
	}
	for shift := range 3 {
		coded := base64.StdEncoding.EncodeToString([]byte(fmt.Sprint("abc"[:shift], planted, "!")))
		require.Equal(t, []string{planted}, evident([]byte("..."+coded), canaries))
	}
	require.Equal(t, []string{planted}, evident([]byte(`\x00`+hex.EncodeToString([]byte(planted))), canaries))
}
