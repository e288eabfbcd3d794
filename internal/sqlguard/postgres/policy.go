package postgres

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// policy decides on trees. It is immutable.
type policy struct {
	lists
	version string
	allowed allowance
}

// catalog is the schema that PostgreSQL always searches first.
const catalog = "pg_catalog"

func newPolicy() *policy {
	lists := readLists()
	return &policy{lists: lists, version: lists.version()}
}

// judge returns the verdict on a parsed text, without the SQL to run. It
// changes the tree: calls are bound to pg_catalog, so that a function of the
// same name elsewhere in the search path cannot take a call by matching its
// types better.
func (p *policy) judge(tree *pg.ParseResult) (*sqlguard.Statement, error) {
	switch len(tree.GetStmts()) {
	case 0:
		return nil, sqlguard.Empty()
	case 1:
	default:
		return nil, sqlguard.Multiple()
	}
	stmt := tree.GetStmts()[0].GetStmt()
	kind, err := kindOf(stmt)
	if err != nil {
		return nil, err
	}
	w := &walk{policy: p}
	if err := w.message(stmt.ProtoReflect()); err != nil {
		return nil, err
	}
	return &sqlguard.Statement{
		Kind: kind, Tables: w.tables.names, Functions: w.functions.names, Implied: w.implied.resolve(),
	}, nil
}

// kindOf allows by list what a statement may be.
func kindOf(node *pg.Node) (string, error) {
	switch node.GetNode().(type) {
	case *pg.Node_SelectStmt:
		if len(node.GetSelectStmt().GetValuesLists()) > 0 {
			return "VALUES", nil
		}
		return "SELECT", nil
	case *pg.Node_VariableShowStmt:
		return "SHOW", nil
	case *pg.Node_ExplainStmt:
		return "EXPLAIN", nil
	}
	return "", sqlguard.NonSelect(nodeName(node))
}

// nodeName is the grammar's name for what a node holds: DeleteStmt.
func nodeName(node *pg.Node) string {
	name := "nothing"
	node.ProtoReflect().Range(func(_ protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name = string(v.Message().Descriptor().Name())
		return false
	})
	return name
}

// function decides on a called function's name.
func (p *policy) function(call *pg.FuncCall) error {
	name := nameParts(call.GetFuncname())
	last := strings.ToLower(name[len(name)-1])
	switch {
	case len(name) == 1 && p.functions.has(name[0]):
		call.Funcname = append([]*pg.Node{stringNode(catalog)}, call.Funcname...)
		return nil
	case len(name) == 1 && p.extensionFunctions.has(name[0]):
		return nil
	case len(name) == 2 && name[0] == catalog && p.functions.has(name[1]):
		return nil
	case len(name) == 2 && name[0] == catalog:
		return sqlguard.FunctionNotAllowed(last)
	case len(name) == 1 && p.isKnown(last):
		return sqlguard.FunctionNotAllowed(last)
	case len(name) == 2 && !p.isKnown(last) && !isSystemSchema(name[0]), len(name) == 1:
		return sqlguard.UserFunctionNotAllowed(strings.Join(name, "."))
	}
	return sqlguard.FunctionNotAllowed(strings.Join(name, "."))
}

// isKnown reports whether a function's name is PostgreSQL's own or that of a
// well-known extension, so that no administrator is asked to allow it.
func (p *policy) isKnown(name string) bool {
	return strings.HasPrefix(name, "pg_") || p.builtin.has(name) || p.stored.has(name) || p.functions.has(name) ||
		p.notation.has(name) || p.extensionFunctions.has(name)
}

func isSystemSchema(name string) bool {
	return name == "information_schema" || strings.HasPrefix(name, "pg_")
}

// relation decides on a table name. The search path starts with pg_catalog,
// so an unqualified pg_ name is a catalogue's. In other schemas only the
// views are refused that extensions bring to show other sessions.
func (p *policy) relation(r *pg.RangeVar) error {
	schema, name := r.GetSchemaname(), r.GetRelname()
	allowed := true
	switch {
	case schema == "information_schema":
		allowed = p.informationSchema.has(name)
	case schema == catalog, schema == "" && strings.HasPrefix(name, "pg_"):
		allowed = p.relations.has(name)
	case strings.HasPrefix(schema, "pg_"): // pg_toast, pg_temp_3
		allowed = false
	case strings.HasPrefix(name, "pg_stat_statements"), strings.HasPrefix(name, "pg_buffercache"):
		allowed = false
	}
	if !allowed {
		return sqlguard.Forbidden("RangeVar " + name)
	}
	return nil
}

// typeName decides on a type: built in or of a known extension, because a
// cast runs the type's input function or a cast function.
func (p *policy) typeName(t *pg.TypeName) error {
	name := nameParts(t.GetNames())
	known := len(name) == 1 && p.types.has(name[0]) ||
		len(name) == 2 && name[0] == catalog && p.types.has(name[1])
	if !known || t.GetPctType() || t.GetSetof() {
		return sqlguard.Forbidden("TypeName " + strings.Join(name, "."))
	}
	return nil
}

// checkOperator allows what is unqualified, extensions' operators included.
// OPERATOR(schema.name) names a schema to reach one that is hidden.
func checkOperator(names []*pg.Node) error {
	name := nameParts(names)
	if len(name) == 1 || len(name) == 2 && name[0] == catalog || len(name) == 0 {
		return nil
	}
	return sqlguard.Forbidden("A_Expr OPERATOR(" + strings.Join(name, ".") + ")")
}

// sample allows the two built-in TABLESAMPLE methods.
func sample(s *pg.RangeTableSample) error {
	name := nameParts(s.GetMethod())
	method := name[len(name)-1]
	builtIn := len(name) == 1 || len(name) == 2 && name[0] == catalog
	if builtIn && (method == "system" || method == "bernoulli") {
		return nil
	}
	return sqlguard.FunctionNotAllowed(strings.Join(name, "."))
}

// attribute refuses x.f where f is a built-in function that must not run: for
// want of a column f, PostgreSQL calls f(x) (functional notation). Which
// columns exist is not known here, so this goes by name. User-defined
// functions are for [Objects] to judge.
func (p *policy) attribute(name string) error {
	if p.notation.has(name) {
		return sqlguard.FunctionNotAllowed(name)
	}
	return nil
}

// field refuses (x).f likewise. Here x can have any type, so that every
// function of one argument is in reach, and columns named pg_ are not.
func (p *policy) field(name string) error {
	if strings.HasPrefix(name, "pg_") && !p.functions.has(name) {
		return sqlguard.FunctionNotAllowed(name)
	}
	return p.attribute(name)
}

// show allows the settings of a list.
func (p *policy) show(s *pg.VariableShowStmt) error {
	if p.settings.has(strings.ToLower(s.GetName())) {
		return nil
	}
	return sqlguard.Forbidden("VariableShowStmt " + s.GetName())
}

// explain allows options of a list. ANALYZE is one: it runs the statement,
// which has passed the same policy as if it stood alone.
func (p *policy) explain(e *pg.ExplainStmt) error {
	if _, ok := e.GetQuery().GetNode().(*pg.Node_SelectStmt); !ok {
		return sqlguard.Forbidden(nodeName(e.GetQuery()))
	}
	for _, option := range e.GetOptions() {
		name := option.GetDefElem().GetDefname()
		switch strings.ToLower(name) {
		case "analyze", "verbose", "costs", "buffers", "wal", "timing", "summary", "memory", "serialize", "format":
		default:
			return sqlguard.Forbidden("ExplainStmt option " + name)
		}
	}
	return nil
}

// nameParts returns the parts of a dotted name; it is never empty for the
// grammar's own trees.
func nameParts(nodes []*pg.Node) []string {
	parts := make([]string, 0, len(nodes))
	for _, node := range nodes {
		parts = append(parts, node.GetString_().GetSval())
	}
	return parts
}

func stringNode(s string) *pg.Node {
	return &pg.Node{Node: &pg.Node_String_{String_: &pg.String{Sval: s}}}
}
