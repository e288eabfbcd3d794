package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// TestCutStopsTheServer asks for ten rows of a result that would take hours.
func TestCutStopsTheServer(t *testing.T) {
	s := start(t)
	conn := s.open(t, s.readerConn)
	const endless = "SELECT a FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"
	table, err := conn.Query(testContext(t), statement(endless), database.Limit{Rows: 10})
	if err != nil {
		t.Fatal(err)
	}
	if table.Len() != 10 || table.Cut() != tool.RowLimit {
		t.Errorf("%d rows, cut %q", table.Len(), table.Cut())
	}
	if n := s.activity(t, "state = 'active'"); n != "0" {
		t.Errorf("%s statements still run", n)
	}
	if got := mustQuery(t, conn, "SELECT 1 AS v"); got != `[{"v":1}]` {
		t.Errorf("after the cut: %s", got)
	}
}

// activity counts the connections of this test's logins.
func (s *server) activity(t testing.TB, condition string) string {
	t.Helper()
	return mustExec(t, s.admin, "SELECT count(*) FROM pg_stat_activity WHERE application_name = '"+s.db+"' AND "+condition)
}

// TestPreparedStatements has the server lose or change what the session keeps.
func TestPreparedStatements(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, "CREATE TABLE shape (a int); INSERT INTO shape VALUES (1); GRANT SELECT ON shape TO PUBLIC")
	conn := s.open(t, s.readerConn)
	const sql = "SELECT * FROM shape"
	for _, step := range []struct{ before, want string }{
		{"", `[{"a":1}]`},
		{"ALTER TABLE shape ADD b text DEFAULT 'x'", `[{"a":1,"b":"x"}]`},
		{"ALTER TABLE shape ALTER a TYPE text", `[{"a":"1","b":"x"}]`},
	} {
		if step.before != "" {
			mustExec(t, s.admin, step.before)
		}
		if got := mustQuery(t, conn, sql); got != step.want {
			t.Errorf("after %q: %s, want %s", step.before, got, step.want)
		}
	}
	// This takes the session's own statements away, too, and so fails itself.
	_, err := conn.Query(testContext(t), statement("DEALLOCATE ALL"), database.Limit{})
	if err == nil {
		t.Error("DEALLOCATE ALL: no error")
	}
	if got := mustQuery(t, conn, sql); got != `[{"a":"1","b":"x"}]` {
		t.Errorf("after DEALLOCATE: %s", got)
	}
}

func TestPreparedStatementsAreBounded(t *testing.T) {
	s := start(t)
	conn := s.open(t, s.readerConn)
	for i := range 150 {
		mustQuery(t, conn, fmt.Sprintf("SELECT %d AS v", i))
		_, err := conn.Query(testContext(t), &sqlguard.Statement{SQL: fmt.Sprintf("SELECT 1/0 AS v%d", i)}, database.Limit{})
		if !fault.Is(err, fault.Invalid) {
			t.Fatalf("division by zero: %v", err)
		}
	}
	long := "SELECT '" + strings.Repeat("x", 90_000) + "' AS v"
	if got := mustQuery(t, conn, long); len(got) < 90_000 {
		t.Errorf("a long statement answers %.50s", got)
	}
	// 64 of callers, three of the session, this one, and one or two that are
	// closed with it.
	if got := mustQuery(t, conn, "SELECT count(*) BETWEEN 60 AND 70 AS v FROM pg_prepared_statements"); got != `[{"v":true}]` {
		t.Errorf("prepared statements pile up: %s", mustQuery(t, conn, "SELECT count(*) FROM pg_prepared_statements"))
	}
}

func TestSessionLeavesNothing(t *testing.T) {
	s := start(t)
	conn := s.open(t, s.readerConn)
	for _, sql := range []string{"SELECT pg_advisory_lock(1)", "SELECT pg_advisory_lock(2), 1 / (random() * 0)::int"} {
		lock := &sqlguard.Statement{SQL: sql, Functions: []string{"pg_advisory_lock"}}
		if _, err := conn.Query(testContext(t), lock, database.Limit{}); err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
	}
	if got := mustExec(t, s.admin, "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory' AND datname = '"+s.db+"'"); got != "0" {
		t.Errorf("%s advisory locks are left", got)
	}
	mustQuery(t, conn, "SELECT set_config('statement_timeout', '0', false)")
	if got := mustQuery(t, conn, "SHOW statement_timeout"); got != `[{"statement_timeout":"30s"}]` {
		t.Errorf("a setting outlives its statement: %s", got)
	}
}

func TestSessionSettings(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, "CREATE SCHEMA \"Sales\"; CREATE TABLE \"Sales\".t (a int); GRANT USAGE ON SCHEMA \"Sales\" TO PUBLIC; GRANT SELECT ON \"Sales\".t TO PUBLIC; "+
		"ALTER DATABASE "+s.db+" SET TimeZone = 'Europe/Zurich'; ALTER DATABASE "+s.db+" SET DateStyle = 'SQL, DMY'; ALTER DATABASE "+s.db+" SET bytea_output = 'escape'")
	conn := s.open(t, s.readerConn+"&options=-csearch_path%3D%22Sales%22,public")
	for sql, want := range map[string]string{
		"SHOW search_path":                              `[{"search_path":"\"Sales\",public"}]`,
		"SHOW application_name":                         `[{"application_name":"` + s.db + `"}]`,
		"SHOW transaction_read_only":                    `[{"transaction_read_only":"on"}]`,
		"SHOW default_transaction_read_only":            `[{"default_transaction_read_only":"on"}]`,
		"SELECT a FROM t":                               `[]`,
		"SELECT timestamptz '2026-07-01 12:00:00' AS v": `[{"v":"2026-07-01T12:00:00+02:00"}]`,
		"SELECT '\\x01ff'::bytea AS v":                  `[{"v":"01ff"}]`,
		"SELECT date '31/01/2026' AS v":                 `[{"v":"2026-01-31"}]`,
	} {
		if got := mustQuery(t, conn, sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	schema, err := conn.Schema(testContext(t))
	if err != nil || len(schema.Tables) != 1 || schema.Tables[0].Schema != "Sales" {
		t.Errorf("schema of a search path: %+v, %v", schema, err)
	}
}

// TestEnvironmentIsIgnored sets what libpq would read (contract 3.5).
func TestEnvironmentIsIgnored(t *testing.T) {
	s := start(t)
	for name, value := range map[string]string{
		"PGHOST": "/nowhere", "PGPORT": "1", "PGUSER": "nobody", "PGPASSWORD": "x", "PGDATABASE": "none",
		"PGPASSFILE": "/nowhere", "PGSERVICEFILE": "/nowhere", "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/nowhere",
		"PGSSLCERT": "/nowhere", "PGSSLKEY": "/nowhere", "PGOPTIONS": "-c statement_timeout=1", "PGTZ": "Mars",
		"PGAPPNAME": "other", "PGTARGETSESSIONATTRS": "standby", "PGREQUIREAUTH": "gss", "PGCHANNELBINDING": "require",
		"PGCONNECT_TIMEOUT": "0", "PGSSLNEGOTIATION": "direct", "PGMINPROTOCOLVERSION": "3.2",
	} {
		t.Setenv(name, value)
	}
	conn := s.open(t, s.readerConn)
	if got := mustQuery(t, conn, "SELECT current_user AS u"); got != `[{"u":"`+s.reader+`"}]` {
		t.Errorf("current_user: %s", got)
	}
}

func TestErrorTexts(t *testing.T) {
	s := start(t)
	s.shop(t)
	conn := s.open(t, s.readerConn)
	for sql, want := range map[string]string{
		"SELECT nam FROM customers":   `column "nam" does not exist at character 8 (SQLSTATE 42703). Hint: Perhaps you meant to reference the column "customers.name".`,
		"SELECT * FROM nothing":       `relation "nothing" does not exist at character 15 (SQLSTATE 42P01)`,
		"SELECT 1/0":                  `division by zero (SQLSTATE 22012)`,
		"SELECT pg_read_file('/x/y')": `permission denied for function pg_read_file (SQLSTATE 42501)`,
		"SELECT 'x'::int":             `invalid input syntax for type integer: "x" at character 8 (SQLSTATE 22P02)`,
		"DELETE FROM customers":       `cannot execute DELETE in a read-only transaction (SQLSTATE 25006)`,
	} {
		_, err := conn.Query(testContext(t), statement(sql), database.Limit{})
		if err == nil {
			t.Errorf("%s: no error", sql)
			continue
		}
		if diff := cmp.Diff(want, fault.Of(err).Public); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sql, diff)
		}
	}
}

// TestCancelOfAllowedName cancels where the rules allow the server by its name
// only: the cancel request goes to an address.
func TestCancelOfAllowedName(t *testing.T) {
	s := start(t)
	env := database.Env{Dialer: egress.NewDialer(egress.Policy{AllowHosts: []string{"localhost"}}, 0)}
	target, err := dialect().Parse(strings.Replace(s.readerConn, "@127.0.0.1", "@localhost", 1), env)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialect().Open(target, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	mustQuery(t, conn, "SELECT 1 AS v") // connects, which counts against a timeout as well
	_, err = conn.Query(testContext(t), statement(slowQuery), database.Limit{Timeout: 50 * time.Millisecond})
	if !fault.Is(err, fault.Timeout) {
		t.Errorf("Query = %v, want a timeout", err)
	}
	until(t, func() bool { return s.activity(t, "state = 'active'") == "0" })
	if got := mustQuery(t, conn, "SELECT 1 AS v"); got != `[{"v":1}]` {
		t.Errorf("afterwards: %s", got)
	}
}

// TestCloseCancels ends a pool under a running statement and waiting callers.
func TestCloseCancels(t *testing.T) {
	s := start(t)
	conn := s.open(t, s.readerConn)
	const callers = database.MaxOpenConns + 3
	done := make(chan error, callers)
	for range callers {
		go func() {
			_, err := conn.Query(testContext(t), statement(slowQuery), database.Limit{})
			done <- err
		}()
	}
	until(t, func() bool { return s.activity(t, "state = 'active' AND query LIKE '%generate_series%'") == "5" })
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	for range callers {
		if err := <-done; !fault.Is(err, fault.Unavailable) {
			t.Errorf("Query = %v, want Unavailable", err)
		}
	}
	until(t, func() bool { return s.activity(t, "true") == "0" })
}

// TestIdleLimit: of five connections three stay (contract 3.5).
func TestIdleLimit(t *testing.T) {
	s := start(t)
	conn := s.open(t, s.readerConn)
	done := make(chan error, database.MaxOpenConns)
	for range cap(done) {
		go func() {
			_, err := conn.Query(testContext(t), statement("SELECT pg_sleep(0.2)"), database.Limit{})
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	until(t, func() bool { return s.activity(t, "true") == fmt.Sprint(database.MaxIdleConns) })
}

// until waits for cond.
func until(t testing.TB, cond func() bool) {
	t.Helper()
	ctx := testContext(t)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("never happened")
		}
	}
}
