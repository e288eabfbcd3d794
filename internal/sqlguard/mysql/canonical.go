package mysql

import (
	"strings"
	"unicode/utf8"

	"github.com/sqlc-dev/marino/ast"
	"github.com/sqlc-dev/marino/format"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// restoreFlags make the regenerated text safe to run. The library's default
// writes a backslash in a string as it is, which ends the string elsewhere for
// a server with backslash escapes: '\\' would become '\'. Blanks around
// operators keep two minus signs from becoming a comment.
const restoreFlags = format.DefaultRestoreFlags |
	format.RestoreStringEscapeBackslash |
	format.RestoreStringWithoutDefaultCharset |
	format.RestoreSpacesAroundBinaryOperation

// regenerate returns the canonical text of an accepted tree, which it changes.
func regenerate(statement ast.StmtNode) (string, error) {
	statement.Accept(normaliser{})
	var text strings.Builder
	if err := statement.Restore(format.NewRestoreCtx(restoreFlags, &text)); err != nil {
		return "", sqlguard.ParseFailed("the statement cannot be regenerated")
	}
	return text.String(), nil
}

// normaliser repairs what the library cannot regenerate as the servers
// understand it, and keeps the column names of the caller's text.
type normaliser struct{}

// Enter implements [ast.Visitor].
func (normaliser) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.ExplainStmt:
		if !n.Analyze && strings.EqualFold(n.Format, "row") { // the servers' own name for it
			n.Format = "TRADITIONAL"
		}
	case *ast.SelectField:
		if name := implicitName(n); name != "" {
			n.AsName = ast.NewCIStr(name)
		}
	}
	return n, false
}

// Leave implements [ast.Visitor].
func (normaliser) Leave(n ast.Node) (ast.Node, bool) {
	call, ok := n.(*ast.FuncCallExpr)
	if !ok {
		return n, true
	}
	switch call.FnName.L {
	case ast.InsertFunc:
		call.FnName = ast.NewCIStr("INSERT")
	case ast.CharFunc:
		return charCall(call), true
	}
	return n, true
}

// charCall turns the parser's CHAR_FUNC(65, …, charset or NULL) back into
// CHAR(65, …), with CONVERT(… USING charset) around it when there was one.
func charCall(call *ast.FuncCallExpr) ast.Node {
	last := len(call.Args) - 1
	charset := call.Args[last]
	call.FnName = ast.NewCIStr("CHAR")
	call.Args = call.Args[:last]
	if value, ok := charset.(ast.ValueExpr); ok && value.GetValue() == nil {
		return call
	}
	return &ast.FuncCallExpr{FnName: ast.NewCIStr("CONVERT"), Args: []ast.ExprNode{call, charset}}
}

// maxAlias is the longest alias that the servers take, in characters.
const maxAlias = 256

// implicitName returns the column name that the server derives from the text
// of a select expression without alias: after regeneration the text is another
// (COUNT(*) is COUNT(1), names are quoted), and callers as well as outer
// queries refer to the original. Columns, strings and constants in
// parentheses keep the name that the server makes of what is in them.
func implicitName(f *ast.SelectField) string {
	if f.Expr == nil || f.AsName.O != "" {
		return ""
	}
	switch expr := bare(f.Expr).(type) {
	case *ast.ColumnNameExpr:
		return ""
	case ast.ValueExpr:
		if _, isString := expr.GetValue().(string); isString || f.Expr != expr {
			return ""
		}
	}
	name := strings.TrimSpace(f.Text())
	if utf8.RuneCountInString(name) > maxAlias {
		return ""
	}
	return name
}

// bare returns expr without parentheses around it.
func bare(expr ast.ExprNode) ast.ExprNode {
	for {
		p, ok := expr.(*ast.ParenthesesExpr)
		if !ok {
			return expr
		}
		expr = p.Expr
	}
}
