package postgres

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
	"unsafe"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// encoder appends the JSON of one value, given in PostgreSQL's text format.
// Whatever a server sends, the output is valid JSON: a text that is not what
// its type promises becomes a string.
type encoder func(dst, src []byte) []byte

// appendText appends any text as a string.
func appendText(dst, src []byte) []byte {
	// The string is only read during the call, while src does not change.
	return tool.AppendString(dst, unsafe.String(unsafe.SliceData(src), len(src)))
}

func appendBool(dst, src []byte) []byte {
	switch {
	case len(src) == 1 && src[0] == 't':
		return append(dst, "true"...)
	case len(src) == 1 && src[0] == 'f':
		return append(dst, "false"...)
	default:
		return appendText(dst, src)
	}
}

// appendNumber copies the digits; NaN and the infinities become strings.
func appendNumber(dst, src []byte) []byte {
	if isNumber(src) {
		return append(dst, src...)
	}
	return appendText(dst, src)
}

// isNumber accepts the grammar of RFC 8259, section 6.
func isNumber(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	n := digits(b)
	if n == 0 || n > 1 && b[0] == '0' {
		return false
	}
	b = b[n:]
	if len(b) > 0 && b[0] == '.' {
		if n = digits(b[1:]); n == 0 {
			return false
		}
		b = b[1+n:]
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if n = digits(b); n == 0 {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}

func digits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// appendBytes turns \xdeadbeef into "deadbeef".
func appendBytes(dst, src []byte) []byte {
	return appendText(dst, bytes.TrimPrefix(src, []byte(`\x`)))
}

// appendJSON copies a JSON value without the blanks between its tokens, which
// cost a reading model tokens. Numbers keep their digits.
func appendJSON(dst, src []byte) []byte {
	if !json.Valid(src) || !utf8.Valid(src) {
		return appendText(dst, src)
	}
	start, inString := 0, false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case !inString && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			dst = append(dst, src[start:i]...)
			start = i + 1
		}
	}
	return append(dst, src[start:]...)
}

// appendTimestamp turns "2026-01-31 12:00:00" into ISO 8601. Infinity and
// dates before our era stay as PostgreSQL writes them.
func appendTimestamp(dst, src []byte) []byte {
	if !isTime(src) {
		return appendText(dst, src)
	}
	return append(appendISO(append(dst, '"'), src), '"')
}

// appendZoned does the same for times with an offset, which ISO 8601 wants
// with minutes: +02 becomes +02:00.
func appendZoned(dst, src []byte) []byte {
	if !isTime(src) {
		return appendText(dst, src)
	}
	dst = appendISO(append(dst, '"'), src)
	if n := len(src); n > 3 && (src[n-3] == '+' || src[n-3] == '-') {
		dst = append(dst, ":00"...)
	}
	return append(dst, '"')
}

func appendISO(dst, src []byte) []byte {
	if i := bytes.IndexByte(src, ' '); i >= 0 {
		dst = append(append(dst, src[:i]...), 'T')
		src = src[i+1:]
	}
	return append(dst, src...)
}

// isTime accepts the letters of a date and time of our era.
func isTime(src []byte) bool {
	blanks := 0
	for _, c := range src {
		switch {
		case c == ' ':
			blanks++
		case c >= '0' && c <= ':', c == '-', c == '+', c == '.':
		default:
			return false
		}
	}
	return blanks <= 1
}

// arrayOf encodes arrays of the element type. PostgreSQL writes
// [1:2]={{a,"b,c"},{NULL,d}} (its manual, 8.15.6); bounds are left out.
func arrayOf(element encoder, delimiter byte) encoder {
	return func(dst, src []byte) []byte {
		mark := len(dst)
		body := src
		if len(src) > 0 && src[0] == '[' {
			if i := bytes.IndexByte(src, '='); i >= 0 {
				body = src[i+1:]
			}
		}
		a := arrayText{element: element, delimiter: delimiter, rest: body}
		dst, ok := a.append(dst, 0)
		if !ok || len(a.rest) > 0 {
			return appendText(dst[:mark], src)
		}
		return dst
	}
}

// maxDimensions is PostgreSQL's own limit; a hostile server gets no deeper.
const maxDimensions = 6

// arrayText reads one array.
type arrayText struct {
	element   encoder
	delimiter byte
	rest      []byte
}

// append reads one level, braces included.
func (a *arrayText) append(dst []byte, depth int) (_ []byte, ok bool) {
	if depth == maxDimensions || !a.skip('{') {
		return dst, false
	}
	dst = append(dst, '[')
	if a.skip('}') {
		return append(dst, ']'), true
	}
	for {
		if len(a.rest) > 0 && a.rest[0] == '{' {
			dst, ok = a.append(dst, depth+1)
		} else {
			dst, ok = a.appendElement(dst)
		}
		switch {
		case !ok:
			return dst, false
		case a.skip('}'):
			return append(dst, ']'), true
		case !a.skip(a.delimiter):
			return dst, false
		}
		dst = append(dst, ',')
	}
}

func (a *arrayText) skip(c byte) bool {
	if len(a.rest) == 0 || a.rest[0] != c {
		return false
	}
	a.rest = a.rest[1:]
	return true
}

func (a *arrayText) appendElement(dst []byte) ([]byte, bool) {
	if a.skip('"') {
		text, ok := a.quoted()
		return a.element(dst, text), ok
	}
	end := 0
	for end < len(a.rest) && a.rest[end] != a.delimiter && a.rest[end] != '}' {
		end++
	}
	text := a.rest[:end]
	a.rest = a.rest[end:]
	switch {
	case end == 0:
		return dst, false
	case len(text) == 4 && bytes.EqualFold(text, []byte("NULL")):
		return append(dst, "null"...), true
	default:
		return a.element(dst, text), true
	}
}

// quoted reads up to the closing quote and returns the text between, with the
// backslashes taken out; it copies only when there are any.
func (a *arrayText) quoted() ([]byte, bool) {
	var clean []byte
	start := 0
	for i := 0; i < len(a.rest); i++ {
		switch a.rest[i] {
		case '\\':
			clean = append(clean, a.rest[start:i]...)
			i++
			start = i
		case '"':
			text := a.rest[start:i]
			if clean != nil {
				text = append(clean, text...)
			}
			a.rest = a.rest[i+1:]
			return text, true
		}
	}
	return nil, false
}
