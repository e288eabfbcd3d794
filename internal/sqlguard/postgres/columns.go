package postgres

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// columns tells where the rows come from that a statement's q.f selects from.
// PostgreSQL takes q.f for a call of f only when q has no column f
// (ParseFuncOrColumn), so with what the catalogue says of the tables this
// decides which it is. It errs towards "nothing is known".
type columns struct {
	ranges  map[string][]any // nodes of FROM clauses, by the name they go by
	aliased map[string]int   // how many of a name's ranges have it by an alias
	aliases map[string]int   // how often a name is given as an alias, to anything
	unnamed bool             // something goes by a name that is not known here
	ctes    map[*pg.RangeVar]*pg.CommonTableExpr
	steps   int
}

// maxSteps bounds the proofs for one statement: WITH queries that select from
// one another twice each would take exponentially many.
const maxSteps = 10_000

// note takes what gives names to rows. Ranges that are not told apart here
// show in aliases, or make unnamed true.
func (c *columns) note(node any) {
	switch n := node.(type) {
	case *pg.Alias:
		if c.aliases == nil {
			c.aliases = make(map[string]int)
		}
		c.aliases[n.GetAliasname()]++
	case *pg.RangeVar:
		c.add(n, n.GetAlias(), n.GetRelname())
	case *pg.RangeSubselect:
		c.add(n, n.GetAlias(), "unnamed_subquery") // PostgreSQL's own name for it
	case *pg.RangeFunction:
		c.add(n, n.GetAlias(), functionName(n))
	case *pg.RangeTableFunc:
		c.unnamed = c.unnamed || n.GetAlias() == nil
	case *pg.JsonTable:
		c.unnamed = c.unnamed || n.GetAlias() == nil
	}
}

func (c *columns) add(node any, alias *pg.Alias, name string) {
	if c.ranges == nil {
		c.ranges, c.aliased = make(map[string][]any), make(map[string]int)
	}
	if alias != nil {
		name = alias.GetAliasname()
		c.aliased[name]++
	}
	c.unnamed = c.unnamed || name == ""
	c.ranges[name] = append(c.ranges[name], node)
}

// functionName is the name that a function's rows go by without an alias; it
// is empty for what is written like a function and is none.
func functionName(r *pg.RangeFunction) string {
	first := r.GetFunctions()[0].GetList().GetItems()[0]
	return lastPart(first.GetFuncCall().GetFuncname())
}

// bind says that r stands for a WITH query.
func (c *columns) bind(r *pg.RangeVar, cte *pg.CommonTableExpr) {
	if c.ctes == nil {
		c.ctes = make(map[*pg.RangeVar]*pg.CommonTableExpr)
	}
	c.ctes[r] = cte
}

// sources returns all that ref's qualifier can stand for, except what is known
// to have the column. Scopes are not told apart: whatever goes by that name
// anywhere in the statement counts.
func (c *columns) sources(ref fieldRef) []sqlguard.Source {
	ranges := c.ranges[ref.qualifier]
	if ref.qualifier == "" || len(ranges) == 0 || c.unnamed || c.aliases[ref.qualifier] != c.aliased[ref.qualifier] {
		return []sqlguard.Source{nil} // an expression or a join, for example
	}
	var open []sqlguard.Source
	for _, r := range ranges {
		if source, found := c.of(r, ref.name); !found {
			open = append(open, source)
		}
	}
	return open
}

// of looks for a column of a range: either it is found in the statement, or
// it is one if a relation of the source has it.
func (c *columns) of(r any, name string) (source sqlguard.Source, found bool) {
	if c.steps++; c.steps > maxSteps {
		return nil, false
	}
	switch r := r.(type) {
	case *pg.RangeVar:
		return c.ofRelation(r, name)
	case *pg.RangeSubselect:
		if names := r.GetAlias().GetColnames(); len(names) > 0 {
			return nil, hasName(names, name)
		}
		return c.ofQuery(r.GetSubquery().GetSelectStmt(), name)
	case *pg.RangeFunction:
		return nil, hasName(r.GetAlias().GetColnames(), name) || slices.ContainsFunc(r.GetColdeflist(), func(n *pg.Node) bool {
			return n.GetColumnDef().GetColname() == name
		})
	}
	return nil, false
}

func (c *columns) ofRelation(r *pg.RangeVar, name string) (sqlguard.Source, bool) {
	cte := c.ctes[r]
	switch renamed := slices.Concat(r.GetAlias().GetColnames(), cte.GetAliascolnames()); {
	case len(renamed) > 0:
		return nil, hasName(r.GetAlias().GetColnames(), name) ||
			len(r.GetAlias().GetColnames()) == 0 && hasName(renamed, name)
	case cte != nil:
		return c.ofQuery(cte.GetCtequery().GetSelectStmt(), name)
	case strings.Contains(r.GetSchemaname()+r.GetRelname(), "."):
		return nil, false // it could be mistaken for another schema's table
	}
	return sqlguard.Source{relationName(r)}, false
}

// ofQuery looks for an output column. The first arm of a union names them.
func (c *columns) ofQuery(s *pg.SelectStmt, name string) (source sqlguard.Source, found bool) {
	for s.GetLarg() != nil {
		s = s.GetLarg()
	}
	for _, target := range s.GetTargetList() {
		output := target.GetResTarget()
		if outputName(output) == name {
			return nil, true
		}
		more, found := c.ofStar(s, output, name)
		if found {
			return nil, true
		}
		source = append(source, more...)
	}
	return source, false
}

// outputName is the name of an output column as far as the statement says so
// plainly (FigureColname).
func outputName(output *pg.ResTarget) string {
	if output.GetName() != "" {
		return output.GetName()
	}
	if call := output.GetVal().GetFuncCall(); call != nil {
		return lastPart(call.GetFuncname())
	}
	return lastPart(output.GetVal().GetColumnRef().GetFields())
}

// ofStar looks for a column among those that * or q.* stands for.
func (c *columns) ofStar(s *pg.SelectStmt, output *pg.ResTarget, name string) (source sqlguard.Source, found bool) {
	fields := output.GetVal().GetColumnRef().GetFields()
	if len(fields) == 0 || fields[len(fields)-1].GetAStar() == nil {
		return nil, false
	}
	qualifier := lastPart(fields[:len(fields)-1])
	for _, r := range leaves(nil, s.GetFromClause()) {
		if qualifier != "" && rangeName(r) != qualifier {
			continue
		}
		more, found := c.of(r, name)
		if found {
			return nil, true
		}
		source = append(source, more...)
	}
	return source, false
}

// leaves appends what the joins of a FROM clause join.
func leaves(all []any, from []*pg.Node) []any {
	for _, node := range from {
		switch n := node.GetNode().(type) {
		case *pg.Node_RangeVar:
			all = append(all, n.RangeVar)
		case *pg.Node_RangeSubselect:
			all = append(all, n.RangeSubselect)
		case *pg.Node_RangeFunction:
			all = append(all, n.RangeFunction)
		case *pg.Node_JoinExpr:
			if n.JoinExpr.GetAlias() == nil {
				all = leaves(all, []*pg.Node{n.JoinExpr.GetLarg(), n.JoinExpr.GetRarg()})
			}
		}
	}
	return all
}

// rangeName is the name that a range goes by.
func rangeName(r any) string {
	if aliased, ok := r.(interface{ GetAlias() *pg.Alias }); ok && aliased.GetAlias() != nil {
		return aliased.GetAlias().GetAliasname()
	}
	if relation, ok := r.(*pg.RangeVar); ok {
		return relation.GetRelname()
	}
	return ""
}

func hasName(nodes []*pg.Node, name string) bool {
	return slices.ContainsFunc(nodes, func(n *pg.Node) bool { return n.GetString_().GetSval() == name })
}
