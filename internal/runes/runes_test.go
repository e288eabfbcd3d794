package runes_test

import (
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/runes"
)

func TestCuts(t *testing.T) {
	for _, c := range []struct {
		text           string
		n              int
		first, shorten string
	}{
		{"", 0, "", ""},
		{"a", 0, "", "…"},
		{"añb", 2, "añ", "añ…"},
		{"añb", 3, "añb", "añb"},
		{"añb", 9, "añb", "añb"},
		{"\xff\xffb", 1, "\xff", "\xff…"}, // a byte that is no character counts as one
	} {
		if first, shorten := runes.First(c.text, c.n), runes.Shorten(c.text, c.n); first != c.first || shorten != c.shorten {
			t.Errorf("%q to %d: %q and %q, want %q and %q", c.text, c.n, first, shorten, c.first, c.shorten)
		}
	}
}
