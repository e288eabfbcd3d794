package postgres

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// allowance holds the functions that an administrator has listed.
type allowance struct {
	full map[[2]string]struct{} // schema and name
	bare set                    // name alone
}

// Allowing implements [sqlguard.Guard]. Names that are not schema.name are of
// no use to it.
func (g *Guard) Allowing(functions []string) sqlguard.Guard {
	allowed := allowance{full: make(map[[2]string]struct{}, len(functions)), bare: make(set, len(functions))}
	for _, function := range functions {
		schema, rest, ok := cutIdentifier(function)
		name, end, named := cutIdentifier(strings.TrimPrefix(rest, "."))
		if ok && named && strings.HasPrefix(rest, ".") && end == "" {
			allowed.full[[2]string{schema, name}] = struct{}{}
			allowed.bare[name] = struct{}{}
		}
	}
	changed := *g
	changed.policy = &policy{lists: g.policy.lists, version: sqlguard.AllowingVersion(g.policy.version, functions), allowed: allowed}
	return &changed
}

// cutIdentifier reads the identifier that text begins with, as PostgreSQL's
// quote_ident writes it.
func cutIdentifier(text string) (name, rest string, ok bool) {
	quoted, isQuoted := strings.CutPrefix(text, `"`)
	if !isQuoted {
		end := strings.IndexByte(text, '.')
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], end > 0
	}
	var b strings.Builder
	for {
		part, after, found := strings.Cut(quoted, `"`)
		if !found {
			return "", "", false
		}
		b.WriteString(part)
		quoted, isQuoted = strings.CutPrefix(after, `"`)
		if !isQuoted {
			return b.String(), after, b.Len() > 0
		}
		b.WriteByte('"')
	}
}

// call returns the call of a listed function, for the dialect to judge. Names
// that the policy itself decides on are none.
func (p *policy) call(c *pg.FuncCall) (sqlguard.Call, bool) {
	name := nameParts(c.GetFuncname())
	call := sqlguard.Call{Name: name[len(name)-1], Args: len(c.GetArgs())}
	if c.GetAggWithinGroup() {
		call.Args = sqlguard.AnyArgs
	}
	switch {
	case len(name) == 1:
		return call, p.allowed.bare.has(call.Name) && !p.functions.has(call.Name) && !p.extensionFunctions.has(call.Name)
	case len(name) == 2 && name[0] != catalog:
		call.Schema = name[0]
		_, ok := p.allowed.full[[2]string{call.Schema, call.Name}]
		return call, ok
	}
	return call, false
}
