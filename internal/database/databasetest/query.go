package databasetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

const customersJSON = `[{"id":1,"name":"Ann","email":"ann@example.com"},` +
	`{"id":2,"name":"Bob \"the\" O'Neil","email":null},` +
	`{"id":3,"name":"Zoë","email":"zoe@example.com"}]`

func (f Fixture) testQuery(t *testing.T) {
	conn := f.open(t, f.Owner)
	const sql = "SELECT id, name, email FROM customers ORDER BY id"
	// Twice, because a repeated statement may take another path.
	for range 2 {
		table := f.query(t, conn, sql)
		if diff := cmp.Diff(customersJSON, string(table.AppendRows(nil))); diff != "" {
			t.Fatalf("rows (-want +got):\n%s", diff)
		}
		if table.Cut() != tool.NotCut {
			t.Errorf("a complete result says it is cut by %q", table.Cut())
		}
	}
	empty := f.query(t, conn, "SELECT id, name FROM customers WHERE id = 0")
	if got := string(empty.AppendJSON(nil)); got != `{"columns":["id","name"],"row_count":0,"rows":[],"truncated":false}` {
		t.Errorf("no rows = %s", got)
	}
	// Contract 15.2 P8: nothing in a statement is taken for a parameter.
	marks := f.query(t, conn, "SELECT '100 % :name ? $1 @x %s {d}' AS c")
	if got := string(marks.Cell(0, 0)); got != `"100 % :name ? $1 @x %s {d}"` {
		t.Errorf("marks = %s", got)
	}
}

func (f Fixture) testValues(t *testing.T) {
	conn := f.open(t, f.Owner)
	for _, v := range f.Values {
		table := f.query(t, conn, v.SQL)
		if table.Len() != 1 || len(table.Columns()) != 1 {
			t.Errorf("%s: %d rows of %d columns", v.SQL, table.Len(), len(table.Columns()))
			continue
		}
		if got := string(table.Cell(0, 0)); got != v.JSON || !json.Valid([]byte(got)) {
			t.Errorf("%s\n got %s\nwant %s", v.SQL, got, v.JSON)
		}
	}
}

func (f Fixture) testCuts(t *testing.T) {
	conn := f.open(t, f.Owner)
	for _, tt := range []struct {
		name     string
		sql      string
		limit    database.Limit
		min, max int // rows
		cut      tool.Cut
	}{
		{"below", f.Queries.Numbers(9), database.Limit{Rows: 10}, 9, 9, tool.NotCut},
		{"exact", f.Queries.Numbers(10), database.Limit{Rows: 10}, 10, 10, tool.NotCut},
		{"one over", f.Queries.Numbers(11), database.Limit{Rows: 10}, 10, 10, tool.RowLimit},
		{"far over", f.Queries.Numbers(20_000), database.Limit{Rows: 10}, 10, 10, tool.RowLimit},
		{"default", f.Queries.Numbers(10_001), database.Limit{}, database.MaxRows, database.MaxRows, tool.RowLimit},
		{"bytes", f.Queries.Wide(5_000), database.Limit{Bytes: 100_000}, 95, 99, tool.ByteCut},
		{"after cuts", f.Queries.Numbers(3), database.Limit{}, 3, 3, tool.NotCut},
	} {
		table, err := conn.Query(f.context(t), statement(tt.sql), tt.limit)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if n := table.Len(); n < tt.min || n > tt.max || table.Cut() != tt.cut {
			t.Errorf("%s: %d rows, cut %q, want %d to %d and %q", tt.name, n, table.Cut(), tt.min, tt.max, tt.cut)
		}
		if size := len(table.AppendRows(nil)); tt.limit.Bytes > 0 && size > tt.limit.Bytes+2 {
			t.Errorf("%s: %d bytes of rows over a limit of %d", tt.name, size, tt.limit.Bytes)
		}
	}
}

// testRoom refuses a result the memory of a large one: the query ends with the
// refusal, and the connection serves on.
func (f Fixture) testRoom(t *testing.T) {
	conn := f.open(t, f.Owner)
	refusal := fault.New(fault.RateLimited, "no room")
	asked := 0
	limit := database.Limit{Room: func(bytes int) error {
		asked = bytes
		return refusal
	}}
	if _, err := conn.Query(f.context(t), statement(f.Queries.Wide(5_000)), limit); !errors.Is(err, refusal) || asked != database.MaxResultBytes {
		t.Errorf("asked for %d bytes: %v", asked, err)
	}
	f.query(t, conn, f.Queries.Numbers(1))
}

func (f Fixture) testColumns(t *testing.T) {
	table := f.query(t, f.open(t, f.Owner), f.Queries.Duplicate)
	var got []string
	for _, c := range table.Columns() {
		got = append(got, c.Name)
		if c.Type == "" {
			t.Errorf("column %s has no type", c.Name)
		}
	}
	if diff := cmp.Diff(f.Queries.DuplicateWant, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	cells := []string{string(table.Cell(0, 0)), string(table.Cell(0, 1)), string(table.Cell(0, 2))}
	if !slices.Equal(cells, []string{"1", "2", "3"}) {
		t.Errorf("cells = %v", cells)
	}
}

func (f Fixture) testStatementErrors(t *testing.T) {
	conn := f.open(t, f.Owner)
	for _, tt := range []struct {
		sql     string
		unknown bool
	}{
		{f.Queries.UnknownTable, true},
		{f.Queries.UnknownColumn, true},
		{f.Queries.SyntaxError, false},
	} {
		_, err := conn.Query(f.context(t), statement(tt.sql), database.Limit{})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want an Invalid fault", tt.sql, err)
			continue
		}
		if database.UnknownObject(err) != tt.unknown {
			t.Errorf("%s: unknown object %t, want %t", tt.sql, !tt.unknown, tt.unknown)
		}
		if strings.TrimSpace(fault.Of(err).Public) == "" {
			t.Errorf("%s: no text", tt.sql)
		}
		f.keepsSecret(t, err.Error())
	}
	f.query(t, conn, f.Queries.Numbers(1))
}

// testWrites sends statements that no guard would accept: the read-only
// transaction and the rollback have to hold alone (contract 15.2 A7).
func (f Fixture) testWrites(t *testing.T) {
	conn := f.open(t, f.Owner)
	before := f.dump(t, conn)
	for i, sql := range slices.Concat(f.Writes, f.Undone) {
		_, err := conn.Query(f.context(t), statement(sql), database.Limit{})
		if err == nil && i < len(f.Writes) {
			t.Errorf("%s: no error", sql)
		}
		if after := f.dump(t, conn); after != before {
			t.Fatalf("%s changed the database:\n%s", sql, cmp.Diff(before, after))
		}
	}
}

func (f Fixture) dump(t *testing.T, conn database.Conn) string {
	t.Helper()
	var b strings.Builder
	for _, sql := range []string{"SELECT * FROM customers ORDER BY id", "SELECT * FROM orders ORDER BY id"} {
		fmt.Fprintf(&b, "%s\n", f.query(t, conn, sql).AppendJSON(nil))
	}
	if f.State != nil {
		b.WriteString(f.State(t))
	}
	return b.String()
}
