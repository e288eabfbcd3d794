package postgres

import (
	"fmt"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// The bounds that keep the recursive parsers of gateway and server in their
// stacks. Written queries stay far below: a list of 3,900 values fits.
const (
	maxTokens   = 8_000
	maxDepth    = 64
	maxOperator = 63 // NAMEDATALEN - 1, the longest operator's name
)

// bound refuses a text with too many tokens or too deep nesting before the
// parser sees it, and returns the text with its comments blanked out.
//
// It splits tokens as PostgreSQL's scanner does (scan.l), so that brackets
// within strings, quoted names and comments do not count. PostgreSQL's own
// scanner takes quadratic time for runs of comment openers and of signs, 16 s
// for 80 KB, so it gets neither. Should bound misread a text, the parser
// judges what bound made of it, and that is what runs.
func bound(sql string) (string, error) {
	var b bounds
	text := comments{text: sql}
	for pos := 0; pos < len(sql); {
		kind, end := scan(sql, pos)
		switch kind {
		case unterminated:
			return "", sqlguard.ParseFailed("unterminated /* comment")
		case comment:
			text.blankOut(pos, end)
		default:
			if err := b.count(kind, end-pos); err != nil {
				return "", err
			}
		}
		pos = end
	}
	return text.String(), nil
}

// bounds counts towards the bounds. chain counts what can nest a tree without
// a bracket: operators and keywords.
type bounds struct{ tokens, chain, depth int }

func (b *bounds) count(k kind, length int) error {
	switch k {
	case blank:
		return nil
	case opening:
		b.depth++
	case closing:
		b.depth = max(b.depth-1, 0)
	case operator:
		if length > maxOperator {
			return sqlguard.ParseFailed(fmt.Sprintf("operator is longer than %d characters", maxOperator))
		}
		b.tokens += length - 1 // it may be that many signs
		b.chain += length
	case name:
		b.chain++
	}
	b.tokens++
	if b.tokens > maxTokens {
		return sqlguard.ParseFailed(fmt.Sprintf("statement has more than %d tokens", maxTokens))
	}
	if b.chain > maxChain {
		return sqlguard.ParseFailed(fmt.Sprintf("statement has more than %d names, keywords and operators", maxChain))
	}
	if b.depth > maxDepth {
		return sqlguard.ParseFailed(fmt.Sprintf("statement is nested deeper than %d levels", maxDepth))
	}
	return nil
}

// comments is a text that loses its comments.
type comments struct {
	text    string
	blanked []byte // nil until there is a comment
}

// blankOut writes spaces over a comment and keeps its lines, so that the
// parser's positions are those of the text as it came.
func (c *comments) blankOut(from, to int) {
	if c.blanked == nil {
		c.blanked = []byte(c.text)
	}
	for i, b := range c.blanked[from:to] {
		if b != '\n' {
			c.blanked[from+i] = ' '
		}
	}
}

func (c *comments) String() string {
	if c.blanked == nil {
		return c.text
	}
	return string(c.blanked)
}

// kind is what a token does to the count.
type kind uint8

const (
	other kind = iota // , . a number or a string
	blank
	name // or keyword
	comment
	unterminated // comment
	operator     // a run of operator characters
	opening      // ( [ CASE
	closing      // ) ] END
)

// scan returns the kind and the end of the token that starts at pos.
func scan(sql string, pos int) (kind, int) {
	c := sql[pos]
	switch {
	case isSpace(c):
		return blank, pos + 1
	case strings.HasPrefix(sql[pos:], "--"):
		return comment, lineEnd(sql, pos)
	case strings.HasPrefix(sql[pos:], "/*"):
		return commentEnd(sql, pos)
	case c == '(' || c == '[':
		return opening, pos + 1
	case c == ')' || c == ']':
		return closing, pos + 1
	case c == '\'':
		return other, quoteEnd(sql, pos+1, '\'', false)
	case c == '"':
		return other, quoteEnd(sql, pos+1, '"', false)
	case c == '$':
		return other, dollarEnd(sql, pos)
	case isWordStart(c):
		return word(sql, pos)
	case isDigit(c):
		return other, wordEnd(sql, pos)
	case isOperator(c):
		return operator, operatorEnd(sql, pos)
	}
	return other, pos + 1
}

// word scans a keyword or name, or the string that E'…' begins.
func word(sql string, pos int) (kind, int) {
	end := wordEnd(sql, pos)
	text := sql[pos:end]
	switch {
	case strings.EqualFold(text, "e") && end < len(sql) && sql[end] == '\'':
		return other, quoteEnd(sql, end+1, '\'', true)
	case strings.EqualFold(text, "case"):
		return opening, end
	case strings.EqualFold(text, "end"):
		return closing, end
	}
	return name, end
}

func wordEnd(sql string, pos int) int {
	for pos < len(sql) && (isWordStart(sql[pos]) || isDigit(sql[pos]) || sql[pos] == '$') {
		pos++
	}
	return pos
}

func lineEnd(sql string, pos int) int {
	if n := strings.IndexAny(sql[pos:], "\r\n"); n >= 0 {
		return pos + n
	}
	return len(sql)
}

// commentEnd skips a block comment; PostgreSQL nests them.
func commentEnd(sql string, pos int) (kind, int) {
	nested := 0
	for pos < len(sql) {
		switch {
		case strings.HasPrefix(sql[pos:], "/*"):
			nested++
			pos += 2
		case strings.HasPrefix(sql[pos:], "*/"):
			nested--
			pos += 2
			if nested == 0 {
				return comment, pos
			}
		default:
			pos++
		}
	}
	return unterminated, pos
}

// operatorEnd skips operator characters up to a comment.
func operatorEnd(sql string, pos int) int {
	for pos < len(sql) && isOperator(sql[pos]) {
		if strings.HasPrefix(sql[pos:], "--") || strings.HasPrefix(sql[pos:], "/*") {
			break
		}
		pos++
	}
	return pos
}

// quoteEnd skips a quoted string or name from behind its first quote to
// behind its last. A doubled quote is a quote within.
func quoteEnd(sql string, pos int, quote byte, backslashes bool) int {
	for pos < len(sql) {
		switch {
		case backslashes && sql[pos] == '\\':
			pos += 2
		case sql[pos] != quote:
			pos++
		case pos+1 < len(sql) && sql[pos+1] == quote:
			pos += 2
		default:
			return pos + 1
		}
	}
	return len(sql)
}

// dollarEnd skips $tag$ … $tag$, or a lone dollar.
func dollarEnd(sql string, pos int) int {
	tag := pos + 1
	for tag < len(sql) && (isWordStart(sql[tag]) || tag > pos+1 && isDigit(sql[tag])) {
		tag++
	}
	if tag == len(sql) || sql[tag] != '$' {
		return pos + 1
	}
	delimiter := sql[pos : tag+1]
	if n := strings.Index(sql[tag+1:], delimiter); n >= 0 {
		return tag + 1 + n + len(delimiter)
	}
	return len(sql)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isOperator(c byte) bool { return strings.IndexByte("+-*/<>=~!@#%^&|`?:", c) >= 0 }

func isWordStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}
