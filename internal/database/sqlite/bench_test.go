package sqlite_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// items makes a table of n rows with the usual types.
func items(n int) []string {
	return []string{
		`CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL, made DATE, stock INTEGER)`,
		fmt.Sprintf(`INSERT INTO items WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %d)
			SELECT n, 'item number ' || n, n * 1.25, date('2026-01-01', '+' || (n %% 365) || ' days'), n %% 50 FROM c`, n),
	}
}

const itemsSQL = `SELECT id, name, price, made, stock FROM items LIMIT 1000`

func BenchmarkQuery(b *testing.B) {
	dir := b.TempDir()
	path := mustCreate(b, filepath.Join(dir, "items.db"), items(1_000)...)
	b.Run("rows=1", func(b *testing.B) { benchConn(b, dir, path, `SELECT * FROM items WHERE id = 7`) })
	b.Run("rows=1000", func(b *testing.B) { benchConn(b, dir, path, itemsSQL) })
	// The floor: the usual driver through database/sql and encoding/json.
	b.Run("floor/rows=1000", func(b *testing.B) { benchFloor(b, path) })
}

func benchConn(b *testing.B, dir, path, text string) {
	conn := mustOpen(b, dir, path)
	stmt := &sqlguard.Statement{SQL: text}
	b.ReportAllocs()
	for b.Loop() {
		table, err := conn.Query(b.Context(), stmt, database.Limit{})
		if err != nil {
			b.Fatal(err)
		}
		_ = table.AppendJSON(make([]byte, 0, table.JSONSize()))
	}
}

func benchFloor(b *testing.B, path string) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	b.ReportAllocs()
	for b.Loop() {
		if err := floorQuery(b, db); err != nil {
			b.Fatal(err)
		}
	}
}

func floorQuery(b *testing.B, db *sql.DB) error {
	rows, err := db.QueryContext(b.Context(), itemsSQL)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	var out []map[string]any
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row := make(map[string]any, len(names))
		for i, n := range names {
			row[n] = values[i]
		}
		out = append(out, row)
	}
	if _, err := json.Marshal(out); err != nil {
		return err
	}
	return rows.Err()
}
