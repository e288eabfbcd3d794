package mysql

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/sqlc-dev/marino/ast"
	"github.com/sqlc-dev/marino/opcode"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/cost"
)

// checkCost refuses an accepted tree that is too expensive by its text alone.
func checkCost(statement ast.StmtNode) error {
	if explain, ok := statement.(*ast.ExplainStmt); ok {
		statement = explain.Stmt
	}
	switch statement.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt:
		return cost.Check(reduceQuery(statement))
	}
	return nil
}

// reduceQuery turns a query into the one that cost measures.
func reduceQuery(node ast.Node) *cost.Query {
	switch n := node.(type) {
	case *ast.SelectStmt:
		return reduceSelect(n)
	case *ast.SetOprStmt:
		q := reduceArms(n.SelectList, n.With)
		limitAndOrder(q, n.Limit, n.OrderBy)
		return q
	case *ast.SetOprSelectList:
		q := reduceArms(n, n.With)
		limitAndOrder(q, n.Limit, n.OrderBy)
		return q
	case *ast.SubqueryExpr:
		return reduceQuery(n.Query)
	}
	return nil
}

func reduceArms(list *ast.SetOprSelectList, with *ast.WithClause) *cost.Query {
	q := &cost.Query{With: reduceWith(with)}
	for _, arm := range list.Selects {
		q.Arms = append(q.Arms, reduceQuery(arm))
	}
	return q
}

func reduceSelect(s *ast.SelectStmt) *cost.Query {
	q := &cost.Query{With: reduceWith(s.With), Rows: float64(len(s.Lists)), Holds: s.Distinct || s.OrderBy != nil}
	if s.From != nil {
		reduceFrom(q, s.From.TableRefs)
	}
	if s.Fields != nil && len(s.Lists) == 0 {
		q.Outputs = make([]cost.Output, 0, len(s.Fields.Fields))
		for _, field := range s.Fields.Fields {
			q.Outputs = append(q.Outputs, reduceField(field))
		}
	}
	reduceValues(q, s.Lists)
	add(&q.Exprs, s.Where)
	if s.GroupBy != nil {
		q.Grouped, q.Sets = true, 1
		if s.GroupBy.Rollup {
			q.Sets = float64(len(s.GroupBy.Items) + 1)
		}
		addItems(q, s.GroupBy.Items)
	}
	if s.Having != nil {
		add(&q.Exprs, s.Having)
	}
	for i := range s.WindowSpecs {
		add(&q.Exprs, &s.WindowSpecs[i])
	}
	limitAndOrder(q, s.Limit, s.OrderBy)
	return q
}

// reduceValues takes the rows of VALUES. A column is as long as its longest
// value.
func reduceValues(q *cost.Query, rows []*ast.RowExpr) {
	for _, row := range rows {
		for i, value := range row.Values {
			if i == len(q.Outputs) {
				q.Outputs = append(q.Outputs, cost.Output{
					Name: "column_" + strconv.Itoa(i),
					Expr: cost.Expr{Kind: cost.Call, Name: "greatest"},
				})
			}
			add(&q.Outputs[i].Expr.Args, value)
		}
	}
}

func limitAndOrder(q *cost.Query, limit *ast.Limit, order *ast.OrderByClause) {
	if order != nil {
		addItems(q, order.Items)
	}
	if limit == nil {
		return
	}
	add(&q.Exprs, limit.Count)
	if limit.Offset != nil {
		add(&q.Exprs, limit.Offset)
	}
	if count := reduce(limit.Count); count.Kind == cost.Number {
		q.Limit = count.Number
	}
}

func addItems(q *cost.Query, items []*ast.ByItem) {
	for _, item := range items {
		q.Exprs = append(q.Exprs, reduce(item.Expr))
	}
}

func reduceWith(with *ast.WithClause) []cost.With {
	if with == nil {
		return nil
	}
	list := make([]cost.With, 0, len(with.CTEs))
	for _, cte := range with.CTEs {
		list = append(list, cost.With{
			Name:      cte.Name.L,
			Columns:   texts(cte.ColNameList),
			Query:     reduceQuery(cte.Query),
			Recursive: with.IsRecursive,
			Inlined:   true, // MariaDB and MySQL resolve the query again for each reference
		})
	}
	return list
}

func reduceField(field *ast.SelectField) cost.Output {
	if field.WildCard != nil {
		return cost.Output{Name: "*", Expr: cost.Expr{Kind: cost.Column, Name: "*"}}
	}
	name := field.AsName.L
	if column, ok := field.Expr.(*ast.ColumnNameExpr); ok && name == "" {
		name = column.Name.Name.L
	}
	return cost.Output{Name: name, Expr: reduce(field.Expr)}
}

// reduceFrom takes what a FROM clause joins.
func reduceFrom(q *cost.Query, node ast.ResultSetNode) {
	switch n := node.(type) {
	case nil:
	case *ast.Join:
		reduceFrom(q, n.Left)
		reduceFrom(q, n.Right)
		if n.On != nil {
			add(&q.Exprs, n.On)
		}
	case *ast.TableSource:
		reduceSource(q, n)
	default:
		q.From = append(q.From, cost.Source{Query: reduceQuery(n)})
	}
}

func reduceSource(q *cost.Query, n *ast.TableSource) {
	source := cost.Source{Alias: n.AsName.L, Columns: texts(n.ColumnNames)}
	switch inner := n.Source.(type) {
	case *ast.Join:
		reduceFrom(q, inner)
		return
	case *ast.TableName:
		if sequence, ok := reduceSequence(inner.Name.L); ok {
			source.Calls, source.Columns = sequence, []string{"seq"}
			break
		}
		source.Table = inner.Name.L
		if inner.Schema.L != "" {
			source.Table = inner.Schema.L + "." + inner.Name.L
			if source.Alias == "" {
				source.Alias = inner.Name.L
			}
		}
	case *ast.JSONTableExpr:
		source.Calls = []cost.Expr{{Kind: cost.Call, Name: "json_table", Args: parts(inner)}}
		source.Columns = jsonColumns(nil, inner.Columns)
	default:
		source.Query = reduceQuery(inner)
	}
	q.From = append(q.From, source)
}

func jsonColumns(names []string, columns []*ast.JSONTableColumn) []string {
	for _, column := range columns {
		names = jsonColumns(append(names, column.Name.L), column.NestedColumns)
	}
	return names
}

// reduceSequence takes MariaDB's tables of numbers, seq_1_to_100.
func reduceSequence(table string) ([]cost.Expr, bool) {
	ends, ok := strings.CutPrefix(table, "seq_")
	first, last, found := strings.Cut(ends, "_to_")
	last, _, _ = strings.Cut(last, "_step_")
	from, err := strconv.ParseUint(first, 10, 64)
	to, err2 := strconv.ParseUint(last, 10, 64)
	if !ok || !found || err != nil || err2 != nil {
		return nil, false
	}
	return []cost.Expr{{Kind: cost.Call, Name: cost.Sequence, Args: []cost.Expr{
		{Kind: cost.Number, Number: float64(from)}, {Kind: cost.Number, Number: float64(to)},
	}}}, true
}

func add(list *[]cost.Expr, node ast.Node) {
	if node != nil {
		*list = append(*list, reduce(node))
	}
}

// reduce turns an expression. A node without a rule of its own is its parts.
func reduce(node ast.Node) cost.Expr {
	switch n := node.(type) {
	case ast.ValueExpr:
		return reduceValue(n.GetValue())
	case *ast.ColumnNameExpr:
		return cost.Expr{Kind: cost.Column, Name: n.Name.Name.L, Qualifier: n.Name.Table.L}
	case *ast.FuncCallExpr:
		return reduceCall(functionName(n.FnName.L), n.Args)
	case *ast.AggregateFuncExpr:
		return reduceCall(strings.ToLower(n.F), n.Args)
	case *ast.WindowFuncExpr:
		e := reduceCall(strings.ToLower(n.Name), n.Args)
		e.Over = true
		return cost.Expr{Kind: cost.Call, Name: "case", Args: []cost.Expr{e, {Kind: cost.Call, Name: "=", Args: parts(&n.Spec)}}}
	case *ast.BinaryOperationExpr:
		return cost.Expr{Kind: cost.Call, Name: operatorName(n.Op), Args: []cost.Expr{reduce(n.L), reduce(n.R)}}
	case *ast.UnaryOperationExpr:
		return cost.Expr{Kind: cost.Call, Name: operatorName(n.Op), Args: []cost.Expr{reduce(n.V)}}
	case *ast.SubqueryExpr:
		return cost.Expr{Kind: cost.Scalar, Query: reduceQuery(n)}
	case *ast.FuncCastExpr:
		return reduceCast(n)
	case *ast.PatternLikeOrIlikeExpr:
		return cost.Expr{Kind: cost.Call, Name: "like", Args: []cost.Expr{reduce(n.Expr), reduce(n.Pattern)}}
	case *ast.PatternRegexpExpr:
		return cost.Expr{Kind: cost.Call, Name: "regexp", Args: []cost.Expr{reduce(n.Expr), reduce(n.Pattern)}}
	case *ast.CaseExpr:
		return cost.Expr{Kind: cost.Call, Name: "case", Args: parts(n)}
	case *ast.WhenClause:
		return cost.Expr{Kind: cost.Call, Name: "case", Args: []cost.Expr{
			reduce(n.Result), {Kind: cost.Call, Name: "=", Args: []cost.Expr{reduce(n.Expr)}},
		}}
	case *ast.PatternInExpr:
		return cost.Expr{Kind: cost.Call, Name: "in", Args: parts(n)}
	case *ast.ParenthesesExpr:
		return reduce(n.Expr)
	case *ast.OnCondition:
		return reduce(n.Expr)
	case *ast.HavingClause:
		return reduce(n.Expr)
	case *ast.ByItem:
		return reduce(n.Expr)
	case *ast.BetweenExpr, *ast.CompareSubqueryExpr, *ast.ExistsSubqueryExpr, *ast.IsNullExpr, *ast.IsTruthExpr:
		return cost.Expr{Kind: cost.Call, Name: "=", Args: parts(n)}
	}
	return cost.Expr{Args: parts(node)}
}

// functionName is the name that cost knows a function by.
func functionName(name string) string {
	switch name {
	case "format":
		return "format_number"
	case ast.CharFunc:
		return "char"
	case "insert_func":
		return "insert"
	}
	return name
}

func reduceCall(name string, args []ast.ExprNode) cost.Expr {
	e := cost.Expr{Kind: cost.Call, Name: name, Args: make([]cost.Expr, 0, len(args))}
	for _, arg := range args {
		e.Args = append(e.Args, reduce(arg))
	}
	return e
}

// reduceCast turns a cast. BINARY(n) fills a value up to its length.
func reduceCast(n *ast.FuncCastExpr) cost.Expr {
	e := cost.Expr{Args: []cost.Expr{reduce(n.Expr)}}
	if n.Tp != nil && n.Tp.GetFlen() > 0 {
		e.Kind, e.Number = cost.Padded, float64(n.Tp.GetFlen())
	}
	return e
}

func reduceValue(value any) cost.Expr {
	switch v := value.(type) {
	case int64:
		return cost.Expr{Kind: cost.Number, Number: float64(v)}
	case uint64:
		return cost.Expr{Kind: cost.Number, Number: float64(v)}
	case float64:
		return cost.Expr{Kind: cost.Number, Number: v}
	case string:
		return cost.Expr{Kind: cost.Text, Name: v}
	case []byte:
		return cost.Expr{Kind: cost.Text, Name: string(v)}
	case nil:
		return cost.Expr{Kind: cost.Number}
	case fmt.Stringer: // a decimal, or bits
		n, err := strconv.ParseFloat(v.String(), 64)
		if err != nil {
			n = math.Inf(1)
		}
		return cost.Expr{Kind: cost.Number, Number: n}
	}
	return cost.Expr{}
}

func operatorName(op opcode.Op) string {
	switch op {
	case opcode.Plus:
		return "+"
	case opcode.Minus:
		return "-"
	case opcode.Mul:
		return "*"
	case opcode.Div, opcode.IntDiv:
		return "/"
	case opcode.Mod:
		return "%"
	case opcode.EQ, opcode.NE, opcode.LT, opcode.LE, opcode.GT, opcode.GE, opcode.NullEQ, opcode.LogicAnd,
		opcode.LogicOr, opcode.LogicXor, opcode.Not, opcode.Not2:
		return "="
	}
	return op.String()
}

// parts returns the expressions directly below a node.
func parts(node ast.Node) []cost.Expr {
	below := partsVisitor{root: node}
	node.Accept(&below)
	return below.parts
}

type partsVisitor struct {
	root  ast.Node
	parts []cost.Expr
}

// Enter implements [ast.Visitor].
func (v *partsVisitor) Enter(n ast.Node) (ast.Node, bool) {
	if n == v.root {
		return n, false
	}
	v.parts = append(v.parts, reduce(n))
	return n, true
}

// Leave implements [ast.Visitor].
func (v *partsVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func texts(names []ast.CIStr) []string {
	if len(names) == 0 {
		return nil
	}
	list := make([]string, 0, len(names))
	for _, name := range names {
		list = append(list, name.L)
	}
	return list
}
