package mysql

import (
	"fmt"
	"maps"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
)

// reachOf returns what reading a relation comes to. All that it reaches has
// been loaded.
func (c *closure) reachOf(p product, n guard.Name) *reach {
	if known := c.reaches[n]; known != nil {
		return known
	}
	r := &reach{relations: map[string]bool{n.Schema + "." + n.Name: true}}
	c.reaches[n] = r // a view that reads itself ends here; the server refuses it
	switch relation := c.relations[n]; {
	case relation == nil: // of information_schema
	case relation.hidden:
		r.refused = fmt.Sprintf("this login may not see what the view runs: GRANT SELECT, SHOW VIEW ON %s to it", quoteName(n))
	case relation.view != nil:
		r.refused = c.judgeView(p, n, relation.view, r)
	case relation.marks:
		r.refused = "a generated column of it uses a variable of the session"
	case readsElsewhere(relation.engine):
		r.refused = "its engine " + relation.engine + " reads from outside of this server"
	}
	return r
}

// judgeView adds what a view reads to r and returns why it may not be read, ""
// if it may.
func (c *closure) judgeView(p product, view guard.Name, d *guard.Definition, r *reach) string {
	if d.Refused != nil {
		return refusalOf(d)
	}
	for _, f := range d.Functions {
		// A view's author can have its names written without backticks.
		if routine, exists := c.routines[view.Schema][f]; exists && !c.lists(routine) {
			return c.unlisted(p, routine)
		}
		if p.missing[f] {
			return "it runs " + strings.ToUpper(f)
		}
	}
	for _, f := range c.qualified(d.Stored, view.Schema) {
		routine, exists := c.routines[f.Schema][strings.ToLower(f.Name)]
		if !exists {
			return fmt.Sprintf("it runs %s.%s, which this login does not see: GRANT EXECUTE ON FUNCTION %s to it, and an administrator can allow it",
				f.Schema, f.Name, quoteName(f))
		}
		if !c.lists(routine) {
			return c.unlisted(p, routine)
		}
		r.stored = true
	}
	for _, n := range c.qualified(d.Relations, view.Schema) {
		if why := c.judgePart(p, n, r); why != "" {
			return why
		}
	}
	return ""
}

// judgePart judges a relation that a view reads.
func (c *closure) judgePart(p product, n guard.Name, r *reach) string {
	full := n.Schema + "." + n.Name
	if c.relations[n] == nil && !isCatalogue(n) {
		if p.flavour == mariaDB && sequencePattern.MatchString(n.Name) {
			return ""
		}
		return fmt.Sprintf("it reads %s, of which this login sees nothing: GRANT SHOW VIEW ON %s to it (with SELECT if it is a view)", full, quoteName(n))
	}
	part := c.reachOf(p, n)
	if part.refused != "" {
		return "it reads " + full + ": " + part.refused
	}
	maps.Copy(r.relations, part.relations)
	r.stored = r.stored || part.stored
	return ""
}

// refusalOf says in words why the guard would refuse a view's text.
func refusalOf(d *guard.Definition) string {
	if d.Runs != "" {
		return "it runs " + d.Runs
	}
	return "its definition would be refused as a statement: " + fault.Of(d.Refused).Public
}

func quoteName(n guard.Name) string {
	quote := func(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }
	return quote(n.Schema) + "." + quote(n.Name)
}
