package mssql

import (
	"reflect"
	"strings"

	"github.com/sqlc-dev/teesql/ast"
)

// node says how to judge one type of the parser's tree: its own check, if it
// needs any, and the fields in which further nodes are.
type node struct {
	check  func(*inspector, any) error
	fields []int
}

// nodes returns the allow-list: a type that is not in it is refused wherever
// it stands.
func nodes() map[reflect.Type]node {
	allowed := make(map[reflect.Type]node)
	for _, plain := range plainNodes() {
		t := reflect.TypeOf(plain)
		allowed[t] = node{fields: nodeFields(t)}
	}
	checked(allowed, (*inspector).identifier)
	checked(allowed, (*inspector).selectStatement)
	checked(allowed, (*inspector).withClause)
	checked(allowed, (*inspector).commonTable)
	checked(allowed, (*inspector).selectElement)
	checked(allowed, (*inspector).join)
	checked(allowed, (*inspector).namedTable)
	checked(allowed, (*inspector).tableAlias)
	checked(allowed, (*inspector).tableHint)
	checked(allowed, (*inspector).optimizerHint)
	checked(allowed, (*inspector).fullTextTable)
	checked(allowed, (*inspector).globalTableFunction)
	checked(allowed, (*inspector).schemaTableFunction)
	checked(allowed, (*inspector).pivot)
	checked(allowed, (*inspector).functionCall)
	checked(allowed, (*inspector).parameterless)
	checked(allowed, (*inspector).globalVariable)
	checked(allowed, (*inspector).xmlType)
	checked(allowed, (*inspector).userType)
	called[*ast.CastCall](allowed, "cast")
	called[*ast.ConvertCall](allowed, "convert")
	called[*ast.TryCastCall](allowed, "try_cast")
	called[*ast.TryConvertCall](allowed, "try_convert")
	called[*ast.ParseCall](allowed, "parse")
	called[*ast.TryParseCall](allowed, "try_parse")
	called[*ast.IIfCall](allowed, "iif")
	called[*ast.NullIfExpression](allowed, "nullif")
	called[*ast.CoalesceExpression](allowed, "coalesce")
	called[*ast.LeftFunctionCall](allowed, "left")
	called[*ast.RightFunctionCall](allowed, "right")
	called[*ast.OpenJsonTableReference](allowed, "openjson")
	queryLast(allowed)
	return allowed
}

// checked allows the node type T under a check.
func checked[T any](allowed map[reflect.Type]node, check func(*inspector, T) error) {
	t := reflect.TypeFor[T]()
	allowed[t] = node{
		check:  func(in *inspector, n any) error { return check(in, n.(T)) },
		fields: nodeFields(t),
	}
}

// called allows a node type that is a call of a harmless function.
func called[T any](allowed map[reflect.Type]node, function string) {
	checked(allowed, func(in *inspector, _ T) error {
		in.functions = note(in.functions, function)
		return nil
	})
}

// queryLast has the WITH clause of a statement judged before its query, which
// refers to the names that the clause declares.
func queryLast(allowed map[reflect.Type]node) {
	t := reflect.TypeFor[*ast.SelectStatement]()
	n := allowed[t]
	last := len(n.fields) - 1
	n.fields[0], n.fields[last] = n.fields[last], n.fields[0]
	allowed[t] = n
}

// plainNodes returns one value of each node type that is harmless whatever its
// fields hold.
func plainNodes() []any {
	return []any{
		(*ast.QuerySpecification)(nil), (*ast.QueryParenthesisExpression)(nil),
		(*ast.BinaryQueryExpression)(nil), (*ast.OffsetClause)(nil), (*ast.TopRowFilter)(nil),
		(*ast.SelectStarExpression)(nil), (*ast.IdentifierOrValueExpression)(nil),
		(*ast.MultiPartIdentifier)(nil), (*ast.SchemaObjectName)(nil),
		(*ast.FromClause)(nil), (*ast.UnqualifiedJoin)(nil), (*ast.JoinParenthesisTableReference)(nil),
		(*ast.InlineDerivedTable)(nil), (*ast.RowValue)(nil),
		(*ast.UnpivotedTableReference)(nil), (*ast.TableSampleClause)(nil), (*ast.TemporalClause)(nil),
		(*ast.SchemaDeclarationItemOpenjson)(nil), (*ast.ColumnDefinitionBase)(nil),
		(*ast.WhereClause)(nil), (*ast.HavingClause)(nil), (*ast.GroupByClause)(nil),
		(*ast.ExpressionGroupingSpecification)(nil), (*ast.RollupGroupingSpecification)(nil),
		(*ast.CubeGroupingSpecification)(nil), (*ast.CompositeGroupingSpecification)(nil),
		(*ast.GrandTotalGroupingSpecification)(nil), (*ast.GroupingSetsGroupingSpecification)(nil),
		(*ast.OrderByClause)(nil), (*ast.ExpressionWithSortOrder)(nil),
		(*ast.WindowClause)(nil), (*ast.WindowDefinition)(nil), (*ast.OverClause)(nil),
		(*ast.WindowFrameClause)(nil), (*ast.WindowDelimiter)(nil), (*ast.WithinGroupClause)(nil),
		(*ast.XmlForClause)(nil), (*ast.XmlForClauseOption)(nil),
		(*ast.JsonForClause)(nil), (*ast.JsonForClauseOption)(nil),
		(*ast.ColumnReferenceExpression)(nil), (*ast.BinaryExpression)(nil),
		(*ast.UnaryExpression)(nil), (*ast.ParenthesisExpression)(nil), (*ast.ScalarSubquery)(nil),
		(*ast.SearchedCaseExpression)(nil), (*ast.SearchedWhenClause)(nil),
		(*ast.SimpleCaseExpression)(nil), (*ast.SimpleWhenClause)(nil),

		(*ast.AtTimeZoneCall)(nil),
		(*ast.JsonKeyValue)(nil), (*ast.MultiPartIdentifierCallTarget)(nil),
		(*ast.ExpressionCallTarget)(nil), (*ast.SqlDataTypeReference)(nil),
		(*ast.BooleanBinaryExpression)(nil), (*ast.BooleanComparisonExpression)(nil),
		(*ast.BooleanInExpression)(nil), (*ast.BooleanIsNullExpression)(nil),
		(*ast.BooleanLikeExpression)(nil), (*ast.BooleanNotExpression)(nil),
		(*ast.BooleanParenthesisExpression)(nil), (*ast.BooleanTernaryExpression)(nil),
		(*ast.ExistsPredicate)(nil), (*ast.SubqueryComparisonPredicate)(nil),
		(*ast.DistinctPredicate)(nil), (*ast.FullTextPredicate)(nil),
		(*ast.StringLiteral)(nil), (*ast.IntegerLiteral)(nil), (*ast.NumericLiteral)(nil),
		(*ast.RealLiteral)(nil), (*ast.BinaryLiteral)(nil), (*ast.NullLiteral)(nil),
		(*ast.MaxLiteral)(nil), (*ast.IdentifierLiteral)(nil),
	}
}

// nodeFields returns the fields of a node type that can hold further nodes.
// The embedded Fragment and other plain structs hold positions.
func nodeFields(pointer reflect.Type) []int {
	t := pointer.Elem()
	var fields []int
	for i := range t.NumField() {
		kind := t.Field(i).Type
		if kind.Kind() == reflect.Slice {
			kind = kind.Elem()
		}
		if kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Interface {
			fields = append(fields, i)
		}
	}
	return fields
}

// typeName names a node for a refusal: UpdateForClause, DeleteStatement, …
func typeName(t reflect.Type) string {
	return strings.TrimPrefix(strings.TrimPrefix(t.String(), "*"), "ast.")
}
