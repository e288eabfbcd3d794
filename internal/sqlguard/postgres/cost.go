package postgres

import (
	"math"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/cost"
)

// checkCost refuses an accepted tree that is too expensive by its text alone.
func checkCost(tree *pg.ParseResult) error {
	stmt := tree.GetStmts()[0].GetStmt()
	if explain := stmt.GetExplainStmt(); explain != nil {
		stmt = explain.GetQuery()
	}
	s := stmt.GetSelectStmt()
	if s == nil {
		return nil
	}
	var r reduction
	query := r.query(s)
	if r.refused != nil {
		return r.refused
	}
	return cost.Check(query)
}

// reduction turns a tree into the one that cost measures.
type reduction struct{ refused error }

func (r *reduction) query(s *pg.SelectStmt) *cost.Query {
	q := &cost.Query{Grouped: len(s.GetGroupClause()) > 0, Sets: groupingSets(s.GetGroupClause())}
	r.withs(q, s.GetWithClause())
	if s.GetLarg() != nil {
		q.Arms = r.arms(nil, s)
	}
	for _, from := range s.GetFromClause() {
		r.from(q, from)
	}
	for _, target := range s.GetTargetList() {
		output := target.GetResTarget()
		name := outputName(output)
		if fields := output.GetVal().GetColumnRef().GetFields(); len(fields) > 0 && fields[len(fields)-1].GetAStar() != nil {
			name = "*"
		}
		q.Outputs = append(q.Outputs, cost.Output{Name: name, Expr: r.expr(output.GetVal())})
	}
	r.values(q, s.GetValuesLists())
	for _, node := range [...]*pg.Node{s.GetWhereClause(), s.GetHavingClause(), s.GetLimitCount(), s.GetLimitOffset()} {
		r.add(&q.Exprs, node)
	}
	for _, list := range [...][]*pg.Node{s.GetGroupClause(), s.GetSortClause(), s.GetWindowClause(), s.GetDistinctClause()} {
		r.add(&q.Exprs, list...)
	}
	if n := s.GetLimitCount().GetAConst(); n != nil && n.GetIval() != nil {
		q.Limit = float64(n.GetIval().GetIval())
	}
	return q
}

// arms flattens what UNION and the like put together, as long as the parts
// are not limited by themselves.
func (r *reduction) arms(arms []*cost.Query, s *pg.SelectStmt) []*cost.Query {
	for _, arm := range [...]*pg.SelectStmt{s.GetLarg(), s.GetRarg()} {
		if arm.GetLarg() != nil && arm.GetWithClause() == nil && arm.GetLimitCount() == nil && len(arm.GetSortClause()) == 0 {
			arms = r.arms(arms, arm)
			continue
		}
		arms = append(arms, r.query(arm))
	}
	return arms
}

func (r *reduction) withs(q *cost.Query, with *pg.WithClause) {
	for _, node := range with.GetCtes() {
		cte := node.GetCommonTableExpr()
		q.With = append(q.With, cost.With{
			Name:      cte.GetCtename(),
			Columns:   texts(cte.GetAliascolnames()),
			Query:     r.query(cte.GetCtequery().GetSelectStmt()),
			Recursive: with.GetRecursive(),
			Inlined:   cte.GetCtematerialized() == pg.CTEMaterialize_CTEMaterializeNever,
		})
	}
}

// values takes the rows of VALUES. A column is as long as its longest value.
func (r *reduction) values(q *cost.Query, rows []*pg.Node) {
	q.Rows = float64(len(rows))
	for _, row := range rows {
		for i, item := range row.GetList().GetItems() {
			if i == len(q.Outputs) {
				q.Outputs = append(q.Outputs, cost.Output{
					Name: "column" + strconv.Itoa(i+1),
					Expr: cost.Expr{Kind: cost.Call, Name: "greatest"},
				})
			}
			r.add(&q.Outputs[i].Expr.Args, item)
		}
	}
}

// from takes one item of a FROM clause.
func (r *reduction) from(q *cost.Query, node *pg.Node) {
	switch n := node.GetNode().(type) {
	case *pg.Node_RangeVar:
		table := n.RangeVar.GetRelname()
		if n.RangeVar.GetSchemaname() != "" {
			table = relationName(n.RangeVar)
		}
		alias := n.RangeVar.GetAlias()
		if alias == nil && n.RangeVar.GetSchemaname() != "" {
			alias = &pg.Alias{Aliasname: n.RangeVar.GetRelname()}
		}
		q.From = append(q.From, cost.Source{Table: table, Alias: alias.GetAliasname(), Columns: texts(alias.GetColnames())})
	case *pg.Node_RangeSubselect:
		alias := n.RangeSubselect.GetAlias()
		q.From = append(q.From, cost.Source{
			Query: r.query(n.RangeSubselect.GetSubquery().GetSelectStmt()),
			Alias: alias.GetAliasname(), Columns: texts(alias.GetColnames()),
		})
	case *pg.Node_JoinExpr:
		r.from(q, n.JoinExpr.GetLarg())
		r.from(q, n.JoinExpr.GetRarg())
		r.add(&q.Exprs, n.JoinExpr.GetQuals())
	case *pg.Node_RangeFunction:
		r.rangeFunction(q, n.RangeFunction)
	case *pg.Node_RangeTableSample:
		r.from(q, n.RangeTableSample.GetRelation())
		r.add(&q.Exprs, n.RangeTableSample.GetArgs()...)
	case *pg.Node_RangeTableFunc:
		r.path(r.expr(n.RangeTableFunc.GetRowexpr()))
		for _, column := range n.RangeTableFunc.GetColumns() {
			if path := column.GetRangeTableFuncCol().GetColexpr(); path != nil {
				r.path(r.expr(path))
			}
		}
		q.From = append(q.From, cost.Source{Calls: []cost.Expr{r.expr(node)}, Alias: n.RangeTableFunc.GetAlias().GetAliasname()})
	default:
		q.From = append(q.From, cost.Source{Calls: []cost.Expr{r.expr(node)}})
	}
}

// rangeFunction takes functions that stand for a relation. The only column of
// one goes by the alias.
func (r *reduction) rangeFunction(q *cost.Query, f *pg.RangeFunction) {
	source := cost.Source{Alias: f.GetAlias().GetAliasname(), Columns: texts(f.GetAlias().GetColnames())}
	for _, function := range f.GetFunctions() {
		r.add(&source.Calls, function.GetList().GetItems()[0])
	}
	if len(source.Columns) == 0 && source.Alias != "" {
		source.Columns = []string{source.Alias}
	}
	q.From = append(q.From, source)
}

// groupingSets returns how many sets a GROUP BY stands for.
func groupingSets(group []*pg.Node) float64 {
	sets := 1.0
	for _, node := range group {
		if set := node.GetGroupingSet(); set != nil {
			sets *= setsOf(set)
		}
	}
	return sets
}

func setsOf(set *pg.GroupingSet) float64 {
	n := float64(len(set.GetContent()))
	switch set.GetKind() {
	case pg.GroupingSetKind_GROUPING_SET_ROLLUP:
		return n + 1
	case pg.GroupingSetKind_GROUPING_SET_CUBE:
		return math.Exp2(n)
	case pg.GroupingSetKind_GROUPING_SET_SETS:
		sets := 0.0
		for _, node := range set.GetContent() {
			if inner := node.GetGroupingSet(); inner != nil {
				sets += setsOf(inner)
			} else {
				sets++
			}
		}
		return sets
	}
	return 1
}

func (r *reduction) add(list *[]cost.Expr, nodes ...*pg.Node) {
	for _, node := range nodes {
		if node != nil {
			*list = append(*list, r.expr(node))
		}
	}
}

func (r *reduction) call(name string, nodes ...*pg.Node) cost.Expr {
	e := cost.Expr{Kind: cost.Call, Name: name}
	r.add(&e.Args, nodes...)
	return e
}

// path refuses an XPath expression that could take too long.
func (r *reduction) path(e cost.Expr) {
	if err := cost.CheckPath(&e); err != nil && r.refused == nil {
		r.refused = err
	}
}

// expr turns an expression. A node without a rule of its own is its parts.
func (r *reduction) expr(node *pg.Node) cost.Expr {
	switch n := node.GetNode().(type) {
	case *pg.Node_AConst:
		return constant(n.AConst)
	case *pg.Node_ColumnRef:
		return columnRef(n.ColumnRef.GetFields())
	case *pg.Node_FuncCall:
		return r.funcCall(n.FuncCall)
	case *pg.Node_AExpr:
		return r.operation(n.AExpr)
	case *pg.Node_TypeCast:
		return r.typeCast(n.TypeCast)
	case *pg.Node_SubLink:
		e := cost.Expr{Kind: cost.Scalar, Query: r.query(n.SubLink.GetSubselect().GetSelectStmt())}
		if n.SubLink.GetSubLinkType() == pg.SubLinkType_ARRAY_SUBLINK {
			e.Name = cost.ArrayQuery
		}
		r.add(&e.Args, n.SubLink.GetTestexpr())
		return e
	case *pg.Node_AArrayExpr:
		e := cost.Expr{Kind: cost.List}
		r.add(&e.Args, n.AArrayExpr.GetElements()...)
		return e
	case *pg.Node_CaseExpr:
		e := r.call("case", n.CaseExpr.GetArg(), n.CaseExpr.GetDefresult())
		for _, when := range n.CaseExpr.GetArgs() {
			r.add(&e.Args, when.GetCaseWhen().GetResult())
			e.Args = append(e.Args, r.call("=", when.GetCaseWhen().GetExpr()))
		}
		return e
	case *pg.Node_CoalesceExpr:
		return r.call("coalesce", n.CoalesceExpr.GetArgs()...)
	case *pg.Node_MinMaxExpr:
		if n.MinMaxExpr.GetOp() == pg.MinMaxOp_IS_LEAST {
			return r.call("least", n.MinMaxExpr.GetArgs()...)
		}
		return r.call("greatest", n.MinMaxExpr.GetArgs()...)
	case *pg.Node_List:
		return r.call("row", n.List.GetItems()...)
	case nil:
		return cost.Expr{}
	}
	e := cost.Expr{}
	r.parts(&e, node.ProtoReflect())
	return e
}

// parts adds what is below a message by reflection.
func (r *reduction) parts(e *cost.Expr, m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				r.part(e, v.List().Get(i).Message())
			}
		default:
			r.part(e, v.Message())
		}
		return true
	})
}

func (r *reduction) part(e *cost.Expr, m protoreflect.Message) {
	switch below := m.Interface().(type) {
	case *pg.Node:
		e.Args = append(e.Args, r.expr(below))
	case *pg.TypeName, *pg.Alias:
	case *pg.SelectStmt:
		e.Args = append(e.Args, cost.Expr{Kind: cost.Scalar, Query: r.query(below)})
	default:
		r.parts(e, m)
	}
}

func constant(c *pg.A_Const) cost.Expr {
	switch v := c.GetVal().(type) {
	case *pg.A_Const_Ival:
		return cost.Expr{Kind: cost.Number, Number: float64(v.Ival.GetIval())}
	case *pg.A_Const_Fval:
		n, err := strconv.ParseFloat(v.Fval.GetFval(), 64)
		if err != nil {
			n = math.Inf(1)
		}
		return cost.Expr{Kind: cost.Number, Number: n}
	case *pg.A_Const_Sval:
		return cost.Expr{Kind: cost.Text, Name: v.Sval.GetSval()}
	case *pg.A_Const_Bsval:
		return cost.Expr{Kind: cost.Text, Name: v.Bsval.GetBsval()}
	}
	return cost.Expr{Kind: cost.Number}
}

func columnRef(fields []*pg.Node) cost.Expr {
	e := cost.Expr{Kind: cost.Column, Name: lastPart(fields)}
	if len(fields) > 1 {
		e.Qualifier = lastPart(fields[:len(fields)-1])
	}
	return e
}

func (r *reduction) funcCall(f *pg.FuncCall) cost.Expr {
	e := r.call(strings.ToLower(lastPart(f.GetFuncname())), f.GetArgs()...)
	e.Over = f.GetOver() != nil
	switch e.Name {
	case "xpath", "xpath_exists", "xmlexists":
		if len(e.Args) > 0 {
			r.path(e.Args[0])
		}
	}
	if f.GetAggFilter() == nil && len(f.GetAggOrder()) == 0 && f.GetOver() == nil {
		return e
	}
	around := cost.Expr{Kind: cost.Call, Name: "case", Args: []cost.Expr{e}}
	rest := cost.Expr{Kind: cost.Call, Name: "="}
	r.add(&rest.Args, f.GetAggFilter())
	r.add(&rest.Args, f.GetAggOrder()...)
	if f.GetOver() != nil {
		r.parts(&rest, f.GetOver().ProtoReflect())
	}
	around.Args = append(around.Args, rest)
	return around
}

func (r *reduction) operation(e *pg.A_Expr) cost.Expr {
	return r.call(strings.ToLower(lastPart(e.GetName())), e.GetLexpr(), e.GetRexpr())
}

// typeCast turns a cast. bit and char fill a value up to their length.
func (r *reduction) typeCast(c *pg.TypeCast) cost.Expr {
	e := cost.Expr{}
	r.add(&e.Args, c.GetArg())
	modifiers := c.GetTypeName().GetTypmods()
	switch lastPart(c.GetTypeName().GetNames()) {
	case "bit", "bpchar":
		if len(modifiers) > 0 {
			e.Kind, e.Number = cost.Padded, float64(modifiers[0].GetAConst().GetIval().GetIval())
		}
	}
	return e
}

func texts(nodes []*pg.Node) []string {
	if len(nodes) == 0 {
		return nil
	}
	names := make([]string, 0, len(nodes))
	for _, node := range nodes {
		names = append(names, node.GetString_().GetSval())
	}
	return names
}
