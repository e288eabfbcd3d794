package postgres

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// FuzzEncoders: whatever a server sends for whatever type, a cell is one JSON
// value.
func FuzzEncoders(f *testing.F) {
	for _, seed := range []struct {
		oid  uint32
		text string
	}{
		{16, "t"}, {17, `\xff`}, {23, "-12"}, {701, "1e+20"}, {114, `{"a": [1, "b \" c"]}`}, {3802, `"\u00e9"`},
		{1184, "2026-01-31 12:00:00+02"}, {1009, `[1:2]={"a\"b",NULL}`}, {3807, `{"{\"a\": 1}"}`}, {1007, "{{1,2},{3,4}}"},
	} {
		f.Add(seed.oid, seed.text)
	}
	f.Fuzz(func(t *testing.T, oid uint32, text string) {
		it, ok := builtin(oid)
		if !ok {
			it.encode = appendText
		}
		const before = `[7,`
		out := it.encode([]byte(before), []byte(text))
		if string(out[:len(before)]) != before {
			t.Fatalf("type %d, %q: what was there before is now %q", oid, text, out)
		}
		if cell := out[len(before):]; !json.Valid(cell) || !utf8.Valid(cell) {
			t.Errorf("type %d, %q: %q is no JSON value", oid, text, cell)
		}
	})
}

func TestScrub(t *testing.T) {
	c := &conn{target: &target{ConnURL: database.ConnURL{Host: "db.internal", Password: "hunter22"}}}
	for text, want := range map[string]string{
		`could not open file "/var/lib/postgresql/15/base/1": no`:   `could not open file "<path>": no`,
		`connection to server at "10.1.2.3", port 5432 failed`:      `connection to server at <host>, port 5432 failed`,
		`could not connect to host "db2.internal" at 10.1.2.3:5432`: `could not connect to host <host> at <address>`,
		`see postgres://u:p@h/db?x=y for more`:                      `see <url> for more`,
		`password hunter22 on db.internal is wrong`:                 `password <hidden> on <hidden> is wrong`,
		`invalid input syntax for type date: "2026/13/45"`:          `invalid input syntax for type date: "2026/13/45"`,
		`operator does not exist: integer / text`:                   `operator does not exist: integer / text`,
		`column "a/b" does not exist`:                               `column "a/b" does not exist`,
		`function round(double precision, integer) does not exist`:  `function round(double precision, integer) does not exist`,
		`syntax error at or near "and/or"`:                          `syntax error at or near "and/or"`,
	} {
		if got := c.scrub(text); got != want {
			t.Errorf("scrub(%q) = %q, want %q", text, got, want)
		}
	}
}
