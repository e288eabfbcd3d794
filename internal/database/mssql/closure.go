package mssql

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
)

// hiddenAdvice tells how a login gets to show what it runs.
const hiddenAdvice = "which this login may not see. GRANT VIEW DEFINITION ON SCHEMA::… to it; what is made WITH ENCRYPTION stays refused"

// edges are what reading an object leads to.
type edges struct {
	refused   string // why it may not be read at all, "" when it may
	relations []*object
	functions []*object
	own       []string // relations of the engine's: sys, information_schema
}

type edgesOnce struct {
	once  sync.Once
	edges edges
}

// judge refuses a statement that would run what is not allowed, itself or
// through what it reads, and returns the relations that it reads at any depth.
func (c *conn) judge(ctx context.Context, stmt *sqlguard.Statement) (reads, error) {
	all, err := c.recentObjects(ctx, database.CatalogueLife)
	if err != nil {
		return reads{}, err
	}
	if !all.knows(stmt) { // made since the catalogue was read, or nowhere
		if all, err = c.recentObjects(ctx, objectsYoung); err != nil {
			return reads{}, err
		}
	}
	w := walk{conn: c, all: all, seen: map[*object]bool{}}
	for _, called := range stmt.Functions {
		for _, f := range all.named[guard.Fold(called)] {
			if w.ran = true; !c.allows(f) {
				return reads{}, sqlguard.UserFunctionNotAllowed(f.signature())
			}
		}
	}
	for _, written := range stmt.Tables {
		if err := w.statementTable(written); err != nil {
			return reads{}, err
		}
	}
	slices.Sort(w.names)
	return reads{relations: slices.Compact(w.names), ranFunctions: w.ran}, nil
}

// reads is the verdict on an accepted statement.
type reads struct {
	relations    []string
	ranFunctions bool // it runs functions of the users' own
}

// allows reports whether the object is a listed function with the definition
// that was allowed. A synonym that took the name of one is not.
func (c *conn) allows(f *object) bool {
	return f.isFunction() && f.hash != "" && c.allowed[f.signature()] == f.hash
}

// knows reports whether every relation of the statement is known.
func (a *objects) knows(stmt *sqlguard.Statement) bool {
	for _, written := range stmt.Tables {
		if !isEngines(written) && len(a.resolve(written)) == 0 {
			return false
		}
	}
	return true
}

// isEngines reports whether a name is one of the engine's own relations, which
// the guard allows one by one. Users can have a schema whose name differs from
// the engine's in accents only: what they have there is looked for first.
func isEngines(written string) bool {
	schema, _, qualified := strings.Cut(guard.Fold(written), ".")
	return qualified && (schema == "sys" || schema == "information_schema")
}

// resolve finds what a name in a statement means: the object of that schema,
// else that of the session's schema, else that of dbo. A name may hold a dot
// itself; then all that it can mean count.
func (a *objects) resolve(written string) []*object {
	name := guard.Fold(written)
	found := a.named[name]
	own := a.named[guard.Fold(a.schema)+"."+name]
	if len(own) == 0 {
		own = a.named["dbo."+name]
	}
	if len(own) == 0 {
		return found
	}
	return slices.Concat(found, own)
}

// walk follows a statement through what it reads.
type walk struct {
	conn  *conn
	all   *objects
	seen  map[*object]bool
	names []string
	ran   bool
}

func (w *walk) statementTable(written string) error {
	found := w.all.resolve(written)
	if len(found) == 0 { // the engine's own, or for the engine to refuse
		w.names = append(w.names, written)
	}
	for _, o := range found {
		if reason := w.follow(o); reason != "" {
			return sqlguard.RelationNotAllowed(o.full(), reason)
		}
	}
	return nil
}

// follow notes an object and all that it reads, and returns why it may not be
// read.
func (w *walk) follow(o *object) string {
	if w.seen[o] {
		return ""
	}
	w.seen[o] = true
	w.names = append(w.names, o.full())
	e := w.conn.edgesOf(w.all, o)
	if e.refused != "" {
		return e.refused
	}
	w.names = append(w.names, e.own...)
	for _, f := range e.functions {
		if w.ran = true; !w.conn.allows(f) {
			return "it runs " + f.signature() + ", which is not allowed. An administrator can allow it for this connection"
		}
	}
	for _, next := range e.relations {
		if reason := w.follow(next); reason != "" {
			return "it reads " + next.full() + ": " + reason
		}
	}
	return ""
}

// edgesOf finds out once what an object runs and reads.
func (c *conn) edgesOf(all *objects, o *object) *edges {
	o.edges.once.Do(func() { o.edges.edges = all.findEdges(o) })
	return &o.edges.edges
}

// findEdges judges the object's definition with the guard, which lets every function
// of the database pass: whether it is allowed is asked for each statement.
func (a *objects) findEdges(o *object) (e edges) {
	switch {
	case o.external:
		e.refused = "it is an external table, whose data is fetched from another place"
	case len(o.clr) > 0:
		e.refused = "its column " + o.clr[0] + " is of a CLR type, whose code cannot be judged"
	case o.typ == "SN":
		a.followSynonym(o, &e)
	case o.typ == "V" && o.hidden:
		e.refused = "it has a definition, " + hiddenAdvice
	case o.typ == "V":
		query, err := guard.ViewQuery(o.text, a.database)
		if err != nil {
			e.refused = "its definition cannot be judged: " + fault.Of(err).Public
			return e
		}
		a.judgeCode(query, "its definition", &e)
	case o.typ == "U":
		a.judgeExpressions(o.computed, "its computed column", &e)
		a.judgeExpressions(o.policies, "its row policy", &e)
	}
	return e
}

// judgeExpressions judges what the engine computes for the rows of a table.
func (a *objects) judgeExpressions(list []expression, what string, e *edges) {
	for _, x := range list {
		if x.hidden {
			e.refused = what + " " + x.name + " has a definition, " + hiddenAdvice
			return
		}
		a.judgeCode("SELECT "+x.text, what+" "+x.name, e)
	}
}

// judgeCode adds to e what a text leads to.
func (a *objects) judgeCode(query, what string, e *edges) {
	stmt, err := a.guard.Check(query)
	if err != nil {
		e.refused = what + " holds what no statement may: " + fault.Of(err).Public
		return
	}
	for _, called := range stmt.Functions {
		e.functions = append(e.functions, a.named[guard.Fold(called)]...)
	}
	for _, written := range stmt.Tables {
		// The author of the view decides which schema a name without one
		// means, so everything of that name counts.
		found := slices.Concat(a.named[guard.Fold(written)], a.based[guard.Fold(written)])
		switch {
		case len(found) > 0:
		case isEngines(written):
			e.own = append(e.own, written)
		default:
			e.refused = what + " reads " + written + ", " + hiddenAdvice
			return
		}
		e.relations = append(e.relations, found...)
	}
}

// followSynonym follows a synonym within its database.
func (a *objects) followSynonym(o *object, e *edges) {
	parts := splitName(o.text)
	if n := len(parts); n > 2 {
		if n > 3 || parts[0] != "" && guard.Fold(parts[0]) != guard.Fold(a.database) {
			e.refused = "it stands for an object of another database or server"
			return
		}
		parts = parts[1:]
	}
	found := a.resolve(strings.TrimPrefix(strings.Join(parts, "."), "."))
	if len(found) == 0 {
		e.refused = "it stands for an object, " + hiddenAdvice
		return
	}
	for _, target := range found {
		if target.isFunction() {
			e.functions = append(e.functions, target)
		} else {
			e.relations = append(e.relations, target)
		}
	}
}

// splitName splits a name of several parts, of which each may be in brackets
// or quotes.
func splitName(name string) []string {
	var parts []string
	for {
		part, rest, more := nextPart(name)
		parts = append(parts, part)
		if !more {
			return parts
		}
		name = rest
	}
}

// nextPart returns the part before the first dot outside of quotes.
func nextPart(name string) (part, rest string, more bool) {
	ends := map[byte]byte{'[': ']', '"': '"'}
	var end byte
	if name != "" {
		end = ends[name[0]]
	}
	if end == 0 {
		return strings.Cut(name, ".")
	}
	var b strings.Builder
	for i := 1; i < len(name); i++ {
		if name[i] != end {
			b.WriteByte(name[i])
			continue
		}
		if i+1 < len(name) && name[i+1] == end {
			b.WriteByte(end)
			i++
			continue
		}
		_, rest, more = strings.Cut(name[i+1:], ".")
		return b.String(), rest, more
	}
	return b.String(), "", false
}
