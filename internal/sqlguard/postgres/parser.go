package postgres

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// syntaxError is a parser's own refusal, the same from both builds.
type syntaxError struct {
	message string
	cursor  int // 1-based character position, 0 when unknown
}

func (e *syntaxError) Error() string { return e.message }

// errParserPanic is what a panic inside the parser becomes. The WebAssembly
// build panics when its stack overflows.
var errParserPanic = errors.New("statement is too complex")

// parser is one build's libpg_query behind a bound on concurrent calls.
type parser struct {
	slots chan struct{} // nil: unbounded
}

func newParser() *parser {
	if maxConcurrent == 0 {
		return &parser{}
	}
	return &parser{slots: make(chan struct{}, maxConcurrent)}
}

// parse returns the encoded tree of sql.
func (p *parser) parse(sql string) (tree []byte, err error) {
	defer p.enter()()
	defer recovered(&err)
	return parseProtobuf(sql)
}

// deparse returns the text of an encoded tree.
func (p *parser) deparse(tree []byte) (sql string, err error) {
	defer p.enter()()
	defer recovered(&err)
	return deparseProtobuf(tree)
}

// enter takes a slot and returns what gives it back.
func (p *parser) enter() (leave func()) {
	if p.slots == nil {
		return func() {}
	}
	p.slots <- struct{}{}
	return func() { <-p.slots }
}

func recovered(err *error) {
	if recover() != nil {
		*err = errParserPanic
	}
}

// refusal words a parser's error with the place in sql.
func refusal(sql string, err error) error {
	var syntax *syntaxError
	if !errors.As(err, &syntax) || syntax.cursor <= 0 {
		return sqlguard.ParseFailed(err.Error())
	}
	line, column := position(sql, syntax.cursor)
	return sqlguard.ParseFailed(fmt.Sprintf("%s (line %d, column %d)", syntax.message, line, column))
}

// position turns a 1-based character position into a line and a column.
func position(sql string, cursor int) (line, column int) {
	end := 0
	for range cursor - 1 {
		_, size := utf8.DecodeRuneInString(sql[end:])
		end += size
	}
	before := sql[:end]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}
