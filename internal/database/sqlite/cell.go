package sqlite

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	lib "modernc.org/sqlite/lib"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// column is one column of a running statement. SQLite types values, not
// columns: the storage class decides, and the declared type only where it
// names something that SQLite has no class for.
type column struct {
	boolean bool // declared BOOL or BOOLEAN: 0 and 1 are false and true
	json    bool // declared JSON: text that is JSON is shown as JSON
}

// describe returns the columns for the result and for encoding. It is called
// on the first row, so that a column without a declared type has the class of
// its first value.
func describe(s *statement, hasRow bool) ([]tool.Column, []column) {
	shown := make([]tool.Column, s.columns())
	columns := make([]column, len(shown))
	for i := range shown {
		declared := s.declared(i)
		shown[i] = tool.Column{Name: s.name(i), Type: declared}
		if declared == "" {
			shown[i].Type = "ANY"
			if hasRow {
				shown[i].Type = className(s.class(i))
			}
		}
		switch strings.ToUpper(declared) {
		case "BOOL", "BOOLEAN":
			columns[i].boolean = true
		case "JSON":
			columns[i].json = true
		}
	}
	return shown, columns
}

func className(class int32) string {
	switch class {
	case lib.SQLITE_INTEGER:
		return "INTEGER"
	case lib.SQLITE_FLOAT:
		return "REAL"
	case lib.SQLITE_TEXT:
		return "TEXT"
	case lib.SQLITE_BLOB:
		return "BLOB"
	default:
		return "ANY"
	}
}

// appendCell appends the JSON of column i in the current row (contract 6.5).
func appendCell(dst []byte, s *statement, i int, c column) []byte {
	switch s.class(i) {
	case lib.SQLITE_INTEGER:
		return appendInteger(dst, s.integer(i), c)
	case lib.SQLITE_FLOAT:
		return appendReal(dst, s.real(i))
	case lib.SQLITE_TEXT:
		return appendText(dst, s.view(i), c)
	case lib.SQLITE_BLOB:
		dst = append(dst, '"')
		dst = hex.AppendEncode(dst, s.blob(i))
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
// has no infinities; SQLite has no NaN.
func appendReal(dst []byte, v float64) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
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
