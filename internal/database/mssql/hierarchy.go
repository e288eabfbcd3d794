package mssql

import (
	"database/sql/driver"
	"strconv"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// step is one form of a number in a hierarchyid: fixed bits, x for a bit of
// the number, T for the last bit, which is 1 when a slash follows and 0 when a
// point does. min is the number whose x bits are all 0.
type step struct {
	bits string
	min  int64
}

// steps are all forms (Adam Milazzo, "How the SQL Server hierarchyid data type
// works"; the format is not in Microsoft's open specifications). No form
// begins like another.
var steps = [...]step{
	{"01xxT", 0},
	{"100xxT", 4},
	{"101xxxT", 8},
	{"110xx0x1xxxT", 16},
	{"1110xxx0xxx0x1xxxT", 80},
	{"11110xxxxx0xxx0x1xxxT", 1104},
	{"111110xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT", 5200},
	{"111111xxxxxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT", 4294972496},
	{"00111xxxT", -8},
	{"0010xx0x1xxxT", -72},
	{"000110xxxxx0xxx0x1xxxT", -4168},
	{"000101xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT", -4294971464},
	{"000100xxxxxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT", -281479271682120},
}

// appendHierarchy writes a hierarchyid as ToString does: /1/2.5/. What cannot
// be read is hex.
func appendHierarchy(dst []byte, v driver.Value) []byte {
	b, ok := v.([]byte)
	if !ok {
		return appendValue(dst, v)
	}
	text, ok := hierarchyText(b)
	if !ok {
		return appendHex(dst, b)
	}
	return tool.AppendString(dst, string(text))
}

func hierarchyText(b []byte) (text []byte, ok bool) {
	text = append(text, '/')
	last := true
	for at := 0; !onlyZeros(b, at); {
		n, closes, width := readStep(b, at)
		if width == 0 {
			return nil, false
		}
		at += width
		text = strconv.AppendInt(text, n, 10)
		if last = closes; last {
			text = append(text, '/')
		} else {
			text = append(text, '.')
		}
	}
	return text, last
}

// readStep reads the number at a bit; width is 0 when there is none. Before a
// point it is stored one higher, so that 1.1 sorts after 1.
func readStep(b []byte, at int) (n int64, closes bool, width int) {
	for _, s := range steps {
		if n, closes, ok := s.read(b, at); ok {
			if !closes {
				n--
			}
			return n, closes, len(s.bits)
		}
	}
	return 0, false, 0
}

func (s step) read(b []byte, at int) (n int64, closes, ok bool) {
	if at+len(s.bits) > 8*len(b) {
		return 0, false, false
	}
	for i, want := range []byte(s.bits) {
		set := bit(b, at+i)
		switch want {
		case 'x':
			n <<= 1
			if set {
				n |= 1
			}
		case 'T':
			closes = set
		default:
			if set != (want == '1') {
				return 0, false, false
			}
		}
	}
	return s.min + n, closes, true
}

func bit(b []byte, i int) bool { return b[i/8]>>(7-i%8)&1 == 1 }

// onlyZeros reports whether nothing but padding is left.
func onlyZeros(b []byte, at int) bool {
	if 8*len(b)-at >= 8 {
		return false
	}
	for ; at < 8*len(b); at++ {
		if bit(b, at) {
			return false
		}
	}
	return true
}
