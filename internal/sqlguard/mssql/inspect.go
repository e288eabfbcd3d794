package mssql

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sqlc-dev/teesql/ast"
	"golang.org/x/text/unicode/norm"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// inspector walks the tree and refuses the first node that is not known to
// read only.
type inspector struct {
	policy    policy
	own       set // see Guard
	nodes     map[reflect.Type]node
	seen      map[int]bool // positions of the nodes, for account
	ctes      []string
	weights   map[string]int // of ended WITH queries, by folded name
	weight    int            // of the query that is walked
	tables    []string
	functions []string
}

// fragment is what every node of the parser embeds.
type fragment interface{ Frag() *ast.Fragment }

// walk judges the node in v and all below it.
func (in *inspector) walk(v reflect.Value) error {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() || v.IsNil() {
		return nil
	}
	known, ok := in.nodes[v.Type()]
	if !ok {
		return sqlguard.Forbidden(typeName(v.Type()))
	}
	value := v.Interface()
	if f, ok := value.(fragment); ok && f.Frag().HasSpan() {
		in.seen[f.Frag().StartOffset] = true
	}
	if known.check != nil {
		if err := known.check(in, value); err != nil {
			return err
		}
	}
	for _, i := range known.fields {
		if err := in.field(v.Elem().Field(i)); err != nil {
			return err
		}
	}
	if _, with := value.(*ast.WithCtesAndXmlNamespaces); with {
		in.endCommonTable()
	}
	return nil
}

// field walks a field: one node or a slice of them.
func (in *inspector) field(v reflect.Value) error {
	if v.Kind() != reflect.Slice {
		return in.walk(v)
	}
	for i := range v.Len() {
		if err := in.walk(v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (in *inspector) identifier(n *ast.Identifier) error {
	if n.IsSqlCmd {
		return sqlguard.Forbidden("SqlCommandIdentifier")
	}
	return nil
}

func (in *inspector) selectStatement(n *ast.SelectStatement) error {
	if n.Into != nil || n.On != nil {
		return sqlguard.Forbidden("SELECT INTO")
	}
	return nil
}

func (in *inspector) withClause(n *ast.WithCtesAndXmlNamespaces) error {
	if n.XmlNamespaces != nil || n.ChangeTrackingContext != nil {
		return sqlguard.Forbidden("WITH XMLNAMESPACES or CHANGE_TRACKING_CONTEXT")
	}
	return nil
}

// commonTable declares a name; T-SQL lets its own query refer to it.
func (in *inspector) commonTable(n *ast.CommonTableExpression) error {
	in.endCommonTable()
	in.ctes = append(in.ctes, n.ExpressionName.Value)
	return nil
}

// endCommonTable notes how many relations the WITH query stands for that was
// walked last.
func (in *inspector) endCommonTable() {
	if len(in.ctes) == 0 {
		return
	}
	if in.weights == nil {
		in.weights = map[string]int{}
	}
	last := Fold(in.ctes[len(in.ctes)-1])
	in.weights[last] = max(in.weights[last], in.weight, 1)
	in.weight = 0
}

// maxExpanded bounds the relations that a statement reads once its WITH queries
// are written out wherever they are referred to. Planning alone takes memory
// for each. Package cost counts them as well, by names without accents; here
// names count as one that only the oldest collations hold equal, and as the
// larger of the two.
const maxExpanded = 1000

// expand counts a reference to a relation or WITH query.
func (in *inspector) expand(base string) error {
	weight := in.weights[Fold(base)]
	in.weight += max(weight, 1)
	if weight > 1 && in.weight > maxExpanded {
		return sqlguard.TooExpensive(fmt.Sprintf("its WITH queries stand for more than %d relations. Refer to each of them fewer times", maxExpanded))
	}
	return nil
}

// selectElement refuses aliases that read like a second statement.
func (in *inspector) selectElement(n *ast.SelectScalarExpression) error {
	if n.ColumnName == nil {
		return nil
	}
	return in.alias(n.ColumnName.Identifier)
}

// tableAlias does the same for derived tables.
func (in *inspector) tableAlias(n *ast.QueryDerivedTable) error { return in.alias(n.Alias) }

func (in *inspector) alias(id *ast.Identifier) error {
	if id == nil || id.QuoteType != "" && id.QuoteType != "NotQuoted" {
		return nil
	}
	w := strings.ToLower(id.Value)
	if in.policy["statements"][w] || strings.HasPrefix(w, "sp_") || strings.HasPrefix(w, "xp_") {
		return sqlguard.Forbidden(id.Value + " as an alias without brackets")
	}
	return nil
}

func (in *inspector) join(n *ast.QualifiedJoin) error {
	if n.JoinHint != "" && n.JoinHint != "None" {
		return sqlguard.Forbidden("join hint " + n.JoinHint)
	}
	return nil
}

func (in *inspector) namedTable(n *ast.NamedTableReference) error {
	if n.ForPath {
		return sqlguard.Forbidden("FOR PATH")
	}
	if err := in.relation(n.SchemaObject); err != nil {
		return err
	}
	return in.alias(n.Alias)
}

func (in *inspector) fullTextTable(n *ast.FullTextTableReference) error {
	return in.relation(n.TableName)
}

// relation notes a relation and refuses other servers, other databases and
// catalog views that show more than the schema.
func (in *inspector) relation(n *ast.SchemaObjectName) error {
	switch {
	case n.ServerIdentifier != nil || n.DatabaseIdentifier != nil:
		return sqlguard.Forbidden("name with a server or database part")
	case n.BaseIdentifier == nil || n.BaseIdentifier.Value == "":
		return sqlguard.Forbidden("incomplete name")
	}
	base := strings.ToLower(n.BaseIdentifier.Value)
	if n.SchemaIdentifier == nil || n.SchemaIdentifier.Value == "" {
		return in.unqualified(n.BaseIdentifier.Value)
	}
	full := n.SchemaIdentifier.Value + "." + n.BaseIdentifier.Value
	var allowed bool
	switch Fold(n.SchemaIdentifier.Value) {
	case "information_schema":
		allowed = in.policy["information_schema"][base]
	case "sys":
		allowed = in.policy["sys"][base]
	default:
		allowed = !in.policy["legacy"][Fold(base)]
	}
	if !allowed {
		return sqlguard.Forbidden(full)
	}
	in.tables = note(in.tables, full)
	return nil
}

// unqualified notes a relation without schema. Names compare with letter case
// to those of WITH: a database that ignores case has one relation reported too
// many, never one too few.
func (in *inspector) unqualified(base string) error {
	if err := in.expand(base); err != nil {
		return err
	}
	if slices.Contains(in.ctes, base) {
		return nil
	}
	if in.policy["legacy"][Fold(base)] {
		return sqlguard.Forbidden(base)
	}
	in.tables = note(in.tables, base)
	return nil
}

func (in *inspector) tableHint(n *ast.TableHint) error {
	if !strings.EqualFold(n.HintKind, "NoLock") {
		return sqlguard.Forbidden("table hint " + n.HintKind)
	}
	return nil
}

func (in *inspector) optimizerHint(n *ast.LiteralOptimizerHint) error {
	if !strings.EqualFold(n.HintKind, "MaxRecursion") {
		return sqlguard.Forbidden("OPTION " + n.HintKind)
	}
	return nil
}

// note appends a name that is not there yet.
func note(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// Fold returns what is left of a name when an engine ignores letter case,
// accents, width, outer blanks and characters without weight, as its
// collations may.
func Fold(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		switch {
		case r == 'ı': // lower case of I in Turkish, without decomposition
			b.WriteByte('i')
		case r < utf8.RuneSelf:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.TrimSpace(b.String())
}
