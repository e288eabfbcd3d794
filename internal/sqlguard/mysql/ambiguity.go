package mysql

import (
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// maxReparse bounds how often the parser may read the innermost part of a
// statement. Where its grammar is ambiguous it reads what is in parentheses on
// trial, and again when that fails; nested, the readings multiply, and a
// statement of 1 KB could keep it busy for years.
const maxReparse = 64

// checkAmbiguity refuses a text without comments on which the parser could
// spend more than its length allows. The three ambiguous forms are "((SELECT"
// (an expression, a table or a query), JSON_VALUE( and INTERVAL.
func checkAmbiguity(sql string) error {
	t := newTokens(sql)
	weights := make([]int, 0, maxDepth)
	product := 1
	for i := range t.text {
		switch t.text[i] {
		case "(":
			weights = append(weights, t.weight(i))
			if product *= t.weight(i); product > maxReparse {
				return sqlguard.ParseFailed("the statement nests subqueries in parentheses, JSON_VALUE or INTERVAL too deeply")
			}
		case ")":
			if last := len(weights) - 1; last >= 0 {
				product /= weights[last]
				weights = weights[:last]
			}
		default:
			if t.is(i, "INTERVAL") && !t.is(i-1, ".") {
				if err := t.interval(i); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// tokens is a tokenised text with its parentheses matched.
type tokens struct {
	text    []string
	closing []int        // index of ( → index of its ), 0 without
	inside  map[int]bool // indexes of the ( of an INTERVAL expression
}

func newTokens(sql string) tokens {
	t := tokens{
		text:    make([]string, 0, len(sql)/4+4),
		closing: make([]int, 0, len(sql)/4+4),
		inside:  map[int]bool{},
	}
	var open []int
	for s := (scanner{sql: sql}); s.next(); {
		i := len(t.text)
		t.text = append(t.text, sql[s.start:s.pos])
		t.closing = append(t.closing, 0)
		switch t.text[i] {
		case "(":
			open = append(open, i)
		case ")":
			if last := len(open) - 1; last >= 0 {
				t.closing[open[last]] = i
				open = open[:last]
			}
		}
	}
	return t
}

// at returns the token at i, "" outside.
func (t *tokens) at(i int) string {
	if i < 0 || i >= len(t.text) {
		return ""
	}
	return t.text[i]
}

// end returns the index of the ) of the parenthesis at i, 0 if there is none.
func (t *tokens) end(i int) int {
	if i >= len(t.closing) {
		return 0
	}
	return t.closing[i]
}

// is compares without letter case and without backticks.
func (t *tokens) is(i int, name string) bool {
	return strings.EqualFold(strings.Trim(t.at(i), "`"), name)
}

// weight returns how often the parser may read what is in the parenthesis at i.
func (t *tokens) weight(i int) int {
	w := 1
	if t.at(i+1) == "(" && t.query(i+1) {
		w *= 2
	}
	if t.is(i-1, "JSON_VALUE") {
		w *= 2
	}
	if t.inside[i] {
		w *= 3
	}
	return w
}

// query reports whether the run of parentheses at i leads to a query.
func (t *tokens) query(i int) bool {
	for t.at(i) == "(" {
		i++
	}
	switch strings.ToUpper(t.at(i)) {
	case "SELECT", "WITH", "VALUES", "TABLE":
		return true
	}
	return false
}

// interval judges the INTERVAL at i: the function INTERVAL(…), or an expression
// of operands and + - * / % with a unit behind it. With anything else the
// parser would look for the unit beyond the next INTERVAL.
func (t *tokens) interval(i int) error {
	if end := t.end(i + 1); end > 0 && !isUnit(t.at(end+1)) {
		switch t.at(end + 1) {
		case "+", "-", "*", "/", "%": // INTERVAL (1) + 1 DAY is an expression
		default:
			t.inside[i+1] = true
			return nil
		}
	}
	for j := i + 1; ; j++ {
		j = t.operand(j)
		switch next := t.at(j); {
		case j == 0:
			return sqlguard.ParseFailed("write INTERVAL (expression) unit")
		case isUnit(next):
			return nil
		case next == "+", next == "-", next == "*", next == "/", next == "%":
		default:
			return sqlguard.ParseFailed("write INTERVAL (expression) unit")
		}
	}
}

// operand returns the index behind the operand at i, 0 if there is none: a
// constant, a name, a call or a parenthesis, with signs.
func (t *tokens) operand(i int) int {
	for t.at(i) == "-" || t.at(i) == "+" {
		i++
	}
	if t.at(i) != "(" {
		if i = t.name(i); i == 0 {
			return 0
		}
	}
	if t.at(i) != "(" {
		return i
	}
	end := t.end(i)
	if end == 0 {
		return 0
	}
	t.inside[i] = true
	return end + 1
}

// name returns the index behind the constant or dotted name at i, 0 if there
// is none.
func (t *tokens) name(i int) int {
	if t.at(i) == "." { // .5
		i++
	}
	for {
		switch first := t.at(i); strings.ToUpper(first) {
		case "", "NOT", "BINARY", "CASE", "INTERVAL": // take an operand themselves
			return 0
		default:
			if !isWordByte(first[0]) && first[0] != '\'' && first[0] != '"' && first[0] != '`' {
				return 0
			}
		}
		i++
		if t.at(i) != "." {
			return i
		}
		i++
	}
}

// isUnit reports whether a word is a unit of INTERVAL.
func isUnit(w string) bool {
	switch strings.TrimPrefix(strings.ToUpper(w), "SQL_TSI_") {
	case "MICROSECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR",
		"SECOND_MICROSECOND", "MINUTE_MICROSECOND", "MINUTE_SECOND", "HOUR_MICROSECOND",
		"HOUR_SECOND", "HOUR_MINUTE", "DAY_MICROSECOND", "DAY_SECOND", "DAY_MINUTE",
		"DAY_HOUR", "YEAR_MONTH":
		return true
	}
	return false
}
