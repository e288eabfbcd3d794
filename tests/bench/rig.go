package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/tests/process"
)

// rig is a PostgreSQL database with the sample, the floor and a gateway.
type rig struct {
	folder   string
	admin    string // URL of the server
	database string // name of our database in it
	target   string // URL of our database
	floor    *process.Process
	gateway  *process.Process
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
	r.floor.Stop()
	r.gateway.Stop()
	if conn, err := pgx.Connect(context.Background(), r.admin); err == nil {
		conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+r.database+" WITH (FORCE)")
		conn.Exec(context.Background(), "DROP ROLE IF EXISTS "+r.database)
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
	if err != nil {
		return err
	}
	// The gateway refuses a superuser.
	u.User = url.UserPassword(r.database, "reader")
	r.target = u.String()
	_, err = own.Exec(ctx, "CREATE ROLE "+r.database+" LOGIN PASSWORD 'reader'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+r.database)
	return err
}

func (r *rig) startFloor(ctx context.Context) error {
	addr, err := process.FreeAddr()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r.floor, err = process.Start(exec.Command(self, "-floor", addr), []string{"FLOOR_DATABASE_URL=" + r.target}, "http://"+addr)
	if err != nil {
		return err
	}
	return process.WaitListening(ctx, addr)
}

func (r *rig) startGateway(ctx context.Context) error {
	p, err := process.StartGateway(ctx, "bin/mcp-gateway", filepath.Join(r.folder, "gateway"), nil)
	r.gateway = p
	return err
}

func (r *rig) register(ctx context.Context) error {
	anonymous := &client.Client{Base: r.gateway.Base}
	if _, err := anonymous.Register(ctx, "Bench", slug, email, password); err != nil {
		return err
	}
	var err error
	if r.api, err = anonymous.Login(ctx, slug, email, password); err != nil {
		return err
	}
	id, err := r.api.CreateConnection(ctx, client.NewConnection{Name: "people", Type: "postgres", String: r.target, AllowPowerfulLogin: true})
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
	req, err := client.NewRequest(context.Background(), r.gateway.Base+"/t/"+slug+"/mcp", method, name, params)
	if err != nil {
		return target{}, err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	return newTarget(r.gateway, req, want)
}

func (r *rig) floorGet(path, want string) (target, error) {
	req, err := http.NewRequest(http.MethodGet, r.floor.Base+path, nil)
	if err != nil {
		return target{}, err
	}
	return newTarget(r.floor, req, want)
}
