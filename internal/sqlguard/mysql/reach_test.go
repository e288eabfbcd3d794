package mysql

import (
	"reflect"
	"testing"

	"github.com/sqlc-dev/marino/ast"
	"github.com/sqlc-dev/marino/parser"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// TestVisitorReachesEveryNode holds the inspector's premise against the
// library: every node that hangs somewhere in a tree is visited, but for those
// that the check of their parent looks at.
func TestVisitorReachesEveryNode(t *testing.T) {
	judgedByParent := map[string]bool{
		"*ast.WildCardField":    true, // SelectField
		"*ast.SelectIntoOption": true, // SelectStmt
		"*ast.WindowSpec":       true, // visited as a copy
		"*ast.FrameBound":       true, // visited as a copy
		"*ast.ColumnName":       true, // of DEFAULT(column): names no relation
	}
	for _, file := range []string{"accept.sql", "accept_mysql8.sql", "accept_mariadb.sql", "refuse.sql"} {
		for _, c := range sqlguardtest.Load(t, "mysql", file) {
			clean, err := strip(c.SQL)
			if err != nil || checkAmbiguity(clean) != nil {
				continue
			}
			statements, _, err := parser.New().ParseSQL(clean)
			if err != nil || len(statements) != 1 || (&inspector{}).top(statements[0]) != nil {
				continue
			}
			if s, ok := statements[0].(*ast.ShowStmt); ok && s.Procedure != nil {
				continue // judged by show
			}
			visited := visitor{}
			statements[0].Accept(visited)
			for node := range reachable(reflect.ValueOf(statements[0]), map[ast.Node]bool{}) {
				if name := reflect.TypeOf(node).String(); !visited[node] && !judgedByParent[name] {
					t.Errorf("%s is not visited in %s", name, c.SQL)
				}
			}
		}
	}
}

// visitor notes the nodes it is shown.
type visitor map[ast.Node]bool

func (v visitor) Enter(n ast.Node) (ast.Node, bool) { v[n] = true; return n, false }
func (v visitor) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// reachable collects the nodes below v by reflection.
func reachable(v reflect.Value, found map[ast.Node]bool) map[ast.Node]bool {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			reachable(v.Elem(), found)
		}
	case reflect.Pointer:
		if v.IsNil() || v.Elem().Kind() != reflect.Struct {
			return found
		}
		if v.CanInterface() {
			if node, ok := v.Interface().(ast.Node); ok {
				if found[node] {
					return found
				}
				found[node] = true
				if _, refused := node.(*ast.SelectIntoOption); refused {
					return found
				}
			}
		}
		reachable(v.Elem(), found)
	case reflect.Slice:
		for i := range v.Len() {
			reachable(v.Index(i), found)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				reachable(v.Field(i), found)
			}
		}
	}
	return found
}
