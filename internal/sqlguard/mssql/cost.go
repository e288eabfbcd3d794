package mssql

import (
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/sqlc-dev/teesql/ast"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/cost"
)

// checkCost refuses an accepted tree that is too expensive by its text alone.
func (g *Guard) checkCost(s *ast.SelectStatement) error {
	r := reduction{nodes: g.nodes}
	q := r.query(s.QueryExpression)
	if s.WithCtesAndXmlNamespaces != nil {
		for _, cte := range s.WithCtesAndXmlNamespaces.CommonTableExpressions {
			q.With = append(q.With, cost.With{
				Name:      value(cte.ExpressionName),
				Columns:   texts(cte.Columns),
				Query:     r.query(cte.QueryExpression),
				Recursive: true, // T-SQL has no word for it
				Inlined:   true, // SQL Server expands the query for each reference
			})
		}
	}
	return cost.Check(q)
}

// reduction turns a tree into the one that cost measures.
type reduction struct{ nodes map[reflect.Type]node }

func (r reduction) query(node ast.QueryExpression) *cost.Query {
	switch n := node.(type) {
	case *ast.QueryParenthesisExpression:
		return r.query(n.QueryExpression)
	case *ast.BinaryQueryExpression:
		q := &cost.Query{Arms: r.arms(nil, n)}
		if n.OrderByClause != nil {
			q.Exprs = r.parts(n.OrderByClause)
		}
		return q
	case *ast.QuerySpecification:
		return r.specification(n)
	}
	return new(cost.Query)
}

// arms flattens what UNION and the like put together.
func (r reduction) arms(arms []*cost.Query, n *ast.BinaryQueryExpression) []*cost.Query {
	for _, arm := range [...]ast.QueryExpression{n.FirstQueryExpression, n.SecondQueryExpression} {
		if inner, ok := arm.(*ast.BinaryQueryExpression); ok {
			arms = r.arms(arms, inner)
			continue
		}
		arms = append(arms, r.query(arm))
	}
	return arms
}

func (r reduction) specification(n *ast.QuerySpecification) *cost.Query {
	q := &cost.Query{Holds: n.OrderByClause != nil || strings.EqualFold(n.UniqueRowFilter, "distinct")}
	if n.FromClause != nil {
		for _, table := range n.FromClause.TableReferences {
			r.from(q, table)
		}
	}
	q.Outputs = make([]cost.Output, 0, len(n.SelectElements))
	for _, element := range n.SelectElements {
		q.Outputs = append(q.Outputs, r.output(element))
	}
	if n.GroupByClause != nil {
		q.Grouped, q.Sets = true, groupingSets(n.GroupByClause.GroupingSpecifications)
		if strings.EqualFold(n.GroupByClause.GroupByOption, "cube") {
			q.Sets = math.Exp2(float64(len(n.GroupByClause.GroupingSpecifications)))
		}
		q.Exprs = append(q.Exprs, r.parts(n.GroupByClause)...)
	}
	if n.TopRowFilter != nil {
		q.Exprs = append(q.Exprs, r.parts(n.TopRowFilter)...)
	}
	if n.WhereClause != nil {
		q.Exprs = append(q.Exprs, r.parts(n.WhereClause)...)
	}
	if n.HavingClause != nil {
		q.Exprs = append(q.Exprs, r.parts(n.HavingClause)...)
	}
	if n.WindowClause != nil {
		q.Exprs = append(q.Exprs, r.parts(n.WindowClause)...)
	}
	if n.OrderByClause != nil {
		q.Exprs = append(q.Exprs, r.parts(n.OrderByClause)...)
	}
	if n.OffsetClause != nil {
		q.Exprs = append(q.Exprs, r.parts(n.OffsetClause)...)
	}
	return q
}

func (r reduction) output(element ast.SelectElement) cost.Output {
	scalar, ok := element.(*ast.SelectScalarExpression)
	if !ok {
		return cost.Output{Name: "*", Expr: cost.Expr{Kind: cost.Column, Name: "*"}}
	}
	output := cost.Output{Expr: r.expr(scalar.Expression)}
	switch {
	case scalar.ColumnName != nil && scalar.ColumnName.Identifier != nil:
		output.Name = value(scalar.ColumnName.Identifier)
	case scalar.ColumnName != nil:
		output.Name = plainName(scalar.ColumnName.Value)
	case output.Expr.Kind == cost.Column:
		output.Name = output.Expr.Name
	}
	return output
}

// from takes one item of a FROM clause.
func (r reduction) from(q *cost.Query, table ast.TableReference) {
	switch n := table.(type) {
	case *ast.NamedTableReference:
		name, schema := value(n.SchemaObject.BaseIdentifier), value(n.SchemaObject.SchemaIdentifier)
		source := cost.Source{Table: name, Alias: value(n.Alias)}
		if source.Alias == "" {
			source.Alias = name
		}
		if schema != "" {
			source.Table = schema + "." + name
		}
		q.From = append(q.From, source)
	case *ast.QueryDerivedTable:
		q.From = append(q.From, cost.Source{
			Query: r.query(n.QueryExpression), Alias: value(n.Alias), Columns: texts(n.Columns),
		})
	case *ast.QualifiedJoin:
		r.from(q, n.FirstTableReference)
		r.from(q, n.SecondTableReference)
		q.Exprs = append(q.Exprs, r.expr(n.SearchCondition))
	case *ast.UnqualifiedJoin:
		r.from(q, n.FirstTableReference)
		r.from(q, n.SecondTableReference)
	case *ast.JoinParenthesisTableReference:
		r.from(q, n.Join)
	case *ast.PivotedTableReference:
		r.from(q, n.TableReference)
	case *ast.UnpivotedTableReference:
		r.from(q, n.TableReference)
	case *ast.InlineDerivedTable:
		r.inline(q, n)
	case *ast.GlobalFunctionTableReference:
		call := r.call(value(n.Name), n.Parameters)
		q.From = append(q.From, cost.Source{Calls: []cost.Expr{call}, Alias: value(n.Alias), Columns: texts(n.Columns)})
	case *ast.SchemaObjectFunctionTableReference:
		call := r.call(value(n.SchemaObject.BaseIdentifier), n.Parameters)
		q.From = append(q.From, cost.Source{Calls: []cost.Expr{call}, Alias: value(n.Alias), Columns: texts(n.Columns)})
	default:
		q.From = append(q.From, cost.Source{Calls: []cost.Expr{r.expr(table)}})
	}
}

// inline takes the rows of VALUES. A column is as long as its longest value.
func (r reduction) inline(q *cost.Query, n *ast.InlineDerivedTable) {
	rows := &cost.Query{Rows: float64(len(n.RowValues))}
	for _, row := range n.RowValues {
		for i, column := range row.ColumnValues {
			if i == len(rows.Outputs) {
				rows.Outputs = append(rows.Outputs, cost.Output{Expr: cost.Expr{Kind: cost.Call, Name: "greatest"}})
			}
			longest := &rows.Outputs[i].Expr
			longest.Args = append(longest.Args, r.expr(column))
		}
	}
	q.From = append(q.From, cost.Source{Query: rows, Alias: value(n.Alias), Columns: texts(n.Columns)})
}

// groupingSets returns how many sets a GROUP BY stands for.
func groupingSets(list []ast.GroupingSpecification) float64 {
	sets := 1.0
	for _, specification := range list {
		sets *= setsOf(specification)
	}
	return sets
}

func setsOf(specification ast.GroupingSpecification) float64 {
	switch n := specification.(type) {
	case *ast.RollupGroupingSpecification:
		return float64(len(n.Arguments) + 1)
	case *ast.CubeGroupingSpecification:
		return math.Exp2(float64(len(n.Arguments)))
	case *ast.GroupingSetsGroupingSpecification:
		sets := 0.0
		for _, argument := range n.Arguments {
			sets += setsOf(argument)
		}
		return sets
	}
	return 1
}

// expr turns an expression. A node without a rule of its own is its parts.
func (r reduction) expr(node any) cost.Expr {
	switch n := node.(type) {
	case *ast.StringLiteral:
		return cost.Expr{Kind: cost.Text, Name: n.Value}
	case *ast.BinaryLiteral:
		return cost.Expr{Kind: cost.Text, Name: n.Value}
	case *ast.IntegerLiteral:
		return numeral(n.Value)
	case *ast.NumericLiteral:
		return numeral(n.Value)
	case *ast.RealLiteral:
		return numeral(n.Value)
	case *ast.ColumnReferenceExpression:
		return columnRef(n)
	case *ast.FunctionCall:
		return r.functionCall(n)
	case *ast.LeftFunctionCall:
		return r.call("left", n.Parameters)
	case *ast.RightFunctionCall:
		return r.call("right", n.Parameters)
	case *ast.BinaryExpression:
		return cost.Expr{Kind: cost.Call, Name: operatorName(n.BinaryExpressionType), Args: []cost.Expr{
			r.expr(n.FirstExpression), r.expr(n.SecondExpression),
		}}
	case *ast.CastCall:
		return r.padded(n.DataType, n.Parameter)
	case *ast.TryCastCall:
		return r.padded(n.DataType, n.Parameter)
	case *ast.ConvertCall:
		return r.padded(n.DataType, n.Parameter)
	case *ast.TryConvertCall:
		return r.padded(n.DataType, n.Parameter)
	case *ast.BooleanLikeExpression:
		return cost.Expr{Kind: cost.Call, Name: "like", Args: r.parts(n)}
	case *ast.ScalarSubquery:
		return cost.Expr{Kind: cost.Scalar, Query: r.query(n.QueryExpression)}
	case ast.QueryExpression:
		return cost.Expr{Kind: cost.Scalar, Query: r.query(n)}
	case *ast.IIfCall, *ast.CoalesceExpression, *ast.NullIfExpression, *ast.SearchedCaseExpression,
		*ast.SimpleCaseExpression, *ast.SearchedWhenClause, *ast.SimpleWhenClause:
		return cost.Expr{Kind: cost.Call, Name: "case", Args: r.parts(n)}
	case *ast.BooleanComparisonExpression, *ast.BooleanBinaryExpression, *ast.BooleanInExpression,
		*ast.BooleanTernaryExpression, *ast.BooleanNotExpression, *ast.ExistsPredicate, *ast.SubqueryComparisonPredicate,
		*ast.BooleanIsNullExpression, *ast.DistinctPredicate:
		return cost.Expr{Kind: cost.Call, Name: "=", Args: r.parts(n)}
	}
	return cost.Expr{Args: r.parts(node)}
}

// parts returns the expressions directly below a node.
func (r reduction) parts(node any) []cost.Expr {
	v := reflect.ValueOf(node)
	if !v.IsValid() || v.IsNil() {
		return nil
	}
	var list []cost.Expr
	for _, i := range r.nodes[v.Type()].fields {
		field := v.Elem().Field(i)
		if field.Kind() != reflect.Slice {
			list = r.part(list, field)
			continue
		}
		for j := range field.Len() {
			list = r.part(list, field.Index(j))
		}
	}
	return list
}

func (r reduction) part(list []cost.Expr, v reflect.Value) []cost.Expr {
	if v.IsNil() {
		return list
	}
	switch v.Interface().(type) {
	case *ast.Identifier, *ast.SchemaObjectName, *ast.MultiPartIdentifier, ast.DataTypeReference:
		return list
	}
	return append(list, r.expr(v.Interface()))
}

func (r reduction) functionCall(n *ast.FunctionCall) cost.Expr {
	e := r.call(value(n.FunctionName), n.Parameters)
	for _, pair := range n.JsonParameters {
		e.Args = append(e.Args, r.parts(pair)...)
	}
	if n.OverClause == nil && n.WithinGroupClause == nil {
		return e
	}
	e.Over = n.OverClause != nil
	rest := cost.Expr{Kind: cost.Call, Name: "="}
	if n.OverClause != nil {
		rest.Args = append(rest.Args, r.parts(n.OverClause)...)
	}
	if n.WithinGroupClause != nil {
		rest.Args = append(rest.Args, r.parts(n.WithinGroupClause)...)
	}
	return cost.Expr{Kind: cost.Call, Name: "case", Args: []cost.Expr{e, rest}}
}

func (r reduction) call(name string, parameters []ast.ScalarExpression) cost.Expr {
	e := cost.Expr{Kind: cost.Call, Name: functionName(strings.ToLower(name)), Args: make([]cost.Expr, 0, len(parameters))}
	for _, parameter := range parameters {
		e.Args = append(e.Args, r.expr(parameter))
	}
	return e
}

// functionName is the name that cost knows a function by.
func functionName(lower string) string {
	if lower == "format" { // its pattern has no widths
		return "to_char"
	}
	return lower
}

// padded turns a cast: char(n) and binary(n) fill a value up to their length.
func (r reduction) padded(to ast.DataTypeReference, parameter ast.ScalarExpression) cost.Expr {
	e := cost.Expr{Args: []cost.Expr{r.expr(parameter)}}
	if t, ok := to.(*ast.SqlDataTypeReference); ok && len(t.Parameters) > 0 {
		if length := r.expr(t.Parameters[0]); length.Kind == cost.Number {
			e.Kind, e.Number = cost.Padded, length.Number
		}
	}
	return e
}

func columnRef(n *ast.ColumnReferenceExpression) cost.Expr {
	e := cost.Expr{Kind: cost.Column}
	if n.MultiPartIdentifier == nil {
		return e
	}
	ids := n.MultiPartIdentifier.Identifiers
	if last := len(ids) - 1; last >= 0 {
		e.Name = value(ids[last])
		if last > 0 {
			e.Qualifier = value(ids[last-1])
		}
	}
	return e
}

func operatorName(kind string) string {
	switch kind {
	case "Add":
		return "+||" // it joins texts, too
	case "Subtract":
		return "-"
	case "Multiply":
		return "*"
	case "Divide":
		return "/"
	case "Modulo":
		return "%"
	}
	return strings.ToLower(kind)
}

func numeral(text string) cost.Expr {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		n = math.Inf(1)
	}
	return cost.Expr{Kind: cost.Number, Number: n}
}

func value(id *ast.Identifier) string {
	if id == nil {
		return ""
	}
	return plainName(id.Value)
}

func texts(ids []*ast.Identifier) []string {
	if len(ids) == 0 {
		return nil
	}
	list := make([]string, 0, len(ids))
	for _, id := range ids {
		list = append(list, plainName(id.Value))
	}
	return list
}
