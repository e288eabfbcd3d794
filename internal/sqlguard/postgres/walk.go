package postgres

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// walk is one pass over a tree. It visits every message by reflection, so
// that no field is forgotten, refuses nodes that are not on the list, and
// collects what the statement names.
type walk struct {
	*policy
	depth     int
	ctes      []*pg.CommonTableExpr // WITH queries in scope, innermost last
	tables    nameSet
	functions nameSet
	implied   implied
}

// message judges one message and all below it.
func (w *walk) message(m protoreflect.Message) error {
	w.depth++
	defer func() { w.depth-- }()
	if w.depth > maxTreeDepth {
		return sqlguard.ParseFailed("statement is nested too deeply")
	}
	if name := m.Descriptor().Name(); name != "Node" {
		if !w.nodes[name] {
			return sqlguard.Forbidden(string(name))
		}
		if err := w.node(m.Interface()); err != nil {
			return err
		}
	}
	if s, ok := m.Interface().(*pg.SelectStmt); ok && s.GetWithClause() != nil {
		return w.withQueries(s)
	}
	return w.fields(m, "")
}

// node applies the rule that a node's type has beyond being on the list.
func (w *walk) node(node any) error {
	w.implied.note(node)
	switch n := node.(type) {
	case *pg.FuncCall:
		w.functions.add(strings.ToLower(lastPart(n.GetFuncname())))
		if call, ok := w.call(n); ok {
			w.implied.addCall(call)
			return nil
		}
		return w.function(n)
	case *pg.RangeVar:
		w.table(n)
		return w.relation(n)
	case *pg.TypeName:
		return w.typeName(n)
	case *pg.A_Expr:
		return checkOperator(n.GetName())
	case *pg.SubLink:
		return checkOperator(n.GetOperName())
	case *pg.SortBy:
		return checkOperator(n.GetUseOp())
	case *pg.RangeTableSample:
		return sample(n)
	case *pg.ColumnRef:
		return w.columnRef(n)
	case *pg.A_Indirection:
		return w.indirection(n)
	case *pg.VariableShowStmt:
		return w.show(n)
	case *pg.ExplainStmt:
		return w.explain(n)
	}
	return nil
}

func (w *walk) columnRef(ref *pg.ColumnRef) error {
	if len(ref.GetFields()) < 2 {
		return nil
	}
	return w.attribute(lastPart(ref.GetFields()))
}

func (w *walk) indirection(i *pg.A_Indirection) error {
	for _, step := range i.GetIndirection() {
		if err := w.field(step.GetString_().GetSval()); err != nil {
			return err
		}
	}
	return nil
}

// withQueries walks a SELECT that has a WITH clause in the order of name
// scopes: a plain WITH query sees the ones before it, a recursive all.
func (w *walk) withQueries(s *pg.SelectStmt) error {
	outer := len(w.ctes)
	defer func() { w.ctes = w.ctes[:outer] }()

	with := s.GetWithClause()
	recursive := with.GetRecursive()
	if recursive {
		for _, cte := range with.GetCtes() {
			w.ctes = append(w.ctes, cte.GetCommonTableExpr())
		}
	}
	for _, cte := range with.GetCtes() {
		if err := w.message(cte.ProtoReflect()); err != nil {
			return err
		}
		if !recursive {
			w.ctes = append(w.ctes, cte.GetCommonTableExpr())
		}
	}
	return w.fields(s.ProtoReflect(), "with_clause")
}

// fields walks all fields of m except skip.
func (w *walk) fields(m protoreflect.Message, skip protoreflect.Name) error {
	var refused error
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil || fd.Name() == skip:
		case fd.IsList():
			refused = w.list(v.List())
		default:
			refused = w.message(v.Message())
		}
		return refused == nil
	})
	return refused
}

func (w *walk) list(list protoreflect.List) error {
	for i := range list.Len() {
		if err := w.message(list.Get(i).Message()); err != nil {
			return err
		}
	}
	return nil
}

// table notes a relation, or which WITH query its name stands for.
func (w *walk) table(r *pg.RangeVar) {
	if r.GetSchemaname() != "" {
		w.tables.add(relationName(r))
		return
	}
	for _, cte := range slices.Backward(w.ctes) {
		if cte.GetCtename() == r.GetRelname() {
			w.implied.columns.bind(r, cte)
			return
		}
	}
	w.tables.add(relationName(r))
}

func relationName(r *pg.RangeVar) string {
	if r.GetSchemaname() == "" {
		return r.GetRelname()
	}
	return r.GetSchemaname() + "." + r.GetRelname()
}

func lastPart(nodes []*pg.Node) string {
	if len(nodes) == 0 {
		return ""
	}
	return nodes[len(nodes)-1].GetString_().GetSval()
}

// nameSet keeps names in the order of their first appearance.
type nameSet struct{ names []string }

func (s *nameSet) add(name string) {
	if name != "" && !slices.Contains(s.names, name) {
		s.names = append(s.names, name)
	}
}
