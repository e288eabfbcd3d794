package mssql

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// plainName takes accents and width off a name, so that cost knows a column or
// WITH query again under every spelling that a collation may hold equal. Unlike
// [Fold] it keeps the letters of other scripts apart: two WITH queries that
// became one would be measured as the smaller of them.
func plainName(name string) string {
	if isASCII(name) {
		return name
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r == 'ı':
			return 'i'
		default:
			return unicode.ToLower(r)
		}
	}, norm.NFKD.String(name))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
