package sqlite_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// TestNoFunctionOutlivesItsStatement calls functions that compute for minutes
// or hours and that SQLite cannot interrupt. Their workers are killed; the
// neighbour, who has a worker of its own, and the next caller feel nothing.
func TestNoFunctionOutlivesItsStatement(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)",
		"CREATE TABLE long (a, b)", "INSERT INTO long VALUES (printf('%.*c', 9000000, 'a'), printf('%.*c', 4000000, 'a') || 'b')"))
	for _, sql := range []string{
		"SELECT instr(a, b) FROM long",
		"SELECT length(replace(a, b, '')) FROM long",
		"SELECT a LIKE '%' || substr(b, -240) || '%' || substr(b, -240) FROM long",
		"SELECT a GLOB '*' || substr(b, -240) || '*' FROM long",
	} {
		done := make(chan error, 1)
		go func() {
			_, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: sql}, database.Limit{Timeout: 50 * time.Millisecond})
			done <- err
		}()
		for waiting := true; waiting; {
			select {
			case err := <-done:
				if !fault.Is(err, fault.Timeout) {
					t.Errorf("%s: %v, want a timeout", sql, err)
				}
				waiting = false
			default:
				if got := count(t, conn); got != "0" {
					t.Fatalf("a neighbour of %s: %q", sql, got)
				}
			}
		}
	}
}

// TestLongValues reads rows that are long and no attack.
func TestLongValues(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "PRAGMA encoding = 'UTF-16'", "CREATE TABLE t (a)",
		"INSERT INTO t VALUES (replace(printf('%.*c', 1000000, 'x'), 'x', '世'))"))
	list := func(item string) string { return strings.TrimSuffix(strings.Repeat(item+", ", 400), ", ") }
	for _, tt := range []struct {
		sql   string
		bytes int // of all cells
	}{
		{"SELECT " + list("printf('%.*c', 20000, 'x')"), 400 * 20_002},
		{"SELECT length(printf('%.*c', 4000000, 'x'))", 7},
		{"SELECT printf('%.*c', 4000000, 'x')", 4_000_002},
		{"SELECT CAST(printf('%.*c', 2000000, 'x') AS BLOB)", 8_000_002},
		{"SELECT a FROM t", 3_000_002},
		{"SELECT '', x'', NULL", 8},
	} {
		table, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: tt.sql}, database.Limit{})
		if err != nil {
			t.Errorf("%.60s: %v", tt.sql, err)
			continue
		}
		size := 0
		for i := range table.Columns() {
			size += len(table.Cell(0, i))
		}
		if size != tt.bytes {
			t.Errorf("%.60s: %d bytes, want %d", tt.sql, size, tt.bytes)
		}
	}
}

// TestPatternsUseIndexes reads a plan: a pattern with a fixed beginning is a
// range of an index.
func TestPatternsUseIndexes(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a TEXT, b TEXT COLLATE NOCASE)",
		"CREATE INDEX by_a ON t (a)", "CREATE INDEX by_b ON t (b)"))
	for _, where := range []string{"a GLOB 'x*'", "b LIKE 'x%'"} {
		table, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: "EXPLAIN QUERY PLAN SELECT * FROM t WHERE " + where}, database.Limit{})
		mustDo(t, err)
		if plan := string(table.AppendRows(nil)); !strings.Contains(plan, "SEARCH t USING INDEX by_") {
			t.Errorf("%s: %s", where, plan)
		}
	}
}

func publicText(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Public
}
