package sqlite

import (
	"math"
	"strconv"
	"strings"

	"github.com/sqlc-dev/meyer/ast"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/cost"
)

// checkCost refuses an accepted statement that is too expensive by its text
// alone. What its rows cost is for the engine's own limits.
func checkCost(stmt ast.Stmt) error {
	if explain, ok := stmt.(*ast.ExplainStmt); ok {
		stmt = explain.Stmt
	}
	if s, ok := stmt.(*ast.SelectStmt); ok {
		return cost.Check(reduceQuery(s))
	}
	return nil
}

// reduceQuery turns a query into the one that cost measures.
func reduceQuery(s *ast.SelectStmt) *cost.Query {
	if s == nil {
		return nil
	}
	q := reduceCore(s.Cores[0])
	if len(s.Cores) > 1 {
		q = &cost.Query{Arms: []*cost.Query{q}}
		for _, core := range s.Cores[1:] {
			q.Arms = append(q.Arms, reduceCore(core))
		}
	}
	if s.With == nil {
		return q
	}
	for _, cte := range s.With.CTEs {
		q.With = append(q.With, cost.With{
			Name:      cte.Name.Name,
			Columns:   texts(cte.Columns),
			Query:     reduceQuery(cte.Select),
			Recursive: true, // SQLite does not need the word for it
			Inlined:   true, // it copies the query for each reference
		})
	}
	return q
}

func reduceCore(core ast.SelectCore) *cost.Query {
	q := new(cost.Query)
	s, ok := core.(*ast.SelectQuery)
	if !ok {
		reduceValues(q, core)
		return q
	}
	q.From = make([]cost.Source, 0, len(s.From))
	q.Outputs = make([]cost.Output, 0, len(s.Columns))
	q.Exprs = make([]cost.Expr, 0, 4+len(s.GroupBy)+len(s.OrderBy))
	for _, ref := range s.From {
		reduceFrom(q, ref)
	}
	for _, column := range s.Columns {
		q.Outputs = append(q.Outputs, reduceColumn(column))
	}
	q.Grouped = len(s.GroupBy) > 0
	q.Holds = len(s.OrderBy) > 0 || s.Distinct == ast.DistinctDistinct
	add(&q.Exprs, s.Where, s.Having)
	add(&q.Exprs, s.GroupBy...)
	for _, order := range s.OrderBy {
		add(&q.Exprs, order.Expr)
	}
	for _, window := range s.Windows {
		q.Exprs = append(q.Exprs, cost.Expr{Args: parts(window)})
	}
	if s.Limit != nil {
		add(&q.Exprs, s.Limit.Count, s.Limit.Offset)
		if count := reduce(s.Limit.Count); count.Kind == cost.Number {
			q.Limit = count.Number
		}
	}
	return q
}

// reduceValues takes the rows of VALUES. A column is as long as its longest
// value.
func reduceValues(q *cost.Query, core ast.SelectCore) {
	values, ok := core.(*ast.ValuesClause)
	if !ok {
		q.Exprs = parts(core)
		return
	}
	q.Rows = float64(len(values.Rows))
	for _, row := range values.Rows {
		for i, value := range row {
			if i == len(q.Outputs) {
				q.Outputs = append(q.Outputs, cost.Output{
					Name: "column" + strconv.Itoa(i+1),
					Expr: cost.Expr{Kind: cost.Call, Name: "greatest"},
				})
			}
			add(&q.Outputs[i].Expr.Args, value)
		}
	}
}

func reduceColumn(column *ast.ResultColumn) cost.Output {
	output := cost.Output{Expr: reduce(column.Expr)}
	switch {
	case column.Alias != nil:
		output.Name = column.Alias.Name
	case output.Expr.Kind == cost.Column:
		output.Name = output.Expr.Name
	}
	return output
}

// reduceFrom takes one item of a FROM clause.
func reduceFrom(q *cost.Query, ref *ast.TableRef) {
	add(&q.Exprs, ref.On)
	if len(ref.List) > 0 {
		for _, inner := range ref.List {
			reduceFrom(q, inner)
		}
		return
	}
	source := cost.Source{Query: reduceQuery(ref.Select)}
	if ref.Alias != nil {
		source.Alias = ref.Alias.Name
	}
	switch {
	case ref.Name == nil:
	case ref.HasArgs:
		call := cost.Expr{Kind: cost.Call, Name: strings.ToLower(ref.Name.Name.Name)}
		add(&call.Args, ref.Args...)
		source.Calls = []cost.Expr{call}
	default:
		source.Table = tableName(ref.Name)
		if source.Alias == "" {
			source.Alias = ref.Name.Name.Name
		}
	}
	q.From = append(q.From, source)
}

func tableName(name *ast.QualifiedName) string {
	if name.Schema == nil {
		return name.Name.Name
	}
	return name.Schema.Name + "." + name.Name.Name
}

func add(list *[]cost.Expr, nodes ...ast.Expr) {
	for _, node := range nodes {
		if node != nil {
			*list = append(*list, reduce(node))
		}
	}
}

// reduce turns an expression. A node without a rule of its own is its parts.
func reduce(node ast.Node) cost.Expr {
	switch n := node.(type) {
	case *ast.Literal:
		return reduceLiteral(n)
	case *ast.Ident:
		return cost.Expr{Kind: cost.Column, Name: n.Name}
	case *ast.QualifiedRef:
		last := len(n.Parts) - 1
		return cost.Expr{Kind: cost.Column, Name: n.Parts[last].Name, Qualifier: n.Parts[max(last-1, 0)].Name}
	case *ast.Star:
		return cost.Expr{Kind: cost.Column, Name: "*"}
	case *ast.FuncCall:
		return reduceCall(n)
	case *ast.BinaryExpr:
		return cost.Expr{Kind: cost.Call, Name: strings.ToLower(n.Op.String()), Args: []cost.Expr{reduce(n.X), reduce(n.Y)}}
	case *ast.UnaryExpr:
		return cost.Expr{Kind: cost.Call, Name: strings.ToLower(n.Op.String()), Args: []cost.Expr{reduce(n.X)}}
	case *ast.LikeExpr:
		return cost.Expr{Kind: cost.Call, Name: "like", Args: []cost.Expr{reduce(n.X), reduce(n.Y)}}
	case *ast.CastExpr:
		return cost.Expr{Args: []cost.Expr{reduce(n.X)}}
	case *ast.CollateExpr:
		return cost.Expr{Args: []cost.Expr{reduce(n.X)}}
	case *ast.CaseExpr:
		return cost.Expr{Kind: cost.Call, Name: "case", Args: parts(n)}
	case *ast.CaseWhen:
		return cost.Expr{Kind: cost.Call, Name: "case", Args: []cost.Expr{
			reduce(n.Then), {Kind: cost.Call, Name: "=", Args: []cost.Expr{reduce(n.When)}},
		}}
	case *ast.InExpr:
		return reduceIn(n)
	case *ast.BetweenExpr, *ast.IsExpr, *ast.NullCheckExpr, *ast.ExistsExpr:
		return cost.Expr{Kind: cost.Call, Name: "=", Args: parts(n)}
	case *ast.SubqueryExpr:
		return cost.Expr{Kind: cost.Scalar, Query: reduceQuery(n.Select)}
	case *ast.SelectStmt:
		return cost.Expr{Kind: cost.Scalar, Query: reduceQuery(n)}
	}
	return cost.Expr{Args: parts(node)}
}

// parts returns the expressions directly below a node.
func parts(node ast.Node) []cost.Expr {
	children := node.Children()
	list := make([]cost.Expr, 0, len(children))
	for _, child := range children {
		list = append(list, reduce(child))
	}
	return list
}

// reduceIn takes x IN table, too, which reads the table.
func reduceIn(n *ast.InExpr) cost.Expr {
	e := cost.Expr{Kind: cost.Call, Name: "in", Args: []cost.Expr{reduce(n.X)}}
	add(&e.Args, n.List...)
	add(&e.Args, n.Args...)
	switch {
	case n.Select != nil:
		e.Args = append(e.Args, cost.Expr{Kind: cost.Scalar, Query: reduceQuery(n.Select)})
	case n.Table != nil && !n.HasArgs:
		table := &cost.Query{From: []cost.Source{{Table: tableName(n.Table)}}}
		e.Args = append(e.Args, cost.Expr{Kind: cost.Scalar, Query: table})
	}
	return e
}

func reduceCall(f *ast.FuncCall) cost.Expr {
	e := cost.Expr{
		Kind: cost.Call, Name: strings.ToLower(f.Name.Name), Over: f.Over != nil, Args: make([]cost.Expr, 0, len(f.Args)),
	}
	add(&e.Args, f.Args...)
	if f.Filter == nil && len(f.OrderBy) == 0 && f.Over == nil {
		return e
	}
	rest := cost.Expr{Kind: cost.Call, Name: "="}
	add(&rest.Args, f.Filter)
	for _, order := range f.OrderBy {
		add(&rest.Args, order.Expr)
	}
	if f.Over != nil {
		rest.Args = append(rest.Args, parts(f.Over)...)
	}
	return cost.Expr{Kind: cost.Call, Name: "case", Args: []cost.Expr{e, rest}}
}

func reduceLiteral(n *ast.Literal) cost.Expr {
	switch n.Kind {
	case ast.LitInteger, ast.LitFloat:
		value, err := strconv.ParseFloat(n.Value, 64)
		if err != nil { // 0x…
			value = math.Inf(1)
		}
		return cost.Expr{Kind: cost.Number, Number: value}
	case ast.LitString, ast.LitBlob:
		return cost.Expr{Kind: cost.Text, Name: n.Value}
	}
	return cost.Expr{Kind: cost.Number}
}

func texts(names []*ast.Ident) []string {
	if len(names) == 0 {
		return nil
	}
	list := make([]string, 0, len(names))
	for _, name := range names {
		list = append(list, name.Name)
	}
	return list
}
