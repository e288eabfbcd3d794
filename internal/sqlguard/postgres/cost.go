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
	return cost.Check(reduceQuery(s))
}

// reduceQuery turns a query into the one that cost measures.
func reduceQuery(s *pg.SelectStmt) *cost.Query {
	q := &cost.Query{
		Holds:   len(s.GetSortClause())+len(s.GetDistinctClause()) > 0,
		Grouped: len(s.GetGroupClause()) > 0,
		Sets:    groupingSets(s.GetGroupClause()),
	}
	addWiths(q, s.GetWithClause())
	if s.GetLarg() != nil {
		q.Arms = reduceArms(nil, s)
	}
	q.Outputs = make([]cost.Output, 0, len(s.GetTargetList()))
	q.Exprs = make([]cost.Expr, 0, 4+len(s.GetGroupClause())+len(s.GetSortClause()))
	for _, from := range s.GetFromClause() {
		addFrom(q, from)
	}
	for _, target := range s.GetTargetList() {
		output := target.GetResTarget()
		name := outputName(output)
		if fields := output.GetVal().GetColumnRef().GetFields(); len(fields) > 0 && fields[len(fields)-1].GetAStar() != nil {
			name = "*"
		}
		q.Outputs = append(q.Outputs, cost.Output{Name: name, Expr: reduce(output.GetVal())})
	}
	addValues(q, s.GetValuesLists())
	for _, node := range [...]*pg.Node{s.GetWhereClause(), s.GetHavingClause(), s.GetLimitCount(), s.GetLimitOffset()} {
		add(&q.Exprs, node)
	}
	for _, list := range [...][]*pg.Node{s.GetGroupClause(), s.GetSortClause(), s.GetWindowClause(), s.GetDistinctClause()} {
		add(&q.Exprs, list...)
	}
	withTies := s.GetLimitOption() == pg.LimitOption_LIMIT_OPTION_WITH_TIES // of which there can be any number
	if n := s.GetLimitCount().GetAConst(); n != nil && n.GetIval() != nil && !withTies {
		q.Limit = float64(n.GetIval().GetIval())
	}
	return q
}

// reduceArms flattens what UNION and the like put together, as long as the parts
// are not limited by themselves.
func reduceArms(arms []*cost.Query, s *pg.SelectStmt) []*cost.Query {
	for _, arm := range [...]*pg.SelectStmt{s.GetLarg(), s.GetRarg()} {
		if arm.GetLarg() != nil && arm.GetWithClause() == nil && arm.GetLimitCount() == nil && len(arm.GetSortClause()) == 0 {
			arms = reduceArms(arms, arm)
			continue
		}
		arms = append(arms, reduceQuery(arm))
	}
	return arms
}

func addWiths(q *cost.Query, with *pg.WithClause) {
	for _, node := range with.GetCtes() {
		cte := node.GetCommonTableExpr()
		q.With = append(q.With, cost.With{
			Name:      cte.GetCtename(),
			Columns:   texts(cte.GetAliascolnames()),
			Query:     reduceQuery(cte.GetCtequery().GetSelectStmt()),
			Recursive: with.GetRecursive(),
			Inlined:   cte.GetCtematerialized() == pg.CTEMaterialize_CTEMaterializeNever,
		})
	}
}

// addValues takes the rows of VALUES. A column is as long as its longest value.
func addValues(q *cost.Query, rows []*pg.Node) {
	q.Rows = float64(len(rows))
	for _, row := range rows {
		for i, item := range row.GetList().GetItems() {
			if i == len(q.Outputs) {
				q.Outputs = append(q.Outputs, cost.Output{
					Name: "column" + strconv.Itoa(i+1),
					Expr: cost.Expr{Kind: cost.Call, Name: "greatest"},
				})
			}
			add(&q.Outputs[i].Expr.Args, item)
		}
	}
}

// addFrom takes one item of a FROM clause.
func addFrom(q *cost.Query, node *pg.Node) {
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
			Query: reduceQuery(n.RangeSubselect.GetSubquery().GetSelectStmt()),
			Alias: alias.GetAliasname(), Columns: texts(alias.GetColnames()),
		})
	case *pg.Node_JoinExpr:
		addFrom(q, n.JoinExpr.GetLarg())
		addFrom(q, n.JoinExpr.GetRarg())
		add(&q.Exprs, n.JoinExpr.GetQuals())
		q.Renamed = append(q.Renamed, texts(n.JoinExpr.GetAlias().GetColnames())...)
	case *pg.Node_RangeFunction:
		addFunction(q, n.RangeFunction)
	case *pg.Node_RangeTableSample:
		addFrom(q, n.RangeTableSample.GetRelation())
		add(&q.Exprs, n.RangeTableSample.GetArgs()...)
	case *pg.Node_RangeTableFunc:
		addXMLTable(q, n.RangeTableFunc)
	case *pg.Node_JsonTable:
		addJSONTable(q, n.JsonTable)
	default:
		q.From = append(q.From, cost.Source{Calls: []cost.Expr{reduce(node)}})
	}
}

// addFunction takes functions that stand for a relation. The only column of
// one goes by the alias.
func addFunction(q *cost.Query, f *pg.RangeFunction) {
	source := cost.Source{Alias: f.GetAlias().GetAliasname(), Columns: texts(f.GetAlias().GetColnames())}
	for _, function := range f.GetFunctions() {
		add(&source.Calls, function.GetList().GetItems()[0])
	}
	for _, column := range f.GetColdeflist() {
		source.Columns = append(source.Columns, column.GetColumnDef().GetColname())
	}
	if len(source.Columns) == 0 && source.Alias != "" {
		source.Columns = []string{source.Alias}
	}
	q.From = append(q.From, source)
}

// addXMLTable takes XMLTABLE: the path of its rows and those of its columns.
func addXMLTable(q *cost.Query, f *pg.RangeTableFunc) {
	source := cost.Source{Alias: f.GetAlias().GetAliasname()}
	source.Calls = []cost.Expr{call("xmltable", f.GetRowexpr(), f.GetDocexpr())}
	for _, node := range f.GetColumns() {
		column := node.GetRangeTableFuncCol()
		source.Columns = append(source.Columns, column.GetColname())
		if path := column.GetColexpr(); path != nil {
			q.Exprs = append(q.Exprs, call("xmltable", path, f.GetDocexpr()))
		}
		add(&q.Exprs, column.GetColdefexpr())
	}
	source.Columns = append(source.Columns, texts(f.GetAlias().GetColnames())...)
	q.From = append(q.From, source)
}

// addJSONTable takes JSON_TABLE with its columns, nested ones included.
func addJSONTable(q *cost.Query, t *pg.JsonTable) {
	source := cost.Source{Alias: t.GetAlias().GetAliasname(), Columns: jsonColumns(nil, t.GetColumns())}
	source.Columns = append(source.Columns, texts(t.GetAlias().GetColnames())...)
	e := cost.Expr{Kind: cost.Call, Name: "json_table"}
	addParts(&e, t.ProtoReflect())
	source.Calls = []cost.Expr{e}
	q.From = append(q.From, source)
}

func jsonColumns(names []string, columns []*pg.Node) []string {
	for _, node := range columns {
		column := node.GetJsonTableColumn()
		names = jsonColumns(append(names, column.GetName()), column.GetColumns())
	}
	return names
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

func add(list *[]cost.Expr, nodes ...*pg.Node) {
	for _, node := range nodes {
		if node != nil {
			*list = append(*list, reduce(node))
		}
	}
}

func call(name string, nodes ...*pg.Node) cost.Expr {
	e := cost.Expr{Kind: cost.Call, Name: name, Args: make([]cost.Expr, 0, len(nodes))}
	add(&e.Args, nodes...)
	return e
}

// reduce turns an expression. A node without a rule of its own is its parts.
func reduce(node *pg.Node) cost.Expr {
	switch n := node.GetNode().(type) {
	case *pg.Node_AConst:
		return constant(n.AConst)
	case *pg.Node_ColumnRef:
		return columnRef(n.ColumnRef.GetFields())
	case *pg.Node_FuncCall:
		return reduceCall(n.FuncCall)
	case *pg.Node_AExpr:
		return reduceOperation(n.AExpr)
	case *pg.Node_TypeCast:
		return reduceCast(n.TypeCast)
	case *pg.Node_SubLink:
		e := cost.Expr{Kind: cost.Scalar, Query: reduceQuery(n.SubLink.GetSubselect().GetSelectStmt())}
		if n.SubLink.GetSubLinkType() == pg.SubLinkType_ARRAY_SUBLINK {
			e.Name = cost.ArrayQuery
		}
		add(&e.Args, n.SubLink.GetTestexpr())
		return e
	case *pg.Node_AArrayExpr:
		e := cost.Expr{Kind: cost.List}
		add(&e.Args, n.AArrayExpr.GetElements()...)
		return e
	case *pg.Node_CaseExpr:
		e := call("case", n.CaseExpr.GetArg(), n.CaseExpr.GetDefresult())
		for _, when := range n.CaseExpr.GetArgs() {
			add(&e.Args, when.GetCaseWhen().GetResult())
			e.Args = append(e.Args, call("=", when.GetCaseWhen().GetExpr()))
		}
		return e
	case *pg.Node_CoalesceExpr:
		return call("coalesce", n.CoalesceExpr.GetArgs()...)
	case *pg.Node_MinMaxExpr:
		if n.MinMaxExpr.GetOp() == pg.MinMaxOp_IS_LEAST {
			return call("least", n.MinMaxExpr.GetArgs()...)
		}
		return call("greatest", n.MinMaxExpr.GetArgs()...)
	case *pg.Node_BoolExpr:
		return call("=", n.BoolExpr.GetArgs()...)
	case *pg.Node_SortBy:
		return reduce(n.SortBy.GetNode())
	case *pg.Node_SqlvalueFunction:
		return call("now")
	case *pg.Node_List:
		return call("row", n.List.GetItems()...)
	case nil:
		return cost.Expr{}
	}
	e := cost.Expr{}
	addParts(&e, node.ProtoReflect())
	return e
}

// addParts adds what is below a message by reflection.
func addParts(e *cost.Expr, m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				addPart(e, v.List().Get(i).Message())
			}
		default:
			addPart(e, v.Message())
		}
		return true
	})
}

func addPart(e *cost.Expr, m protoreflect.Message) {
	switch below := m.Interface().(type) {
	case *pg.Node:
		e.Args = append(e.Args, reduce(below))
	case *pg.TypeName, *pg.Alias:
	case *pg.SelectStmt:
		e.Args = append(e.Args, cost.Expr{Kind: cost.Scalar, Query: reduceQuery(below)})
	default:
		addParts(e, m)
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

func reduceCall(f *pg.FuncCall) cost.Expr {
	e := call(strings.ToLower(lastPart(f.GetFuncname())), f.GetArgs()...)
	e.Over = f.GetOver() != nil
	if f.GetAggWithinGroup() {
		add(&e.Args, f.GetAggOrder()...)
	}
	if f.GetAggFilter() == nil && len(f.GetAggOrder()) == 0 && f.GetOver() == nil {
		return e
	}
	around := cost.Expr{Kind: cost.Call, Name: "case", Args: []cost.Expr{e}}
	rest := cost.Expr{Kind: cost.Call, Name: "="}
	add(&rest.Args, f.GetAggFilter())
	add(&rest.Args, f.GetAggOrder()...)
	if over := f.GetOver(); over != nil {
		add(&rest.Args, over.GetPartitionClause()...)
		add(&rest.Args, over.GetOrderClause()...)
		add(&rest.Args, over.GetStartOffset(), over.GetEndOffset())
	}
	around.Args = append(around.Args, rest)
	return around
}

func reduceOperation(e *pg.A_Expr) cost.Expr {
	return call(strings.ToLower(lastPart(e.GetName())), e.GetLexpr(), e.GetRexpr())
}

// reduceCast turns a cast. bit and char fill a value up to their length.
func reduceCast(c *pg.TypeCast) cost.Expr {
	e := cost.Expr{Args: []cost.Expr{reduce(c.GetArg())}}
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
