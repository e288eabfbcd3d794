package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// FuzzCheck holds the guard against the real server: what it accepts either
// fails there or runs in a read-only transaction without any trace.
func FuzzCheck(f *testing.F) {
	for _, file := range []string{"accept.sql", "refuse.sql"} {
		for _, c := range sqlguardtest.Load(f, "postgres", file) {
			f.Add(c.SQL)
		}
	}
	engine := startEngine(f)
	before := engine.dump(f)
	conn := connect(f, engine.login)
	guard := New()
	runs := 0
	f.Fuzz(func(t *testing.T, sql string) {
		stmt, err := guard.Check(sql)
		if err != nil {
			if !sqlguardtest.IsReason(err) {
				t.Fatalf("refused with %q, which is no reason of contract 6.5", err)
			}
			return
		}
		if again, err := guard.Check(stmt.SQL); err != nil || again.SQL != stmt.SQL {
			t.Fatalf("own output is not stable: %v\ninput:  %q\noutput: %q", err, sql, stmt.SQL)
		}
		if conn.IsClosed() {
			conn = connect(t, engine.login)
		}
		if trace := traceOf(t, conn, stmt.SQL); trace != "" {
			t.Fatalf("left %s\ninput:  %q\noutput: %q", trace, sql, stmt.SQL)
		}
		if runs++; runs%500 == 0 {
			if diff := cmp.Diff(before, engine.dump(t)); diff != "" {
				t.Fatalf("the fixture changed (-before +after):\n%s", diff)
			}
		}
	})
}

// traceOf runs sql and tells what it left in its session: a transaction id
// (something was written), a lock beyond reading, a setting, a listener.
func traceOf(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	ctx := context.Background()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 300"); err != nil {
		t.Fatal(err)
	}
	if err := drain(tx, sql); err != nil {
		return ""
	}
	var trace string
	if err := tx.QueryRow(ctx, `SELECT concat_ws(' ',
		'xid ' || pg_current_xact_id_if_assigned(),
		(SELECT string_agg(locktype || ' ' || mode, ' ') FROM pg_locks WHERE pid = pg_backend_pid()
			AND (locktype = 'advisory' OR locktype = 'relation' AND mode <> 'AccessShareLock')),
		(SELECT string_agg(name || '=' || setting, ' ') FROM pg_settings WHERE source = 'session' AND name NOT IN
			('statement_timeout', 'transaction_read_only', 'transaction_isolation', 'transaction_deferrable')),
		(SELECT 'listens ' || c FROM pg_listening_channels() c LIMIT 1))`).Scan(&trace); err != nil {
		t.Fatalf("the session is broken: %v\noutput: %q", err, sql)
	}
	return trace
}

// drain runs sql by the extended protocol and reads all rows.
func drain(tx pgx.Tx, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	rows, err := tx.Query(ctx, sql, pgx.QueryExecModeExec)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		rows.RawValues()
	}
	return rows.Err()
}
