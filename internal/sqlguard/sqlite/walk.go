package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sqlc-dev/meyer/ast"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// judge returns the verdict on one statement, without the SQL to run.
func judge(stmt ast.Stmt) (*sqlguard.Statement, error) {
	kind, err := kindOf(stmt)
	if err != nil {
		return nil, err
	}
	var w walk
	if err := w.node(stmt); err != nil {
		return nil, err
	}
	return &sqlguard.Statement{Kind: kind, Tables: w.tables, Functions: w.functions}, nil
}

// kindOf allows by list what a statement may be.
func kindOf(stmt ast.Stmt) (string, error) {
	switch s := stmt.(type) {
	case *ast.SelectStmt:
		if _, ok := s.Cores[0].(*ast.ValuesClause); ok {
			return "VALUES", nil
		}
		return "SELECT", nil
	case *ast.PragmaStmt:
		return "PRAGMA", nil
	case *ast.ExplainStmt:
		return "EXPLAIN", nil
	}
	return "", sqlguard.NonSelect(nodeName(stmt))
}

// nodeName is the grammar's name of a node: DeleteStmt.
func nodeName(n ast.Node) string {
	name := fmt.Sprintf("%T", n)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// walk is one pass over a tree. A node that it does not know refuses the
// statement.
type walk struct {
	ctes      []string // lower-case names of WITH queries in scope
	tables    []string
	functions []string
}

func (w *walk) node(n ast.Node) error {
	switch n := n.(type) {
	case *ast.SelectStmt:
		return w.selectStmt(n)
	case *ast.ExplainStmt:
		if _, ok := n.Stmt.(*ast.SelectStmt); !ok {
			return sqlguard.Forbidden(nodeName(n.Stmt))
		}
		return w.children(n)
	case *ast.PragmaStmt:
		return pragma(n)
	case *ast.TableRef:
		return w.tableRef(n)
	case *ast.InExpr:
		return w.inExpr(n)
	case *ast.FuncCall:
		return w.funcCall(n)
	case *ast.SelectQuery, *ast.ValuesClause, *ast.ResultColumn, *ast.JoinOperator, *ast.With, *ast.CTE,
		*ast.OrderingTerm, *ast.Limit, *ast.WindowDef, *ast.FrameBound, *ast.Ident, *ast.QualifiedName,
		*ast.QualifiedRef, *ast.Star, *ast.Literal, *ast.BinaryExpr, *ast.UnaryExpr, *ast.ParenExpr,
		*ast.LikeExpr, *ast.IsExpr, *ast.NullCheckExpr, *ast.BetweenExpr, *ast.CaseExpr, *ast.CaseWhen,
		*ast.CastExpr, *ast.TypeName, *ast.CollateExpr, *ast.ExistsExpr, *ast.SubqueryExpr, *ast.VectorExpr:
		return w.children(n)
	}
	return sqlguard.Forbidden(nodeName(n))
}

func (w *walk) children(n ast.Node) error {
	for _, child := range n.Children() {
		if err := w.node(child); err != nil {
			return err
		}
	}
	return nil
}

// selectStmt walks a SELECT with its WITH names in scope. SQLite lets every
// WITH query see all names of its clause, its own included.
func (w *walk) selectStmt(s *ast.SelectStmt) error {
	outer := len(w.ctes)
	defer func() { w.ctes = w.ctes[:outer] }()
	if s.With != nil {
		for _, cte := range s.With.CTEs {
			w.ctes = append(w.ctes, strings.ToLower(cte.Name.Name))
		}
	}
	return w.children(s)
}

func (w *walk) tableRef(t *ast.TableRef) error {
	if t.Name != nil {
		if err := w.table(t.Name, t.HasArgs); err != nil {
			return err
		}
	}
	return w.children(t)
}

func (w *walk) inExpr(e *ast.InExpr) error {
	if e.Table != nil {
		if err := w.table(e.Table, e.HasArgs); err != nil {
			return err
		}
	}
	return w.children(e)
}

// table judges and notes what a FROM item names. Only JSON and PRAGMA
// functions can be called there; a full-text table takes MATCH instead of
// arguments.
func (w *walk) table(name *ast.QualifiedName, called bool) error {
	lower := strings.ToLower(name.Name.Name)
	if !allowedTable(lower, called) {
		return sqlguard.Forbidden("table " + name.Name.Name)
	}
	switch {
	case isTableFunction(lower):
		note(&w.functions, lower)
	case called:
		return sqlguard.FunctionNotAllowed(lower)
	case name.Schema != nil:
		note(&w.tables, name.Schema.Name+"."+name.Name.Name)
	case !slices.Contains(w.ctes, lower):
		note(&w.tables, name.Name.Name)
	}
	return nil
}

func (w *walk) funcCall(f *ast.FuncCall) error {
	name := strings.ToLower(f.Name.Name)
	if !AllowedFunction(name) {
		return sqlguard.FunctionNotAllowed(name)
	}
	if name == "printf" || name == "format" {
		if err := boundedFormat(name, f.Args); err != nil {
			return err
		}
	}
	note(&w.functions, name)
	return w.children(f)
}

// boundedFormat allows printf with a literal format and widths of up to three
// digits: '%.*c' and '%1000000000d' make strings of any size.
func boundedFormat(name string, args []ast.Expr) error {
	if len(args) == 0 {
		return nil
	}
	format, ok := args[0].(*ast.Literal)
	if !ok || format.Kind != ast.LitString {
		return sqlguard.FunctionNotAllowed(name + " with a computed format")
	}
	digits := 0
	for i := range len(format.Value) {
		switch c := format.Value[i]; {
		case c == '*':
			return sqlguard.FunctionNotAllowed(name + " with *")
		case '0' <= c && c <= '9':
			digits++
		default:
			digits = 0
		}
		if digits > 3 {
			return sqlguard.FunctionNotAllowed(name + " with a width over 999")
		}
	}
	return nil
}

// pragma allows reading by list, and a value only in brackets and only where
// it names what is read. PRAGMA x = y sets.
func pragma(p *ast.PragmaStmt) error {
	name := strings.ToLower(p.Name.Name.Name)
	if !AllowedPragma(name, p.HasValue) || p.HasValue && !p.Paren {
		return sqlguard.Forbidden("PragmaStmt " + name)
	}
	return nil
}

// note adds name to names once.
func note(names *[]string, name string) {
	if !slices.Contains(*names, name) {
		*names = append(*names, name)
	}
}
