package mysql

import (
	"strings"

	"github.com/sqlc-dev/marino/ast"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// inspect walks the tree and refuses the first node that is not known to
// read only.
func (g *Guard) inspect(statement ast.StmtNode) (*inspector, error) {
	in := &inspector{functionAllowed: g.functions, stored: g.stored}
	if err := in.top(statement); err != nil {
		return nil, err
	}
	statement.Accept(in)
	return in, in.err
}

// inspector is the visitor that applies the policy. The library's visitors do
// not reach every field; the check of each node names those it must look at.
type inspector struct {
	statement       ast.StmtNode // for checkCost
	functionAllowed map[string]bool
	stored          storedFunctions
	definition      *Definition // takes relations and stored functions; nil in a statement
	tables          names
	functions       names
	scopes          [][]string // names of common table expressions, innermost last
	err             error
}

// names collects distinct names in order.
type names struct{ names []string }

func (s *names) add(name string) {
	for _, known := range s.names {
		if known == name {
			return
		}
	}
	s.names = append(s.names, name)
}

// top refuses statements that are no read.
func (in *inspector) top(statement ast.StmtNode) error {
	switch s := statement.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.ShowStmt:
		return nil
	case *ast.ExplainStmt:
		return in.explain(s)
	}
	return sqlguard.NonSelect(nodeName(statement))
}

// explain allows EXPLAIN of a query and DESCRIBE. EXPLAIN ANALYZE runs its
// statement, so a query is all that may be in it.
func (in *inspector) explain(s *ast.ExplainStmt) error {
	switch {
	case s.Explore || s.SQLDigest != "" || s.PlanDigest != "":
		return sqlguard.Forbidden("EXPLAIN of a stored plan")
	case s.IntoVar != "":
		return sqlguard.Forbidden("EXPLAIN INTO")
	}
	switch strings.ToLower(s.Format) {
	case "", "row", "traditional", "json", "tree":
	default:
		return sqlguard.Forbidden("EXPLAIN FORMAT")
	}
	switch inner := s.Stmt.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.ShowStmt:
		return nil
	case nil:
		return sqlguard.Forbidden("EXPLAIN")
	default:
		return sqlguard.Forbidden("EXPLAIN " + nodeName(inner))
	}
}

// Enter implements [ast.Visitor].
func (in *inspector) Enter(n ast.Node) (ast.Node, bool) {
	if in.err == nil {
		in.err = in.check(n)
	}
	return n, in.err != nil
}

// Leave implements [ast.Visitor].
func (in *inspector) Leave(n ast.Node) (ast.Node, bool) {
	if in.err != nil {
		return n, false
	}
	switch n := n.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.SetOprSelectList:
		in.scopes = in.scopes[:len(in.scopes)-1]
	case *ast.CommonTableExpression:
		if !n.IsRecursive {
			in.declare(n.Name.O)
		}
	}
	return n, true
}

// check judges one node; its children come later.
func (in *inspector) check(n ast.Node) error {
	switch n := n.(type) {
	case *ast.SelectStmt:
		in.scopes = append(in.scopes, nil)
		return checkSelect(n)
	case *ast.SetOprStmt, *ast.SetOprSelectList:
		in.scopes = append(in.scopes, nil)
	case *ast.CommonTableExpression:
		if n.IsRecursive {
			in.declare(n.Name.O)
		}
	case *ast.TableName:
		return in.table(n)
	case *ast.ShowStmt:
		return in.show(n)
	case *ast.SelectField:
		if n.WildCard != nil {
			return checkSchema(n.WildCard.Schema.O)
		}
	case *ast.VariableExpr:
		return checkVariable(n)
	case *ast.FuncCallExpr:
		return in.call(n)
	case *ast.AggregateFuncExpr:
		return in.function(strings.ToLower(n.F))
	case *ast.WindowFuncExpr:
		return in.function(strings.ToLower(n.Name))
	case *ast.JSONValueExpr:
		return in.function("json_value")
	case ast.ValueExpr:
		return checkLiteral(n)
	default:
		return checkPlain(n)
	}
	return nil
}

// checkPlain allows the nodes that are harmless whatever their fields say,
// and refuses every other type.
func checkPlain(n ast.Node) error {
	switch n.(type) {
	case *ast.ExplainStmt, // judged by explain
		*ast.WithClause, *ast.FieldList, *ast.TableRefsClause,
		*ast.TableSource, *ast.Join, *ast.OnCondition, *ast.ByItem, *ast.GroupByClause,
		*ast.HavingClause, *ast.OrderByClause, *ast.Limit, *ast.WindowSpec,
		*ast.PartitionByClause, *ast.FrameClause, *ast.FrameBound,
		*ast.BetweenExpr, *ast.BinaryOperationExpr, *ast.CaseExpr, *ast.WhenClause,
		*ast.ColumnName, *ast.ColumnNameExpr, *ast.CompareSubqueryExpr,
		*ast.ExistsSubqueryExpr, *ast.IsNullExpr, *ast.IsTruthExpr, *ast.MatchAgainst,
		*ast.ParenthesesExpr, *ast.PatternInExpr, *ast.PatternLikeOrIlikeExpr,
		*ast.PatternRegexpExpr, *ast.PositionExpr, *ast.RowExpr, *ast.SetCollationExpr,
		*ast.SubqueryExpr, *ast.UnaryOperationExpr, *ast.FuncCastExpr,
		*ast.TrimDirectionExpr, *ast.TimeUnitExpr, *ast.GetFormatSelectorExpr,
		*ast.JSONTableExpr, *ast.JSONTableColumn, *ast.JSONOnResponse:
		return nil
	}
	return sqlguard.Forbidden(nodeName(n))
}

// checkSelect looks at what the visitor does not reach.
func checkSelect(s *ast.SelectStmt) error {
	switch {
	case s.SelectIntoOpt != nil:
		return sqlguard.Forbidden("SelectIntoOption")
	case s.LockInfo != nil && s.LockInfo.LockType != ast.SelectLockNone, len(s.MoreLockInfos) > 0:
		return sqlguard.Forbidden("SelectLockInfo")
	case len(s.TableHints) > 0:
		return sqlguard.Forbidden("TableOptimizerHint")
	}
	return nil
}

// call refuses calls that go to a stored function which nobody has listed: one
// with a schema, and point with a number of arguments that the servers' grammar
// does not know.
func (in *inspector) call(n *ast.FuncCallExpr) error {
	in.complete(n)
	switch schema, name := n.Schema.O, n.FnName.L; {
	case in.definition.callsStored(schema, name):
		in.definition.addFunction(schema, n.FnName.O)
		return nil
	case in.definition != nil && isRollupCall(name):
		return nil
	case schema != "" && in.stored.whole[strings.ToLower(schema)+"."+name]:
		in.functions.add(schema + "." + name)
		return nil
	case schema != "":
		return sqlguard.UserFunctionNotAllowed(schema + "." + n.FnName.O)
	case len(in.stored.schemas[name]) > 1 && !in.functionAllowed[name]:
		return sqlguard.UserFunctionNotAllowed(name + ", which is listed in several databases: write it with its database")
	case name == "point" && len(n.Args) != 2:
		return in.refuseCall(name)
	}
	return in.function(n.FnName.L)
}

// complete puts the schema before the name of a listed function that stands
// alone.
func (in *inspector) complete(n *ast.FuncCallExpr) {
	schemas := in.stored.schemas[n.FnName.L]
	if n.Schema.O == "" && len(schemas) == 1 && !in.functionAllowed[n.FnName.L] {
		n.Schema, n.Tp = ast.NewCIStr(schemas[0]), ast.FuncCallExprTypeGeneric
	}
}

// function notes a call and refuses it unless it is on the list.
func (in *inspector) function(name string) error {
	switch name {
	case ast.DateLiteral, ast.TimeLiteral, ast.TimestampLiteral:
		return nil // DATE '…': the parser's own marks, no calls
	}
	written := strings.TrimSuffix(name, "_func")
	if !in.functionAllowed[name] {
		return in.refuseCall(written)
	}
	in.functions.add(written)
	return nil
}

func (in *inspector) refuseCall(name string) error {
	if in.definition != nil {
		in.definition.Runs = strings.ToUpper(name)
	}
	return sqlguard.FunctionNotAllowed(name)
}

// checkVariable refuses user variables, which assign or carry state between
// statements, and system variables outside the list.
func checkVariable(v *ast.VariableExpr) error {
	switch {
	case !v.IsSystem:
		return sqlguard.Forbidden("user variable @" + v.Name)
	case v.Value != nil || v.IsInstance || !isOpenVariable(v.Name):
		return sqlguard.Forbidden("system variable @@" + v.Name)
	}
	return nil
}

// checkLiteral refuses parameter markers and character set introducers other
// than the harmless ones: what a string holds must not depend on an encoding
// in which a quote can hide.
func checkLiteral(v ast.ValueExpr) error {
	if _, ok := v.(ast.ParamMarkerExpr); ok {
		return sqlguard.Forbidden("parameter marker ?")
	}
	switch charset := v.GetType().GetCharset(); charset {
	case "", "utf8mb4", "utf8", "utf8mb3", "latin1", "ascii", "binary":
		return nil
	default:
		return sqlguard.Forbidden("character set introducer _" + charset)
	}
}

// table notes a relation, unless it is a common table expression in scope.
func (in *inspector) table(t *ast.TableName) error {
	if t.TableSample != nil || t.AsOf != nil {
		return sqlguard.Forbidden(nodeName(t))
	}
	if t.Schema.O == "" {
		if !in.declared(t.Name.O) {
			in.tables.add(t.Name.O)
			in.definition.addRelation("", t.Name.O)
		}
		return nil
	}
	in.tables.add(t.Schema.O + "." + t.Name.O)
	in.definition.addRelation(t.Schema.O, t.Name.O)
	return checkRelation(t.Schema.O, t.Name.O)
}

// show allows the forms that describe the schema.
func (in *inspector) show(s *ast.ShowStmt) error {
	if !isOpenShow(s.Tp) || s.ParseTreeStmt != nil || s.User != nil {
		return sqlguard.Forbidden("SHOW of anything but the schema")
	}
	return checkSchema(s.DBName)
}

// declare puts a common table expression into the innermost scope.
func (in *inspector) declare(name string) {
	last := len(in.scopes) - 1
	in.scopes[last] = append(in.scopes[last], name)
}

// declared compares with letter case: on a server that ignores case this
// reports one relation too many, never one too few.
func (in *inspector) declared(name string) bool {
	for _, scope := range in.scopes {
		for _, known := range scope {
			if known == name {
				return true
			}
		}
	}
	return false
}
