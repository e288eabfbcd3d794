package sqlite_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlite"
)

const (
	tooMuchMemory = "the statement needs more than 256 MB of memory: aggregate earlier, or read fewer rows and columns"
	tooMuchDisk   = "the statement needs more temporary disk than it may have (512 MB): sort, group or join less at once"
)

// groupArrays builds six JSON arrays of hundreds of megabytes at once.
func groupArrays() string {
	arrays := ""
	for _, i := range strings.Split("012345", "") {
		arrays += ", length(json_group_array(v||i||'" + i + "'))"
	}
	return `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<9000),
		x(v) AS MATERIALIZED (SELECT replace(printf('%999d',0),' ',printf('%99d',0))) SELECT ` + arrays[2:] + ` FROM n, x`
}

// greedy are statements that take as much as they get, with the texts that
// tell their callers so.
func greedy() map[string]string {
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 20000) `
	list := func(item string) string { return strings.TrimSuffix(strings.Repeat(item+", ", 400), ", ") }
	return map[string]string{
		groupArrays(): tooMuchMemory,
		"SELECT length(json_pretty('" + strings.Repeat("[", 60) + strings.Repeat("]", 60) + "', printf('%99999d', 1)))": tooMuchMemory,
		"SELECT " + list("printf('%.*c', 4000000, 'x')"):                                                                tooMuchMemory,
		"SELECT count(*) FROM (VALUES " + list("(printf('%.*c', 4000000, 'x'))") + ")":                                  tooMuchMemory,
		"WITH RECURSIVE c(x) AS (SELECT printf('%99999d',1) UNION SELECT x||'a' FROM c) SELECT count(*) FROM c":         tooMuchDisk,
		numbers + "SELECT count(*) FROM (SELECT printf('%99999d', i) AS t FROM n ORDER BY t DESC LIMIT -1 OFFSET 9)":    tooMuchDisk,
		numbers + "SELECT length(group_concat(printf('%99999d', i))) FROM n":                                            "string or blob too big",
	}
}

// TestGreedyStatements runs statements that would take gigabytes. Each is
// refused in words, the gateway's own memory does not grow, and the next
// statement finds everything in order.
func TestGreedyStatements(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	for sql, want := range greedy() {
		resetPeak(t)
		before := ownPeak(t)
		_, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: sql}, database.Limit{Timeout: time.Minute})
		if got := publicText(err); got != want {
			t.Errorf("%.200s\n got %q\nwant %q", sql, got, want)
		}
		if grown := ownPeak(t) - before; grown > 32<<20 {
			t.Errorf("%.200s: the gateway's own memory grew by %d MB", sql, grown>>20)
		}
		if got := count(t, conn); got != "0" {
			t.Errorf("afterwards: %q", got)
		}
	}
}

// TestTempFilesAreGivenBack fills most of the temporary disk again and again:
// only the files of one statement count.
func TestTempFilesAreGivenBack(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	const sql = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 2000)
		SELECT count(*) FROM (SELECT printf('%99999d', i) AS t FROM n ORDER BY t DESC LIMIT -1 OFFSET 9)`
	for range 3 {
		if _, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: sql}, database.Limit{Timeout: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostileWorkersTakeNoMemory hears of sizes that never come and of rows
// without end.
func TestHostileWorkersTakeNoMemory(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)")
	for name := range answers() {
		d := sqlite.New(guard.New(), sqlite.Command{Path: os.Args[0], Args: []string{hostile, name}})
		conn := mustOpenWith(t, d, path, database.Env{SQLiteDirs: []string{dir}})
		resetPeak(t)
		before := ownPeak(t)
		limit := database.Limit{Timeout: 300 * time.Millisecond}
		if _, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: "SELECT a FROM t"}, limit); err == nil {
			t.Errorf("%s: a table", name)
		}
		if grown := ownPeak(t) - before; grown > 64<<20 {
			t.Errorf("%s: %d MB", name, grown>>20)
		}
	}
}

// resetPeak lets the peak of this process's memory begin anew.
func resetPeak(t *testing.T) {
	t.Helper()
	mustDo(t, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0))
}

// ownPeak is the most memory that this process has had, in bytes.
func ownPeak(t *testing.T) int64 {
	t.Helper()
	return memoryOf(t, "self", "VmHWM")
}

func memoryOf(t *testing.T, process, field string) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/" + process + "/status")
	mustDo(t, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			mustDo(t, err)
			return kb << 10
		}
	}
	t.Fatalf("no %s", field)
	return 0
}
