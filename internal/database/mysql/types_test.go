package mysql_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/types/mariadb.md")

// sample is a column type, a value in SQL and the JSON it becomes.
type sample struct{ typ, sql, json string }

func samples() []sample {
	return []sample{
		{"tinyint(1)", `TRUE`, `1`},
		{"tinyint", `-128`, `-128`},
		{"tinyint unsigned", `255`, `255`},
		{"smallint", `-32768`, `-32768`},
		{"mediumint", `8388607`, `8388607`},
		{"int", `-2147483648`, `-2147483648`},
		{"int(6) unsigned zerofill", `42`, `42`},
		{"bigint", `-9223372036854775808`, `-9223372036854775808`},
		{"bigint unsigned", `18446744073709551615`, `18446744073709551615`},
		{"decimal(65,30)", `12345678901234567890.123456789012345678901234567890`, `"12345678901234567890.123456789012345678901234567890"`},
		{"decimal(10,2)", `7`, `"7.00"`},
		{"float", `1.1`, `1.1`},
		{"double", `0.1 + 0.2e0`, `0.30000000000000004`},
		{"double", `-1e300`, `-1e+300`},
		{"double", `123456789012345680`, `123456789012345680`},
		{"bit(1)", `b'1'`, `"1"`},
		{"bit(12)", `b'000100000001'`, `"100000001"`},
		{"bit(64)", `0`, `"0"`},
		{"char(4)", `'c'`, `"c"`},
		{"varchar(60)", `'tab\t, quote ", ünï, 😀'`, `"tab\t, quote \", ünï, 😀"`},
		{"varchar(9) character set latin1", `'grün €'`, `"grün €"`},
		{"varchar(9) character set utf8mb3", `'日本'`, `"日本"`},
		{"varchar(9) character set ucs2", `'日本'`, `"日本"`},
		{"tinytext", `'a'`, `"a"`},
		{"text", `'line\nline'`, `"line\nline"`},
		{"mediumtext", `'m'`, `"m"`},
		{"longtext", `'l'`, `"l"`},
		{"enum('small','large')", `'large'`, `"large"`},
		{"set('a','b','c')", `'c,a'`, `"a,c"`},
		{"binary(3)", `x'DE'`, `"de0000"`},
		{"varbinary(9)", `x'DEADBEEF00'`, `"deadbeef00"`},
		{"tinyblob", `''`, `""`},
		{"blob", `x'00FF'`, `"00ff"`},
		{"mediumblob", `'a'`, `"61"`},
		{"longblob", `'b'`, `"62"`},
		{"date", `'2026-01-31'`, `"2026-01-31"`},
		{"date", `'0000-00-00'`, `"0000-00-00"`},
		{"datetime", `'2026-01-31 23:59:59'`, `"2026-01-31T23:59:59"`},
		{"datetime(6)", `'9999-12-31 23:59:59.123456'`, `"9999-12-31T23:59:59.123456"`},
		{"datetime", `'0000-00-00 00:00:00'`, `"0000-00-00T00:00:00"`},
		{"timestamp(3) null", `'2026-01-31 23:59:59.5'`, `"2026-01-31T23:59:59.500"`},
		{"time", `'-838:59:59'`, `"-838:59:59"`},
		{"time(6)", `'23:59:59.000001'`, `"23:59:59.000001"`},
		{"year", `2026`, `2026`},
		{"json", `'{ "b" : [1, 2.50, "x y"] }'`, `"{ \"b\" : [1, 2.50, \"x y\"] }"`},
		{"uuid", `'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'`, `"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"`},
		{"inet4", `'10.0.0.1'`, `"10.0.0.1"`},
		{"inet6", `'2001:DB8::1'`, `"2001:db8::1"`},
		{"point", `ST_GeomFromText('POINT(1.5 -2)', 4326)`, `"POINT(1.5 -2)"`},
		{"linestring", `ST_GeomFromText('LINESTRING(0 0,1 1e30)')`, `"LINESTRING(0 0,1 1e+30)"`},
		{"polygon", `ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))')`, `"POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))"`},
		{"multipoint", `ST_GeomFromText('MULTIPOINT(1 2,3 4)')`, `"MULTIPOINT(1 2,3 4)"`},
		{"multilinestring", `ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))')`, `"MULTILINESTRING((0 0,1 1),(2 2,3 3))"`},
		{"multipolygon", `ST_GeomFromText('MULTIPOLYGON(((0 0,4 0,4 4,0 0)),((9 9,8 9,8 8,9 9)))')`, `"MULTIPOLYGON(((0 0,4 0,4 4,0 0)),((9 9,8 9,8 8,9 9)))"`},
		{"geometrycollection", `ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))')`, `"GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))"`},
		{"geometry", `ST_GeomFromText('POINT(0 0)')`, `"POINT(0 0)"`},
		{"text compressed", `'c'`, `"c"`},
	}
}

// TestTypes stores and selects every type of the server, and writes the table
// of the documentation.
func TestTypes(t *testing.T) {
	s := start(t)
	// Zero dates have to be let in; the pool of the tests has one session.
	s.admin.SetMaxOpenConns(1)
	mustExec(t, s.admin, "SET sql_mode = ''")
	conn := open(t, s.readerConn)
	var doc strings.Builder
	doc.WriteString(typesHeader)
	for i, x := range samples() {
		table := fmt.Sprintf("sample%d", i)
		mustExec(t, s.admin, "CREATE TABLE "+table+" (v "+x.typ+")")
		mustExec(t, s.admin, "INSERT INTO "+table+" VALUES ("+x.sql+"), (NULL)")
		want := `[{"v":` + x.json + `},{"v":null}]`
		got := mustQuery(t, conn, "SELECT v FROM "+table)
		if got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s, %s: got %s, want %s", x.typ, x.sql, got, want)
		}
		fmt.Fprintf(&doc, "| %s | `%s` | `%s` |\n", x.typ, x.sql, x.json)
	}
	checkDoc(t, doc.String())
}

const typesHeader = `# MySQL and MariaDB: types and their JSON

Written by ` + "`go test ./internal/database/mysql -run TestTypes -update`" + ` from a real MariaDB server; do not edit.

Integers keep all their digits, floats are numbers, decimals are strings. There is no boolean type: BOOLEAN is
tinyint(1), a number. Dates and times are ISO 8601 in the login's time zone, zero dates as they are, TIME as the
server writes it (it may exceed a day). BIT is its binary digits, as BIN() gives them; binary types are lower-case
hex. Geometries are well-known text without their reference system. Types that are not listed come as the server's text.
SQL NULL is null in every type.

MySQL's JSON comes as JSON. MariaDB has no JSON type, its JSON is LONGTEXT with a check, so it comes as a string that
holds JSON. MySQL's VECTOR is lower-case hex.

| Type | Value | JSON |
|---|---|---|
`

func checkDoc(t *testing.T, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "docs", "types", "mariadb.md")
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("docs/types/mariadb.md is out of date, run this test with -update (-want +have):\n%s", diff)
	}
}
