package sqlite_test

import (
	"context"
	"database/sql"
	"runtime"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// mustWriter opens the file as another program would, for writing.
func mustWriter(t *testing.T, path string, statements ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	mustDo(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	for _, s := range statements {
		_, err := db.Exec(s)
		mustDo(t, err)
	}
	return db
}

func TestWriteAheadLog(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/wal.db"
	writer := mustWriter(t, path, "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)")
	conn := mustOpen(t, dir, path)
	for _, want := range []string{"1", "2"} {
		_, err := writer.Exec("INSERT INTO t VALUES (1)")
		mustDo(t, err)
		if got := count(t, conn); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	// An open write transaction does not hold readers up.
	_, err := writer.Exec("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)")
	mustDo(t, err)
	if got := count(t, conn); got != "2" {
		t.Errorf("during a write: %q", got)
	}
}

func TestWriterHoldsTheFile(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/a.db"
	writer := mustWriter(t, path, "CREATE TABLE t (a)", "BEGIN EXCLUSIVE")
	conn := mustOpen(t, dir, path)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := conn.Query(ctx, &sqlguard.Statement{SQL: "SELECT * FROM t"}, database.Limit{})
	if !fault.Is(err, fault.Timeout) {
		t.Errorf("while the file is locked: %v", err)
	}
	_, err = writer.Exec("COMMIT")
	mustDo(t, err)
	if got := count(t, conn); got != "0" {
		t.Errorf("afterwards: %q", got)
	}
}

// TestStopsAfterFirstRow cancels a statement that has returned rows and will
// find no more.
func TestStopsAfterFirstRow(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	const text = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c WHERE n < 3`
	_, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: text}, database.Limit{Timeout: 50 * time.Millisecond})
	if !fault.Is(err, fault.Timeout) {
		t.Errorf("got %v", err)
	}
}

func TestCloseStopsQueries(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	done := occupy(t, context.Background(), conn)
	waiting := make(chan error, 1)
	go func() {
		_, err := conn.Query(context.Background(), &sqlguard.Statement{SQL: slow}, database.Limit{})
		waiting <- err
	}()
	mustDo(t, conn.Close())
	for range database.MaxOpenConns {
		if err := <-done; !fault.Is(err, fault.Unavailable) {
			t.Errorf("running: %v", err)
		}
	}
	if err := <-waiting; !fault.Is(err, fault.Unavailable) {
		t.Errorf("waiting: %v", err)
	}
}

// occupy has slow statements on every handle.
func occupy(t *testing.T, ctx context.Context, conn database.Conn) <-chan error {
	t.Helper()
	done := make(chan error, database.MaxOpenConns)
	for range database.MaxOpenConns {
		go func() {
			_, err := conn.Query(ctx, &sqlguard.Statement{SQL: slow}, database.Limit{})
			done <- err
		}()
	}
	for conn.Usage().InUse < database.MaxOpenConns {
		runtime.Gosched()
	}
	return done
}

// TestLocalTime is that of the gateway, also in a worker.
func TestLocalTime(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)")
	for zone, want := range map[string]string{"Asia/Tokyo": `"1970-01-01 09:00:00"`, "UTC": `"1970-01-01 00:00:00"`} {
		t.Setenv("TZ", zone)
		conn := mustOpen(t, dir, path)
		table, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: "SELECT datetime(0, 'unixepoch', 'localtime')"}, database.Limit{})
		mustDo(t, err)
		if got := string(table.Cell(0, 0)); got != want {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
	}
}
