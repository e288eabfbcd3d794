package mysql

import (
	_ "embed"
	"strings"
)

// functionList is the curated policy, see the head of the file.
//
//go:embed functions.txt
var functionList string

// allowedFunctions returns the functions that flavour allows. The refused
// sections of the list document decisions and are held against the allowed
// ones by a test; an unknown name is refused all the same.
func allowedFunctions(flavour Flavour) map[string]bool {
	sections := functionSections()
	allowed := make(map[string]bool)
	for _, section := range []string{"both", flavour.String()} {
		for _, name := range sections[section] {
			allowed[name] = true
		}
	}
	return allowed
}

// functionSections parses the list into section title → names.
func functionSections() map[string][]string {
	sections := make(map[string][]string)
	var title string
	for line := range strings.Lines(functionList) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			title = strings.Trim(line, "[]")
		default:
			sections[title] = append(sections[title], strings.Fields(line)...)
		}
	}
	return sections
}
