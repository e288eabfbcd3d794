// Package mysql guards statements for MySQL and MariaDB.
//
// A text goes through an own scanner (comments out, executable comments and
// hints refused, size bounded), then the marino parser, then an allow-list over
// the tree. What runs is never the text itself but SQL regenerated from the
// tree, proven equal by parsing it again: that removes comments, encodings and
// every difference between this scanner, the parser and the server's lexer.
package mysql

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"sync"

	"github.com/sqlc-dev/marino/ast"
	"github.com/sqlc-dev/marino/parser"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// Flavour is the server family; native functions and syntax differ.
type Flavour uint8

// The flavours.
const (
	MySQL Flavour = iota
	MariaDB
)

// String returns the flavour's name in lower case.
func (f Flavour) String() string {
	if f == MariaDB {
		return "mariadb"
	}
	return "mysql"
}

// revision is raised with every change of this package that could change a
// verdict; the function list counts by its own checksum.
const revision = 2

// Guard checks statements of one flavour. It is safe for concurrent use.
type Guard struct {
	flavour   Flavour
	functions map[string]bool // native ones, by name
	stored    storedFunctions // listed by an administrator
	version   string
	parsers   *sync.Pool
}

var _ sqlguard.Guard = (*Guard)(nil)

// New returns the guard of a flavour.
func New(flavour Flavour) *Guard {
	return &Guard{
		flavour:   flavour,
		functions: allowedFunctions(flavour),
		version: fmt.Sprintf("%s/%d/%08x", flavour, revision,
			crc32.ChecksumIEEE([]byte(functionList))),
		parsers: &sync.Pool{New: func() any { return parser.New() }},
	}
}

// Version implements [sqlguard.Guard].
func (g *Guard) Version() string { return g.version }

// Allowing implements [sqlguard.Guard]. A listed function may be called by its
// whole name and by the name alone, which is completed from the list: bare, it
// could be a native function that the guard refuses.
func (g *Guard) Allowing(functions []string) sqlguard.Guard {
	sorted := slices.Compact(slices.Sorted(slices.Values(functions)))
	if len(sorted) == 0 {
		return g
	}
	allowing := *g
	allowing.version = sqlguard.AllowingVersion(g.version, sorted)
	allowing.stored = newStoredFunctions(sorted)
	return &allowing
}

// Check implements [sqlguard.Guard]. A panic of the parser, or over a tree that
// it left incomplete, is a refusal.
func (g *Guard) Check(sql string) (stmt *sqlguard.Statement, err error) {
	defer func() {
		if recover() != nil {
			stmt, err = nil, sqlguard.ParseFailed("the parser gave up on this statement")
		}
	}()
	return g.check(sql)
}

func (g *Guard) check(sql string) (*sqlguard.Statement, error) {
	text, verdict, err := g.pass(sql)
	if err != nil {
		return nil, err
	}
	if err := checkCost(verdict.statement); err != nil {
		return nil, err
	}
	again, _, err := g.pass(text)
	if err != nil {
		return nil, err
	}
	if again != text {
		return nil, sqlguard.ParseFailed("the statement has no stable form")
	}
	return &sqlguard.Statement{
		SQL:       text,
		Kind:      firstKeyword(text),
		Tables:    verdict.tables.names,
		Functions: verdict.functions.names,
	}, nil
}

// pass judges sql and returns the text regenerated from its tree.
func (g *Guard) pass(sql string) (string, *inspector, error) {
	if err := sqlguard.Precheck(sql); err != nil {
		return "", nil, err
	}
	clean, err := strip(sql)
	if err != nil {
		return "", nil, err
	}
	if err := checkAmbiguity(clean); err != nil {
		return "", nil, err
	}
	statement, err := g.parse(clean)
	if err != nil {
		return "", nil, err
	}
	verdict, err := g.inspect(statement)
	if err != nil {
		return "", nil, err
	}
	verdict.statement = statement
	text, err := regenerate(statement)
	return text, verdict, err
}

// parse returns the one statement of a text without comments. A parser that
// panics does not go back into the pool: its state is unknown.
func (g *Guard) parse(sql string) (ast.StmtNode, error) {
	p := g.parsers.Get().(*parser.Parser)
	statements, _, err := p.ParseSQL(sql)
	g.parsers.Put(p)
	switch {
	case err != nil:
		return nil, sqlguard.ParseFailed(g.explain(sql, err))
	case len(statements) == 0:
		return nil, sqlguard.Empty()
	case len(statements) > 1:
		return nil, sqlguard.Multiple()
	}
	return statements[0], nil
}

// firstKeyword returns the keyword that a regenerated text starts with.
func firstKeyword(text string) string {
	word, _, _ := strings.Cut(strings.TrimLeft(text, "("), " ")
	if word == "DESC" {
		return "DESCRIBE"
	}
	return word
}
