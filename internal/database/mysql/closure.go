package mysql

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
)

// maxRelations is how many relations are remembered.
const maxRelations = 20_000

// errUnread ends a look-up that must not ask the server.
var errUnread = errors.New("not in memory")

// product is the server at hand, as far as a verdict depends on it.
type product struct {
	flavour flavour
	judge   *guard.Guard
	missing map[string]bool // functions of the guard's list that it does not have natively
}

func productOf(f flavour, version string) product {
	g := guard.MySQL
	if f == mariaDB {
		g = guard.MariaDB
	}
	return product{flavour: f, judge: guard.New(g), missing: guard.MissingFunctions(g, guard.ParseRelease(version))}
}

// closure knows what the relations of one connection run when they are read.
// It asks the catalogue for a relation when a statement first names it, or a
// view that does, and remembers the answer.
type closure struct {
	database string
	allowed  map[string]string       // hash by signature
	product  atomic.Pointer[product] // of the last session
	stale    atomic.Bool             // forget all before the next use
	lock     chan struct{}           // holds one token: who has it uses what follows

	read      time.Time
	relations map[guard.Name]*relation
	routines  map[string]map[string]database.Function // by database, by name in lower case
	reaches   map[guard.Name]*reach
}

// reach is what reading a relation comes to.
type reach struct {
	relations map[string]bool // full names, itself included
	refused   string          // why it may not be read: "it runs GET_LOCK"
	stored    bool            // it runs functions that users have defined
	described bool            // nothing is read: the statement only describes the relation
}

func newClosure(target string, rules database.Rules) *closure {
	c := &closure{database: target, lock: make(chan struct{}, 1), allowed: map[string]string{}}
	c.stale.Store(true)
	for _, f := range rules.AllowedFunctions {
		c.allowed[f.Signature] = f.Hash
	}
	return c
}

// acquire takes the closure for one caller, and forgets what has grown old.
func (c *closure) acquire(ctx context.Context) error {
	select {
	case c.lock <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.stale.Swap(false) || time.Since(c.read) >= database.CatalogueLife || len(c.relations) > maxRelations {
		c.forget()
	}
	return nil
}

func (c *closure) release() { <-c.lock }

// forget drops all that is known. The caller has acquired the closure.
func (c *closure) forget() {
	c.read = time.Now()
	c.relations = map[guard.Name]*relation{}
	c.routines = map[string]map[string]database.Function{}
	c.reaches = map[guard.Name]*reach{}
}

// drop makes the next statement ask the catalogue again.
func (c *closure) drop() { c.stale.Store(true) }

// known answers like judge without asking the catalogue; ok is false when it
// would have to, or when no server has been seen yet.
func (c *closure) known(ctx context.Context, stmt *sqlguard.Statement) (total *reach, ok bool, err error) {
	p := c.product.Load()
	if p == nil {
		return nil, false, nil
	}
	unread := false
	total, err = c.judge(ctx, *p, func(context.Context, string, func([]string) error) error {
		unread = true
		return errUnread
	}, stmt)
	return total, !unread, err
}

// judge refuses a statement that runs something which is not allowed, and
// returns what it reads. It reads the catalogue where it does not know enough.
func (c *closure) judge(ctx context.Context, p product, read reader, stmt *sqlguard.Statement) (*reach, error) {
	if err := c.acquire(ctx); err != nil {
		return nil, err
	}
	defer c.release()
	total := &reach{relations: map[string]bool{}, described: onlyDescribes(stmt)}
	if err := c.judgeCalls(ctx, p, read, stmt.Functions, total); err != nil {
		return nil, err
	}
	for _, written := range stmt.Tables {
		if err := c.judgeTable(ctx, p, read, written, total); err != nil {
			return nil, err
		}
	}
	return total, nil
}

// onlyDescribes reports whether a statement reads no rows of what it names. The
// WHERE of a SHOW can hold a query, which needs a parenthesis.
func onlyDescribes(stmt *sqlguard.Statement) bool {
	return (stmt.Kind == "SHOW" || stmt.Kind == "DESCRIBE") && !strings.Contains(stmt.SQL, "(")
}

// judgeTable judges each relation that a name in a statement may mean. One that
// the catalogue does not have is for the server to refuse: it is misspelt, or
// the login may not read it either.
func (c *closure) judgeTable(ctx context.Context, p product, read reader, written string, total *reach) error {
	names := candidates(written, c.database)
	if err := c.load(ctx, p, read, names); err != nil {
		return err
	}
	for _, n := range names {
		if c.relations[n] == nil && !isCatalogue(n) {
			continue
		}
		r := c.reachOf(p, n)
		if r.refused != "" && !total.described {
			return sqlguard.RelationNotAllowed(n.Schema+"."+n.Name, r.refused)
		}
		maps.Copy(total.relations, r.relations)
		total.stored = total.stored || r.stored
	}
	return nil
}

// judgeCalls refuses calls that the server would not answer by itself. A name
// without a schema is a stored function when the connection's database has one
// of that name, unless the server has it natively; that is not relied on.
func (c *closure) judgeCalls(ctx context.Context, p product, read reader, functions []string, total *reach) error {
	for _, name := range functions {
		schema, bare := c.database, name
		dot := strings.LastIndexByte(name, '.')
		qualified := dot >= 0
		if qualified {
			schema, bare = name[:dot], name[dot+1:]
		}
		if err := c.loadRoutines(ctx, read, schema); err != nil {
			return err
		}
		routine, exists := c.routines[schema][bare]
		switch {
		case exists && !c.lists(routine):
			return c.refuseRoutine(p, routine)
		case exists:
			total.stored = true
		case qualified:
			return sqlguard.UserFunctionNotAllowed(name)
		case !p.judge.Lists(bare), p.missing[bare]:
			return sqlguard.FunctionNotAllowed(bare)
		}
	}
	return nil
}

// lists reports whether an administrator has allowed exactly this function.
func (c *closure) lists(f database.Function) bool {
	hash, listed := c.allowed[f.Signature]
	return listed && hash == f.Hash && hash != ""
}

// unlisted says why a view may not run a function.
func (c *closure) unlisted(p product, f database.Function) string {
	if _, listed := c.allowed[f.Signature]; listed && f.Hash == "" {
		return "it runs " + f.Signature + ": " + hiddenBody(p.flavour)
	}
	return "it runs " + f.Signature + ". An administrator can allow that for this connection"
}

func (c *closure) refuseRoutine(p product, f database.Function) error {
	if _, listed := c.allowed[f.Signature]; listed && f.Hash == "" {
		return fault.New(fault.Invalid, "Function not allowed: "+f.Signature+": "+hiddenBody(p.flavour))
	}
	return sqlguard.UserFunctionNotAllowed(f.Signature)
}

func (c *closure) loadRoutines(ctx context.Context, read reader, schema string) error {
	if c.routines[schema] != nil {
		return nil
	}
	routines, err := readRoutines(ctx, read, schema)
	if err == nil {
		c.routines[schema] = routines
	}
	return err
}

// load reads all that the named relations reach and that is not known yet, one
// level of views at a time.
func (c *closure) load(ctx context.Context, p product, read reader, names []guard.Name) error {
	for len(names) > 0 {
		unknown := slices.DeleteFunc(slices.Clone(names), func(n guard.Name) bool { return c.relations[n] != nil || isCatalogue(n) })
		names = nil
		err := readRelations(ctx, read, p.flavour, unknown, func(n guard.Name, v []string) error {
			r := relationOf(v, p.judge)
			c.relations[n] = r
			if r.view != nil {
				names = append(names, c.qualified(r.view.Relations, n.Schema)...)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := c.loadStored(ctx, read, unknown); err != nil {
			return err
		}
		names = distinct(names)
	}
	return nil
}

// loadStored reads the functions of the databases in which the views among
// these relations may call some.
func (c *closure) loadStored(ctx context.Context, read reader, names []guard.Name) error {
	for _, n := range names {
		r := c.relations[n]
		if r == nil || r.view == nil {
			continue
		}
		called := c.qualified(r.view.Stored, n.Schema)
		if len(r.view.Functions) > 0 {
			called = append(called, guard.Name{Schema: n.Schema})
		}
		for _, f := range called {
			if err := c.loadRoutines(ctx, read, f.Schema); err != nil {
				return err
			}
		}
	}
	return nil
}

// qualified returns names with the schema that the server leaves out.
func (*closure) qualified(names []guard.Name, schema string) []guard.Name {
	full := make([]guard.Name, len(names))
	for i, n := range names {
		if n.Schema == "" {
			n.Schema = schema
		}
		full[i] = n
	}
	return full
}

func distinct(names []guard.Name) []guard.Name {
	seen := map[guard.Name]bool{}
	return slices.DeleteFunc(names, func(n guard.Name) bool {
		again := seen[n]
		seen[n] = true
		return again
	})
}
