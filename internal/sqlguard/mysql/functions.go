package mysql

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
)

// functionList is the curated policy, see the head of the file.
//
//go:embed functions.txt
var functionList string

// allowedFunctions returns the functions that some version of flavour allows.
// The refused sections of the list document decisions and are held against the
// allowed ones by a test; an unknown name is refused all the same.
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

// Release is a server's version: 10.11, 9.7. Patch levels bring no functions.
type Release struct{ Major, Minor int }

// ParseRelease reads what the server answers to SELECT VERSION(). It returns
// the zero Release when it cannot.
func ParseRelease(version string) Release {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errMajor := strconv.Atoi(major)
	b, errMinor := strconv.Atoi(minor)
	if errMajor != nil || errMinor != nil {
		return Release{}
	}
	return Release{Major: a, Minor: b}
}

func (r Release) before(o Release) bool {
	return r.Major < o.Major || r.Major == o.Major && r.Minor < o.Minor
}

// MissingFunctions returns the functions of the list that this release of the
// flavour does not have natively: it would look for a function that somebody
// has loaded or stored under that name. An unknown release has none of those
// that only some have.
func MissingFunctions(flavour Flavour, release Release) map[string]bool {
	missing := make(map[string]bool)
	for title, names := range functionSections() {
		product, bound, _ := strings.Cut(title, " ")
		if product != flavour.String() || bound == "" {
			continue
		}
		word, version, _ := strings.Cut(bound, " ")
		inBounds := release.before(ParseRelease(version)) == (word == "before")
		if release != (Release{}) && inBounds {
			continue
		}
		for _, name := range names {
			missing[name] = true
		}
	}
	return missing
}

// Lists reports whether a function is on the list: native to some release of
// the flavour, whoever calls it. The name is one of [sqlguard.Statement].
func (g *Guard) Lists(function string) bool {
	return g.functions[function] || g.functions[function+"_func"]
}

// foldFunctions returns the names of functions in lower case, sorted, each
// once: the servers ignore the case of a function's name.
func foldFunctions(names []string) []string {
	folded := make([]string, 0, len(names))
	for _, name := range names {
		folded = append(folded, strings.ToLower(name))
	}
	slices.Sort(folded)
	return slices.Compact(folded)
}
