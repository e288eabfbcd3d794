package mssql

import (
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// gate judges the tokens alone, whatever a parser thinks of them: T-SQL needs
// no separator between statements, so a parser's idea of where a statement
// ends must not be all that stands between a query and a DELETE. It leaves no
// reserved word that could begin a second statement.
type gate struct {
	keywords set // reserved words of queries
	reserved set // all reserved words
	tokens   []token
	selects  int // SELECTs outside parentheses
}

// check refuses tokens that cannot be one query.
func (g *gate) check() error {
	if len(g.tokens) == 0 {
		return sqlguard.Empty()
	}
	if first := g.first(); first != "select" && first != "with" {
		return sqlguard.NonSelect(strings.ToUpper(first))
	}
	for i, t := range g.tokens {
		switch {
		case t.text == ";":
			return sqlguard.Multiple()
		case t.depth < 0:
			return sqlguard.ParseFailed("unexpected )")
		case t.text == "." && !g.nameAt(i+1):
			return sqlguard.ParseFailed("incomplete name")
		case t.kind == word:
			if err := g.word(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// first returns the first token that is no parenthesis, in lower case.
func (g *gate) first() string {
	for _, t := range g.tokens {
		if t.text != "(" {
			return strings.ToLower(t.text)
		}
	}
	return "("
}

// word judges the unquoted word at i.
func (g *gate) word(i int) error {
	w := strings.ToLower(g.tokens[i].text)
	if !g.reserved[w] {
		return nil
	}
	if !g.keywords[w] {
		return sqlguard.Forbidden(strings.ToUpper(w))
	}
	switch w {
	case "select":
		return g.selectAt(i)
	case "fetch": // OFFSET 5 ROWS FETCH, no cursor
		if before := g.before(i, 1); before != "row" && before != "rows" {
			return sqlguard.Forbidden("FETCH")
		}
	case "current": // CURRENT ROW, not CURRENT OF cursor
		if g.after(i) != "row" {
			return sqlguard.Forbidden("CURRENT")
		}
	case "of": // AS OF
		if g.before(i, 1) != "as" {
			return sqlguard.Forbidden("OF")
		}
	}
	return nil
}

// selectAt refuses a SELECT that begins a second statement: one is allowed at
// the start, one after the CTEs of WITH, the others after ( or a set operator.
func (g *gate) selectAt(i int) error {
	switch before := g.before(i, 1); before {
	case "(", "union", "except", "intersect":
		return nil
	case "all":
		if g.before(i, 2) == "union" {
			return nil
		}
	case "", ")":
		afterCTEs := before == ")" && g.first() == "with"
		if g.tokens[i].depth == 0 && (before == "" || afterCTEs) {
			if g.selects++; g.selects == 1 {
				return nil
			}
		}
	}
	return sqlguard.Multiple()
}

// nameAt reports whether the token at i can follow a dot in a name.
func (g *gate) nameAt(i int) bool {
	if i >= len(g.tokens) {
		return false
	}
	t := g.tokens[i]
	return t.kind == word || t.kind == name || t.text == "." || t.text == "*"
}

// before returns the token n before i in lower case, "" at the start.
func (g *gate) before(i, n int) string {
	if i-n < 0 {
		return ""
	}
	return strings.ToLower(g.tokens[i-n].text)
}

// after returns the token after i in lower case, "" at the end.
func (g *gate) after(i int) string {
	if i+1 >= len(g.tokens) {
		return ""
	}
	return strings.ToLower(g.tokens[i+1].text)
}
