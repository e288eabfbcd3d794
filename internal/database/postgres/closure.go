package postgres

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
)

//go:embed closure.sql
var closureSQL string

// closure knows what each relation of one database runs when it is read, and
// the functions that are no statement's own to call. It is immutable.
type closure struct {
	relations map[string][]*relation // by the names that statements write
	functions map[string][]*function // by name, without schema
	allowed   []string               // OIDs of the listed functions that run nothing unlisted
}

// systemSchema holds the server's own functions.
const systemSchema = "pg_catalog"

// readClosure reads the closure in one statement.
func (c *conn) readClosure(ctx context.Context) (*closure, error) {
	hashes := make(map[string]string, len(c.rules.AllowedFunctions))
	for _, f := range c.rules.AllowedFunctions {
		hashes[f.Signature] = f.Hash
	}
	g := newGraph(hashes)
	if err := c.catalogue(ctx, closureStatement(c.rules.AllowedFunctions), g.addRow); err != nil {
		return nil, err
	}
	if g.path != systemSchema {
		return nil, fault.New(fault.Unavailable, "the login's own search_path names pg_catalog after other schemas, "+
			"whose functions and operators would take the place of PostgreSQL's: take pg_catalog out of the setting (ALTER ROLE … SET search_path)")
	}
	return g.closure(), nil
}

// closureStatement is closure.sql with the guard's lists and the allowed
// functions.
func closureStatement(allowed []database.AllowedFunction) string {
	known := guard.KnownNames()
	signatures := make([]string, 0, len(allowed))
	for _, f := range allowed {
		signatures = append(signatures, quoteLiteral(f.Signature))
	}
	return strings.NewReplacer(
		"$known", membersOf(known.Extensions),
		"$notation", nameArray(known.Refused),
		"$relations", nameArray(known.Relations),
		"$information_schema", nameArray(known.InformationSchema),
		"$functions", nameArray(known.Stored),
		"$signatures", "ARRAY["+strings.Join(signatures, ",")+"]::text[]",
		"$signature", signatureSQL,
		"$hash", hashSQL,
	).Replace(closureSQL)
}

// quoteLiteral writes a string so that no setting of the session changes it.
func quoteLiteral(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\x00", "").Replace(s) + "'"
}

// misses reports whether a statement names a relation or a function of a
// user's that the closure does not know: it may be younger.
func (c *closure) misses(stmt *sqlguard.Statement) bool {
	return slices.ContainsFunc(stmt.Tables, c.missesRelation) ||
		slices.ContainsFunc(stmt.Implied.Calls, func(call sqlguard.Call) bool { return len(c.functions[call.Name]) == 0 })
}

// missesRelation leaves out the server's own relations that statements may
// read, of which the guard alone has decided.
func (c *closure) missesRelation(name string) bool {
	return len(c.relations[name]) == 0 && !strings.HasPrefix(name, "pg_") && !strings.HasPrefix(name, "information_schema.")
}

// judge refuses a statement that reads a relation which runs something that
// is not allowed, or calls a function that the administrator has not listed.
func (c *closure) judge(stmt *sqlguard.Statement) error {
	for _, name := range stmt.Tables {
		for _, r := range c.relations[name] {
			switch {
			case r.system: // unqualified, through the search path
				return sqlguard.Forbidden("RangeVar " + r.name)
			case r.reason != "":
				return sqlguard.RelationNotAllowed(r.full, r.reason)
			}
		}
	}
	for _, call := range stmt.Implied.Calls {
		if err := c.judgeCall(call); err != nil {
			return err
		}
	}
	return nil
}

// judgeCall wants every function that a call could resolve to on the list:
// which of them PostgreSQL takes depends on the types of the arguments.
func (c *closure) judgeCall(call sqlguard.Call) error {
	found := false
	for _, f := range c.functions[call.Name] {
		switch {
		case !f.takes(call):
			continue
		case f.schema == systemSchema:
			return sqlguard.FunctionNotAllowed(f.signature)
		case !f.listed:
			return sqlguard.UserFunctionNotAllowed(f.signature)
		case f.reason != "":
			return sqlguard.FunctionNotAllowed(f.signature + ": " + f.reason)
		}
		found = true
	}
	if !found {
		// It is gone, or takes other arguments. The name could still be a
		// type's, and the call a cast.
		name := call.Name
		if call.Schema != "" {
			name = call.Schema + "." + name
		}
		return sqlguard.FunctionNotAllowed(fmt.Sprintf("%s: no allowed function of this name takes %d arguments", name, call.Args))
	}
	return nil
}

// takes reports whether a call could mean f.
func (f *function) takes(call sqlguard.Call) bool {
	if call.Schema == "" && !f.visible || call.Schema != "" && call.Schema != f.schema {
		return false
	}
	least := f.args - f.defaults
	if f.variadic {
		least--
	}
	return call.Args == sqlguard.AnyArgs || f.schema == systemSchema ||
		call.Args >= least && (call.Args <= f.args || f.variadic)
}

// expand returns the full names of all that a statement reads, sorted. Names
// that the closure does not know stay as they are written.
func (c *closure) expand(tables []string) []string {
	names := make([]string, 0, len(tables))
	seen := make(map[*relation]bool)
	var add func(r *relation)
	add = func(r *relation) {
		if seen[r] {
			return
		}
		seen[r] = true
		names = append(names, r.full)
		for _, read := range r.reads {
			add(read)
		}
	}
	for _, name := range tables {
		for _, r := range c.relations[name] {
			add(r)
		}
		if len(c.relations[name]) == 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
