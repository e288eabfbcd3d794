package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/pgdirect/pgbouncertest"
	"github.com/mcp-gateway/mcp-gateway/tests/process"
)

// allowFunction puts a function of a connection on its list, as it is now.
func (r *rig) allowFunction(ctx context.Context, connection, signature string) error {
	path := "/api/v1/connections/" + connection + "/functions"
	var functions []struct{ Signature, Hash string }
	if err := r.admin.Do(ctx, http.MethodGet, path, nil, &functions); err != nil {
		return err
	}
	for _, f := range functions {
		if f.Signature == signature {
			return r.admin.Do(ctx, http.MethodPost, path, map[string]string{"signature": f.Signature, "hash": f.Hash}, nil)
		}
	}
	return fmt.Errorf("%s is not among the %d functions proposed", signature, len(functions))
}

// outlivingWork calls a function that PostgreSQL cannot cancel, hangs up, and
// looks at how many backends still work.
func outlivingWork(ctx context.Context, r *rig) ([]attempt, error) {
	address, db, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "stuck")
	if err != nil {
		return nil, err
	}
	err = executeAll(ctx, db, `CREATE FUNCTION stubborn(n int) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT length(translate(repeat('z', n), repeat('a', 20000), '')) $$`)
	if err != nil {
		return nil, err
	}
	limited := fmt.Sprintf("mcpgw_attack_limited_%d", os.Getpid())
	if err := executeAll(ctx, db, "CREATE ROLE "+limited+" LOGIN PASSWORD 'x' CONNECTION LIMIT 5"); err != nil {
		return nil, err
	}
	r.onCleanUp(func(ctx context.Context) error {
		return execute(ctx, "pgx", os.Getenv("MCPGW_TEST_POSTGRES"), "DROP ROLE "+limited)
	})
	var all []attempt
	for i, login := range []struct{ name, address string }{
		{"a superuser", address},
		{"a login that all its connections are taken from", asUser(address, limited, "x")},
	} {
		tool, id, err := r.connection(ctx, fmt.Sprint("stuck ", i), "postgres", login.address, true)
		if err != nil {
			return nil, err
		}
		all = append(all, attempt{name: "8 calls that cannot be cancelled, hung up at once, of " + login.name, run: func(ctx context.Context, r *rig) (string, bool) {
			if err := r.allowFunction(ctx, id, "public.stubborn(integer)"); err != nil {
				return err.Error(), false
			}
			return r.hangUp(ctx, db, tool)
		}})
	}
	return all, nil
}

// stubbornChars makes stubborn work for some six seconds without looking at
// a cancel request.
const stubbornChars = 60_000

func (r *rig) hangUp(ctx context.Context, db *sql.DB, tool string) (string, bool) {
	calls, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() { r.query(calls, tool, fmt.Sprintf("SELECT stubborn(%d)", stubbornChars+i)) })
	}
	all.Wait()
	busy := "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()"
	working, err := text(ctx, db, busy)
	if err != nil {
		return err.Error(), false
	}
	refusal, refused := r.query(ctx, tool, "SELECT 1")
	still, err := text(ctx, db, busy)
	if err != nil {
		return err.Error(), false
	}
	recovered := false
	for ctx.Err() == nil && !recovered {
		_, failed := r.query(ctx, tool, "SELECT 1")
		recovered = !failed
		pause(ctx, 500*time.Millisecond)
	}
	return fmt.Sprintf("%s backends work after the hang-up, then %s; a new call: %s; recovered: %t", working, still, refusal, recovered),
		len(still) == 1 && still <= "5" && (!refused || strings.Contains(refusal, "connections")) && recovered
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// behindPooler puts PgBouncer before PostgreSQL, in each mode, and lets an
// application of the same login work beside the gateway.
func behindPooler(ctx context.Context, r *rig) (all []attempt, err error) {
	address, db, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "pooler")
	if err != nil {
		return nil, err
	}
	if err := executeAll(ctx, db, "CREATE TABLE work (id serial, n int)"); err != nil {
		return nil, err
	}
	for _, mode := range []string{"session", "transaction", "statement"} {
		pooled, err := r.startPgBouncer(ctx, address, mode)
		if err != nil {
			return nil, err
		}
		all = append(all, attempt{name: mode + " pooling: own rows, and a neighbour that writes", run: func(ctx context.Context, r *rig) (string, bool) {
			return r.besideNeighbour(ctx, mode, pooled)
		}})
	}
	return all, nil
}

// startPgBouncer runs a pooler of 6 connections and returns the URL of the
// database through it.
func (r *rig) startPgBouncer(ctx context.Context, address, mode string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(r.folder, "pgbouncer-"+mode)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", err
	}
	secret, _ := u.User.Password()
	config := pgbouncertest.Config{Server: u.Host, Mode: mode, Size: 6, Users: map[string]string{u.User.Username(): secret}}
	cmd, addr, err := config.Command(folder)
	if err != nil {
		return "", err
	}
	cmd.Args = append(cmd.Args, "-q") // it would log each connection
	p, err := process.Start(cmd, nil, "")
	if err != nil {
		return "", err
	}
	r.onCleanUp(func(context.Context) error {
		p.Kill()
		return nil
	})
	u.Host = addr
	return u.String(), process.WaitListening(ctx, addr)
}

// besideNeighbour queries through a pooler while an application writes
// through the same. Its statements must succeed and its settings stay, and
// each caller gets its own rows.
func (r *rig) besideNeighbour(ctx context.Context, mode, address string) (string, bool) {
	tool, _, tested := r.connection(ctx, "pooled "+mode, "postgres", address, true)
	if tested != nil {
		return tested.Error(), mode == "statement"
	}
	neighbours, stop := context.WithCancel(ctx)
	defer stop()
	var wrong atomic.Int64
	complaint := make(chan error, 1)
	go func() { complaint <- neighbour(neighbours, address) }()
	var all sync.WaitGroup
	var served atomic.Int64
	for caller := range 4 {
		all.Go(func() {
			for i := range 100 {
				want := fmt.Sprintf("%d", caller*1000+i)
				answer, failed := r.query(ctx, tool, fmt.Sprintf("SELECT %s AS n%d", want, i%7))
				switch {
				case failed:
				case strings.Contains(answer, ":"+want+"}"):
					served.Add(1)
				default:
					wrong.Add(1)
				}
			}
		})
	}
	all.Wait()
	stop()
	err := <-complaint
	all100 := served.Load() == 400 || mode == "statement" // which cannot be served
	return fmt.Sprintf("%d of 400 served, %d wrong rows, neighbour: %v", served.Load(), wrong.Load(), err), all100 && wrong.Load() == 0 && err == nil
}

// neighbour is an application that writes, and looks at its settings, until
// ctx ends.
func neighbour(ctx context.Context, address string) error {
	db, err := sql.Open("pgx", address+"&default_query_exec_mode=simple_protocol")
	if err != nil {
		return err
	}
	defer db.Close()
	for ctx.Err() == nil {
		if _, err := db.ExecContext(context.WithoutCancel(ctx), "INSERT INTO work (n) VALUES (1)"); err != nil {
			return err
		}
		settings, err := text(context.WithoutCancel(ctx), db, "SELECT concat_ws(' ', current_setting('default_transaction_read_only'), current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('jit'))")
		if err != nil {
			return err
		}
		if settings != "off 0 0 on" {
			return errors.New("its settings have become " + settings)
		}
	}
	return nil
}
