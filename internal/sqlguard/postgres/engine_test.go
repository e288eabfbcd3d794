package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// engine is a database of its own on the test server, owned by a login that
// may write in it and do nothing else.
type engine struct {
	admin *pgx.ConnConfig // superuser, in the database
	login *pgx.ConnConfig // owner
}

// startEngine makes the database and loads the corpus's fixture. The server's
// address is MCPGW_TEST_POSTGRES, which make test sets.
func startEngine(t testing.TB) *engine {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a PostgreSQL server, left out with -short")
	}
	url := os.Getenv("MCPGW_TEST_POSTGRES")
	if url == "" {
		t.Fatal("MCPGW_TEST_POSTGRES is not set: make test starts a server and sets it")
	}
	server, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	name := "guard_" + strings.ToLower(rand.Text()[:12])
	admin := server.Copy()
	admin.Database = name
	login := admin.Copy()
	login.User = name

	execute(t, server, "CREATE ROLE "+name+" LOGIN")
	execute(t, server, "CREATE DATABASE "+name+" OWNER "+name)
	t.Cleanup(func() {
		execute(t, server, "DROP DATABASE "+name+" WITH (FORCE)")
		execute(t, server, "DROP ROLE "+name)
	})
	execute(t, admin, "GRANT ALL ON SCHEMA public TO "+name)
	execute(t, login, sqlguardtest.Text(t, "postgres", "fixture.sql"))
	return &engine{admin: admin, login: login}
}

// execute runs statements on a connection of their own.
func execute(t testing.TB, config *pgx.ConnConfig, sql string) {
	t.Helper()
	conn := connect(t, config)
	defer conn.Close(context.Background())
	if _, err := conn.PgConn().Exec(context.Background(), sql).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

func connect(t testing.TB, config *pgx.ConnConfig) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// read runs sql the way the dialect will: extended protocol, read-only
// transaction, server-side timeout, always rolled back.
func read(conn *pgx.Conn, sql string, timeout time.Duration) error {
	ctx := context.Background()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL statement_timeout = %d", timeout.Milliseconds())); err != nil {
		return err
	}
	return drain(tx, sql)
}

// dump is the state that no read may change: rows, sequences, and how many
// objects the catalogues hold.
func (e *engine) dump(t testing.TB) map[string]string {
	t.Helper()
	conn := connect(t, e.admin)
	defer conn.Close(context.Background())
	state := query(t, conn, `SELECT 'objects', concat_ws(' ', (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc),
		(SELECT count(*) FROM pg_type), (SELECT count(*) FROM pg_largeobject_metadata), (SELECT count(*) FROM pg_db_role_setting))`)
	for table := range query(t, conn, `SELECT oid::regclass::text, '' FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'm', 'S')`) {
		for name, sum := range query(t, conn, "SELECT '"+strings.ReplaceAll(table, "'", "''")+
			"', md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM (SELECT * FROM "+table+") t") {
			state[name] = sum
		}
	}
	return state
}

// query reads two text columns.
func query(t testing.TB, conn *pgx.Conn, sql string) map[string]string {
	t.Helper()
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		t.Fatal(err)
	}
	pairs := make(map[string]string)
	var key, value string
	if _, err := pgx.ForEachRow(rows, []any{&key, &value}, func() error {
		pairs[key] = value
		return nil
	}); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return pairs
}

// TestAcceptedRuns proves that what the guard lets through runs as it is
// regenerated and changes nothing.
func TestAcceptedRuns(t *testing.T) {
	engine := startEngine(t)
	before := engine.dump(t)
	conn := connect(t, engine.login)
	defer conn.Close(context.Background())
	guard := New()
	for _, c := range sqlguardtest.Load(t, "postgres", "accept.sql") {
		t.Run(c.Name, func(t *testing.T) {
			stmt, err := guard.Check(c.SQL)
			if err != nil {
				t.Fatal(err)
			}
			if err := read(conn, stmt.SQL, 5*time.Second); err != nil {
				t.Errorf("%v\ninput: %s\nran:   %s", err, c.SQL, stmt.SQL)
			}
		})
	}
	if diff := cmp.Diff(before, engine.dump(t)); diff != "" {
		t.Errorf("the fixture changed (-before +after):\n%s", diff)
	}
}

// TestRefusedOnEngineAlone records what the read-only transaction would have
// stopped had the guard been off: the reason for both layers. The login is
// the tables' owner, so nothing is stopped by a missing grant.
func TestRefusedOnEngineAlone(t *testing.T) {
	engine := startEngine(t)
	before := engine.dump(t)
	stopped := 0
	var passed []string
	cases := sqlguardtest.Load(t, "postgres", "refuse.sql")
	for _, c := range cases {
		conn := connect(t, engine.login)
		err := read(conn, c.SQL, 200*time.Millisecond)
		conn.Close(context.Background())
		var refused *pgconn.PgError
		if errors.As(err, &refused) {
			stopped++
			continue
		}
		passed = append(passed, c.SQL)
	}
	t.Logf("guard stopped %d of %d; the read-only transaction alone %d", len(cases), len(cases), stopped)
	t.Logf("fixture changed by what only the guard stops: %v", cmp.Diff(before, engine.dump(t)))
	for _, sql := range passed {
		t.Logf("only the guard stops: %s", sql)
	}
}
