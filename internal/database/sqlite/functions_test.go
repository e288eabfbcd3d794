package sqlite_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// TestReplacedFunctionsAgree compares the replaced functions with the
// engine's own on arguments out of a small alphabet, where patterns match.
func TestReplacedFunctionsAgree(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/a.db", "CREATE TABLE a (x)")
	conn := mustOpen(t, dir, path)
	plain, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()

	random := rand.New(rand.NewPCG(1, 2))
	argument := func() string {
		letters := []string{"a", "A", "b", "é", "É", "%", "_", "*", "?", "[", "]", "^", "-", "世", "''", `\`}
		var b strings.Builder
		for range random.IntN(6) {
			b.WriteString(letters[random.IntN(len(letters))])
		}
		text := "'" + b.String() + "'"
		switch random.IntN(12) {
		case 0:
			return "NULL"
		case 1:
			return "CAST(" + text + " AS BLOB)"
		case 2:
			return fmt.Sprint(random.IntN(200))
		}
		return text
	}
	forms := []string{
		"%[1]s LIKE %[2]s", "%[1]s LIKE %[2]s ESCAPE '\\'", "%[1]s LIKE %[2]s ESCAPE 'a'", "%[1]s GLOB %[2]s", "%[1]s NOT LIKE %[2]s",
		"instr(%[1]s, %[2]s)", "replace(%[1]s, %[2]s, %[3]s)",
		"trim(%[1]s, %[2]s)", "ltrim(%[1]s, %[2]s)", "rtrim(%[1]s, %[2]s)", "trim(%[1]s)",
	}
	for range 2_000 {
		form := forms[random.IntN(len(forms))]
		text := fmt.Sprintf("SELECT quote("+form+") || quote(%[1]s) || quote(%[2]s) || quote(%[3]s)", argument(), argument(), argument())
		var want string
		if err := plain.QueryRow(text).Scan(&want); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		table, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: text}, database.Limit{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := unquote(t, table.Cell(0, 0)); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

// TestNoFunctionOutlivesItsStatement calls what could run for hours. The
// test's own time limit is the only clock.
func TestNoFunctionOutlivesItsStatement(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db",
		"CREATE TABLE long (a, b)", "INSERT INTO long VALUES (printf('%.*c', 9000000, 'a'), printf('%.*c', 4000000, 'a') || 'b')"))
	const tooLong = "text and pattern are too long to be matched"
	for _, tt := range []struct{ sql, want string }{
		{"SELECT instr(a, b) FROM long", ""},
		{"SELECT length(replace(a, b, '')) FROM long", ""},
		{"SELECT replace(a, 'a', a) FROM long", "string or blob too big"},
		{"SELECT substr(a, 1, 100000) LIKE '%ab' FROM long", ""},
		{"SELECT a LIKE '%' || b FROM long", tooLong},
		{"SELECT a LIKE '%' || substr(b, -240) || '%' || substr(b, -240) FROM long", tooLong},
		{"SELECT a GLOB '*' || substr(b, -240) || '*' FROM long", tooLong},
		{"SELECT length(trim(a, substr(b, 2))) FROM long", tooLong},
	} {
		_, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: tt.sql}, database.Limit{Timeout: time.Minute})
		if got := publicText(err); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.sql, got, tt.want)
		}
	}
}

// TestOneRowIsBounded asks for rows of gigabytes; ordinary rows of many
// columns have to come through.
func TestOneRowIsBounded(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	list := func(item string) string { return strings.TrimSuffix(strings.Repeat(item+", ", 400), ", ") }
	for _, tt := range []struct{ sql, want string }{
		{"SELECT " + list("printf('%.*c', 9000000, 'x')"), "string or blob too big"},
		{"SELECT count(*) FROM (VALUES " + list("(printf('%.*c', 9000000, 'x'))") + ")", "string or blob too big"},
		{"WITH t(x) AS MATERIALIZED (SELECT printf('%.*c', 9000000, 'x')) SELECT " + list("x") + " FROM t", "string or blob too big"},
		{"SELECT " + list("printf('%.*c', 20000, 'x')"), ""},
		{"SELECT length(printf('%.*c', 9000000, 'x'))", ""},
	} {
		_, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: tt.sql}, database.Limit{})
		if got := publicText(err); got != tt.want {
			t.Errorf("%.60s: %q, want %q", tt.sql, got, tt.want)
		}
	}
}

func publicText(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Public
}
