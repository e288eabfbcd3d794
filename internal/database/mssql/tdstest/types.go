package tdstest

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"strings"
	"time"
)

// collation is Latin1_General_CI_AS (MS-TDS 2.2.5.1.2).
var collation = []byte{0x09, 0x04, 0xD0, 0x00, 0x34}

// Type is a column type as the wire describes it (MS-TDS 2.2.5.4) and the
// encoding of its values. A nil value is NULL; a value of another Go type than
// the constructor names is a mistake in the test and panics.
type Type struct {
	info   []byte
	null   []byte
	encode func(dst []byte, v any) []byte
}

// Column is one column of a result.
type Column struct {
	Name string
	Type Type
}

// byteLength is a type whose values follow their length in one byte.
func byteLength(encode func(v any) []byte, info ...byte) Type {
	return Type{info: info, null: []byte{0}, encode: func(dst []byte, v any) []byte {
		data := encode(v)
		return append(append(dst, byte(len(data))), data...)
	}}
}

// wordLength is a type whose values follow their length in two bytes.
func wordLength(encode func(v any) []byte, info ...byte) Type {
	return Type{info: info, null: []byte{0xFF, 0xFF}, encode: func(dst []byte, v any) []byte {
		data := encode(v)
		return append(binary.LittleEndian.AppendUint16(dst, uint16(len(data))), data...)
	}}
}

// partial is a type whose values come in chunks (MS-TDS 2.2.5.2.3), here in
// two where there is enough.
func partial(encode func(v any) []byte, info ...byte) Type {
	null := binary.LittleEndian.AppendUint64(nil, math.MaxUint64)
	return Type{info: info, null: null, encode: func(dst []byte, v any) []byte {
		data := encode(v)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(len(data)))
		for _, chunk := range [][]byte{data[:len(data)/2], data[len(data)/2:]} {
			if len(chunk) > 0 {
				dst = binary.LittleEndian.AppendUint32(dst, uint32(len(chunk)))
				dst = append(dst, chunk...)
			}
		}
		return binary.LittleEndian.AppendUint32(dst, 0)
	}}
}

// pointed is an old large type, whose values follow a text pointer.
func pointed(encode func(v any) []byte, info ...byte) Type {
	return Type{info: info, null: []byte{0}, encode: func(dst []byte, v any) []byte {
		data := encode(v)
		dst = append(dst, 16)
		dst = append(dst, make([]byte, 16+8)...)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(data)))
		return append(dst, data...)
	}}
}

func littleEndian(n int64, size int) []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(n))[:size]
}

// Int is an integer of 1 (tinyint), 2, 4 or 8 bytes; values are int64.
func Int(size int) Type {
	return byteLength(func(v any) []byte { return littleEndian(v.(int64), size) }, 0x26, byte(size))
}

// FixedInt is the bigint of a column that cannot be NULL.
func FixedInt() Type {
	return Type{info: []byte{0x7F}, encode: func(dst []byte, v any) []byte {
		return append(dst, littleEndian(v.(int64), 8)...)
	}}
}

// Bit holds bool.
func Bit() Type {
	return byteLength(func(v any) []byte {
		if v.(bool) {
			return []byte{1}
		}
		return []byte{0}
	}, 0x68, 1)
}

// Real holds float32.
func Real() Type {
	return byteLength(func(v any) []byte {
		return binary.LittleEndian.AppendUint32(nil, math.Float32bits(v.(float32)))
	}, 0x6D, 4)
}

// Float holds float64.
func Float() Type {
	return byteLength(func(v any) []byte {
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v.(float64)))
	}, 0x6D, 8)
}

// Decimal holds digits as string, with exactly scale of them after the point.
func Decimal(precision, scale byte) Type {
	return byteLength(func(v any) []byte { return decimal(v.(string)) }, 0x6A, 17, precision, scale)
}

func decimal(s string) []byte {
	n := unscaled(s)
	sign := byte(1)
	if n.Sign() < 0 {
		sign = 0
	}
	out := make([]byte, 17)
	out[0] = sign
	n.Abs(n).FillBytes(out[1:])
	for i, j := 1, 16; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

func unscaled(s string) *big.Int {
	n, ok := new(big.Int).SetString(strings.Replace(s, ".", "", 1), 10)
	if !ok {
		panic("tdstest: not a decimal: " + s)
	}
	return n
}

// Money holds digits as string with four of them after the point.
func Money() Type {
	return byteLength(func(v any) []byte {
		n := uint64(unscaled(v.(string)).Int64())
		high := binary.LittleEndian.AppendUint32(nil, uint32(n>>32))
		return binary.LittleEndian.AppendUint32(high, uint32(n))
	}, 0x6E, 8)
}

// SmallMoney is like [Money].
func SmallMoney() Type {
	return byteLength(func(v any) []byte { return littleEndian(unscaled(v.(string)).Int64(), 4) }, 0x6E, 4)
}

const day = 24 * time.Hour

// days counts them since the year 1 or 1900.
func days(t time.Time, since int) int64 {
	first := time.Date(since, 1, 1, 0, 0, 0, 0, time.UTC)
	return (t.Unix() - first.Unix()) / int64(day/time.Second)
}

// clock is the time of the day in units of 10^-scale seconds, in the number of
// bytes the scale takes.
func clock(t time.Time, scale byte) []byte {
	of := t.Sub(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location()))
	n := of.Nanoseconds()
	for range 9 - scale {
		n /= 10
	}
	return littleEndian(n, []int{3, 3, 3, 4, 4, 5, 5, 5}[scale])
}

// Date holds time.Time, as the following do.
func Date() Type {
	return byteLength(func(v any) []byte { return littleEndian(days(v.(time.Time), 1), 3) }, 0x28)
}

// Time has scale digits after the second.
func Time(scale byte) Type {
	return byteLength(func(v any) []byte { return clock(v.(time.Time), scale) }, 0x29, scale)
}

// SmallDateTime counts minutes.
func SmallDateTime() Type {
	return byteLength(func(v any) []byte {
		t := v.(time.Time)
		return append(littleEndian(days(t, 1900), 2), littleEndian(int64(t.Hour()*60+t.Minute()), 2)...)
	}, 0x6F, 4)
}

// DateTime counts three hundredths of a second.
func DateTime() Type {
	return byteLength(func(v any) []byte {
		t := v.(time.Time)
		seconds := int64(t.Hour()*3600 + t.Minute()*60 + t.Second())
		ticks := seconds*300 + (int64(t.Nanosecond())*3+5_000_000)/10_000_000
		return append(littleEndian(days(t, 1900), 4), littleEndian(ticks, 4)...)
	}, 0x6F, 8)
}

// DateTime2 has scale digits after the second.
func DateTime2(scale byte) Type {
	return byteLength(func(v any) []byte {
		return append(clock(v.(time.Time), scale), littleEndian(days(v.(time.Time), 1), 3)...)
	}, 0x2A, scale)
}

// DateTimeOffset sends the time in UTC and its offset in minutes.
func DateTimeOffset(scale byte) Type {
	return byteLength(func(v any) []byte {
		t := v.(time.Time)
		_, offset := t.Zone()
		out := append(clock(t.UTC(), scale), littleEndian(days(t.UTC(), 1), 3)...)
		return append(out, littleEndian(int64(offset/60), 2)...)
	}, 0x2B, scale)
}

// UniqueIdentifier holds the text of a UUID; the first three groups travel
// with their lowest byte first.
func UniqueIdentifier() Type {
	return byteLength(func(v any) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(v.(string), "-", ""))
		if err != nil || len(b) != 16 {
			panic("tdstest: not a UUID: " + v.(string))
		}
		return []byte{b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]}
	}, 0x24, 16)
}

func utf16Text(v any) []byte { return appendUTF16(nil, v.(string)) }

// latin1Text encodes for [collation].
func latin1Text(v any) []byte {
	var out []byte
	for _, r := range v.(string) {
		out = append(out, byte(r))
	}
	return out
}

func raw(v any) []byte { return v.([]byte) }

func withCollation(info ...byte) []byte { return append(info, collation...) }

func shortInfo(id byte, size int) []byte { return []byte{id, byte(size), byte(size >> 8)} }

// NVarChar holds string; size is in characters, 0 means max.
func NVarChar(size int) Type {
	if size == 0 {
		return partial(utf16Text, withCollation(0xE7, 0xFF, 0xFF)...)
	}
	return wordLength(utf16Text, withCollation(shortInfo(0xE7, 2*size)...)...)
}

// NChar holds string.
func NChar(size int) Type { return wordLength(utf16Text, withCollation(shortInfo(0xEF, 2*size)...)...) }

// VarChar holds string; size 0 means max.
func VarChar(size int) Type {
	if size == 0 {
		return partial(latin1Text, withCollation(0xA7, 0xFF, 0xFF)...)
	}
	return wordLength(latin1Text, withCollation(shortInfo(0xA7, size)...)...)
}

// Char holds string.
func Char(size int) Type { return wordLength(latin1Text, withCollation(shortInfo(0xAF, size)...)...) }

// VarBinary holds []byte; size 0 means max.
func VarBinary(size int) Type {
	if size == 0 {
		return partial(raw, 0xA5, 0xFF, 0xFF)
	}
	return wordLength(raw, shortInfo(0xA5, size)...)
}

// Binary holds []byte; rowversion is a binary of 8 bytes.
func Binary(size int) Type { return wordLength(raw, shortInfo(0xAD, size)...) }

// oldInfo describes an old large type: its greatest size, and the table that
// the column is of in one part.
func oldInfo(id byte, withColl bool) []byte {
	info := []byte{id, 0xFF, 0xFF, 0xFF, 0x7F}
	if withColl {
		info = append(info, collation...)
	}
	return appendUTF16(append(info, 1, 1, 0), "t")
}

// Text holds string.
func Text() Type { return pointed(latin1Text, oldInfo(0x23, true)...) }

// NText holds string.
func NText() Type { return pointed(utf16Text, oldInfo(0x63, true)...) }

// Image holds []byte.
func Image() Type { return pointed(raw, oldInfo(0x22, false)...) }

// XML holds string.
func XML() Type { return partial(utf16Text, 0xF1, 0) }

// UDT is a CLR type such as geometry; values are []byte.
func UDT(name string) Type {
	info := []byte{0xF0, 0xFF, 0xFF}
	info = appendShortText(appendShortText(appendShortText(info, "db"), "sys"), name)
	return partial(raw, append(info, 0, 0)...)
}

// Inner is a value of sql_variant: base type, its properties and its bytes
// (MS-TDS 2.2.5.5.3).
type Inner struct {
	Base       byte
	Properties []byte
	Data       []byte
}

// Variant holds [Inner].
func Variant() Type {
	return Type{info: []byte{0x62, 0x49, 0x1F, 0, 0}, null: []byte{0, 0, 0, 0}, encode: func(dst []byte, v any) []byte {
		in := v.(Inner)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(2+len(in.Properties)+len(in.Data)))
		dst = append(dst, in.Base, byte(len(in.Properties)))
		return append(append(dst, in.Properties...), in.Data...)
	}}
}
