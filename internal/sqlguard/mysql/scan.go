package mysql

import (
	"fmt"
	"strings"

	"github.com/sqlc-dev/marino/ast"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// Bounds of a statement. The parser descends recursively and has no limit of
// its own: a deep text would exhaust the stack, which Go cannot recover from.
const (
	maxDepth  = 64
	maxTokens = 8000
)

// strip returns sql with every comment replaced by blanks, so that positions
// in the parser's messages stay those of the caller's text. It refuses
// executable comments and optimizer hints: servers run what is in them, and
// which they run depends on their version.
//
// Quoting follows the sql_mode that the dialect pins: backslash escapes in
// '…' and "…", both of them strings.
func strip(sql string) (string, error) {
	var out []byte // nil until the first comment
	s := scanner{sql: sql}
	for s.next() {
		if s.kind != comment {
			continue
		}
		if out == nil {
			out = []byte(sql)
		}
		blank(out[s.start:s.pos])
	}
	if s.err != nil {
		return "", s.err
	}
	if out == nil {
		return sql, nil
	}
	return string(out), nil
}

// blank overwrites text with blanks and keeps its line feeds.
func blank(text []byte) {
	for i, c := range text {
		if c != '\n' {
			text[i] = ' '
		}
	}
}

// kind is the class of a token.
type kind uint8

const (
	word    kind = iota // identifier, keyword or number
	quoted              // 'x', "x" or `x`
	symbol              // one character of anything else
	comment             // of any form
)

// scanner splits a text into tokens. After next returned false, err says
// whether the text was refused.
type scanner struct {
	sql        string
	start, pos int // the current token is sql[start:pos]
	kind       kind
	depth      int
	tokens     int
	err        error
}

// next advances to the next token.
func (s *scanner) next() bool {
	for s.pos < len(s.sql) && isSpace(s.sql[s.pos]) {
		s.pos++
	}
	if s.pos >= len(s.sql) || s.err != nil {
		return false
	}
	s.start = s.pos
	s.scan()
	if s.tokens++; s.tokens > maxTokens && s.err == nil {
		s.refuse(fmt.Sprintf("statement has more than %d tokens", maxTokens))
	}
	return s.err == nil
}

// scan consumes one token.
func (s *scanner) scan() {
	rest := s.sql[s.pos:]
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "/*"):
		s.blockComment(rest)
	case c == '#', isDashComment(rest):
		s.lineComment(rest)
	case c == '\'' || c == '"' || c == '`':
		s.quotedText(c)
	case isWordByte(c):
		s.kind = word
		for s.pos < len(s.sql) && isWordByte(s.sql[s.pos]) {
			s.pos++
		}
	default:
		s.symbol(c)
	}
}

// isDashComment follows the server: "--" starts a comment only before a blank
// or at the end.
func isDashComment(rest string) bool {
	return strings.HasPrefix(rest, "--") && (len(rest) == 2 || isSpace(rest[2]))
}

func (s *scanner) symbol(c byte) {
	s.kind = symbol
	s.pos++
	switch c {
	case '(':
		if s.depth++; s.depth > maxDepth {
			s.refuse(fmt.Sprintf("parentheses are nested deeper than %d", maxDepth))
		}
	case ')':
		s.depth--
	}
}

func (s *scanner) lineComment(rest string) {
	s.kind = comment
	if end := strings.IndexByte(rest, '\n'); end >= 0 {
		s.pos += end
		return
	}
	s.pos = len(s.sql)
}

func (s *scanner) blockComment(rest string) {
	s.kind = comment
	switch {
	case len(rest) > 2 && (rest[2] == '!' || rest[2] == '+'),
		len(rest) > 3 && (rest[2] == 'M' || rest[2] == 'm') && rest[3] == '!':
		s.err = sqlguard.Forbidden("executable comment or hint /*" + rest[2:3])
		return
	}
	end := strings.Index(rest[2:], "*/")
	if end < 0 {
		s.refuse("unterminated comment")
		return
	}
	s.pos += end + 4
}

// quotedText consumes a string or a quoted identifier. A doubled quote is two
// adjacent tokens here, which changes nothing for this scanner.
func (s *scanner) quotedText(quote byte) {
	s.kind = quoted
	for s.pos++; s.pos < len(s.sql); s.pos++ {
		switch c := s.sql[s.pos]; {
		case c == '\\' && quote != '`':
			s.pos++
		case c == quote:
			s.pos++
			return
		}
	}
	s.pos = len(s.sql)
	s.refuse("unterminated " + string(quote))
}

// refuse ends the scan with a message about the current token.
func (s *scanner) refuse(text string) {
	before := s.sql[:s.start]
	line := strings.Count(before, "\n") + 1
	column := s.start - strings.LastIndexByte(before, '\n')
	s.err = sqlguard.ParseFailed(fmt.Sprintf("line %d column %d: %s", line, column, text))
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'
}

func isWordByte(c byte) bool {
	return c >= 0x80 || c == '_' || c == '$' ||
		c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// nodeName names a node for a refusal: SelectIntoOption, DeleteStmt, …
func nodeName(n ast.Node) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", n), "*ast.")
}
