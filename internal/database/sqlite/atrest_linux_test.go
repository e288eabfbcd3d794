package sqlite_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlite"
)

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
	conn := mustOpenWithoutWriting(t, dir, path)
	if got := count(t, conn); got != "1" {
		t.Errorf("at rest: %q", got)
	}
	mustDo(t, os.Chmod(dir, 0o755))
	mustCreate(t, path, "INSERT INTO t VALUES (2)")
	mustDo(t, os.Chmod(dir, 0o555))
	if got := count(t, conn); got != "2" {
		t.Errorf("after a change: %q", got)
	}
}

// TestUnfinishedWorkIsNotRead leaves a journal beside the file, as a crash
// does: read without it, the file would be half of two states.
func TestUnfinishedWorkIsNotRead(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/wal.db"
	mustDo(t, mustWriter(t, path, "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)").Close())
	mustDo(t, os.WriteFile(path+"-journal", []byte("unfinished"), 0o644))
	if got := count(t, mustOpenWithoutWriting(t, dir, path)); got != database.ErrCannotConnect {
		t.Errorf("got %q", got)
	}
}

// asNobody is an argument of the worker that makes it a process of a user who
// owns nothing.
const asNobody = "as-nobody"

const nobody = 65534

func becomeNobody() {
	if err := syscall.Setuid(nobody); err != nil {
		os.Exit(1)
	}
}

// mustOpenWithoutWriting opens the file with workers that may not write its
// folder, also when this test runs as root.
func mustOpenWithoutWriting(t *testing.T, dir, path string) database.Conn {
	t.Helper()
	mustDo(t, os.Chmod(path, 0o644))
	mustDo(t, os.Chmod(dir, 0o555))
	for parent := dir; len(parent) > len(os.TempDir()); parent = filepath.Dir(parent) {
		if parent != dir {
			mustDo(t, os.Chmod(parent, 0o755))
		}
	}
	t.Cleanup(func() { mustDo(t, os.Chmod(dir, 0o755)) })
	command := sqlite.Command{}
	if os.Geteuid() == 0 {
		command = sqlite.Command{Path: "/proc/self/exe", Args: []string{"sqlite-worker", asNobody}}
	}
	return mustOpenWith(t, sqlite.New(guard.New(), command), path, database.Env{SQLiteDirs: []string{dir}})
}
