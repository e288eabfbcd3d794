package sqlite_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// damages are ways to spoil a database file. All of them are repeatable.
func damages() map[string]func([]byte) []byte {
	flip := func(n, from, seed int) func([]byte) []byte {
		return func(b []byte) []byte {
			random := rand.New(rand.NewPCG(uint64(n), uint64(seed)))
			for range n {
				b[from+random.IntN(len(b)-from)] ^= byte(1 + random.IntN(255))
			}
			return b
		}
	}
	put := func(at int, value ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[at:], value); return b }
	}
	all := map[string]func([]byte) []byte{
		"empty":            func([]byte) []byte { return nil },
		"half a header":    func(b []byte) []byte { return b[:50] },
		"header alone":     func(b []byte) []byte { return b[:100] },
		"half":             func(b []byte) []byte { return b[:len(b)/2] },
		"without its end":  func(b []byte) []byte { return b[:len(b)-1] },
		"noise":            func(b []byte) []byte { return append(b[:16], bytes.Repeat([]byte{0xff}, len(b)-16)...) },
		"page size 1":      put(16, 0, 1),
		"page size 3":      put(16, 0, 3),
		"reserved space":   put(20, 255),
		"page count":       put(28, 0xff, 0xff, 0xff, 0xff),
		"cache size":       put(48, 0x7f, 0xff, 0xff, 0xff),
		"encoding":         put(56, 0, 0, 0, 9),
		"root is an index": put(100, 10),
		"cell count":       put(103, 0xff, 0xff),
		"cell start":       put(105, 0, 1),
	}
	for _, size := range []int{1, 10, 100, 1_000} {
		for i := range 12 {
			all[fmt.Sprintf("%d bytes, %d", size, i)] = flip(size, 100, i)
		}
		all[fmt.Sprintf("%d bytes of the header", size)] = flip(size, 16, 0)
	}
	return all
}

// TestDamagedFiles reads files that are spoiled in many places. Whatever comes
// out, it is rows or a fault, soon, and never the end of this process.
func TestDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	whole := mustRead(t, mustCreate(t, dir+"/whole.db", append(library(), append(items(2_000), "CREATE INDEX i ON items (name)",
		"INSERT INTO search VALUES ('fox'), ('hen')", "INSERT INTO places VALUES (1, 2, 3)")...)...))
	for name, spoil := range damages() {
		path := dir + "/damaged.db"
		mustDo(t, os.WriteFile(path, spoil(bytes.Clone(whole)), 0o600))
		readAll(t, name, mustOpen(t, dir, path))
	}
}

func readAll(t *testing.T, name string, conn database.Conn) {
	t.Helper()
	check := func(what string, err error) {
		if err != nil && fault.Of(err).Kind == fault.Internal {
			t.Errorf("%s: %s: %v", name, what, err)
		}
	}
	_, err := conn.Probe(t.Context())
	check("probe", err)
	_, err = conn.Schema(t.Context())
	check("schema", err)
	for _, sql := range []string{
		"SELECT * FROM items", "SELECT count(*), sum(price) FROM items WHERE name LIKE 'item number 1%'",
		"SELECT * FROM search WHERE search MATCH 'fox'", "SELECT * FROM places WHERE x0 > 1", "SELECT * FROM overview",
		"SELECT name FROM items ORDER BY name DESC", "PRAGMA foreign_key_check",
	} {
		stmt := &sqlguard.Statement{SQL: sql}
		_, err := conn.Relations(t.Context(), stmt)
		check("relations of "+sql, err)
		_, err = conn.Query(t.Context(), stmt, database.Limit{Timeout: 5 * time.Second})
		check(sql, err)
	}
	mustDo(t, conn.Close())
}

// TestHostileSchemas opens files whose schema was written by hand: views that
// read themselves, sizes beyond all bounds, what is no SQL.
func TestHostileSchemas(t *testing.T) {
	dir := t.TempDir()
	schema := func(sql string) []string {
		return []string{"CREATE TABLE t (a)", "PRAGMA writable_schema = 1",
			"INSERT INTO sqlite_schema VALUES ('view', 'v', 'v', 0, '" + strings.ReplaceAll(sql, "'", "''") + "')"}
	}
	nested := "SELECT 1 AS a"
	for range 400 {
		nested = "SELECT * FROM (" + nested + ")"
	}
	for name, sql := range map[string]string{
		"itself":      "CREATE VIEW v AS SELECT * FROM v",
		"no SQL":      "hello",
		"wrong name":  "CREATE VIEW other AS SELECT 1",
		"deep":        "CREATE VIEW v AS " + nested,
		"deep call":   "CREATE VIEW v AS SELECT " + strings.Repeat("abs(", 5_000) + "1" + strings.Repeat(")", 5_000),
		"wide":        "CREATE VIEW v AS SELECT 1" + strings.Repeat(", 1", 40_000),
		"long string": "CREATE VIEW v AS SELECT '" + strings.Repeat("x", 5_000_000) + "'",
		"cross":       "CREATE VIEW v AS SELECT count(*) FROM t" + strings.Repeat(", t", 70),
	} {
		path := mustCreate(t, dir+"/"+strings.ReplaceAll(name, " ", "-")+".db", schema(sql)...)
		conn := mustOpen(t, dir, path)
		_, err := conn.Schema(t.Context())
		if err == nil {
			_, err = conn.Query(t.Context(), &sqlguard.Statement{SQL: "SELECT * FROM v"}, database.Limit{Timeout: 5 * time.Second})
		}
		if err != nil && fault.Of(err).Kind == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPromisedSizes declares a cell of two gigabytes in a file of two pages.
func TestPromisedSizes(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/a.db", "PRAGMA page_size = 512", "CREATE TABLE t (a)", "INSERT INTO t VALUES (x'00')")
	content := mustRead(t, path)
	start := 512 + int(binary.BigEndian.Uint16(content[512+5:]))
	copy(content[start:], []byte{0x87, 0xff, 0xff, 0xff, 0x7f, 1}) // the payload's length, a varint
	mustDo(t, os.WriteFile(path, content, 0o600))
	conn := mustOpen(t, dir, path)
	if _, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: "SELECT a FROM t"}, database.Limit{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}
