package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// workers are the processes that this test's process has started.
func workers(t *testing.T) (pids []int) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	mustDo(t, err)
	for _, task := range tasks {
		list, err := os.ReadFile(task)
		if err != nil {
			continue // the thread is gone
		}
		for _, pid := range strings.Fields(string(list)) {
			n, err := strconv.Atoi(pid)
			mustDo(t, err)
			pids = append(pids, n)
		}
	}
	return pids
}

func mustSignal(t *testing.T, s syscall.Signal, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		mustDo(t, syscall.Kill(pid, s))
	}
}

// TestKilledWhileIdle ends idle workers as the system does when memory runs
// out. The next call must not notice.
func TestKilledWhileIdle(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	for range 3 {
		if got := count(t, conn); got != "0" {
			t.Fatalf("got %q", got)
		}
		mustSignal(t, syscall.SIGKILL, workers(t)...)
		for _, pid := range workers(t) { // until all of it is gone, and its pipes closed
			for state(t, pid) != "Z" || len(mustGlob(t, fmt.Sprintf("/proc/%d/task/*", pid))) > 1 {
				time.Sleep(time.Millisecond)
			}
		}
	}
	if _, err := conn.Schema(t.Context()); err != nil {
		t.Errorf("schema: %v", err)
	}
}

// state is the letter that the system has for what a process does.
func state(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	mustDo(t, err)
	return strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))[0]
}

// TestKilledWhileRunning ends one worker of two in mid-statement.
func TestKilledWhileRunning(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	before := workers(t)
	done := make(chan error, 1)
	go func() {
		_, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: slow}, database.Limit{})
		done <- err
	}()
	for len(workers(t)) == len(before) || conn.Usage().InUse == 0 {
		runtime.Gosched()
	}
	victim := workers(t)
	neighbour := mustOpen(t, dir, dir+"/a.db")
	if got := count(t, neighbour); got != "0" {
		t.Errorf("a neighbour before: %q", got)
	}
	mustSignal(t, syscall.SIGKILL, victim...)
	if err := <-done; !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Unavailable) || strings.Contains(fault.Of(err).Public, "signal") {
		t.Errorf("its caller: %v", err)
	}
	for _, c := range []database.Conn{conn, neighbour} {
		if got := count(t, c); got != "0" {
			t.Errorf("afterwards: %q", got)
		}
	}
}

// TestKilledWhileSorting looks for what a worker leaves on the disk when it
// ends in the middle of a large sort.
func TestKilledWhileSorting(t *testing.T) {
	temp, dir := t.TempDir(), t.TempDir()
	t.Setenv("SQLITE_TMPDIR", temp)
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	const sql = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n)
		SELECT count(*) FROM (SELECT printf('%99999d', i) AS t FROM n ORDER BY t DESC LIMIT -1 OFFSET 9)`
	done := make(chan error, 1)
	go func() {
		_, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: sql}, database.Limit{})
		done <- err
	}()
	var sorting []int
	for len(sorting) == 0 {
		runtime.Gosched()
		for _, pid := range workers(t) {
			for _, fd := range mustGlob(t, fmt.Sprintf("/proc/%d/fd/*", pid)) {
				if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, temp) {
					sorting = append(sorting, pid)
				}
			}
		}
	}
	mustSignal(t, syscall.SIGKILL, sorting[0])
	if err := <-done; err == nil {
		t.Error("the statement ended by itself")
	}
	if left := mustGlob(t, temp+"/*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestStoppedWorker has a worker that does not answer any more at all.
func TestStoppedWorker(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	if got := count(t, conn); got != "0" {
		t.Fatalf("got %q", got)
	}
	for _, pid := range workers(t) {
		mustSignal(t, syscall.SIGSTOP, pid)
		for state(t, pid) != "T" {
			time.Sleep(time.Millisecond)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := conn.Query(ctx, &sqlguard.Statement{SQL: "SELECT 1"}, database.Limit{}); !fault.Is(err, fault.Timeout) {
		t.Errorf("got %v", err)
	}
	if got := count(t, conn); got != "0" {
		t.Errorf("afterwards: %q", got)
	}
}

// TestWorkerOwnsNothing looks at a worker from outside: no secret of the
// gateway's environment, no way to more than its share, first to go.
func TestWorkerOwnsNothing(t *testing.T) {
	t.Setenv("ENCRYPTION_KEY", "sesame")
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	if got := count(t, conn); got != "0" {
		t.Fatalf("got %q", got)
	}
	pid := workers(t)[0]
	read := func(name string) string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		mustDo(t, err)
		return string(text)
	}
	if env := read("environ"); strings.Contains(env, "sesame") || strings.Contains(env, "PATH=") {
		t.Errorf("environment: %q", env)
	}
	limits := map[string]string{}
	for line := range strings.Lines(read("limits")) {
		if name, rest, ok := strings.Cut(line, "  "); ok {
			limits[name] = strings.Fields(rest)[0]
		}
	}
	for name, want := range map[string]string{"Max file size": "536870912", "Max open files": "128", "Max core file size": "0"} {
		if limits[name] != want {
			t.Errorf("%s is %s, want %s", name, limits[name], want)
		}
	}
	for _, name := range []string{"Max cpu time", "Max data size"} {
		if limits[name] == "unlimited" {
			t.Errorf("%s is unlimited", name)
		}
	}
	if score := strings.TrimSpace(read("oom_score_adj")); score != "500" {
		t.Errorf("oom_score_adj is %s", score)
	}
	var files []string
	for _, fd := range mustGlob(t, fmt.Sprintf("/proc/%d/fd/*", pid)) {
		if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, "/") &&
			target != os.DevNull && !strings.HasPrefix(target, "/sys/fs/cgroup/") { // the Go runtime's own
			files = append(files, target)
		}
	}
	if len(files) != 1 || files[0] != dir+"/a.db" {
		t.Errorf("open files: %v", files)
	}
}

func mustGlob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	mustDo(t, err)
	return names
}

// TestIdleWorkersEnd has five at work and then waits for the load to be over.
func TestIdleWorkersEnd(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	ctx, cancel := context.WithCancel(t.Context())
	done := occupy(t, ctx, conn)
	if n := len(workers(t)); n > database.MaxOpenConns {
		t.Errorf("%d workers", n)
	}
	cancel()
	for range database.MaxOpenConns {
		<-done
	}
	for conn.Usage().Open > database.MaxIdleConns || len(workers(t)) > database.MaxIdleConns {
		time.Sleep(time.Millisecond)
	}
	mustDo(t, conn.Close())
	if left := workers(t); len(left) != 0 {
		t.Errorf("after Close: %v", left)
	}
}
