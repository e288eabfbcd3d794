// Package runes cuts texts that are repeated to people and kept in records.
package runes

// First returns the first n characters of s.
func First(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Shorten returns s if it has at most n characters, and otherwise the first n
// of them with an ellipsis.
func Shorten(s string, n int) string {
	if first := First(s, n); len(first) < len(s) {
		return first + "…"
	}
	return s
}
