package mysql

import (
	"strings"
	"testing"
)

// TestRefusedFunctionsStayRefused holds the documented refusals against the
// allowed names of both flavours.
func TestRefusedFunctionsStayRefused(t *testing.T) {
	sections := functionSections()
	refused := 0
	for title, names := range sections {
		if !strings.HasPrefix(title, "refused: ") {
			continue
		}
		for _, name := range names {
			refused++
			for _, flavour := range []Flavour{MySQL, MariaDB} {
				if allowedFunctions(flavour)[name] {
					t.Errorf("%s is refused (%s) and allowed for %s", name, title, flavour)
				}
			}
		}
	}
	if refused == 0 || len(sections["both"]) < 200 {
		t.Errorf("the list was not read: %d refused, %d common", refused, len(sections["both"]))
	}
}
