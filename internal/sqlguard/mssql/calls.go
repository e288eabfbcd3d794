package mssql

import (
	"strings"

	"github.com/sqlc-dev/teesql/ast"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// functionCall allows built-in functions, which T-SQL calls without schema
// (user-defined ones always have it), users' own that are listed, and a few
// methods of column types.
func (in *inspector) functionCall(n *ast.FunctionCall) error {
	if n.CallTarget == nil {
		return in.function(n.FunctionName.Value)
	}
	if m, ok := n.CallTarget.(*ast.MultiPartIdentifierCallTarget); ok && len(m.MultiPartIdentifier.Identifiers) == 1 &&
		in.listed(m.MultiPartIdentifier.Identifiers[0], n.FunctionName) {
		return nil
	}
	return in.method(n)
}

// listed notes a call of a user's own function if it may be called.
func (in *inspector) listed(schema, function *ast.Identifier) bool {
	full := schema.Value + "." + function.Value
	if !in.own[Fold(full)] {
		return false
	}
	in.functions = note(in.functions, strings.ToLower(full))
	return true
}

// function notes a built-in function and refuses it unless it is on the list.
func (in *inspector) function(called string) error {
	lower := strings.ToLower(called)
	if !in.policy["functions"][lower] {
		return sqlguard.FunctionNotAllowed(called)
	}
	in.functions = note(in.functions, lower)
	return nil
}

// method allows x.value('…', '…') and the like. The same form calls a function
// value in a schema x: the name is noted with what is before it, for the
// dialect to refuse if its database has such a function.
func (in *inspector) method(n *ast.FunctionCall) error {
	called := n.FunctionName.Value
	if _, static := n.CallTarget.(*ast.UserDefinedTypeCallTarget); static {
		return sqlguard.FunctionNotAllowed(called)
	}
	xml := in.policy["xml methods"][called] && allStrings(n.Parameters)
	if !xml && !in.policy["methods"][called] {
		return sqlguard.FunctionNotAllowed(target(n.CallTarget) + called)
	}
	in.functions = note(in.functions, strings.ToLower(target(n.CallTarget)+called))
	return nil
}

// target returns the qualifier of a call for a message.
func target(t ast.CallTarget) string {
	m, ok := t.(*ast.MultiPartIdentifierCallTarget)
	if !ok || m.MultiPartIdentifier == nil {
		return ""
	}
	var b strings.Builder
	for _, id := range m.MultiPartIdentifier.Identifiers {
		b.WriteString(id.Value + ".")
	}
	return b.String()
}

func allStrings(parameters []ast.ScalarExpression) bool {
	for _, p := range parameters {
		if _, ok := p.(*ast.StringLiteral); !ok {
			return false
		}
	}
	return len(parameters) > 0
}

func (in *inspector) parameterless(n *ast.ParameterlessCall) error {
	if !in.policy["parameterless"][n.ParameterlessCallType] {
		return sqlguard.FunctionNotAllowed(n.ParameterlessCallType)
	}
	in.functions = note(in.functions, strings.ToLower(n.ParameterlessCallType))
	return nil
}

func (in *inspector) globalVariable(n *ast.GlobalVariableExpression) error {
	if !in.policy["variables"][strings.ToLower(n.Name)] {
		return sqlguard.Forbidden("variable " + n.Name)
	}
	return nil
}

// globalTableFunction allows built-in table functions: STRING_SPLIT(…).
func (in *inspector) globalTableFunction(n *ast.GlobalFunctionTableReference) error {
	return in.tableFunction(n.Name.Value)
}

func (in *inspector) tableFunction(called string) error {
	lower := strings.ToLower(called)
	if !in.policy["table functions"][lower] {
		return sqlguard.FunctionNotAllowed(called)
	}
	in.functions = note(in.functions, lower)
	return nil
}

// schemaTableFunction allows built-in table functions that the parser takes
// for user-defined ones, and the method nodes of an XML column.
func (in *inspector) schemaTableFunction(n *ast.SchemaObjectFunctionTableReference) error {
	o := n.SchemaObject
	called := o.BaseIdentifier.Value
	switch {
	case o.SchemaIdentifier == nil:
		return in.tableFunction(called)
	case o.DatabaseIdentifier == nil && in.listed(o.SchemaIdentifier, o.BaseIdentifier):
		return nil
	case o.ServerIdentifier == nil && called == "nodes" && allStrings(n.Parameters) && len(n.Columns) == 1:
		in.functions = note(in.functions, strings.ToLower(o.SchemaIdentifier.Value+"."+called))
		return nil
	}
	return sqlguard.FunctionNotAllowed(o.SchemaIdentifier.Value + "." + called)
}

// pivot allows aggregates of the function list; a CLR aggregate has a schema.
func (in *inspector) pivot(n *ast.PivotedTableReference) error {
	ids := n.AggregateFunctionIdentifier.Identifiers
	if len(ids) != 1 {
		return sqlguard.FunctionNotAllowed("qualified aggregate of PIVOT")
	}
	return in.function(ids[0].Value)
}

// xmlType refuses typed XML: its schema collection is an object of its own.
func (in *inspector) xmlType(n *ast.XmlDataTypeReference) error {
	if n.XmlSchemaCollection != nil {
		return sqlguard.Forbidden("XML schema collection")
	}
	return nil
}

// userType allows the built-in types that the parser does not know; a cast to
// another user-defined type can run code.
func (in *inspector) userType(n *ast.UserDataTypeReference) error {
	if n.Name.SchemaIdentifier != nil || !in.policy["types"][strings.ToLower(n.Name.BaseIdentifier.Value)] {
		return sqlguard.Forbidden("type " + n.Name.BaseIdentifier.Value)
	}
	return nil
}
