package mssql

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// Bounds of a statement, before any recursive parser sees it.
const (
	maxDepth  = 64
	maxTokens = 8000
)

// kind is the class of a token.
type kind uint8

const (
	word     kind = iota // identifier or keyword, not quoted
	name                 // [x] or "x"
	text                 // 'x' or N'x'
	number               // 1, 1.5e3, 0xFF
	variable             // @@version
	operator             // anything else
)

// token is one token, exactly as written.
type token struct {
	kind  kind
	text  string
	line  int
	col   int
	depth int // of parentheses around it
}

// scanner splits a text into tokens and drops the comments, which nest in
// T-SQL but in no Go parser. It knows a small, safe part of the lexical
// grammar and refuses the rest.
type scanner struct {
	sql       string
	pos       int
	line      int
	lineStart int
	depth     int
	tokens    []token
}

// scan returns the tokens of sql without surrounding semicolons.
func scan(sql string) ([]token, error) {
	s := scanner{sql: sql, line: 1, tokens: make([]token, 0, len(sql)/4+8)}
	for {
		more, err := s.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if len(s.tokens) > maxTokens {
			return nil, s.refuse(s.pos, fmt.Sprintf("statement has more than %d tokens", maxTokens))
		}
	}
	if s.depth > 0 {
		return nil, s.refuse(s.pos, "missing )")
	}
	return trimSemicolons(s.tokens), nil
}

func trimSemicolons(tokens []token) []token {
	for len(tokens) > 0 && tokens[0].text == ";" {
		tokens = tokens[1:]
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].text == ";" {
		tokens = tokens[:len(tokens)-1]
	}
	return tokens
}

// next skips blanks and comments and appends one token.
func (s *scanner) next() (bool, error) {
	if err := s.skip(); err != nil || s.pos >= len(s.sql) {
		return false, err
	}
	start := s.pos
	kind, end, err := s.token(s.sql[start:])
	if err != nil {
		return false, err
	}
	t := token{kind: kind, text: s.sql[start : start+end], line: s.line, col: start - s.lineStart + 1, depth: s.depth}
	if kind == number && t.text[0] == '.' {
		t.text = "0" + t.text // the same constant, and the parser knows it
	}
	s.advance(start + end)
	switch t.text {
	case "(":
		s.depth++
		if s.depth > maxDepth {
			return false, s.refuse(start, fmt.Sprintf("parentheses are nested deeper than %d", maxDepth))
		}
	case ")":
		s.depth--
		t.depth = s.depth
	}
	s.tokens = append(s.tokens, t)
	return true, nil
}

// advance moves to pos and keeps count of the lines.
func (s *scanner) advance(pos int) {
	for i := s.pos; i < pos; i++ {
		if s.sql[i] == '\n' {
			s.line++
			s.lineStart = i + 1
		}
	}
	s.pos = pos
}

// skip moves over blanks and comments.
func (s *scanner) skip() error {
	for s.pos < len(s.sql) {
		rest := s.sql[s.pos:]
		switch {
		case isBlank(rest[0]):
			s.advance(s.pos + 1)
		case strings.HasPrefix(rest, "--"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			s.advance(s.pos + end)
		case strings.HasPrefix(rest, "/*"):
			end := commentEnd(rest)
			if end < 0 {
				return s.refuse(s.pos, "unterminated comment")
			}
			s.advance(s.pos + end)
		default:
			return nil
		}
	}
	return nil
}

// commentEnd returns the length of the nested comment that rest begins with,
// or -1.
func commentEnd(rest string) int {
	depth := 0
	for i := 0; i+1 < len(rest); i++ {
		switch rest[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// token returns kind and length of the token that rest begins with.
func (s *scanner) token(rest string) (kind, int, error) {
	c := rest[0]
	switch {
	case c == '\'':
		return s.delimited(text, rest, 0, '\'')
	case (c == 'N' || c == 'n') && len(rest) > 1 && rest[1] == '\'':
		return s.delimited(text, rest, 1, '\'')
	case c == '[':
		return s.quotedName(rest, ']', ";")
	case c == '"':
		return s.quotedName(rest, '"', ";'")
	case c >= '0' && c <= '9', c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return s.number(rest)
	case strings.HasPrefix(rest, "@@"):
		return variable, 2 + wordLength(rest[2:]), nil
	case c == '_' || c >= utf8.RuneSelf || isLetter(c):
		return s.word(rest)
	}
	return s.operator(rest)
}

// delimited consumes up to the closing delimiter; a doubled one is content.
func (s *scanner) delimited(k kind, rest string, open int, closing byte) (kind, int, error) {
	for i := open + 1; i < len(rest); i++ {
		if rest[i] != closing {
			continue
		}
		if i+1 < len(rest) && rest[i+1] == closing {
			i++
			continue
		}
		if k == name && i == open+1 {
			return k, 0, s.refuse(s.pos, "empty identifier")
		}
		return k, i + 1, nil
	}
	return k, 0, s.refuse(s.pos, "unterminated "+rest[:open+1])
}

// quotedName consumes [x] or "x" and refuses names that look like code once
// somebody takes the quotes for something else: a session with
// QUOTED_IDENTIFIER OFF, a parser that does not know ]].
func (s *scanner) quotedName(rest string, closing byte, suspicious string) (kind, int, error) {
	k, end, err := s.delimited(name, rest, 0, closing)
	if err != nil {
		return k, end, err
	}
	inner := rest[1 : end-1]
	if strings.ContainsAny(inner, suspicious) || strings.Contains(inner, "--") || strings.Contains(inner, "/*") {
		return k, end, s.refuse(s.pos, "unusual characters in an identifier")
	}
	return k, end, nil
}

// number consumes a numeric or binary constant. T-SQL ends it at the first
// character that does not fit (1else is 1e lse); such texts are refused.
func (s *scanner) number(rest string) (kind, int, error) {
	end := 0
	if len(rest) > 2 && rest[0] == '0' && (rest[1] == 'x' || rest[1] == 'X') {
		end = 2 + span(rest[2:], isHexDigit)
	} else {
		end = span(rest, isDigit)
		if end < len(rest) && rest[end] == '.' {
			end += 1 + span(rest[end+1:], isDigit)
		}
		end += exponent(rest[end:])
	}
	if next, _ := utf8.DecodeRuneInString(rest[end:]); end < len(rest) && isWordRune(next) {
		return number, end, s.refuse(s.pos, "put a blank after the number")
	}
	return number, end, nil
}

// exponent returns the length of a complete exponent, or 0.
func exponent(rest string) int {
	if rest == "" || rest[0] != 'e' && rest[0] != 'E' {
		return 0
	}
	sign := 0
	if len(rest) > 1 && (rest[1] == '+' || rest[1] == '-') {
		sign = 1
	}
	digits := span(rest[1+sign:], isDigit)
	if digits == 0 {
		return 0
	}
	return 1 + sign + digits
}

// word consumes an unquoted identifier.
func (s *scanner) word(rest string) (kind, int, error) {
	end := wordLength(rest)
	if end == 0 {
		r, _ := utf8.DecodeRuneInString(rest)
		return word, 0, s.refuse(s.pos, fmt.Sprintf("character %U outside quotes", r))
	}
	if hasLookalike(rest[:end]) {
		return word, end, s.refuse(s.pos, "write this identifier in brackets")
	}
	return word, end, nil
}

// operator consumes an operator; : only inside parentheses, where it belongs
// to JSON_OBJECT and cannot make a label.
func (s *scanner) operator(rest string) (kind, int, error) {
	if len(rest) > 1 {
		switch rest[:2] {
		case "<>", "!=", "<=", ">=", "!<", "!>":
			return operator, 2, nil
		case "::":
			return operator, 2, sqlguard.Forbidden("::")
		}
	}
	switch c := rest[0]; c {
	case '(', ')', ',', '.', '*', '+', '-', '/', '%', '=', '<', '>', '&', '|', '^', '~', ';':
		return operator, 1, nil
	case ':':
		if s.depth > 0 {
			return operator, 1, nil
		}
		return operator, 1, s.refuse(s.pos, "unexpected :")
	case '@':
		return operator, 1, sqlguard.Forbidden("variable " + rest[:1+wordLength(rest[1:])])
	case '#':
		return operator, 1, sqlguard.Forbidden("temporary object " + rest[:1+wordLength(rest[1:])])
	default:
		return operator, 1, s.refuse(s.pos, fmt.Sprintf("unexpected %q", c))
	}
}

// refuse is a refusal with the position of byte pos.
func (s *scanner) refuse(pos int, message string) error {
	return sqlguard.ParseFailed(fmt.Sprintf("line %d column %d: %s", s.line, pos-s.lineStart+1, message))
}

// wordLength returns the length of the word that text begins with.
func wordLength(text string) int {
	for i, r := range text {
		if !isWordRune(r) {
			return i
		}
	}
	return len(text)
}

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '_' || r == '$' || r == '#' || r == '@' || isDigit(byte(r)) || isLetter(byte(r))
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// hasLookalike reports whether a word holds a character that folds to an ASCII
// letter (K, ſ, full-width and mathematical forms) or lies beyond the BMP: a
// server might read a keyword where this scanner reads a name.
func hasLookalike(w string) bool {
	for _, r := range w {
		switch {
		case r < utf8.RuneSelf:
		case r > 0xFFFF, r >= 0xFF00 && r <= 0xFFEF, r == 'İ', r == 'ı':
			return true
		case foldsToASCII(r):
			return true
		}
	}
	return false
}

func foldsToASCII(r rune) bool {
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f < utf8.RuneSelf {
			return true
		}
	}
	return false
}

func span(text string, is func(byte) bool) int {
	for i := range len(text) {
		if !is(text[i]) {
			return i
		}
	}
	return len(text)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHexDigit(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
