package mssql

import (
	"cmp"
	"context"
	"database/sql/driver"
	_ "embed"
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
)

//go:embed objects.sql
var objectsSQL string

// object is a relation, synonym or function of the database. What it runs is
// found out when it is first asked for; see edges.
type object struct {
	schema, name string
	typ          string // as in sys.objects: U, V, SN, FN, IF, TF, FS, FT, AF
	text         string // of a view its definition, of a synonym what it stands for
	hidden       bool   // the definition is not shown to this login
	external     bool
	computed     []expression // columns of a table
	policies     []expression // row filters of a table
	clr          []string     // columns of users' CLR types

	// Of a function.
	takes         []string
	returns       string
	deterministic bool
	hash          string

	edges edgesOnce
}

// expression is SQL that the engine runs on its own for a table.
type expression struct {
	name, text string
	hidden     bool
}

func (o *object) full() string { return o.schema + "." + o.name }

func (o *object) isFunction() bool {
	switch o.typ {
	case "FN", "IF", "TF", "FS", "FT", "AF":
		return true
	default:
		return false
	}
}

// signature names the function. SQL Server has no overloading: the types are
// for people.
func (o *object) signature() string { return o.full() + "(" + strings.Join(o.takes, ", ") + ")" }

// objects is what a database holds and who reads it. It does not change once
// it is read, but for what the objects find out about themselves.
type objects struct {
	database, schema string // of the session
	powers           []string
	byID             map[int64]*object
	named            map[string][]*object // by folded schema.name
	based            map[string][]*object // by folded name
	functions        []*object            // by signature
	guard            sqlguard.Guard       // lets every function of the database pass
	sources          map[*object]string   // of functions, when they were asked for
	rows             int
}

// maxObjectRows bounds what is kept of a catalogue: the server is not trusted
// to be one, and small rows make large objects.
const maxObjectRows = 300_000

func errTooManyObjects() error {
	return fault.New(fault.Unavailable, "the database has more objects than can be judged")
}

func newObjects() *objects {
	return &objects{byID: map[int64]*object{}, named: map[string][]*object{}, based: map[string][]*object{}}
}

// readObjects reads the catalogue; sources says whether to keep the
// definitions of functions, which their hashes stand for otherwise.
func (c *conn) readObjects(ctx context.Context, sources bool) (*objects, error) {
	all := newObjects()
	if sources {
		all.sources = map[*object]string{}
	}
	if err := c.catalogue(ctx, objectsSQL, all.take); err != nil {
		return nil, err
	}
	if all.database == "" { // who this is would not be known
		return nil, database.ConnectFault(database.ErrCannotConnect, errProtocol)
	}
	all.finish()
	return all, nil
}

// take reads one row. Conditional results come or do not, so that a row's kind
// says what it is, not its result set.
func (a *objects) take(_ int, values []driver.Value) error {
	if len(values) != 6 {
		return errProtocol
	}
	if a.rows++; a.rows > maxObjectRows {
		return errTooManyObjects()
	}
	r := record(values)
	switch r.text(0) {
	case "login":
		a.schema, a.database = r.text(2), r.text(3)
		return nil
	case "power":
		a.powers = append(a.powers, r.text(3))
		return nil
	case "object":
		a.byID[r.number(1)] = &object{schema: r.text(2), name: r.text(3), typ: r.text(4), text: r.text(5), hidden: r[5] == nil}
		return nil
	}
	o := a.byID[r.number(1)]
	if o == nil {
		return nil // made or dropped between two of the results
	}
	return o.take(r)
}

// take adds a row about the object.
func (o *object) take(r record) error {
	switch r.text(0) {
	case "parameter":
		if r.text(4) == "returns" {
			o.returns = parameterType(r)
		} else {
			o.takes = append(o.takes, parameterType(r))
		}
	case "deterministic":
		o.deterministic = true
	case "computed":
		o.computed = append(o.computed, expression{name: r.text(3), text: r.text(5), hidden: r[5] == nil})
	case "policy":
		o.policies = append(o.policies, expression{name: r.text(3), text: r.text(5), hidden: r[5] == nil})
	case "clr":
		o.clr = append(o.clr, r.text(3))
	case "external":
		o.external = true
	default:
		return errProtocol
	}
	return nil
}

// parameterType writes the type of a parameter, with its schema if users made it.
func parameterType(r record) string {
	if schema := r.text(2); schema != "sys" {
		return schema + "." + r.text(5)
	}
	return r.text(5)
}

// finish makes the objects findable and the guard for their definitions.
func (a *objects) finish() {
	for _, o := range a.byID {
		full, base := guard.Fold(o.full()), guard.Fold(o.name)
		a.named[full] = append(a.named[full], o)
		a.based[base] = append(a.based[base], o)
		if o.isFunction() {
			a.finishFunction(o)
		}
	}
	slices.SortFunc(a.functions, func(x, y *object) int { return cmp.Compare(x.signature(), y.signature()) })
	names := make([]string, len(a.functions))
	for i, f := range a.functions {
		names[i] = f.full()
	}
	a.guard = guard.New().Allowing(names)
}

// finishFunction hashes a function, of which then no more is needed.
func (a *objects) finishFunction(o *object) {
	if o.typ == "IF" || o.typ == "TF" || o.typ == "FT" {
		o.returns = "table"
	}
	if !o.hidden {
		o.hash = database.HashDefinition(o.typ, o.signature(), o.returns, o.text)
	}
	if a.sources != nil {
		a.sources[o] = o.text
	}
	o.text = ""
	a.functions = append(a.functions, o)
}

// Functions lists the functions that users have defined; see [database.Conn].
// Those of assemblies and those whose definition is hidden have no source.
func (c *conn) Functions(ctx context.Context) ([]database.Function, error) {
	all, err := c.readObjects(ctx, true)
	if err == nil {
		err = c.admit(all)
	}
	if err != nil {
		return nil, err
	}
	list := make([]database.Function, 0, len(all.functions))
	for _, o := range all.functions {
		f := database.Function{
			Signature: o.signature(), Returns: o.returns, Volatility: "nondeterministic", Language: "T-SQL",
			Source: all.sources[o], Hash: o.hash,
		}
		if o.deterministic {
			f.Volatility = "deterministic"
		}
		if o.typ == "FS" || o.typ == "FT" || o.typ == "AF" {
			f.Language = "CLR"
		}
		list = append(list, f)
	}
	return list, nil
}
