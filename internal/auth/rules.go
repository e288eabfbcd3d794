package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of contract 1.
const (
	MaxEmail         = 255
	MinPassword      = 12
	MaxPasswordBytes = 1024
)

// CleanEmail strips and lower-cases an address and reports whether it has the
// form of contract 1: exactly one @, a dotted domain, no spaces, at most 255
// characters. Whether it can receive mail is not asked.
func CleanEmail(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	local, domain, _ := strings.Cut(s, "@")
	ok := local != "" && dotted(domain) && !strings.Contains(domain, "@") &&
		utf8.RuneCountInString(s) <= MaxEmail && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	return s, ok
}

// dotted reports whether the domain has at least two labels and no empty one.
func dotted(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, l := range labels {
		if l == "" {
			return false
		}
	}
	return len(labels) > 1
}
