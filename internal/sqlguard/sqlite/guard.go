// Package sqlite is the SQL guard of SQLite. It parses with meyer, a port of
// SQLite's tokenizer and grammar, allows by list, and lets run the accepted
// tokens and nothing else.
//
// The engine's authorizer is the second layer. It asks this package for the
// same lists: [AllowedFunction], [AllowedPragma], [AllowedTable].
package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sqlc-dev/meyer/ast"
	"github.com/sqlc-dev/meyer/lexer"
	"github.com/sqlc-dev/meyer/parser"
	"github.com/sqlc-dev/meyer/token"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// version names the policy; raise it when a verdict changes.
const version = "sqlite-3"

// The bounds that keep recursive code in its stack; written queries stay far
// below.
const (
	maxTokens = 8_000
	maxDepth  = 64
)

// Guard checks SQLite statements. The zero value works.
type Guard struct{}

var _ sqlguard.Guard = (*Guard)(nil)

// New returns the guard.
func New() *Guard { return &Guard{} }

// Version names the policy.
func (*Guard) Version() string { return version }

// Allowing implements [sqlguard.Guard].
func (g *Guard) Allowing([]string) sqlguard.Guard { return g }

// Check implements [sqlguard.Guard]. What runs are the accepted tokens with
// one space wherever there was white space or a comment, proven to be the
// same tokens by splitting the text again. Equal tokens parse to equal trees,
// so nothing that only a tokenizer sees can differ between meyer and SQLite.
func (*Guard) Check(sql string) (*sqlguard.Statement, error) {
	if err := sqlguard.Precheck(sql); err != nil {
		return nil, err
	}
	tokens := lexer.Lex(sql)
	if err := bound(tokens); err != nil {
		return nil, err
	}
	stmts, err := parse(sql)
	if err != nil {
		return nil, err
	}
	switch len(stmts) {
	case 0:
		return nil, sqlguard.Empty()
	case 1:
	default:
		return nil, sqlguard.Multiple()
	}
	verdict, err := judge(stmts[0])
	if err != nil {
		return nil, err
	}
	if err := checkCost(stmts[0]); err != nil {
		return nil, err
	}
	verdict.SQL, err = canonical(sql, tokens)
	if err != nil {
		return nil, err
	}
	return verdict, nil
}

// parse returns the statements of sql or a refusal with SQLite's own message.
func parse(sql string) ([]ast.Stmt, error) {
	stmts, err := parser.ParseString(sql)
	if err == nil {
		return stmts, nil
	}
	var syntax *parser.Error
	if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(sql) {
		return nil, sqlguard.ParseFailed(err.Error())
	}
	line, column := parser.LineCol(sql, syntax.Offset)
	return nil, sqlguard.ParseFailed(fmt.Sprintf("%s (line %d, column %d)", syntax.Message, line, column))
}

// bound refuses too many tokens and too deep nesting before the parser runs.
func bound(tokens []token.Token) error {
	if len(tokens) > maxTokens {
		return sqlguard.ParseFailed(fmt.Sprintf("statement has more than %d tokens", maxTokens))
	}
	depth := 0
	for _, t := range tokens {
		switch t.Kind {
		case token.LP, token.CASE:
			depth++
		case token.RP, token.END:
			depth = max(depth-1, 0)
		}
		if depth > maxDepth {
			return sqlguard.ParseFailed(fmt.Sprintf("statement is nested deeper than %d levels", maxDepth))
		}
	}
	return nil
}

// canonical writes the tokens of sql without comments and without the
// closing semicolons.
func canonical(sql string, tokens []token.Token) (string, error) {
	tokens = withoutEnd(tokens)
	var text strings.Builder
	text.Grow(len(sql))
	for i, t := range tokens {
		if i > 0 && tokens[i-1].End != t.Pos {
			text.WriteByte(' ')
		}
		text.WriteString(sql[t.Pos:t.End])
	}
	if !sameTokens(sql, tokens, text.String()) {
		return "", sqlguard.ParseFailed("statement changes its meaning without its comments; write it more simply")
	}
	return text.String(), nil
}

// withoutEnd drops the end marker and the semicolons before it.
func withoutEnd(tokens []token.Token) []token.Token {
	for len(tokens) > 0 {
		last := tokens[len(tokens)-1].Kind
		if last != token.EOF && last != token.SEMI {
			break
		}
		tokens = tokens[:len(tokens)-1]
	}
	return tokens
}

// sameTokens reports whether text splits into the given tokens of sql.
func sameTokens(sql string, tokens []token.Token, text string) bool {
	again := withoutEnd(lexer.Lex(text))
	if len(again) != len(tokens) {
		return false
	}
	for i, t := range tokens {
		if again[i].Kind != t.Kind || text[again[i].Pos:again[i].End] != sql[t.Pos:t.End] {
			return false
		}
	}
	return true
}
