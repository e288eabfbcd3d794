package mysql

import (
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// Name is the name of a relation or a stored function in a definition. Schema
// is empty where the server left it out: then it is the view's own.
type Name struct{ Schema, Name string }

// Definition is a view's text, judged like a statement.
type Definition struct {
	Relations []Name // that it reads
	Stored    []Name // functions that users have defined, for the caller to judge
	Functions []string
	Refused   error  // why the guard would refuse the text as a statement; nil when it would not
	Runs      string // the function that was refused, if one was

	quotedCalls map[string]bool // names that stand in backticks before a parenthesis, in lower case
}

// ReadDefinition judges the text of a view as the server keeps it
// (information_schema.views). There, a name in backticks is never that of a
// native function: servers write those plainly.
func (g *Guard) ReadDefinition(text string) (d *Definition) {
	d = &Definition{quotedCalls: map[string]bool{}}
	defer func() {
		if recover() != nil {
			d.Refused = sqlguard.ParseFailed("the parser gave up on this statement")
		}
	}()
	d.Refused = g.readDefinition(text, d)
	return d
}

func (g *Guard) readDefinition(text string, d *Definition) error {
	if err := sqlguard.Precheck(text); err != nil {
		return err
	}
	clean, err := strip(text)
	if err != nil {
		return err
	}
	if err := checkAmbiguity(clean); err != nil {
		return err
	}
	d.noteQuotedCalls(clean)
	statement, err := g.parse(readableNotation(clean))
	if err != nil {
		return err
	}
	in := &inspector{functionAllowed: g.functions, definition: d}
	if err := in.top(statement); err != nil {
		return err
	}
	statement.Accept(in)
	d.Functions = in.functions.names
	if in.err != nil {
		return in.err
	}
	return checkCost(statement)
}

// noteQuotedCalls finds the names in backticks that a parenthesis follows. That
// of a common table expression is among them and does no harm: it is not called.
func (d *Definition) noteQuotedCalls(text string) {
	last := ""
	for s := (scanner{sql: text}); s.next(); {
		token := text[s.start:s.pos]
		if token == "(" && strings.HasPrefix(last, "`") {
			d.quotedCalls[strings.ToLower(strings.Trim(last, "`"))] = true
		}
		last = token
	}
}

// callsStored reports whether a call in the definition goes to a function that
// users have defined.
func (d *Definition) callsStored(schema, name string) bool {
	return d != nil && (schema != "" || d.quotedCalls[name])
}

func (d *Definition) addFunction(schema, name string) {
	d.Stored = append(d.Stored, Name{schema, name})
}

func (d *Definition) addRelation(schema, name string) {
	if d != nil {
		d.Relations = append(d.Relations, Name{schema, name})
	}
}
