package postgres

import (
	"fmt"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// The bounds that keep the recursive parsers of gateway and server in their
// stacks. Written queries stay far below: a list of 3,900 values fits.
const (
	maxTokens = 8_000
	maxDepth  = 64
)

// bound refuses a text with too many tokens or too deep nesting before the
// parser sees it. It splits tokens as PostgreSQL's scanner does (scan.l), so
// that brackets within strings, quoted names and comments do not count. It
// judges nothing else: a text it misreads only meets the parser earlier.
func bound(sql string) error {
	tokens, depth := 0, 0
	for pos := 0; pos < len(sql); {
		kind, end := scan(sql, pos)
		switch kind {
		case blank:
			pos = end
			continue
		case opening:
			depth++
		case closing:
			depth = max(depth-1, 0)
		case other:
		}
		if tokens++; tokens > maxTokens {
			return sqlguard.ParseFailed(fmt.Sprintf("statement has more than %d tokens", maxTokens))
		}
		if depth > maxDepth {
			return sqlguard.ParseFailed(fmt.Sprintf("statement is nested deeper than %d levels", maxDepth))
		}
		pos = end
	}
	return nil
}

// kind is what a token does to the count.
type kind uint8

const (
	other   kind = iota
	blank        // white space or a comment
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
		return blank, lineEnd(sql, pos)
	case strings.HasPrefix(sql[pos:], "/*"):
		return blank, commentEnd(sql, pos)
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
	return other, end
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
func commentEnd(sql string, pos int) int {
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
				return pos
			}
		default:
			pos++
		}
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

func isWordStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}
