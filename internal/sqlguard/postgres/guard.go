// Package postgres is the SQL guard of PostgreSQL. It parses with
// PostgreSQL's own grammar (libpg_query), allows by list, and regenerates the
// text that runs from the tree that it accepted.
//
// The parser comes in two builds with the same tree: through cgo where a C
// compiler is there, as WebAssembly where none is. See parser_cgo.go and
// parser_nocgo.go.
package postgres

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// Guard checks PostgreSQL statements. Use [New].
type Guard struct {
	policy *policy
	parser *parser
	shapes shapes
}

var _ sqlguard.Guard = (*Guard)(nil)

// New returns the guard. It is cheap: the WebAssembly parser, where that is
// what was built, loads with the first statement.
func New() *Guard {
	return &Guard{policy: newPolicy(), parser: newParser(), shapes: newShapes()}
}

// Version names the policy and its lists.
func (g *Guard) Version() string { return g.policy.version }

// Check implements [sqlguard.Guard]. The steps are: bytes, tokens, parse,
// policy, regenerate, parse again, compare. The last three make sure that
// what runs is the tree that the policy saw and nothing that only a lexer
// sees: comments, odd quoting, escapes.
func (g *Guard) Check(sql string) (*sqlguard.Statement, error) {
	if err := sqlguard.Precheck(sql); err != nil {
		return nil, err
	}
	text, err := bound(sql)
	if err != nil {
		return nil, err
	}
	tree, err := g.parse(text)
	if err != nil {
		return nil, err
	}
	verdict, err := g.policy.judge(tree)
	if err != nil {
		return nil, err
	}
	if err := checkCost(tree); err != nil {
		return nil, err
	}
	verdict.SQL, err = g.regenerate(tree)
	if err != nil {
		return nil, err
	}
	return verdict, nil
}

// parse returns the tree of sql or a refusal.
func (g *Guard) parse(sql string) (*pg.ParseResult, error) {
	encoded, err := g.parser.parse(sql)
	if err != nil {
		return nil, refusal(sql, err)
	}
	tree := new(pg.ParseResult)
	if err := proto.Unmarshal(encoded, tree); err != nil {
		// The only cause is a tree deeper than protobuf reads.
		return nil, sqlguard.ParseFailed("statement is nested too deeply")
	}
	return tree, nil
}

// regenerate returns the text of an accepted tree, proven to parse to that
// same tree.
func (g *Guard) regenerate(tree *pg.ParseResult) (string, error) {
	accepted, err := proto.Marshal(tree)
	if err != nil {
		return "", fmt.Errorf("postgres: encode the tree: %w", err)
	}
	sql, err := g.parser.deparse(accepted)
	if err != nil {
		return "", sqlguard.ParseFailed("statement cannot be written back: " + err.Error())
	}
	again, err := g.parser.parse(sql)
	if err != nil || !g.shapes.sameTree(accepted, again) {
		return "", sqlguard.ParseFailed("statement changes its meaning when it is written back; write it more simply")
	}
	return sql, nil
}
