package sqlite_test

import (
	"context"
	"database/sql"
	"os"
	"runtime"
	"syscall"
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

// TestWriteAheadLogAtRest reads a write-ahead-log database whose folder the
// process may not write, so that SQLite cannot make the log's index.
func TestWriteAheadLogAtRest(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/wal.db"
	mustDo(t, mustWriter(t, path, "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)").Close())
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); err == nil {
			t.Fatalf("the log is still there: %s", suffix)
		}
	}
	withoutWriting(t, dir, path)
	conn := mustOpen(t, dir, path)
	if got := count(t, conn); got != "1" {
		t.Errorf("at rest: %q", got)
	}
	asRoot(t, func() { mustCreate(t, path, "INSERT INTO t VALUES (2)") })
	if got := count(t, conn); got != "2" {
		t.Errorf("after a change: %q", got)
	}
}

// withoutWriting takes the right to write the folder from this test, also when
// it runs as root.
func withoutWriting(t *testing.T, dir, path string) {
	t.Helper()
	mustDo(t, os.Chmod(path, 0o644))
	mustDo(t, os.Chmod(dir, 0o555))
	for parent := dir; len(parent) > len(os.TempDir()); parent = parent[:lastSlash(parent)] {
		if parent != dir {
			mustDo(t, os.Chmod(parent, 0o755))
		}
	}
	t.Cleanup(func() { mustDo(t, os.Chmod(dir, 0o755)) })
	if os.Geteuid() != 0 {
		return
	}
	runtime.LockOSThread()
	setFileUser(t, 65534)
	t.Cleanup(func() {
		setFileUser(t, 0)
		runtime.UnlockOSThread()
	})
}

func lastSlash(path string) int {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '/' {
			return i
		}
	}
	return 0
}

// setFileUser changes who this thread is when it opens files.
func setFileUser(t *testing.T, user uintptr) {
	t.Helper()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, user, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
}

// asRoot runs do with the right to write that withoutWriting took.
func asRoot(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		setFileUser(t, 0)
		defer setFileUser(t, 65534)
	}
	do()
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

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	ctx, cancel := context.WithCancel(t.Context())
	done := occupy(t, ctx, conn) // its own proof: it returns when a call timed out
	cancel()
	for range database.MaxOpenConns {
		if err := <-done; !fault.Is(err, fault.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

// occupy has slow statements on every handle and returns when a further one
// gets no turn.
func occupy(t *testing.T, ctx context.Context, conn database.Conn) <-chan error {
	t.Helper()
	done := make(chan error, database.MaxOpenConns)
	for range database.MaxOpenConns {
		go func() {
			_, err := conn.Query(ctx, &sqlguard.Statement{SQL: slow}, database.Limit{})
			done <- err
		}()
	}
	for {
		short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := conn.Query(short, &sqlguard.Statement{SQL: "SELECT 1"}, database.Limit{})
		cancel()
		if fault.Is(err, fault.Timeout) {
			return done
		}
	}
}
