package mssql

import (
	"strings"
	"testing"
)

// TestRefusedFunctionsStayRefused holds the documented refusals against the
// allowed names.
func TestRefusedFunctionsStayRefused(t *testing.T) {
	p, refused := parsePolicy(), 0
	for title, names := range p {
		if !strings.HasPrefix(title, "refused functions: ") {
			continue
		}
		for name := range names {
			refused++
			if p["functions"][name] || p["table functions"][name] {
				t.Errorf("%s is refused (%s) and allowed", name, title)
			}
		}
	}
	if refused == 0 {
		t.Error("no refused functions were read")
	}
}

// TestKeywordsAreDisjoint holds that no word is both fit for a query and
// refused, or reserved and a plain word of the grammar.
func TestKeywordsAreDisjoint(t *testing.T) {
	p := parsePolicy()
	for w := range p["keywords"] {
		if p["reserved"][w] {
			t.Errorf("%s is both a query keyword and refused", w)
		}
	}
	for _, section := range []string{"context", "statements", "parser keywords"} {
		for w := range p[section] {
			if p.reserved()[w] {
				t.Errorf("%s of [%s] is reserved", w, section)
			}
		}
	}
}
