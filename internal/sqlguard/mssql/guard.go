// Package mssql guards statements for Microsoft SQL Server.
//
// A text goes through an own scanner, which drops comments (they nest in
// T-SQL) and refuses every lexical form it does not know, then a gate that
// leaves no word a second statement could begin with, then the teesql parser
// on the canonical text (the tokens joined by one blank) and an allow-list
// over its tree. There is no way back from that tree to text, so the canonical
// text itself is what runs; every name and constant in it must have its node
// in the tree, so that nothing runs that the allow-list has not seen.
package mssql

import (
	"context"
	"fmt"
	"hash/crc32"
	"reflect"
	"strings"

	"github.com/sqlc-dev/teesql/ast"
	"github.com/sqlc-dev/teesql/parser"

	"github.com/mcp-gateway/mcp-gateway/internal/runes"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// revision is raised with every change of this package that could change a
// verdict; the policy text counts by its own checksum.
const revision = 2

// Guard checks T-SQL statements. It is safe for concurrent use.
type Guard struct {
	policy   policy
	reserved set
	nodes    map[reflect.Type]node
	version  string
	own      set // users' own functions that may be called, folded
}

var _ sqlguard.Guard = (*Guard)(nil)

// New returns the guard.
func New() *Guard {
	p := parsePolicy()
	return &Guard{
		policy:   p,
		reserved: p.reserved(),
		nodes:    nodes(),
		version:  fmt.Sprintf("mssql/%d/%08x", revision, crc32.ChecksumIEEE([]byte(policyText))),
	}
}

// Version implements [sqlguard.Guard].
func (g *Guard) Version() string { return g.version }

// Allowing implements [sqlguard.Guard]. T-SQL calls users' own functions with
// their schema, so a name is schema.function.
func (g *Guard) Allowing(functions []string) sqlguard.Guard {
	allowing := *g
	allowing.version = sqlguard.AllowingVersion(g.version, functions)
	allowing.own = make(set, len(functions))
	for _, f := range functions {
		allowing.own[Fold(f)] = true
	}
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
	if err := sqlguard.Precheck(sql); err != nil {
		return nil, err
	}
	tokens, err := scan(sql)
	if err != nil {
		return nil, err
	}
	gate := gate{keywords: g.policy["keywords"], reserved: g.reserved, tokens: tokens}
	if err := gate.check(); err != nil {
		return nil, err
	}
	view := g.policy.parserView(tokens)
	query, err := parse(joinView(view))
	if err != nil {
		return nil, err
	}
	in := inspector{policy: g.policy, own: g.own, nodes: g.nodes, seen: make(map[int]bool, len(tokens))}
	if err := in.walk(reflect.ValueOf(query)); err != nil {
		return nil, err
	}
	if err := g.account(tokens, view, in.seen); err != nil {
		return nil, err
	}
	if err := g.checkCost(query); err != nil {
		return nil, err
	}
	return &sqlguard.Statement{
		SQL:       join(tokens),
		Kind:      strings.ToUpper(gate.first()),
		Tables:    in.tables,
		Functions: in.functions,
	}, nil
}

// parse returns the one query of a text.
func parse(sql string) (*ast.SelectStatement, error) {
	script, err := parser.Parse(context.Background(), strings.NewReader(sql))
	if err != nil {
		return nil, sqlguard.ParseFailed(shorten(err.Error()))
	}
	var statements []ast.Statement
	for _, batch := range script.Batches {
		statements = append(statements, batch.Statements...)
	}
	switch len(statements) {
	case 0:
		return nil, sqlguard.Empty()
	case 1:
		if query, ok := statements[0].(*ast.SelectStatement); ok {
			return query, nil
		}
		return nil, sqlguard.NonSelect(typeName(reflect.TypeOf(statements[0])))
	}
	return nil, sqlguard.Multiple()
}

// account refuses a text with a name or constant that no node of the tree
// stands for: the parser skipped it, so nobody has judged it.
func (g *Guard) account(tokens []token, view []string, seen map[int]bool) error {
	offset := 0
	for i, t := range tokens {
		if view[i] == "" {
			continue
		}
		if !seen[offset] && !g.grammatical(t) {
			return sqlguard.ParseFailed(fmt.Sprintf("line %d column %d: unexpected %s", t.line, t.col, shorten(t.text)))
		}
		offset += utf16Length(view[i]) + 1
	}
	return nil
}

// grammatical reports whether a token belongs to the grammar and has no node.
func (g *Guard) grammatical(t token) bool {
	if t.kind == operator {
		return true
	}
	w := strings.ToLower(t.text)
	return t.kind == word && (g.policy["keywords"][w] || g.policy["context"][w])
}

// utf16Length returns the length of text in UTF-16 code units, the unit of the
// parser's positions.
func utf16Length(text string) int {
	n := 0
	for _, r := range text {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// maxMessage bounds what of the caller's statement goes back in a message.
const maxMessage = 160

func shorten(text string) string { return runes.Shorten(text, maxMessage) }
