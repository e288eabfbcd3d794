package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// deceives reports whether a character changes how the text around it reads,
// or moves a terminal's cursor: controls other than tab and line ends, and
// those that turn the direction of a text (Unicode TR 9 and TR 36).
func deceives(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r':
		return false
	case r < 0x20, r >= 0x7f && r <= 0x9f:
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	default:
		return false
	}
}

// Visible returns the text with characters that would deceive its reader
// written out, as \u202e. People read records in lists and terminals, and
// nobody who sends a text may decide how the record of it looks.
func Visible(s string) string {
	if isPlain(s) {
		return s
	}
	at := strings.IndexFunc(s, deceives)
	if at < 0 {
		return s
	}
	var b strings.Builder
	b.WriteString(s[:at])
	for _, r := range s[at:] {
		if deceives(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isPlain reports whether s is all printable ASCII, as most texts are.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// appendVisible appends a JSON document with such characters of its texts
// written out, whether they stand there or are escaped. The escape becomes
// part of the text, so that whoever decodes the document sees it.
func appendVisible(dst, doc []byte) []byte {
	if !bytes.ContainsFunc(doc, deceives) && !bytes.Contains(doc, []byte(`\u`)) {
		return append(dst, doc...)
	}
	for i := 0; i < len(doc); {
		r, size := utf8.DecodeRune(doc[i:])
		switch {
		case r == '\\' && i+1 < len(doc) && doc[i+1] != 'u':
			size = 2 // an escape of one character, perhaps another backslash
		case r == '\\' && deceives(escaped(doc[i:])):
			dst = append(dst, '\\')
		case deceives(r):
			dst = fmt.Appendf(dst, `\\u%04x`, r)
			i += size
			continue
		}
		dst = append(dst, doc[i:i+size]...)
		i += size
	}
	return dst
}

// escaped returns the character of an escape such as \u202e, and a space for
// one that is cut short.
func escaped(text []byte) rune {
	const length = len(`\u0000`)
	var one string
	if len(text) < length || json.Unmarshal(append(append([]byte{'"'}, text[:length]...), '"'), &one) != nil {
		return ' '
	}
	r, _ := utf8.DecodeRuneInString(one)
	return r
}
