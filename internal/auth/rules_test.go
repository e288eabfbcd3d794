package auth

import (
	"strings"
	"testing"
)

func TestCleanEmail(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		ok       bool
	}{
		{"a@example.com", "a@example.com", true},
		{"  Ann.Lee@Example.COM ", "ann.lee@example.com", true},
		{"ü@müller.de", "ü@müller.de", true},
		{"a@b", "", false},
		{"a@@example.com", "", false},
		{"a@b@example.com", "", false},
		{"@example.com", "", false},
		{"a@.com", "", false},
		{"a@example.", "", false},
		{"a b@example.com", "", false},
		{"a\u00a0b@example.com", "", false},
		{"a\x00b@example.com", "", false},
		{"", "", false},
		{strings.Repeat("a", 245) + "@ab.example", "", false},
	} {
		got, ok := CleanEmail(tt.in)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("CleanEmail(%q) = %q, %v; want %q, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}
