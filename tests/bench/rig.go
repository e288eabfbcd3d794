package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
)

// rig is a PostgreSQL database with the sample, the floor and a gateway.
type rig struct {
	folder   string
	admin    string // URL of the server
	database string // name of our database in it
	target   string // URL of our database
	floor    *process
	gateway  *process
	api      *client.Client // the administrator's
	key      string         // an API key
	tool     string         // execute_sql_…
	schema   string         // get_schema_…
}

const (
	slug     = "bench"
	email    = "admin@bench.example"
	password = "bench-password-1"
)

func newRig(ctx context.Context) (*rig, error) {
	r := &rig{admin: os.Getenv("MCPGW_TEST_POSTGRES"), database: fmt.Sprintf("mcpgw_bench_%d", os.Getpid())}
	if r.admin == "" {
		return nil, fmt.Errorf("MCPGW_TEST_POSTGRES is not set: run through scripts/with-servers")
	}
	var err error
	if r.folder, err = os.MkdirTemp("", "mcpgw-bench"); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{r.fill, r.startFloor, r.startGateway, r.register} {
		if err := step(ctx); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

func (r *rig) close() {
	r.floor.stop()
	r.gateway.stop()
	if conn, err := pgx.Connect(context.Background(), r.admin); err == nil {
		conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+r.database+" WITH (FORCE)")
		conn.Close(context.Background())
	}
	os.RemoveAll(r.folder)
}

// fill makes the database: 100,000 people, and 500 small tables in a schema
// of their own.
func (r *rig) fill(ctx context.Context) error {
	u, err := url.Parse(r.admin)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, r.admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+r.database); err != nil {
		return err
	}
	u.Path = "/" + r.database
	r.target = u.String()
	own, err := pgx.Connect(ctx, r.target)
	if err != nil {
		return err
	}
	defer own.Close(ctx)
	_, err = own.Exec(ctx, `
		CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, email text NOT NULL, country text NOT NULL, balance numeric(12,2) NOT NULL, created_at timestamptz NOT NULL);
		INSERT INTO people SELECT g, 'Person ' || g, 'person' || g || '@example.com', (ARRAY['DE','FR','IT','ES','PL'])[1 + g % 5], g * 1.37, '2026-01-01'::timestamptz + g * interval '1 minute' FROM generate_series(1, 100000) g;
		DO $$ BEGIN FOR i IN 1..500 LOOP
			EXECUTE format('CREATE TABLE t%s (id bigint PRIMARY KEY, parent bigint REFERENCES people (id), name text NOT NULL DEFAULT ''x'', amount numeric, at timestamptz)', i);
			EXECUTE format('CREATE INDEX ON t%s (name)', i);
		END LOOP; END $$;
		ANALYZE;`)
	return err
}

func (r *rig) startFloor(ctx context.Context) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r.floor, err = start(exec.Command(self, "-floor", addr), []string{"FLOOR_DATABASE_URL=" + r.target}, "http://"+addr)
	if err != nil {
		return err
	}
	return waitListening(ctx, addr)
}

func (r *rig) startGateway(ctx context.Context) error {
	p, err := startGateway(ctx, filepath.Join(r.folder, "gateway"), nil)
	r.gateway = p
	return err
}

func (r *rig) register(ctx context.Context) error {
	anonymous := &client.Client{Base: r.gateway.base}
	if _, err := anonymous.Register(ctx, "Bench", slug, email, password); err != nil {
		return err
	}
	var err error
	if r.api, err = anonymous.Login(ctx, slug, email, password); err != nil {
		return err
	}
	id, err := r.api.CreateConnection(ctx, client.NewConnection{Name: "people", Type: "postgres", String: r.target})
	if err != nil {
		return err
	}
	r.tool, r.schema = "execute_sql_people_"+id[:8], "get_schema_people_"+id[:8]
	r.key, err = r.api.CreateKey(ctx, "bench")
	return err
}

// call is a tools/call of the gateway as a load target.
func (r *rig) call(name string, args any, want string) (target, error) {
	return r.rpc("tools/call", name, map[string]any{"name": name, "arguments": args}, want)
}

func (r *rig) rpc(method, name string, params map[string]any, want string) (target, error) {
	req, err := client.NewRequest(context.Background(), r.gateway.base+"/t/"+slug+"/mcp", method, name, params)
	if err != nil {
		return target{}, err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	return newTarget(r.gateway, req, want)
}

func (r *rig) floorGet(path, want string) (target, error) {
	req, err := http.NewRequest(http.MethodGet, r.floor.base+path, nil)
	if err != nil {
		return target{}, err
	}
	return newTarget(r.floor, req, want)
}

// process is a program of ours that runs beside the load.
type process struct {
	cmd  *exec.Cmd
	base string // URL without a trailing slash
}

func start(cmd *exec.Cmd, env []string, base string) (*process, error) {
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	return &process{cmd: cmd, base: base}, cmd.Start()
}

// startGateway runs bin/mcp-gateway on its own data folder until it is ready.
func startGateway(ctx context.Context, data string, env []string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("bin/mcp-gateway", "serve")
	p, err := start(cmd, append([]string{
		"DATA_DIR=" + data, "DATABASE_URL=sqlite:////" + strings.TrimPrefix(filepath.Join(data, "gateway.db"), "/"),
		"BASE_URL=http://127.0.0.1:" + port, "PORT=" + port, "LOG_LEVEL=ERROR",
	}, env...), "http://127.0.0.1:"+port)
	if err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return p, (&client.Client{Base: p.base}).WaitReady(ctx)
}

func (p *process) stop() {
	if p == nil || p.cmd.Process == nil {
		return
	}
	p.cmd.Process.Signal(os.Interrupt)
	p.cmd.Wait()
}

// memory returns a field of /proc/<pid>/status in bytes: VmRSS, VmHWM.
func (p *process) memory(field string) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in /proc status", field)
}

// cpu returns the processor time that the process has used, from
// /proc/<pid>/stat (proc(5)): unlike throughput it does not depend on what
// else the machine does.
func (p *process) cpu() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // the name may hold spaces
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil
}

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func waitListening(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", addr, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
