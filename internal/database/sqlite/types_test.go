package sqlite_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/databasetest"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

var update = flag.Bool("update", false, "write docs/types/sqlite.md")

// sample is a value in a column of a declared type, and its JSON.
type sample struct{ declared, sql, json string }

func samples() []sample {
	return []sample{
		{"INTEGER", `42`, `42`},
		{"INTEGER", `9223372036854775807`, `9223372036854775807`},
		{"INTEGER", `'text in it'`, `"text in it"`},
		{"INTEGER", `NULL`, `null`},
		{"BIGINT", `-9223372036854775808`, `-9223372036854775808`},
		{"BOOLEAN", `1`, `true`},
		{"BOOLEAN", `FALSE`, `false`},
		{"BOOLEAN", `2`, `2`},
		{"BOOL", `'yes'`, `"yes"`},
		{"REAL", `12.5`, `12.5`},
		{"REAL", `3`, `3`},
		{"DOUBLE PRECISION", `0.1 + 0.2`, `0.30000000000000004`},
		{"FLOAT", `1e300`, `1e+300`},
		{"REAL", `9e999`, `"Infinity"`},
		{"REAL", `-9e999`, `"-Infinity"`},
		{"DECIMAL(10,2)", `12.50`, `12.5`},
		{"NUMERIC", `'12345678901234567890.5'`, `12345678901234567000`},
		{"MONEY", `7`, `7`},
		{"TEXT", `'Zoë "z" \ ' || char(10)`, `"Zoë \"z\" \\ \n"`},
		{"TEXT", `'a' || char(0) || 'b'`, `"a\u0000b"`},
		{"TEXT", `CAST(x'ff41' AS TEXT)`, `"` + "\uFFFD" + `A"`},
		{"VARCHAR(10)", `'longer than ten'`, `"longer than ten"`},
		{"TEXT", `007`, `"7"`},
		{"BLOB", `x'00FFab'`, `"00ffab"`},
		{"BLOB", `x''`, `""`},
		{"BLOB", `'text in it'`, `"text in it"`},
		{"DATE", `'2026-01-31'`, `"2026-01-31"`},
		{"TIME", `'23:59:59.5'`, `"23:59:59.5"`},
		{"DATETIME", `'2026-01-31 23:59:59'`, `"2026-01-31 23:59:59"`},
		{"TIMESTAMP", `'2026-01-31T23:59:59Z'`, `"2026-01-31T23:59:59Z"`},
		{"TIMESTAMP", `1769903999`, `1769903999`},
		{"DATETIME", `2461072.5`, `2461072.5`},
		{"JSON", `'{"a": [1, null]}'`, `{"a": [1, null]}`},
		{"JSON", `'no json'`, `"no json"`},
		{"JSON", `'12345678901234567890'`, `12345678901234567000`},
		{"TEXT", `'{"a": [1, null]}'`, `"{\"a\": [1, null]}"`},
		{"JSONB", `jsonb('[1]')`, `"2b1331"`},
		{"UUID", `'0f8fad5b-d9cb-469f-a165-70867728950e'`, `"0f8fad5b-d9cb-469f-a165-70867728950e"`},
		{"", `'no type'`, `"no type"`},
		{"WHATEVER", `'text'`, `"text"`},
	}
}

func TestTypes(t *testing.T) {
	dir := t.TempDir()
	var create []string
	for i, x := range samples() {
		create = append(create, fmt.Sprintf("CREATE TABLE t%d (c %s)", i, x.declared), fmt.Sprintf("INSERT INTO t%d VALUES (%s)", i, x.sql))
	}
	conn := mustOpen(t, dir, mustCreate(t, dir+"/types.db", create...))
	var doc strings.Builder
	doc.WriteString(typesHeader)
	for i, x := range samples() {
		table, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: fmt.Sprintf("SELECT c FROM t%d", i)}, database.Limit{})
		if err != nil {
			t.Errorf("%s %s: %v", x.declared, x.sql, err)
			continue
		}
		if got := string(table.Cell(0, 0)); got != x.json {
			t.Errorf("%s %s: got %s, want %s", x.declared, x.sql, got, x.json)
		}
		fmt.Fprintf(&doc, "| %s | `%s` | `%s` |\n", x.declared, cell(x.sql), cell(x.json))
	}
	checkDoc(t, doc.String())
}

// values are expressions without a declared type.
func values() []databasetest.Value {
	return []databasetest.Value{
		{SQL: `SELECT NULL`, JSON: `null`},
		{SQL: `SELECT -9223372036854775808`, JSON: `-9223372036854775808`},
		{SQL: `SELECT 1e-7`, JSON: `1e-07`},
		{SQL: `SELECT 1 = 1`, JSON: `1`},
		{SQL: `SELECT date('2026-01-31')`, JSON: `"2026-01-31"`},
		{SQL: `SELECT max(placed) FROM orders`, JSON: `"2026-02-01"`},
		{SQL: `SELECT json('{"a":[1,2]}')`, JSON: `"{\"a\":[1,2]}"`},
		{SQL: `SELECT total FROM orders WHERE id = 11`, JSON: `7`},
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

const typesHeader = `# SQLite: types and their JSON

Written by ` + "`go test ./internal/database/sqlite -run TestTypes -update`" + `; do not edit.

SQLite types values, not columns: any column may hold any of its five storage classes, and the class decides. Integers
keep all their digits; reals are numbers, the infinities strings; text is a string; blobs are lower-case hex. The declared
type counts in two cases only: 0 and 1 in a column declared BOOLEAN or BOOL are false and true, and text that is valid
JSON in a column declared JSON is shown as JSON. Decimals and money are stored as integers or binary floats, so they are
shown as numbers: a string would promise an exactness that the file does not have. Dates and times are shown as they are
stored, which is ISO 8601 where SQLite's own functions wrote them.

| Declared type | Stored value | JSON |
|---|---|---|
`

func checkDoc(t *testing.T, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "docs", "types", "sqlite.md")
	if *update {
		mustDo(t, os.WriteFile(path, []byte(want), 0o644))
	}
	have, err := os.ReadFile(path)
	mustDo(t, err)
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("docs/types/sqlite.md is out of date, run this test with -update (-want +have):\n%s", diff)
	}
}
