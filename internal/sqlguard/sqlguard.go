// Package sqlguard decides whether a text is exactly one statement that reads
// and does nothing else, in the dialect of the engine that will run it. The
// per-dialect guards are its sub-packages; each parses with that engine's own
// grammar, allows by list and refuses everything it does not know.
//
// The guard is one layer of several: what it accepts still runs in a read-only
// transaction, under limits, and is rolled back.
package sqlguard

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// MaxChars is the longest accepted statement, in characters (contract 6.4).
const MaxChars = 100_000

// Statement is the verdict on an accepted text. Statements are immutable and
// shared between callers by the cache.
type Statement struct {
	// SQL is what must be run: the text itself where the engine's own parser
	// judged it, otherwise the canonical text regenerated from the tree.
	SQL string
	// Kind is the statement's first keyword in upper case: SELECT, VALUES,
	// SHOW, EXPLAIN, PRAGMA, …
	Kind string
	// Tables are the relations that the statement names, as written
	// (schema-qualified where the text was), without duplicates.
	Tables []string
	// Functions are the functions called, lower case, without duplicates.
	Functions []string
	// Implied is what else the statement may run. Only PostgreSQL's guard
	// sets it, for the dialect to judge once it knows the database.
	Implied Implied
}

// Implied names what a statement may run without calling it, each once. What
// the names stand for is up to the objects that users have defined.
type Implied struct {
	Operators []string // written or stood for, as = is by IN
	Types     []string // cast to or defined with, without their schema
	Fields    []Field
	// Calls are those of functions that only [Guard.Allowing] accepts.
	Calls []Call
}

// Call is a call of a function that users have defined. Schema is empty where
// the statement names none.
type Call struct {
	Schema, Name string
	Args         int // how many arguments are given, or AnyArgs
}

// AnyArgs stands for a number of arguments that the statement does not show.
const AnyArgs = -1

// Field is x.f or (x).f, which calls f(x) when x has no column f.
type Field struct {
	Name string
	// Sources are where x may come from. The field is a column when it is one
	// of every source, and so always when there are none.
	Sources []Source
}

// Source holds relations, written as in [Statement.Tables]. It has the columns
// of all of them; an empty one is something of which nothing is known.
type Source []string

// Guard checks statements of one dialect. Guards are safe for concurrent use.
type Guard interface {
	// Check returns the verdict on sql. A refusal is a *fault.Error of kind
	// Invalid whose Public text is one of the reasons of contract 6.5
	// (the constructors below); any other error is a fault of the guard.
	Check(sql string) (*Statement, error)
	// Version names the policy: it changes whenever a verdict could.
	Version() string
	// Allowing returns a guard that also accepts calls of these functions,
	// which an administrator has listed for a connection: names as the engine
	// writes them, schema-qualified, without arguments. Whether the database
	// at hand has exactly the listed function is for the dialect to judge.
	Allowing(functions []string) Guard
}

// The reasons of contract 6.5. The caller adds "SQL rejected: ".

// ParseFailed refuses a text that the grammar does not accept. text is the
// parser's message with its position; it may quote the caller's own SQL only.
func ParseFailed(text string) *fault.Error {
	return fault.New(fault.Invalid, "Generated SQL failed to parse: "+text)
}

// Empty refuses a text without a statement.
func Empty() *fault.Error {
	return fault.New(fault.Invalid, "Generated SQL is empty after parsing")
}

// NonSelect refuses a statement whose top node is not a read.
func NonSelect(node string) *fault.Error {
	return fault.New(fault.Invalid, "Non-SELECT statement in generated SQL: "+node)
}

// Forbidden refuses a read that contains something else at some depth.
func Forbidden(node string) *fault.Error {
	return fault.New(fault.Invalid, "Forbidden operation in SQL AST: "+node)
}

// Multiple refuses more than one statement.
func Multiple() *fault.Error {
	return fault.New(fault.Invalid, "Multiple statements are not allowed")
}

// FunctionNotAllowed refuses a call outside the allow-list.
func FunctionNotAllowed(name string) *fault.Error {
	return fault.New(fault.Invalid, "Function not allowed: "+name)
}

// UserFunctionNotAllowed refuses a function that users have defined. signature
// names it exactly.
func UserFunctionNotAllowed(signature string) *fault.Error {
	return fault.New(fault.Invalid, "Function not allowed: "+signature+". An administrator can allow it for this connection.")
}

// RelationNotAllowed refuses a relation that runs something that is not
// allowed when it is read; reason says what.
func RelationNotAllowed(relation, reason string) *fault.Error {
	return fault.New(fault.Invalid, "Relation not allowed: "+relation+": "+reason)
}

// TooExpensive refuses a statement whose own text shows that it would take
// more memory or time than any answer is worth; reason says why and what to
// change.
func TooExpensive(reason string) *fault.Error {
	return fault.New(fault.Invalid, "Statement too expensive: "+reason)
}

// AllowingVersion is the policy version of a guard that also accepts these
// functions. Tenants share one cache of verdicts, in which the version tells
// their lists apart: the digest is too long for one tenant to make its list
// collide with another's.
func AllowingVersion(version string, functions []string) string {
	if len(functions) == 0 {
		return version
	}
	sum := sha256.Sum256([]byte(strings.Join(functions, "\x00")))
	return version + "+" + hex.EncodeToString(sum[:16])
}

// Precheck refuses, before any parser sees it, a text that is too long, is
// not UTF-8, or holds a NUL or another control character besides tab, line
// feed, form feed and carriage return. Parsers and engines disagree about
// such bytes, and a disagreement is a bypass.
func Precheck(sql string) error {
	if len(sql) > MaxChars && utf8.RuneCountInString(sql) > MaxChars {
		return ParseFailed(fmt.Sprintf("statement is longer than %d characters", MaxChars))
	}
	if !utf8.ValidString(sql) {
		return ParseFailed("statement is not valid UTF-8")
	}
	for i, r := range sql {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' && r != '\f' || r == 0x7f {
			return ParseFailed(fmt.Sprintf("control character U+%04X at byte %d", r, i))
		}
	}
	return nil
}
