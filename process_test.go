package gateway_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	gateway "github.com/mcp-gateway/mcp-gateway"
	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

// TestMain lets the test binary be the gateway, so that a test can kill it.
func TestMain(m *testing.M) {
	if os.Getenv("MCPGW_TEST_SERVE") != "" {
		gateway.Main()
		return
	}
	gatewaytest.Main(m)
}

// process is a gateway in a process of its own.
type process struct {
	program string
	cmd     *exec.Cmd
	base    string
	dir     string
	env     []string
}

func newProcess(t *testing.T, env ...string) *process {
	t.Helper()
	return newProcessOf(t, os.Args[0], env...)
}

// newMeasuredProcess is a gateway whose memory is measured: the program that
// people run, where scripts/test names it, because the race detector takes
// several times the memory.
func newMeasuredProcess(t *testing.T) *process {
	t.Helper()
	return newProcessOf(t, cmp.Or(os.Getenv("MCPGW_TEST_PROGRAM"), os.Args[0]))
}

func newProcessOf(t *testing.T, program string, env ...string) *process {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
	ln.Close()
	p := &process{program: program, base: "http://127.0.0.1:" + port, dir: t.TempDir()}
	p.env = append(os.Environ(), append([]string{
		"MCPGW_TEST_SERVE=1", "DATA_DIR=" + p.dir, "BASE_URL=" + p.base, "PORT=" + port, "LOG_LEVEL=WARNING", "SQLITE_ALLOWED_DIRS=" + p.dir,
	}, env...)...)
	p.start(t)
	t.Cleanup(func() { p.kill() })
	return p
}

func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.program)
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr = p.env, p.dir, os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := (&client.Client{Base: p.base}).WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
}

func (p *process) kill() {
	p.cmd.Process.Signal(syscall.SIGKILL)
	p.cmd.Wait()
}

// TestKilledGatewayLosesNothingAcknowledged kills a busy gateway and compares
// what callers were answered with what its audit log holds.
func TestKilledGatewayLosesNothingAcknowledged(t *testing.T) {
	p := newProcess(t)
	ctx := t.Context()
	anonymous := &client.Client{Base: p.base}
	if _, err := anonymous.Register(ctx, "Acme", "acme", "admin@acme.test", gatewaytest.Password); err != nil {
		t.Fatal(err)
	}
	admin, err := anonymous.Login(ctx, "acme", "admin@acme.test", gatewaytest.Password)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	answered := 0
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for {
				if _, err := admin.CallTool(ctx, "acme", "get_current_time", map[string]any{}); err != nil {
					return // the gateway is gone
				}
				mu.Lock()
				answered++
				enough := answered == 200
				mu.Unlock()
				if enough {
					p.kill()
				}
			}
		})
	}
	callers.Wait()
	p.start(t)
	if recorded := auditCount(t, filepath.Join(p.dir, "gateway.db"), "tool.get_current_time"); recorded < answered {
		t.Errorf("%d calls were answered, %d are recorded", answered, recorded)
	}
	if _, err := admin.CallTool(ctx, "acme", "get_current_time", map[string]any{}); err != nil {
		t.Errorf("the token of before the kill: %v", err)
	}
	var out strings.Builder
	env := map[string]string{"DATA_DIR": p.dir}
	if err := gateway.Run(ctx, []string{"audit", "verify"}, func(n string) string { return env[n] }, &out); err != nil {
		t.Errorf("audit verify: %v", err)
	}
}

// newPublicProcess is a gateway that others are to reach.
func newPublicProcess(t *testing.T) *process {
	t.Helper()
	return newProcess(t, "BASE_URL=http://gateway.test", "HOST=127.0.0.1", "TENANT_REGISTRATION=open",
		"SECRET_KEY="+rand.Text()+rand.Text(), "ENCRYPTION_KEY="+rand.Text()+rand.Text())
}

// TestStopGivesNotice: a gateway with a public address says that it stops
// before it refuses anybody (contract 3.1, /readyz).
func TestStopGivesNotice(t *testing.T) {
	p := newPublicProcess(t)
	ctx := t.Context()
	anonymous := &client.Client{Base: p.base, HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	if _, err := anonymous.Register(ctx, "Acme", "acme", "admin@acme.test", gatewaytest.Password); err != nil {
		t.Fatal(err)
	}
	admin, err := anonymous.Login(ctx, "acme", "admin@acme.test", gatewaytest.Password)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		err = anonymous.Do(ctx, http.MethodGet, "/readyz", nil, nil)
	}
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable || refused.Detail() != "Shutting down" {
		t.Errorf("readyz: %v", err)
	}
	if _, err := admin.CallTool(ctx, "acme", "get_current_time", map[string]any{}); err != nil {
		t.Errorf("a call after the notice: %v", err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the process ended with %v", err)
	}
	if err := anonymous.Do(ctx, http.MethodGet, "/livez", nil, nil); err == nil {
		t.Error("it still answers")
	}
}

// TestSecondInterruptEndsAtOnce: who cannot wait for the drain need not.
func TestSecondInterruptEndsAtOnce(t *testing.T) {
	p := newPublicProcess(t)
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	again := time.NewTicker(10 * time.Millisecond) // the first few may come before it listens no more
	defer again.Stop()
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
				t.Errorf("it drained and ended with %v", err)
			}
			return
		case <-again.C:
			_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended
		}
	}
}

func auditCount(t *testing.T, file, event string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("SELECT count(*) FROM audit_logs WHERE event = ?", event).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// postgres makes a database on the test server and returns its URL.
func postgres(t *testing.T) string {
	t.Helper()
	server := os.Getenv("MCPGW_TEST_POSTGRES")
	if server == "" {
		if testing.Short() {
			t.Skip("needs a PostgreSQL server: make test starts one")
		}
		t.Fatal("MCPGW_TEST_POSTGRES is not set: run make test, which starts a server")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	name := "mcpgw_" + strings.ToLower(rand.Text()[:12])
	exec := func(statement string) error {
		db, err := sql.Open("pgx", server)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Exec(statement)
		return err
	}
	if err := exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

// TestOnPostgreSQL is the main job with both databases on PostgreSQL servers.
func TestOnPostgreSQL(t *testing.T) {
	target := postgres(t)
	db, err := sql.Open("pgx", target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec("CREATE TABLE pets (id int PRIMARY KEY, name text); INSERT INTO pets VALUES (1, 'Rex')"); err != nil {
		t.Fatal(err)
	}
	t.Run("as the database asked", func(t *testing.T) {
		g := gatewaytest.Start(t, gatewaytest.Options{})
		schema, execute := g.Connect(t, client.NewConnection{Name: "Pets", Type: "postgres", String: readerOf(t, db, target)})
		mustText(t, g.Viewer, schema, map[string]any{}, "Table: public.pets")
		mustText(t, g.Analyst, execute, map[string]any{"sql": "SELECT name FROM pets WHERE id = 1"}, `"rows":[{"name":"Rex"}]`)
		mustText(t, g.Analyst, execute, map[string]any{"sql": "SELECT pg_sleep(1)"}, "SQL rejected: Function not allowed: pg_sleep")
		mustText(t, g.Analyst, execute, map[string]any{"sql": "SELECT * FROM pets LIMIT 1 OFFSET 'x'::int"}, "Error: ")
	})
	t.Run("as the gateway's own", func(t *testing.T) {
		own := postgres(t)
		g := gatewaytest.Start(t, gatewaytest.Options{Env: map[string]string{"DATABASE_URL": byOptions(t, own)}})
		_, execute := g.ConnectShop(t)
		mustText(t, g.Analyst, execute, map[string]any{"sql": "SELECT count(*) AS n FROM products"}, `{"n":400}`)
		_, err := g.Admin.CreateConnection(t.Context(), client.NewConnection{Name: "own", Type: "postgres", String: own})
		var refused *client.Error
		if !errors.As(err, &refused) || refused.Status != 422 || !strings.Contains(string(refused.Body), "host not allowed") {
			t.Errorf("a connection to the gateway's own database: %v, want 422 host not allowed", err)
		}
	})
}

// readerOf makes a login that only reads the database at target, and returns
// its connection string.
func readerOf(t *testing.T, db *sql.DB, target string) string {
	t.Helper()
	name := "mcpgw_reader_" + strings.ToLower(rand.Text()[:10])
	if _, err := db.Exec("CREATE ROLE " + name + " LOGIN PASSWORD 'reader'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP OWNED BY " + name + "; DROP ROLE " + name); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, "reader")
	return u.String()
}

// byOptions moves the host and port of a URL into its options, which win over
// what stands before them.
func byOptions(t *testing.T, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("host", u.Hostname())
	q.Set("port", cmp.Or(u.Port(), "5432"))
	u.Host, u.RawQuery = "elsewhere.test", q.Encode()
	return u.String()
}

// TestTwoGatewaysOnOneDatabase covers contract 15.2 P12 and P14 for what a
// second instance must know at once.
func TestTwoGatewaysOnOneDatabase(t *testing.T) {
	env := map[string]string{
		"DATABASE_URL": postgres(t), "WEB_CONCURRENCY": "2", "SECRET_KEY": rand.Text() + rand.Text(), "ENCRYPTION_KEY": rand.Text() + rand.Text(),
	}
	one := gatewaytest.Start(t, gatewaytest.Options{Env: env})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
	ln.Close()
	two := &gatewaytest.Gateway{Base: one.Base, DataDir: one.DataDir, Env: map[string]string{}}
	for k, v := range one.Env {
		two.Env[k] = v
	}
	two.Env["PORT"] = port // one public URL, two listeners: what a load balancer shows
	two.Anonymous = &client.Client{Base: "http://127.0.0.1:" + port}
	two.Run(t)
	defer two.Stop(t)

	_, execute := one.ConnectShop(t)
	there := two.Anonymous.As(one.Analyst.Credential)
	ask := map[string]any{"sql": "SELECT 1 AS one"}
	mustText(t, there, execute, ask, `{"one":1}`)
	if err := one.Admin.Do(t.Context(), "PATCH", "/api/v1/tools/"+execute, map[string]string{"min_role": "admin"}, nil); err != nil {
		t.Fatal(err)
	}
	mustText(t, there, execute, ask, "Permission denied")

	// Guessing is counted together: what one instance refuses, the other does
	// too. Of two attempts, because the limit may refill by one in between.
	for attempts := 0; guess(t, one.Anonymous) != http.StatusTooManyRequests; attempts++ {
		if attempts > 15 {
			t.Fatal("guessing passwords is not limited")
		}
	}
	if a, b := guess(t, two.Anonymous), guess(t, two.Anonymous); a != http.StatusTooManyRequests && b != http.StatusTooManyRequests {
		t.Errorf("the other instance answers %d and %d", a, b)
	}
}

// guess tries a wrong password and returns the status.
func guess(t *testing.T, at *client.Client) int {
	t.Helper()
	_, err := at.Login(t.Context(), gatewaytest.Slug, "nobody@acme.test", "wrong-password")
	var refused *client.Error
	if !errors.As(err, &refused) {
		t.Fatalf("a wrong password: %v", err)
	}
	return refused.Status
}
