package mssql

import (
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	mssqldb "github.com/microsoft/go-mssqldb"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// encoder appends the JSON of one value that is not NULL. A value of another
// Go type than its column promises is encoded by its own.
type encoder func(dst []byte, v driver.Value) []byte

// column is one column of a result.
type column struct {
	name, typ string
	encode    encoder
}

// describe returns the columns of the result set that rows is at.
func describe(rows *mssqldb.Rows) []column {
	names := rows.Columns()
	columns := make([]column, len(names))
	for i, name := range names {
		typ := typeName(rows, i)
		columns[i] = column{name: name, typ: strings.ToLower(typ), encode: encoderOf(typ)}
	}
	return columns
}

// typeName asks the driver, which panics over types it has no name for.
func typeName(rows *mssqldb.Rows, i int) (name string) {
	defer func() {
		if recover() != nil {
			name = "UNKNOWN"
		}
	}()
	return rows.ColumnTypeDatabaseTypeName(i)
}

// encoderOf returns the encoder of a type by the driver's name for it. All
// others, sql_variant among them, go by the Go type of the value.
func encoderOf(typ string) encoder {
	switch typ {
	case "REAL":
		return func(dst []byte, v driver.Value) []byte { return appendFloat(dst, v, 32) }
	case "DECIMAL", "MONEY", "SMALLMONEY":
		return appendDecimal
	case "UNIQUEIDENTIFIER":
		return appendGUID
	case "DATE":
		return appendTime("2006-01-02")
	case "TIME":
		return appendTime("15:04:05.9999999")
	case "SMALLDATETIME", "DATETIME", "DATETIME2":
		return appendTime("2006-01-02T15:04:05.9999999")
	case "DATETIMEOFFSET":
		return appendTime("2006-01-02T15:04:05.9999999-07:00")
	case "HIERARCHYID":
		return appendHierarchy
	case "GEOMETRY", "GEOGRAPHY":
		return appendSpatial(typ == "GEOGRAPHY")
	case "SQL_VARIANT":
		return appendVariant
	default:
		return appendValue
	}
}

// appendValue encodes by the Go types that the driver makes.
func appendValue(dst []byte, v driver.Value) []byte {
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return appendFloat(dst, v, 64)
	case bool:
		return strconv.AppendBool(dst, v)
	case string:
		return tool.AppendString(dst, v)
	case []byte:
		return appendHex(dst, v)
	case time.Time:
		return appendTime("2006-01-02T15:04:05.9999999-07:00")(dst, v)
	case nil:
		return append(dst, "null"...)
	default:
		return tool.AppendString(dst, fmt.Sprint(v))
	}
}

// appendFloat writes the shortest form that reads back as the same value of
// that many bits. SQL Server has neither NaN nor infinities, but a server that
// sends them gets strings.
func appendFloat(dst []byte, v driver.Value, bits int) []byte {
	f, ok := v.(float64)
	switch {
	case !ok:
		return appendValue(dst, v)
	case math.IsNaN(f) || math.IsInf(f, 0):
		return tool.AppendString(dst, strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, 64), "+"))
	}
	return strconv.AppendFloat(dst, f, floatFormat(f), -1, bits)
}

// floatFormat avoids long rows of zeros.
func floatFormat(f float64) byte {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return 'e'
	}
	return 'f'
}

// appendDecimal writes the digits as a string (contract 6.5).
func appendDecimal(dst []byte, v driver.Value) []byte {
	digits, ok := v.([]byte)
	if !ok {
		return appendValue(dst, v)
	}
	return tool.AppendString(dst, string(digits))
}

func appendHex(dst, v []byte) []byte {
	dst = append(dst, '"')
	dst = hex.AppendEncode(dst, v)
	return append(dst, '"')
}

// appendGUID writes the groups of a UUID. The driver was told to put the bytes
// into the order they are written in: TDS sends the first three groups with
// their lowest byte first.
func appendGUID(dst []byte, v driver.Value) []byte {
	b, ok := v.([]byte)
	if !ok || len(b) != 16 {
		return appendValue(dst, v)
	}
	dst = append(dst, '"')
	for i, end := range []int{4, 6, 8, 10, 16} {
		start := []int{0, 4, 6, 8, 10}[i]
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, b[start:end])
	}
	return append(dst, '"')
}

// appendTime writes ISO 8601 with the digits of a second that are not zero.
func appendTime(layout string) encoder {
	return func(dst []byte, v driver.Value) []byte {
		t, ok := v.(time.Time)
		if !ok {
			return appendValue(dst, v)
		}
		dst = append(dst, '"')
		dst = t.AppendFormat(dst, layout)
		return append(dst, '"')
	}
}

// appendVariant encodes a value whose type only the wire knew. The driver
// gives decimals, money, GUIDs and binary data alike as bytes: what reads as a
// decimal number is taken for one, the rest is hex. Times without a date, and
// dates without a time, are taken for what they most likely are.
func appendVariant(dst []byte, v driver.Value) []byte {
	switch v := v.(type) {
	case []byte:
		if isDecimal(v) {
			return appendDecimal(dst, v)
		}
		return appendHex(dst, v)
	case time.Time:
		return appendTime(variantLayout(v))(dst, v)
	default:
		return appendValue(dst, v)
	}
}

// isDecimal accepts what the driver writes for decimals and money.
func isDecimal(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	digits, points := 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && digits > 0:
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1
}

// variantLayout tells the types apart by what the driver leaves empty: a time
// lies in year 1, and only a datetimeoffset has a zone of its own.
func variantLayout(t time.Time) string {
	year, month, day := t.Date()
	switch {
	case t.Location() != time.UTC:
		return "2006-01-02T15:04:05.9999999-07:00"
	case year == 1 && month == time.January && day == 1:
		return "15:04:05.9999999"
	default:
		return "2006-01-02T15:04:05.9999999"
	}
}
