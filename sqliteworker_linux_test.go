package gateway_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver that writes the file

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

// neverEnds runs until it is stopped.
const neverEnds = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"

// newSQLiteProcess is a gateway of its own with one SQLite connection.
func newSQLiteProcess(t *testing.T) (p *process, admin *client.Client, execute string) {
	t.Helper()
	p = newMeasuredProcess(t)
	path := filepath.Join(p.dir, "a.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE t (a); INSERT INTO t VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	anonymous := &client.Client{Base: p.base}
	if _, err := anonymous.Register(ctx, "Acme", "acme", "admin@acme.test", gatewaytest.Password); err != nil {
		t.Fatal(err)
	}
	if admin, err = anonymous.Login(ctx, "acme", "admin@acme.test", gatewaytest.Password); err != nil {
		t.Fatal(err)
	}
	id, err := admin.CreateConnection(ctx, client.NewConnection{Name: "a", Type: "sqlite", String: "sqlite:////" + strings.TrimPrefix(path, "/")})
	if err != nil {
		t.Fatal(err)
	}
	return p, admin, "execute_sql_a_" + id[:8]
}

// children are the processes that p has started.
func (p *process) children(t *testing.T) (pids []int) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		list, _ := os.ReadFile(task) // a thread may be gone
		for _, field := range strings.Fields(string(list)) {
			pid := 0
			if _, err := fmt.Sscan(field, &pid); err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// ignores reports whether a process ignores a signal.
func ignores(t *testing.T, pid int, s syscall.Signal) bool {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var mask uint64
	_, rest, _ := strings.Cut(string(status), "SigIgn:")
	if _, err := fmt.Sscanf(strings.TrimSpace(rest), "%x", &mask); err != nil {
		t.Fatal(err)
	}
	return mask&(1<<(s-1)) != 0
}

// runs reports whether a process is there and no mere entry in the table.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// TestWorkersEndWithTheGateway kills a gateway in mid-statement: no process
// may be left that nobody stops.
func TestWorkersEndWithTheGateway(t *testing.T) {
	p, admin, execute := newSQLiteProcess(t)
	if n := len(p.children(t)); n != 0 {
		t.Errorf("%d processes before anybody has asked", n)
	}
	go func() { _, _ = admin.CallTool(context.Background(), "acme", execute, map[string]any{"sql": neverEnds}) }()
	var workers []int
	waitFor(t, "a worker", func() bool { workers = p.children(t); return len(workers) > 0 })
	for _, pid := range workers {
		// A service manager that stops the gateway signals all of its processes.
		waitFor(t, "a worker that works", func() bool { return ignores(t, pid, syscall.SIGTERM) })
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	mustText(t, admin, execute, map[string]any{"sql": "SELECT a FROM t"}, `"rows":[{"a":7}]`)
	for _, pid := range workers {
		if !runs(pid) {
			t.Error("a signal ended the worker in mid-statement")
		}
	}
	p.kill()
	for _, pid := range workers {
		waitFor(t, "the worker's end", func() bool { return !runs(pid) })
	}
}

// TestGreedySQLiteStatement has the whole gateway run a statement that wants
// gigabytes.
func TestGreedySQLiteStatement(t *testing.T) {
	p, admin, execute := newSQLiteProcess(t)
	mustText(t, admin, execute, map[string]any{"sql": "SELECT a FROM t"}, `"rows":[{"a":7}]`)
	before := p.peak(t)
	mustText(t, admin, execute, map[string]any{"sql": `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c),
		v(t) AS (SELECT replace(printf('%999d',0),' ','0123456789')) SELECT count(*) FROM (SELECT DISTINCT x, t FROM c, v)`},
		"the statement needs more temporary disk than it may have (512 MB)")
	if grown := p.peak(t) - before; grown > 64<<10 {
		t.Errorf("the gateway grew by %d kB", grown)
	}
	mustText(t, admin, execute, map[string]any{"sql": "SELECT a FROM t"}, `"rows":[{"a":7}]`)
}

// peak is the most memory that the process has had, in kB.
func (p *process) peak(t *testing.T) (kB int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		t.Fatal(err)
	}
	return kB
}
