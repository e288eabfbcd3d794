package mssql

import (
	"encoding/json"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// FuzzEncoders: whatever a server stores in whatever type, a cell is one JSON
// value.
func FuzzEncoders(f *testing.F) {
	names := []string{"HIERARCHYID", "GEOMETRY", "GEOGRAPHY", "SQL_VARIANT", "DECIMAL", "UNIQUEIDENTIFIER", "VARCHAR", "REAL", "DATE"}
	for i := range names {
		for _, seed := range []string{"", "\x58", "\x5a\xd6", "12.50", "\x00\x00\x00\x00\x01\x04\xff\xff\xff\x7f",
			"\x00\x00\x00\x00\x01\x0c\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\xf8\x7f"} {
			f.Add(uint8(i), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		name := names[int(which)%len(names)]
		for _, v := range []any{b, string(b), int64(len(b)), nil} {
			const before = `[7,`
			out := encoderOf(name)([]byte(before), v)
			if string(out[:len(before)]) != before {
				t.Fatalf("%s, %q: what was there before is now %q", name, b, out)
			}
			if cell := out[len(before):]; !json.Valid(cell) || !utf8.Valid(cell) {
				t.Errorf("%s, %q: %q is no JSON value", name, b, cell)
			}
		}
	})
}

// TestOtherGoTypes: a value that is not what its column promises is encoded by
// what it is.
func TestOtherGoTypes(t *testing.T) {
	for _, tt := range []struct {
		typ  string
		v    any
		want string
	}{
		{"REAL", "text", `"text"`},
		{"FLOAT", math.Inf(1), `"Inf"`},
		{"FLOAT", math.Inf(-1), `"-Inf"`},
		{"FLOAT", math.NaN(), `"NaN"`},
		{"FLOAT", 1e-7, `1e-07`},
		{"DECIMAL", 1.5, `1.5`},
		{"UNIQUEIDENTIFIER", []byte{1, 2}, `"0102"`},
		{"DATE", int64(5), `5`},
		{"HIERARCHYID", []byte{0xFF, 0xFF}, `"ffff"`},
		{"HIERARCHYID", []byte{0x01}, `"01"`},
		{"HIERARCHYID", "text", `"text"`},
		{"GEOMETRY", []byte{1, 2, 3}, `"010203"`},
		{"GEOMETRY", "text", `"text"`},
		{"MYTYPE", []byte{1, 2, 3}, `"010203"`},
		{"UNKNOWN", time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC), `"2026-01-31T00:00:00+00:00"`},
		{"UNKNOWN", struct{ A int }{7}, `"{7}"`},
		{"VARCHAR", nil, `null`},
	} {
		if got := string(encoderOf(tt.typ)(nil, tt.v)); got != tt.want {
			t.Errorf("%s, %v: %s, want %s", tt.typ, tt.v, got, tt.want)
		}
	}
}

func TestScrub(t *testing.T) {
	c := &conn{target: &target{ConnURL: database.ConnURL{Host: "db.internal", Password: "hunter22"}}}
	for text, want := range map[string]string{
		`Cannot open backup device 'D:\backup\x.bak'.`:  `Cannot open backup device '<path>'.`,
		`file "\\nas01\share$\a.mdf" is gone`:           `file "<path>" is gone`,
		`/var/opt/mssql/data/a.mdf is gone`:             `<path> is gone`,
		`Could not find server 'DB02' in sys.servers`:   `Could not find server <host> in sys.servers`,
		`no answer from 10.1.2.3,1433`:                  `no answer from <address>`,
		`see https://aka.ms/x?y=z for more`:             `see <url> for more`,
		`password hunter22 on db.internal`:              `password <hidden> on <hidden>`,
		`Conversion failed for 'a/b' to data type int.`: `Conversion failed for 'a/b' to data type int.`,
		`Incorrect syntax near '/'.`:                    `Incorrect syntax near '/'.`,
		`Invalid column name 'c:d'.`:                    `Invalid column name 'c:d'.`,
	} {
		if got := c.scrub(text); got != want {
			t.Errorf("scrub(%q) = %q, want %q", text, got, want)
		}
	}
}
