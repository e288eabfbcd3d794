package cost

import (
	"fmt"
	"strings"
)

// What libxml2 computes for an XPath expression cannot be interrupted. Each
// step that visits a whole document multiplies the work by its size when it
// stands in a predicate, and sorts as many nodes when it stands after another.
const (
	maxWideSteps  = 2
	maxPredicates = 2 // within one another
	maxPathBytes  = 1_000
)

// CheckPath refuses an XPath expression that is not constant or that can take
// more than quadratic time.
func CheckPath(path *Expr) error {
	for path.Kind == Other && len(path.Args) == 1 {
		path = &path.Args[0]
	}
	if path.Kind != Text {
		return RefusePath("is not a constant. Write it as a string")
	}
	text := path.Name
	if len(text) > maxPathBytes {
		return RefusePath(fmt.Sprintf("has more than %d characters", maxPathBytes))
	}
	if strings.Count(text, "//")+strings.Count(text, "::") > maxWideSteps {
		return RefusePath(fmt.Sprintf("has more than %d steps of // or ::", maxWideSteps))
	}
	depth := 0
	for _, c := range []byte(text) {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		}
		if depth > maxPredicates {
			return RefusePath(fmt.Sprintf("nests more than %d predicates", maxPredicates))
		}
	}
	return nil
}
