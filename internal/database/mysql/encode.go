package mysql

import (
	"bytes"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// encoder appends the JSON of one value, given in the server's text format.
// Whatever a server sends, the output is valid JSON: a text that is not what
// its type promises becomes a string.
type encoder func(dst, src []byte) []byte

// encoderOf returns the encoder of a type of [typeName]. Numbers are not here:
// the driver has parsed them.
func encoderOf(name string) encoder {
	switch name {
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector":
		return appendHex
	case "bit":
		return appendBits
	case "datetime", "timestamp":
		return appendTimestamp
	case "json":
		return appendJSON
	case "geometry":
		return appendGeometry
	default:
		return appendText
	}
}

// appendValue appends what the driver made of a value in the text protocol.
func appendValue(dst []byte, v driver.Value, encode encoder) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case []byte:
		return encode(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	case float32:
		return appendFloat(dst, float64(v), 32)
	case float64:
		return appendFloat(dst, v, 64)
	default:
		return tool.AppendString(dst, text(v))
	}
}

// appendFloat writes the shortest text that reads back the same, as
// encoding/json does.
func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return tool.AppendString(dst, strconv.FormatFloat(f, 'g', -1, bits))
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, bits)
}

// appendText appends any text as a string.
func appendText(dst, src []byte) []byte {
	// The string is only read during the call, while src does not change.
	return tool.AppendString(dst, unsafe.String(unsafe.SliceData(src), len(src)))
}

// appendHex appends bytes in lower-case hex.
func appendHex(dst, src []byte) []byte {
	return append(hex.AppendEncode(append(dst, '"'), src), '"')
}

// appendBits writes the digits of a big-endian number as BIN() does: the
// width of the type is not known here.
func appendBits(dst, src []byte) []byte {
	dst = append(dst, '"')
	started := false
	for i, b := range src {
		for bit := 7; bit >= 0; bit-- {
			one := b>>bit&1 == 1
			last := i == len(src)-1 && bit == 0
			if started = started || one; started || last {
				dst = append(dst, '0'+b>>bit&1)
			}
		}
	}
	return append(dst, '"')
}

// appendTimestamp turns "2026-01-31 12:00:00" into ISO 8601. Zero dates stay
// as they are.
func appendTimestamp(dst, src []byte) []byte {
	mark := len(dst)
	dst = appendText(dst, src)
	if i := bytes.IndexByte(dst[mark:], ' '); i >= 0 && len(src) >= len("2006-01-02 15:04:05") {
		dst[mark+i] = 'T'
	}
	return dst
}

// appendJSON copies a JSON value without the blanks between its tokens, which
// cost a reading model tokens. Numbers keep their digits.
func appendJSON(dst, src []byte) []byte {
	compact := bytes.NewBuffer(dst)
	if !utf8.Valid(src) || json.Compact(compact, src) != nil {
		return appendText(dst, src)
	}
	return compact.Bytes()
}
