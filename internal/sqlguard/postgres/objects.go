package postgres

import (
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// Kind says how an object is reached.
type Kind string

// The kinds of objects.
const (
	// FieldFunction runs for x.f, unless x has such a column.
	FieldFunction Kind = "field"
	// NamesakeFunction has the name of a known extension's function and is
	// not that.
	NamesakeFunction Kind = "function"
	// Operator runs by its own name, or for IN, BETWEEN and the like.
	Operator Kind = "operator"
	// Conversion runs where a value is cast to a type of its name.
	Conversion Kind = "type"
	// HiddenCast runs wherever PostgreSQL wants another type than it has.
	HiddenCast Kind = "cast"
)

// Object is something defined by a user that PostgreSQL runs without a call
// that names it.
type Object struct {
	Kind Kind
	Name string // what a refusal tells
	// Relations are written as in [sqlguard.Statement.Tables]. Of a
	// FieldFunction they are those that have a column of its name; of all
	// others those whose rows hold the values that it works on, and "call "
	// before the names of allowed functions and operators that bring them.
	Relations []string
	// Always says that it can be reached without any of the relations.
	Always bool
}

// Objects are the objects of one database. The guard alone cannot know them.
// The zero value is a database without any. It is immutable.
type Objects struct {
	reaches map[objectName]reach
	casts   []string // the hidden ones' names, in order
}

type objectName struct {
	kind Kind
	name string
}

// reach is where an object is, or what hides it.
type reach struct {
	always    bool
	relations map[string]struct{}
	calls     bool // some of the relations are calls
}

// callPrefix marks an allowed function among the relations. A table of such a
// name would only be refused more often.
const callPrefix = "call "

// NewObjects returns what the catalogue told. Objects of one kind may share a
// name.
func NewObjects(all []Object) *Objects {
	o := &Objects{reaches: make(map[objectName]reach, len(all))}
	for _, object := range all {
		key := objectName{object.Kind, object.Name}
		if _, ok := o.reaches[key]; !ok && object.Kind == HiddenCast {
			o.casts = append(o.casts, object.Name)
		}
		o.reaches[key] = o.reaches[key].with(object)
	}
	slices.Sort(o.casts)
	return o
}

func (r reach) with(object Object) reach {
	if r.relations == nil {
		r.relations = make(map[string]struct{}, len(object.Relations))
	}
	for _, name := range object.Relations {
		r.relations[name] = struct{}{}
		r.calls = r.calls || strings.HasPrefix(name, callPrefix)
	}
	r.always = r.always || object.Always
	return r
}

func (r reach) has(relation string) bool {
	_, ok := r.relations[relation]
	return ok
}

// from reports whether a statement reaches the object.
func (r reach) from(stmt *sqlguard.Statement) bool {
	return r.always || slices.ContainsFunc(stmt.Tables, r.has) || r.calls && r.fromCalls(stmt.Implied)
}

// fromCalls reports whether a function that the administrator has allowed, by
// whichever notation, brings values that the object works on.
func (r reach) fromCalls(i sqlguard.Implied) bool {
	for _, call := range i.Calls {
		if r.has(callPrefix + call.Name) {
			return true
		}
	}
	for _, field := range i.Fields {
		if r.has(callPrefix + field.Name) {
			return true
		}
	}
	return slices.ContainsFunc(i.Operators, func(name string) bool { return r.has(callPrefix + name) })
}

// Judge refuses an accepted statement that would run one of the objects, with
// a reason of contract 6.5.
func (o *Objects) Judge(stmt *sqlguard.Statement) error {
	if len(o.reaches) == 0 {
		return nil
	}
	for _, field := range stmt.Implied.Fields {
		if function, ok := o.reaches[objectName{FieldFunction, field.Name}]; ok && !isColumn(field, function) {
			return sqlguard.FunctionNotAllowed(field.Name)
		}
	}
	for _, used := range []struct {
		kind  Kind
		names []string
	}{
		{NamesakeFunction, stmt.Functions},
		{Operator, stmt.Implied.Operators},
		{Conversion, stmt.Implied.Types},
		{HiddenCast, o.casts},
	} {
		for _, name := range used.names {
			if o.reaches[objectName{used.kind, name}].from(stmt) {
				return sqlguard.FunctionNotAllowed(name)
			}
		}
	}
	return nil
}

// isColumn reports whether each source of a field has a column of its name,
// which PostgreSQL then takes rather than the function.
func isColumn(field sqlguard.Field, function reach) bool {
	for _, source := range field.Sources {
		if !slices.ContainsFunc(source, function.has) {
			return false
		}
	}
	return true
}

// Concerns reports whether [Objects] of any database could refuse stmt.
func Concerns(stmt *sqlguard.Statement) bool {
	i := stmt.Implied
	return len(stmt.Tables)+len(stmt.Functions)+len(i.Fields)+len(i.Operators)+len(i.Types) > 0
}

// Known are the policy's names, for which the dialect asks a database's
// catalogue.
type Known struct {
	Extensions []string // whose objects only compute
	Functions  []string // of those extensions, which statements may call
	Types      []string // of those extensions and of PostgreSQL itself
	// Stored are PostgreSQL's own functions that views, policies and the like
	// may call: those that statements may, and a few more.
	Stored []string
	// Refused are functions that neither a field nor stored code may run,
	// whichever extension they belong to.
	Refused           []string
	Relations         []string // of pg_catalog
	InformationSchema []string // views of information_schema
}

// KnownNames returns the lists of the policy.
func KnownNames() Known {
	return Known{
		Extensions: words("extensions"), Functions: words("extension_functions"), Types: words("types"),
		Stored: slices.Concat(words("functions"), words("stored")), Refused: words("notation"),
		Relations: words("relations"), InformationSchema: words("information_schema"),
	}
}
