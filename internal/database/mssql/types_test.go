package mssql_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
)

var update = flag.Bool("update", false, "write the table in docs")

// sample is a statement, what a server sends for it by MS-TDS, and the JSON.
type sample struct {
	typ, sql string
	wire     tdstest.Type
	value    any
	json     string
}

func (s sample) canned() canned {
	return canned{columns: []tdstest.Column{{Name: "v", Type: s.wire}}, rows: [][]any{{s.value}}}
}

// value writes the statement of a sample.
func value(expression string) string { return "SELECT " + expression + " AS v" }

func at(year int, month time.Month, day, hour, minute, second, nano int) time.Time {
	return time.Date(year, month, day, hour, minute, second, nano, time.UTC)
}

func mustHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func samples() []sample {
	list := append(numeric(), times()...)
	list = append(list, texts()...)
	list = append(list, variants()...)
	return append(list, clr()...)
}

func numeric() []sample {
	return []sample{
		{"bit", value("CAST(1 AS bit)"), tdstest.Bit(), true, `true`},
		{"bit", value("CAST(0 AS bit)"), tdstest.Bit(), false, `false`},
		{"tinyint", value("CAST(255 AS tinyint)"), tdstest.Int(1), int64(255), `255`},
		{"smallint", value("CAST(-32768 AS smallint)"), tdstest.Int(2), int64(-32768), `-32768`},
		{"int", value("CAST(-2147483648 AS int)"), tdstest.Int(4), int64(-2147483648), `-2147483648`},
		{"bigint", value("CAST(9223372036854775807 AS bigint)"), tdstest.Int(8), int64(math.MaxInt64), `9223372036854775807`},
		{"bigint", value("CAST(-9223372036854775808 AS bigint)"), tdstest.FixedInt(), int64(math.MinInt64), `-9223372036854775808`},
		{"real", value("CAST(0.1 AS real)"), tdstest.Real(), float32(0.1), `0.1`},
		{"real", value("CAST(3.4e38 AS real)"), tdstest.Real(), float32(3.4e38), `3.4e+38`},
		{"float", value("CAST(0.1 AS float)"), tdstest.Float(), 0.1, `0.1`},
		{"float", value("CAST(1e300 AS float)"), tdstest.Float(), 1e300, `1e+300`},
		{"float", value("CAST(-12345678.5 AS float)"), tdstest.Float(), -12345678.5, `-12345678.5`},
		{"decimal(38,0)", value("CAST(99999999999999999999999999999999999999 AS decimal(38,0))"), tdstest.Decimal(38, 0), strings.Repeat("9", 38), `"` + strings.Repeat("9", 38) + `"`},
		{"decimal(10,2)", value("CAST(-0.50 AS decimal(10,2))"), tdstest.Decimal(10, 2), "-0.50", `"-0.50"`},
		{"numeric(21,10)", value("CAST(12345678901.2345678901 AS numeric(21,10))"), tdstest.Decimal(21, 10), "12345678901.2345678901", `"12345678901.2345678901"`},
		{"decimal(5,5)", value("CAST(0 AS decimal(5,5))"), tdstest.Decimal(5, 5), "0.00000", `"0.00000"`},
		{"money", value("CAST(922337203685477.5807 AS money)"), tdstest.Money(), "922337203685477.5807", `"922337203685477.5807"`},
		{"money", value("CAST(-0.01 AS money)"), tdstest.Money(), "-0.0100", `"-0.0100"`},
		{"smallmoney", value("CAST(-214748.3648 AS smallmoney)"), tdstest.SmallMoney(), "-214748.3648", `"-214748.3648"`},
	}
}

func times() []sample {
	india := time.FixedZone("", 5*3600+1800)
	return []sample{
		{"date", value("CAST('2026-01-31' AS date)"), tdstest.Date(), at(2026, 1, 31, 0, 0, 0, 0), `"2026-01-31"`},
		{"date", value("CAST('0001-01-01' AS date)"), tdstest.Date(), at(1, 1, 1, 0, 0, 0, 0), `"0001-01-01"`},
		{"date", value("CAST('9999-12-31' AS date)"), tdstest.Date(), at(9999, 12, 31, 0, 0, 0, 0), `"9999-12-31"`},
		{"time(7)", value("CAST('23:59:59.9999999' AS time)"), tdstest.Time(7), at(2000, 1, 1, 23, 59, 59, 999999900), `"23:59:59.9999999"`},
		{"time(0)", value("CAST('12:00' AS time(0))"), tdstest.Time(0), at(2000, 1, 1, 12, 0, 0, 0), `"12:00:00"`},
		{"smalldatetime", value("CAST('2026-01-31 12:34' AS smalldatetime)"), tdstest.SmallDateTime(), at(2026, 1, 31, 12, 34, 0, 0), `"2026-01-31T12:34:00"`},
		{"datetime", value("CAST('2026-01-31 23:59:59.997' AS datetime)"), tdstest.DateTime(), at(2026, 1, 31, 23, 59, 59, 997000000), `"2026-01-31T23:59:59.997"`},
		{"datetime", value("CAST('1753-01-01' AS datetime)"), tdstest.DateTime(), at(1753, 1, 1, 0, 0, 0, 0), `"1753-01-01T00:00:00"`},
		{"datetime2(7)", value("CAST('2026-01-31 12:00:00.1234567' AS datetime2)"), tdstest.DateTime2(7), at(2026, 1, 31, 12, 0, 0, 123456700), `"2026-01-31T12:00:00.1234567"`},
		{"datetime2(3)", value("CAST('2026-01-31 12:00:00.120' AS datetime2(3))"), tdstest.DateTime2(3), at(2026, 1, 31, 12, 0, 0, 120000000), `"2026-01-31T12:00:00.12"`},
		{"datetimeoffset(7)", value("CAST('2026-01-31 23:59:59.5 +05:30' AS datetimeoffset)"), tdstest.DateTimeOffset(7), time.Date(2026, 1, 31, 23, 59, 59, 500000000, india), `"2026-01-31T23:59:59.5+05:30"`},
		{"datetimeoffset(0)", value("CAST('2026-01-31 12:00 +00:00' AS datetimeoffset(0))"), tdstest.DateTimeOffset(0), at(2026, 1, 31, 12, 0, 0, 0), `"2026-01-31T12:00:00+00:00"`},
	}
}

func texts() []sample {
	const uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
	return []sample{
		{"char(5)", value("CAST('ab' AS char(5))"), tdstest.Char(5), "ab   ", `"ab   "`},
		{"varchar(20)", value("CAST('Zoë \"x\"' AS varchar(20))"), tdstest.VarChar(20), `Zoë "x"`, `"Zoë \"x\""`},
		{"varchar(max)", value("CAST('long' AS varchar(max))"), tdstest.VarChar(0), "long", `"long"`},
		{"nchar(3)", value("CAST(N'日本' AS nchar(3))"), tdstest.NChar(3), "日本 ", `"日本 "`},
		{"nvarchar(20)", value("CAST(N'日本 😀' AS nvarchar(20))"), tdstest.NVarChar(20), "日本 😀", `"日本 😀"`},
		{"nvarchar(max)", value("CAST(N'a\\b' + NCHAR(10) AS nvarchar(max))"), tdstest.NVarChar(0), "a\\b\n", `"a\\b\n"`},
		{"nvarchar(max)", value("CAST(N'' AS nvarchar(max))"), tdstest.NVarChar(0), "", `""`},
		{"text", value("CAST('old' AS text)"), tdstest.Text(), "old", `"old"`},
		{"ntext", value("CAST(N'öld' AS ntext)"), tdstest.NText(), "öld", `"öld"`},
		{"xml", value("CAST('<a b=\"c\"/>' AS xml)"), tdstest.XML(), `<a b="c"/>`, `"<a b=\"c\"/>"`},
		{"json (a text for clients that do not ask for more)", value(`CAST('{"a":[1,2.50]}' AS json)`), tdstest.NVarChar(0), `{"a":[1,2.50]}`, `"{\"a\":[1,2.50]}"`},
		{"uniqueidentifier", value("CAST('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11' AS uniqueidentifier)"), tdstest.UniqueIdentifier(), uuid, `"` + uuid + `"`},
		{"binary(4)", value("CAST(0xDEADBEEF AS binary(4))"), tdstest.Binary(4), []byte{0xDE, 0xAD, 0xBE, 0xEF}, `"deadbeef"`},
		{"varbinary(8)", value("CAST(0x00FF AS varbinary(8))"), tdstest.VarBinary(8), []byte{0, 0xFF}, `"00ff"`},
		{"varbinary(max)", value("CAST(0x AS varbinary(max))"), tdstest.VarBinary(0), []byte{}, `""`},
		{"image", value("CAST(0xFF AS image)"), tdstest.Image(), []byte{0xFF}, `"ff"`},
		{"rowversion", value("CAST(0x00000000000007D1 AS rowversion)"), tdstest.Binary(8), mustHex("00000000000007d1"), `"00000000000007d1"`},
		{"any of them", value("CAST(NULL AS int)"), tdstest.Int(4), nil, `null`},
		{"any of them", value("CAST(NULL AS varchar(max))"), tdstest.VarChar(0), nil, `null`},
		{"any of them", value("CAST(NULL AS text)"), tdstest.Text(), nil, `null`},
		{"any of them", value("CAST(NULL AS sql_variant)"), tdstest.Variant(), nil, `null`},
	}
}

// variants spell the inner values byte by byte (MS-TDS 2.2.5.5.3).
func variants() []sample {
	latin1 := []byte{0x09, 0x04, 0xD0, 0x00, 0x34}
	v := func(expression string, base byte, properties []byte, data, json string) sample {
		return sample{"sql_variant", value("CAST(" + expression + " AS sql_variant)"), tdstest.Variant(), tdstest.Inner{Base: base, Properties: properties, Data: mustHex(data)}, json}
	}
	return []sample{
		v("42", 0x38, nil, "2a000000", `42`),
		v("CAST(9223372036854775807 AS bigint)", 0x7F, nil, "ffffffffffffff7f", `9223372036854775807`),
		v("CAST(1 AS bit)", 0x32, nil, "01", `true`),
		v("CAST(0.5 AS float)", 0x3E, nil, "000000000000e03f", `0.5`),
		v("12.50", 0x6C, []byte{4, 2}, "01e2040000", `"12.50"`),
		v("CAST(-1 AS money)", 0x3C, nil, "fffffffff0d8ffff", `"-1.0000"`),
		v("N'aé'", 0xE7, append(latin1, 0x40, 0x1F), "6100e900", `"aé"`),
		v("'aé'", 0xA7, append(latin1, 0x40, 0x1F), "61e9", `"aé"`),
		v("0xFF00", 0xA5, []byte{0x40, 0x1F}, "ff00", `"ff00"`),
		v("CAST('12:00:00.5' AS time(7))", 0x29, []byte{7}, "402b819564", `"12:00:00.5"`),
		v("CAST('2026-01-31 12:00:00.5' AS datetime2(7))", 0x2A, []byte{7}, "402b8195643e490b", `"2026-01-31T12:00:00.5"`),
		v("CAST('2026-01-31' AS date)", 0x28, nil, "3e490b", `"2026-01-31T00:00:00"`),
		v("CAST('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11' AS uniqueidentifier)", 0x24, nil, "99bceea00b9cf84ebb6d6bb9bd380a11", `"a0eebc999c0b4ef8bb6d6bb9bd380a11"`),
	}
}

// clr are values as SQL Server stores them; those of geography and the long
// geometry come from public scripts.
func clr() []sample {
	h := func(path, stored string) sample {
		return sample{"hierarchyid", value("CAST('" + path + "' AS hierarchyid)"), tdstest.UDT("hierarchyid"), mustHex(stored), `"` + path + `"`}
	}
	g := func(typ, srid, text, stored string) sample {
		return sample{typ, value(typ + "::STGeomFromText('" + text + "', " + srid + ")"), tdstest.UDT(typ), mustHex(stored), `"` + text + `"`}
	}
	const (
		zero = "0000000000000000"
		one  = "000000000000f03f"
		two  = "0000000000000040"
		nan  = "000000000000f8ff"
	)
	return []sample{
		h("/", ""),
		h("/1/", "58"),
		h("/1/1/", "5ac0"),
		h("/1/1/1/", "5ad6"),
		h("/2/", "68"),
		h("/5/", "8c"),
		h("/1.1/", "62c0"),
		h("/-1/", "3f80"),
		h("/16/", "c110"),
		g("geography", "4326", "POINT (-73.99 40.75)", "e6100000010c00000000006044408fc2f5285c7f52c0"),
		g("geometry", "0", "POINT (1 2)", "00000000010c"+one+two),
		g("geometry", "0", "POINT (1 2 1 2)", "00000000010f"+one+two+one+two),
		g("geometry", "0", "POINT (1 2 NULL 2)", "00000000010f"+one+two+nan+two),
		g("geometry", "0", "LINESTRING (0 0, 1 2)", "000000000114"+zero+zero+one+two),
		g("geometry", "0", "POLYGON ((0 0, 5 0, 5 3, 0 3, 0 0))", "00000000010405000000000000000000000000000000000000000000000000001440000000000000000000000000000014400000000000000840000000000000000000000000000008400000000000000000000000000000000001000000020000000001000000ffffffff0000000003"),
		g("geometry", "0", "POINT EMPTY", "000000000104"+"00000000"+"00000000"+"01000000"+"ffffffffffffffff01"),
		g("geometry", "0", "MULTIPOINT ((0 0), (1 2))", "000000000104"+"02000000"+zero+zero+one+two+
			"02000000"+"0100000000"+"0101000000"+"03000000"+"ffffffff0000000004"+"000000000000000001"+"000000000100000001"),
		g("geometry", "0", "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))", "000000000104"+"03000000"+one+two+zero+zero+one+one+
			"02000000"+"0100000000"+"0101000000"+"03000000"+"ffffffff0000000007"+"000000000000000001"+"000000000100000002"),
		g("geometry", "0", "GEOMETRYCOLLECTION EMPTY", "000000000104"+"00000000"+"00000000"+"01000000"+"ffffffffffffffff07"),
		g("geometry", "0", "MULTILINESTRING ((0 0, 1 1), (2 2, 1 2))", "000000000104"+"04000000"+zero+zero+one+one+two+two+one+two+
			"02000000"+"0100000000"+"0102000000"+"03000000"+"ffffffff0000000005"+"000000000000000002"+"000000000100000002"),
		g("geometry", "0", "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))", "000000000104"+"04000000"+zero+zero+one+zero+one+one+zero+zero+
			"01000000"+"0200000000"+"02000000"+"ffffffff0000000006"+"000000000000000003"),
		g("geometry", "0", "CIRCULARSTRING (0 0, 1 1, 2 0)", "000000000204"+"03000000"+zero+zero+one+one+two+zero+
			"01000000"+"0200000000"+"01000000"+"ffffffff0000000008"+"00000000"),
		g("geography", "4326", "FULLGLOBE", "e6100000"+"0224"+"00000000"+"00000000"+"01000000"+"ffffffffffffffff0b"+"00000000"),
	}
}

// TestTypes keeps the table in docs; the suite runs the samples.
func TestTypes(t *testing.T) {
	var doc strings.Builder
	doc.WriteString(typesHeader)
	for _, x := range samples() {
		fmt.Fprintf(&doc, "| %s | `%s` | `%s` |\n", x.typ, strings.TrimSuffix(strings.TrimPrefix(x.sql, "SELECT "), " AS v"), x.json)
	}
	checkDoc(t, doc.String())
}

const typesHeader = `# Microsoft SQL Server: types and their JSON

Written by ` + "`go test ./internal/database/mssql -run TestTypes -update`" + `; do not edit.

**Not seen on a real server.** No SQL Server was there to write this table. The values are laid out as the specification
of the wire protocol (MS-TDS) and of the CLR types (MS-SSCLRT) says, sent by a small server of our own over a real socket,
and read by Microsoft's Go driver as in production. ` + "`MCPGW_TEST_MSSQL`" + ` runs the same table against a real server
(docs/design/004-sql-server.md).

Integers keep all their digits, floats are numbers, decimals and money are strings. Times are ISO 8601 with the digits of
a second that are not zero, and with the offset where the type has one. UUIDs are lower case. Text comes as it is, char
with its padding; xml is its text, and json, for which the driver does not ask, too. hierarchyid, geometry and geography
are in the text form of their ToString(); curves composed of arcs and lines, and CLR types of one's own, are hex. In
sql_variant the driver does not tell decimals, UUIDs and binary data apart: what reads as a decimal number is shown as
one, the rest as hex; dates come with a time. Cast to the inner type to be sure. SQL NULL is null in every type.

| Type | SQL | JSON |
|---|---|---|
`

func checkDoc(t *testing.T, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "docs", "types", "mssql.md")
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
		t.Errorf("docs/types/mssql.md is out of date, run this test with -update (-want +have):\n%s", diff)
	}
}
