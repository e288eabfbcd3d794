package cost

import (
	"fmt"
	"strconv"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// The bounds. Written statements stay far below all of them.
const (
	// maxReferences is how often relations may be referred to once WITH
	// queries are written out where they are used.
	maxReferences = 1_000
	// maxJoined is how many relations one FROM clause may join. Planners
	// look at their orders, whose number grows faster than exponentially.
	maxJoined = 64
	// maxSets is how many grouping sets one GROUP BY may stand for.
	maxSets = 512
	// maxValue is how long one value may become by the text alone.
	maxValue = 8 << 20
	// maxMade is how long all such values of a statement may be together.
	maxMade = 64 << 20
	// maxGathered is how much an aggregate may hold of rows that constants
	// make. Engines hold some times as much.
	maxGathered = 64 << 20
	// maxElement is how long a value may be that an aggregate gathers from a
	// relation's rows, and maxJoinedElement from those of several.
	maxElement       = 25 << 10
	maxJoinedElement = 10 << 10
	// maxSorted is how long values may be for an aggregate that sorts them to
	// keep within its memory.
	maxSorted = 1 << 10
	// maxWork is how many steps one call may take that nobody can cancel:
	// some seconds, at the up to thirty nanoseconds of a step.
	maxWork = 1e8
	// maxSeries is how many rows constants alone may make.
	maxSeries = 1e7
	// maxNested is how deep WITH RECURSIVE may stand within itself; each
	// level multiplies the work of measuring it.
	maxNested = 2
)

func refuseReferences() error {
	return sqlguard.TooExpensive(fmt.Sprintf("its WITH queries and subqueries refer to one another so often that it "+
		"expands to more than %d references to relations. Refer to each WITH query fewer times", maxReferences))
}

func refuseNames() error {
	return sqlguard.TooExpensive("the names of two WITH queries differ in letter case or accents only. Give them different names")
}

func refuseJoined() error {
	return sqlguard.TooExpensive(fmt.Sprintf("one FROM clause joins more than %d relations. Split the query", maxJoined))
}

func refuseSets() error {
	return sqlguard.TooExpensive(fmt.Sprintf("GROUP BY stands for more than %d grouping sets. "+
		"Use fewer columns in CUBE, or list the sets that you need", maxSets))
}

func refuseUnknownLength(function string) error {
	return sqlguard.TooExpensive(fmt.Sprintf("how long the result of %s is cannot be told. "+
		"Give the length as a number, a column, or least(…, 1000)", function))
}

func refuseValue(function string) error {
	return sqlguard.TooExpensive(fmt.Sprintf("the result of %s could be longer than %d MB. Use a smaller length",
		function, maxValue>>20))
}

func refuseMade() error {
	return sqlguard.TooExpensive(fmt.Sprintf("the values that it makes could be longer than %d MB together", maxMade>>20))
}

func refuseGathered(function string) error {
	return sqlguard.TooExpensive(fmt.Sprintf("%s could gather more than %d MB. Aggregate shorter values or fewer rows",
		function, maxGathered>>20))
}

func refuseWork(function string) error {
	return sqlguard.TooExpensive(fmt.Sprintf("%s works on long values, which can take more than %s steps that nobody "+
		"can cancel. Use shorter values", function, grouped(maxWork)))
}

func refuseSeries() error {
	return sqlguard.TooExpensive(fmt.Sprintf("it makes more than %s rows out of constants. Use smaller series",
		grouped(maxSeries)))
}

func refuseGrowth(name string) error {
	return sqlguard.TooExpensive(fmt.Sprintf("the values of the recursive query %s multiply their length with every round. "+
		"Append to them instead", name))
}

func refuseNested() error {
	return sqlguard.TooExpensive(fmt.Sprintf("WITH RECURSIVE is nested deeper than %d levels", maxNested))
}

func refusePattern(function string) error {
	return sqlguard.TooExpensive(function + " with a pattern cannot be cancelled. Give the schema as a constant without " +
		"patterns and backslashes")
}

func refusePath(reason string) error {
	return sqlguard.TooExpensive("an XPath expression cannot be cancelled, and this one " + reason)
}

// grouped writes a whole number with commas.
func grouped(n float64) string {
	digits := strconv.FormatFloat(n, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
