package mysql

import (
	_ "embed"
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

// storedFunctions are functions that users have defined and an administrator
// has listed. The servers ignore the case of a function's name; for the case of
// a schema's, the dialect asks the server.
type storedFunctions struct {
	whole   map[string]bool     // schema.name in lower case
	schemas map[string][]string // by name in lower case
}

// newStoredFunctions reads a list of schema.name.
func newStoredFunctions(list []string) storedFunctions {
	f := storedFunctions{whole: map[string]bool{}, schemas: map[string][]string{}}
	for _, listed := range list {
		dot := strings.LastIndexByte(listed, '.')
		if dot <= 0 || isNativeSchema(listed[:dot]) {
			continue
		}
		name := strings.ToLower(listed[dot+1:])
		f.whole[strings.ToLower(listed)] = true
		f.schemas[name] = append(f.schemas[name], listed[:dot])
	}
	return f
}

// isNativeSchema reports whether MariaDB takes functions after this name for
// its own: mariadb_schema.sleep() is SLEEP().
func isNativeSchema(name string) bool {
	switch fold(name) {
	case "mariadb_schema", "oracle_schema", "maxdb_schema":
		return true
	}
	return false
}
