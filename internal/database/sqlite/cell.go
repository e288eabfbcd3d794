package sqlite

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// column is one column of a running statement. SQLite types values, not
// columns: the storage class decides, and the declared type only where it
// names something that SQLite has no class for.
type column struct {
	boolean bool // declared BOOL or BOOLEAN: 0 and 1 are false and true
	json    bool // declared JSON: text that is JSON is shown as JSON
}

// describe returns the columns for the result and for encoding. A column
// without a declared type has the class of its first value.
func describe(described []protocol.Column) ([]tool.Column, []column) {
	shown := make([]tool.Column, len(described))
	columns := make([]column, len(described))
	for i, c := range described {
		shown[i] = tool.Column{Name: c.Name, Type: c.Declared}
		if c.Declared == "" {
			shown[i].Type = className(c.First)
		}
		columns[i].boolean = strings.EqualFold(c.Declared, "BOOL") || strings.EqualFold(c.Declared, "BOOLEAN")
		columns[i].json = strings.EqualFold(c.Declared, "JSON")
	}
	return shown, columns
}

func className(class protocol.Class) string {
	switch class {
	case protocol.Integer:
		return "INTEGER"
	case protocol.Real:
		return "REAL"
	case protocol.Text:
		return "TEXT"
	case protocol.Blob:
		return "BLOB"
	default:
		return "ANY"
	}
}

// appendCell appends the JSON of a value (contract 6.5).
func appendCell(dst []byte, v protocol.Value, c column) []byte {
	switch v.Class {
	case protocol.Integer:
		return appendInteger(dst, v.Int, c)
	case protocol.Real:
		return appendReal(dst, v.Real)
	case protocol.Text:
		// The string is only read, while the bytes stay as they are.
		return appendText(dst, unsafe.String(unsafe.SliceData(v.Bytes), len(v.Bytes)), c)
	case protocol.Blob:
		dst = append(dst, '"')
		dst = hex.AppendEncode(dst, v.Bytes)
		return append(dst, '"')
	default:
		return append(dst, "null"...)
	}
}

func appendInteger(dst []byte, v int64, c column) []byte {
	if c.boolean && (v == 0 || v == 1) {
		return strconv.AppendBool(dst, v == 1)
	}
	return strconv.AppendInt(dst, v, 10)
}

// appendReal writes the shortest form that reads back as the same value. JSON
// has no infinities; SQLite has no NaN, but a worker that is no longer itself
// may send one.
func appendReal(dst []byte, v float64) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	case math.IsNaN(v):
		return append(dst, "null"...)
	}
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, v, format, -1, 64)
}

func appendText(dst []byte, text string, c column) []byte {
	if c.json && utf8.ValidString(text) && json.Valid([]byte(text)) {
		return append(dst, text...)
	}
	return tool.AppendString(dst, text)
}
