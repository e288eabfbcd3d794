package mysql_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// Types of columns on the wire (MySQL's manual of its protocol,
// enum_field_types), and the collation of bytes.
const (
	wireText     = 0xfd
	wireTiny     = 0x01
	wireDouble   = 0x05
	wireNull     = 0x06
	wireLong     = 0x08
	wireDateTime = 0x0c
	wireBit      = 0x10
	wireVector   = 0xf2
	wireJSON     = 0xf5
	wireBlob     = 0xfc
	wireGeometry = 0xff
	wireUnknown  = 0x7f
)

// typed describes a column of bytes of the type.
func typed(typ byte) string {
	c := []byte(column("v"))
	c[len(c)-12], c[len(c)-6] = 63, typ
	return string(c)
}

// TestWireTypes is about what MariaDB does not send, and about texts that are
// not what their type promises: they must not break the result's JSON.
func TestWireTypes(t *testing.T) {
	point := "\x01\x01\x00\x00\x00" + strings.Repeat("\x00", 16)
	nested := "\x01\x07\x00\x00\x00\x01\x00\x00\x00"
	for _, tt := range []struct {
		typ         byte
		value, json string
	}{
		{wireJSON, `{ "a" : [1.50, 12345678901234567890, "x y"] }`, `{"a":[1.50,12345678901234567890,"x y"]}`},
		{wireJSON, `{"a":`, `"{\"a\":"`},
		{wireJSON, "\"\xff\"", `"\"` + "\uFFFD" + `\""`},
		{wireVector, "\x00\x00\x80\x3f", `"0000803f"`},
		{wireBlob, "\x00\xff", `"00ff"`},
		{wireText, "a\xffb", `"61ff62"`},
		{wireBit, "\x00\x05", `"101"`},
		{wireBit, "\x00", `"0"`},
		{wireBit, "\x80\x00\x00\x00\x00\x00\x00\x01", `"1` + strings.Repeat("0", 62) + `1"`},
		{wireTiny, "-1", `-1`},
		{wireLong, "-9223372036854775808", `-9223372036854775808`},
		{wireDouble, "1e-7", `1e-07`},
		{wireDouble, "-0", `-0`},
		{wireDouble, "1e21", `1e+21`},
		{wireDouble, "inf", `"+Inf"`},
		{wireDouble, "nan", `"NaN"`},
		{wireDateTime, "2026-01-31 12:00:00", `"2026-01-31T12:00:00"`},
		{wireDateTime, "no date", `"no date"`},
		{wireUnknown, "odd \" text", `"odd \" text"`},
		{wireNull, "x", `"x"`},
		{wireGeometry, "\xe6\x10\x00\x00" + point, `"POINT(0 0)"`},
		{wireGeometry, "\x00\x00\x00\x00" + point[:20], `"000000000101000000` + strings.Repeat("00", 15) + `"`},
		{wireGeometry, "abc", `"616263"`},
		{wireGeometry, "\x00\x00\x00\x00" + point + "x", `"000000000101000000` + strings.Repeat("00", 16) + `78"`},
		{wireGeometry, "\x00\x00\x00\x00\x01\x09\x00\x00\x00", `"000000000109000000"`},
		{wireGeometry, "\x00\x00\x00\x00\x01\x02\x00\x00\x00\xff\xff\xff\xff", `"000000000102000000ffffffff"`},
		{wireGeometry, "\x00\x00\x00\x00" + strings.Repeat(nested, 20), `"00000000` + strings.Repeat("010700000001000000", 20) + `"`},
		{wireGeometry, "\x00\x00\x00\x00\x00\x00\x00\x00\x01" + strings.Repeat("\x3f\xf0\x00\x00\x00\x00\x00\x00", 2), `"POINT(1 1)"`},
	} {
		server := fake(t, func(p *peer) {
			if p.login() {
				p.serve(func(string) {
					for _, packet := range []string{"\x01", typed(tt.typ), eofPacket, lenEnc(tt.value), eofPacket} {
						p.send(packet)
					}
				})
			}
		})
		table, err := open(t, server.url()).Query(t.Context(), statement("SELECT v"), database.Limit{})
		if err != nil {
			t.Errorf("type %#x, %q: %v", tt.typ, tt.value, err)
			continue
		}
		if got := string(table.Cell(0, 0)); got != tt.json || !json.Valid([]byte(got)) {
			t.Errorf("type %#x, %q: got %s, want %s", tt.typ, tt.value, got, tt.json)
		}
		if table.Columns()[0].Type == "" {
			t.Errorf("type %#x has no name", tt.typ)
		}
	}
}
