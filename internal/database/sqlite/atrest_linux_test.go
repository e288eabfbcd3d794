package sqlite_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
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

// TestUnfinishedWorkIsNotRead leaves a journal beside the file, as a crash
// does: read without it, the file would be half of two states.
func TestUnfinishedWorkIsNotRead(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/wal.db"
	mustDo(t, mustWriter(t, path, "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)").Close())
	mustDo(t, os.WriteFile(path+"-journal", []byte("unfinished"), 0o644))
	withoutWriting(t, dir, path)
	if got := count(t, mustOpen(t, dir, path)); got != database.ErrCannotConnect {
		t.Errorf("got %q", got)
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
