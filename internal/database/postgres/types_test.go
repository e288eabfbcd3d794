package postgres_test

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

var update = flag.Bool("update", false, "write docs/types/postgres.md")

// sample is a type, a value in SQL and the JSON it becomes.
type sample struct{ typ, sql, json string }

func samples() []sample {
	return []sample{
		{"boolean", `true`, `true`},
		{"smallint", `(-32768)::smallint`, `-32768`},
		{"integer", `2147483647`, `2147483647`},
		{"bigint", `9223372036854775807`, `9223372036854775807`},
		{"oid", `4294967295::oid`, `4294967295`},
		{"xid", `'4294967295'::xid`, `4294967295`},
		{"xid8", `'18446744073709551615'::xid8`, `18446744073709551615`},
		{"cid", `'7'::cid`, `7`},
		{"real", `1.1::real`, `1.1`},
		{"real", `'NaN'::real`, `"NaN"`},
		{"double precision", `0.1::float8 + 0.2::float8`, `0.30000000000000004`},
		{"double precision", `1e300::float8`, `1e+300`},
		{"double precision", `'-Infinity'::float8`, `"-Infinity"`},
		{"double precision", `'-0'::float8`, `-0`},
		{"numeric", `12345678901234567890.123456789012345678901234567890`, `"12345678901234567890.123456789012345678901234567890"`},
		{"numeric(10,2)", `7::numeric(10,2)`, `"7.00"`},
		{"numeric", `'NaN'::numeric`, `"NaN"`},
		{"money", `1234.5::money`, `"$1,234.50"`},
		{"text", `E'tab\t, quote ", ünï, 😀'`, `"tab\t, quote \", ünï, 😀"`},
		{"character varying", `'v'::varchar(5)`, `"v"`},
		{"character(4)", `'c'::char(4)`, `"c   "`},
		{`"char"`, `'c'::"char"`, `"c"`},
		{"name", `'n'::name`, `"n"`},
		{"bytea", `'\xDEADbeef00'::bytea`, `"deadbeef00"`},
		{"bytea", `''::bytea`, `""`},
		{"date", `date '2026-01-31'`, `"2026-01-31"`},
		{"date", `date 'infinity'`, `"infinity"`},
		{"date", `date '0044-03-15 BC'`, `"0044-03-15 BC"`},
		{"time", `time '23:59:59.123456'`, `"23:59:59.123456"`},
		{"time with time zone", `timetz '23:59:59+02'`, `"23:59:59+02:00"`},
		{"timestamp", `timestamp '2026-01-31 23:59:59.5'`, `"2026-01-31T23:59:59.5"`},
		{"timestamp", `timestamp '-infinity'`, `"-infinity"`},
		{"timestamp", `timestamp '0044-03-15 12:00:00 BC'`, `"0044-03-15 12:00:00 BC"`},
		{"timestamp with time zone", `timestamptz '2026-01-31 23:59:59+05:30' AT TIME ZONE 'UTC' AT TIME ZONE 'UTC'`, `"2026-01-31T18:29:59+00:00"`},
		{"timestamp with time zone", `timestamptz 'infinity'`, `"infinity"`},
		{"interval", `interval '1 year 2 months 3 days 04:05:06.7'`, `"1 year 2 mons 3 days 04:05:06.7"`},
		{"uuid", `'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid`, `"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"`},
		{"json", `'{ "b" : [1, 2.50, "x y"],  "b": null }'::json`, `{"b":[1,2.50,"x y"],"b":null}`},
		{"jsonb", `'{"n": 12345678901234567890.5, "s": "a \" b"}'::jsonb`, `{"n":12345678901234567890.5,"s":"a \" b"}`},
		{"jsonpath", `'$.a[*] ? (@ > 1)'::jsonpath`, `"$.\"a\"[*]?(@ > 1)"`},
		{"xml", `'<a b="c"/>'::xml`, `"<a b=\"c\"/>"`},
		{"inet", `inet '192.168.0.1/24'`, `"192.168.0.1/24"`},
		{"cidr", `cidr '10.0.0.0/8'`, `"10.0.0.0/8"`},
		{"macaddr", `macaddr '08:00:2b:01:02:03'`, `"08:00:2b:01:02:03"`},
		{"macaddr8", `macaddr8 '08:00:2b:01:02:03:04:05'`, `"08:00:2b:01:02:03:04:05"`},
		{"bit(4)", `B'1010'`, `"1010"`},
		{"bit varying", `B'101'::varbit`, `"101"`},
		{"point", `point(1,2)`, `"(1,2)"`},
		{"line", `line '{1,2,3}'`, `"{1,2,3}"`},
		{"lseg", `lseg '((0,0),(1,1))'`, `"[(0,0),(1,1)]"`},
		{"box", `box '((0,0),(1,1))'`, `"(1,1),(0,0)"`},
		{"path", `path '((0,0),(1,1))'`, `"((0,0),(1,1))"`},
		{"polygon", `polygon '((0,0),(1,1),(1,0))'`, `"((0,0),(1,1),(1,0))"`},
		{"circle", `circle '<(0,0),5>'`, `"<(0,0),5>"`},
		{"int4range", `int4range(1, 5)`, `"[1,5)"`},
		{"int8range", `int8range(1, NULL)`, `"[1,)"`},
		{"numrange", `numrange(1.5, 2.5, '[]')`, `"[1.5,2.5]"`},
		{"daterange", `daterange('2026-01-01', '2026-02-01')`, `"[2026-01-01,2026-02-01)"`},
		{"tsrange", `tsrange('2026-01-01', '2026-02-01')`, `"[\"2026-01-01 00:00:00\",\"2026-02-01 00:00:00\")"`},
		{"tstzrange", `'empty'::tstzrange`, `"empty"`},
		{"int4multirange", `'{[1,3),[5,7)}'::int4multirange`, `"{[1,3),[5,7)}"`},
		{"tsvector", `to_tsvector('simple', 'a fat cat')`, `"'a':1 'cat':3 'fat':2"`},
		{"tsquery", `to_tsquery('simple', 'fat & cat')`, `"'fat' & 'cat'"`},
		{"pg_lsn", `pg_lsn '16/B374D848'`, `"16/B374D848"`},
		{"pg_snapshot", `'10:20:10,14'::pg_snapshot`, `"10:20:10,14"`},
		{"txid_snapshot", `'10:20:10,14'::txid_snapshot`, `"10:20:10,14"`},
		{"tid", `'(0,1)'::tid`, `"(0,1)"`},
		{"regclass", `'pg_class'::regclass`, `"pg_class"`},
		{"regtype", `'int'::regtype`, `"integer"`},
		{"regproc", `'now'::regproc`, `"now"`},
		{"int2vector", `'1 2'::int2vector`, `"1 2"`},
		{"oidvector", `'1 2'::oidvector`, `"1 2"`},
		{"aclitem", `'=r/pg_monitor'::aclitem`, `"=r/pg_monitor"`},
		{"refcursor", `'c'::refcursor`, `"c"`},
		{"record", `ROW(1, 'a b', NULL)`, `"(1,\"a b\",)"`},
		{"integer[]", `ARRAY[1, NULL, 3]`, `[1,null,3]`},
		{"integer[]", `'{}'::int[]`, `[]`},
		{"integer[][]", `ARRAY[[1,2],[3,4]]`, `[[1,2],[3,4]]`},
		{"integer[]", `'[0:1]={7,8}'::int[]`, `[7,8]`},
		{"bigint[]", `ARRAY[9223372036854775807]`, `[9223372036854775807]`},
		{"boolean[]", `ARRAY[true, false]`, `[true,false]`},
		{"double precision[]", `ARRAY[1.5, 'NaN']::float8[]`, `[1.5,"NaN"]`},
		{"numeric[]", `ARRAY[1.10]`, `["1.10"]`},
		{"text[]", `ARRAY['a', 'b,c', '"q"', E'back\\slash', 'NULL', '', NULL, '{x}']`, `["a","b,c","\"q\"","back\\slash","NULL","",null,"{x}"]`},
		{"bytea[]", `ARRAY['\xff'::bytea]`, `["ff"]`},
		{"timestamp[]", `ARRAY[timestamp '2026-01-31 12:00:00']`, `["2026-01-31T12:00:00"]`},
		{"uuid[]", `ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid]`, `["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]`},
		{"jsonb[]", `ARRAY['{"a": [1, "x"]}'::jsonb]`, `[{"a":[1,"x"]}]`},
		{"inet[]", `ARRAY[inet '10.0.0.1']`, `["10.0.0.1"]`},
		{"box[]", `ARRAY[box '((0,0),(1,1))', box '((1,1),(2,2))']`, `["(1,1),(0,0)","(2,2),(1,1)"]`},
		{"int4range[]", `ARRAY[int4range(1,2)]`, `["[1,2)"]`},
		{"record[]", `ARRAY[ROW(1, 'a')]`, `["(1,a)"]`},
		{"enum", `'sad'::mood`, `"sad"`},
		{"enum[]", `ARRAY['sad', 'happy']::mood[]`, `["sad","happy"]`},
		{"domain over integer", `5::positive`, `5`},
		{"domain over integer, array", `ARRAY[5, 6]::positive[]`, `[5,6]`},
		{"domain over an array", `'{1,2}'::pair`, `[1,2]`},
		{"domain over a domain", `5::small_positive`, `5`},
		{"composite", `ROW(1, 'a b')::item`, `"(1,\"a b\")"`},
		{"composite[]", `ARRAY[ROW(1, 'a b')::item]`, `["(1,\"a b\")"]`},
		{"range of one's own", `floatrange(1.5, 2.5)`, `"[1.5,2.5)"`},
		{"row of a table", `(SELECT t FROM item_table t)`, `"(1,x)"`},
		{"any of them", `NULL::item`, `null`},
	}
}

const ownTypes = `CREATE TYPE mood AS ENUM ('sad', 'happy');
	CREATE DOMAIN positive AS integer CHECK (value > 0);
	CREATE DOMAIN small_positive AS positive CHECK (value < 10);
	CREATE DOMAIN pair AS integer[];
	CREATE TYPE item AS (id integer, label text);
	CREATE TYPE floatrange AS RANGE (subtype = float8);
	CREATE TABLE item_table (id integer, label text); INSERT INTO item_table VALUES (1, 'x');
	GRANT SELECT ON item_table TO PUBLIC`

// TestTypes runs every sample on the server and keeps the table in docs.
func TestTypes(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, ownTypes)
	mustExec(t, s.admin, "ALTER DATABASE "+s.db+" SET TimeZone = 'UTC'; ALTER DATABASE "+s.db+" SET lc_monetary = 'C'")
	conn := s.open(t, s.readerConn)
	var doc strings.Builder
	doc.WriteString(typesHeader)
	for _, x := range samples() {
		for range 2 { // the second run finds types and statement known
			got := mustQuery(t, conn, "SELECT "+x.sql+" AS v")
			got = strings.TrimSuffix(strings.TrimPrefix(got, `[{"v":`), `}]`)
			if got != x.json || !json.Valid([]byte(got)) {
				t.Errorf("%s, %s: got %s, want %s", x.typ, x.sql, got, x.json)
			}
		}
		fmt.Fprintf(&doc, "| %s | `%s` | `%s` |\n", cell(x.typ), cell(x.sql), cell(x.json))
	}
	checkDoc(t, doc.String())
}

// TestEveryBuiltinType selects a NULL of every type that the server has, so
// that none of them, in no version, makes a query fail.
func TestEveryBuiltinType(t *testing.T) {
	s := start(t)
	conn := s.open(t, s.readerConn)
	list := mustExec(t, s.admin, `SELECT string_agg(format_type(oid, NULL), '|' ORDER BY oid) FROM pg_type
		WHERE typtype <> 'p' AND typrelid = 0 AND typnamespace = 'pg_catalog'::regnamespace`)
	for typ := range strings.SplitSeq(list, "|") {
		if got := mustQuery(t, conn, "SELECT NULL::"+typ+" AS v"); got != `[{"v":null}]` {
			t.Errorf("%s: %s", typ, got)
		}
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

const typesHeader = `# PostgreSQL: types and their JSON

Written by ` + "`go test ./internal/database/postgres -run TestTypes -update`" + ` from a real server; do not edit.

Integers keep all their digits, floats are numbers except NaN and the infinities, decimals and money are strings.
Times are ISO 8601, with the offset of the login's time zone where the type has one. Types that are not listed come as
the server's text. SQL NULL is null in every type.

| Type | SQL | JSON |
|---|---|---|
`

func checkDoc(t *testing.T, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "docs", "types", "postgres.md")
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
		t.Errorf("docs/types/postgres.md is out of date, run this test with -update (-want +have):\n%s", diff)
	}
}
