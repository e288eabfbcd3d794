package mssql

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/cost"
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

// checkNames refuses WITH queries whose names become one without accents: which
// of them a reference means depends on the database.
func checkNames(list []cost.With) error {
	seen := make(map[string]bool, len(list))
	for _, w := range list {
		name := strings.ToLower(w.Name)
		if seen[name] {
			return sqlguard.TooExpensive("the names of two WITH queries differ only in accents or letter case. Give them different names")
		}
		seen[name] = true
	}
	return nil
}
