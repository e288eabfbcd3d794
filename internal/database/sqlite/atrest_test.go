package sqlite_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// mustRest makes the file one that was changed an hour ago.
func mustRest(t *testing.T, path string) {
	t.Helper()
	past := time.Now().Add(-time.Hour)
	mustDo(t, os.Chtimes(path, past, past))
}

// beside lists the files in the database's folder.
func beside(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	mustDo(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestReadingLeavesNothingBeside reads a database in write-ahead mode in a
// folder that the gateway may write, where the engine would leave its log and
// the log's index.
func TestReadingLeavesNothingBeside(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/wal.db", "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
	mustRest(t, path)
	conn := mustOpen(t, dir, path)
	look := func(when, want string) {
		t.Helper()
		if got := count(t, conn); got != want {
			t.Errorf("%s: %q rows, want %q", when, got, want)
		}
		if _, err := conn.Schema(t.Context()); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		if got := beside(t, dir); !slices.Equal(got, []string{"wal.db"}) {
			t.Errorf("%s: %v", when, got)
		}
	}
	look("at rest", "1")
	mustCreate(t, path, "INSERT INTO t VALUES (2)")
	mustRest(t, path)
	look("after a change", "2")
	mustDo(t, conn.Close())
	if got := beside(t, dir); !slices.Equal(got, []string{"wal.db"}) {
		t.Errorf("in the end: %v", got)
	}
}

// TestWriterComesToAFileAtRest reads on while a writer opens the file, and sees
// each of its changes.
func TestWriterComesToAFileAtRest(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/wal.db", "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
	mustRest(t, path)
	conn := mustOpen(t, dir, path)
	if got := count(t, conn); got != "1" {
		t.Errorf("at rest: %q", got)
	}
	writer := mustWriter(t, path)
	for _, want := range []string{"2", "3"} {
		_, err := writer.Exec("INSERT INTO t VALUES (2)")
		mustDo(t, err)
		if got := count(t, conn); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestChangeDuringARead: a statement on a file at rest takes its time, and a
// writer comes and goes meanwhile. Its answer is that of one state.
func TestChangeDuringARead(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/wal.db", "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
	mustRest(t, path)
	conn := mustOpen(t, dir, path)
	if got := count(t, conn); got != "1" {
		t.Errorf("at rest: %q", got)
	}
	const long = `WITH RECURSIVE early(n) AS MATERIALIZED (SELECT count(*) FROM t),
		c(n) AS (SELECT n FROM early UNION ALL SELECT n + 1 FROM c WHERE n < 1000000)
		SELECT (SELECT n FROM early), (SELECT count(*) FROM c) > 0, (SELECT count(*) FROM t)`
	type answer struct {
		cells [2]string
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		table, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: long}, database.Limit{})
		if a.err = err; err == nil {
			a.cells = [2]string{string(table.Cell(0, 0)), string(table.Cell(0, 2))}
		}
		done <- a
	}()
	for conn.Usage().InUse == 0 {
		time.Sleep(time.Millisecond)
	}
	mustCreate(t, path, "INSERT INTO t VALUES (2)")
	select {
	case a := <-done:
		t.Fatalf("the statement was over before the change: %v", a)
	default:
	}
	if a := <-done; a.err != nil || a.cells != [2]string{"2", "2"} {
		t.Errorf("%v, want the state after the change", a)
	}
}
