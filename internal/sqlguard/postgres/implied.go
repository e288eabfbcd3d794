package postgres

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// implied collects what a statement may run without calling it.
type implied struct {
	operators nameSet
	types     nameSet
	fields    []fieldRef
	columns   columns
	calls     []sqlguard.Call
}

// fieldRef is qualifier.name, or (expression).name with an empty qualifier.
type fieldRef struct{ qualifier, name string }

// note takes what a node implies.
func (i *implied) note(node any) {
	i.columns.note(node)
	switch n := node.(type) {
	case *pg.ColumnRef:
		i.column(n)
	case *pg.A_Indirection:
		for _, step := range n.GetIndirection() {
			i.field("", step)
		}
	case *pg.TypeName:
		i.types.add(lastPart(n.GetNames()))
	default:
		for _, name := range operatorsOf(node) {
			i.operators.add(name)
		}
	}
}

// addCall takes a call of a listed function.
func (i *implied) addCall(call sqlguard.Call) {
	if !slices.Contains(i.calls, call) {
		i.calls = append(i.calls, call)
	}
}

// column takes q.f. A name alone never is a function.
func (i *implied) column(ref *pg.ColumnRef) {
	if n := len(ref.GetFields()); n >= 2 {
		i.field(lastPart(ref.GetFields()[:n-1]), ref.GetFields()[n-1])
	}
}

// field takes a name after a dot; a star and a subscript have none.
func (i *implied) field(qualifier string, step *pg.Node) {
	if name := step.GetString_().GetSval(); name != "" {
		i.fields = append(i.fields, fieldRef{qualifier: qualifier, name: name})
	}
}

// resolve returns what was collected, with the sources of each field.
func (i *implied) resolve() sqlguard.Implied {
	resolved := sqlguard.Implied{Operators: i.operators.names, Types: i.types.names, Calls: i.calls}
	seen := make(map[fieldRef]bool, len(i.fields))
	for _, ref := range i.fields {
		if !seen[ref] {
			seen[ref] = true
			resolved.Fields = append(resolved.Fields, sqlguard.Field{Name: ref.name, Sources: i.columns.sources(ref)})
		}
	}
	return resolved
}

// operatorsOf returns the operators that a node looks up by name.
func operatorsOf(node any) []string {
	switch n := node.(type) {
	case *pg.A_Expr:
		return expressionOperators(n)
	case *pg.SortBy:
		return []string{lastPart(n.GetUseOp())}
	case *pg.SubLink:
		if n.GetSubLinkType() == pg.SubLinkType_ANY_SUBLINK && len(n.GetOperName()) == 0 { // x IN (SELECT …)
			return []string{"="}
		}
		return []string{lastPart(n.GetOperName())}
	case *pg.CaseExpr:
		if n.GetArg() != nil { // CASE x WHEN y
			return []string{"="}
		}
	case *pg.JoinExpr:
		if n.GetIsNatural() || len(n.GetUsingClause()) > 0 {
			return []string{"="}
		}
	}
	return nil
}

// expressionOperators: the grammar puts the operator itself where IN, LIKE,
// NULLIF or IS DISTINCT FROM stood, but not where BETWEEN did.
func expressionOperators(e *pg.A_Expr) []string {
	switch e.GetKind() {
	case pg.A_Expr_Kind_AEXPR_BETWEEN, pg.A_Expr_Kind_AEXPR_BETWEEN_SYM,
		pg.A_Expr_Kind_AEXPR_NOT_BETWEEN, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
		return []string{"<", "<=", ">", ">="}
	}
	return []string{lastPart(e.GetName())}
}
