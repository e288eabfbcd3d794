package cost

import (
	"fmt"
	"math"
	"strings"
)

// Bounds on expressions that search a document. What libxml2 computes for an
// XPath expression cannot be interrupted: each predicate multiplies the work
// by the number of nodes, each step over a whole document sorts as many.
const (
	maxWideSteps  = 2
	maxPredicates = 2 // within one another
	maxPathBytes  = 1_000
	nodeBytes     = 4 // of the smallest element
)

// search refuses a call whose first argument is an XPath expression, or its
// second one a JSON path, that can take too long on the other argument.
func (m *meter) search(e *Expr, args []extent) {
	switch e.Name {
	case "xpath", "xpath_exists", "xmlexists", "xmltable":
		path, constant := pathText(e, 0)
		if reason := pathFault(path, constant); reason != "" {
			m.refuse(refusePath(reason))
			return
		}
		power := 1.0
		if strings.ContainsAny(path, "[=<>|!(") || wideSteps(path) > 0 {
			power = 2
		}
		if wideSteps(path) > 1 || wideSteps(path) > 0 && strings.Contains(path, "[") || predicateDepth(path) > 1 {
			power = 3
		}
		m.work(e.Name, math.Pow(at(args, 1).bytes/nodeBytes, power))
	case "jsonb_path_query", "jsonb_path_query_array", "jsonb_path_query_first", "jsonb_path_exists", "jsonb_path_match",
		"@?", "@@":
		path, _ := pathText(e, 1)
		m.work(e.Name, math.Pow(at(args, 0).bytes/2, min(3, float64(strings.Count(path, "?")))))
	case "json_schema_valid", "json_schema_validation_report":
		// MySQL matches patterns of a schema without a limit of time.
		if schema, constant := pathText(e, 0); !constant || strings.ContainsAny(schema, "\\") || strings.Contains(schema, "pattern") {
			m.refuse(refusePattern(e.Name))
		}
	case "json_extract", "json_value", "json_contains", "json_contains_path", "json_search", "json_length", "json_keys",
		"json_remove", "json_query", "json_exists":
		// Each ** of a path visits all values below those of the one before.
		anyDepth := 0
		for i := 1; i < len(e.Args); i++ {
			path, _ := pathText(e, i)
			anyDepth = max(anyDepth, strings.Count(path, "**"))
		}
		m.work(e.Name, math.Pow(at(args, 0).bytes/nodeBytes, float64(anyDepth)))
	}
}

// pathText returns a constant argument, through casts.
func pathText(e *Expr, i int) (string, bool) {
	if i >= len(e.Args) {
		return "", false
	}
	arg := &e.Args[i]
	for arg.Kind == Other && len(arg.Args) == 1 {
		arg = &arg.Args[0]
	}
	return arg.Name, arg.Kind == Text
}

// pathFault says why an XPath expression is refused whatever it searches.
func pathFault(path string, constant bool) string {
	switch {
	case !constant:
		return "is not a constant. Write it as a string"
	case len(path) > maxPathBytes:
		return fmt.Sprintf("has more than %d characters", maxPathBytes)
	case wideSteps(path) > maxWideSteps:
		return fmt.Sprintf("has more than %d steps of // or ::", maxWideSteps)
	case predicateDepth(path) > maxPredicates:
		return fmt.Sprintf("nests more than %d predicates", maxPredicates)
	}
	return ""
}

// wideSteps counts the steps that can visit a whole document.
func wideSteps(path string) int { return strings.Count(path, "//") + strings.Count(path, "::") }

func predicateDepth(path string) int {
	depth, deepest := 0, 0
	for _, c := range []byte(path) {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		}
		deepest = max(deepest, depth)
	}
	return deepest
}
