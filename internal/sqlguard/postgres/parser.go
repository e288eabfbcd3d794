package postgres

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// syntaxError is a parser's own refusal, the same from both builds.
type syntaxError struct {
	message string
	cursor  int // 1-based character position, 0 when unknown
}

func (e *syntaxError) Error() string { return e.message }

// errTooComplex refuses the statement in which the parser panicked.
var errTooComplex = errors.New("statement is too complex")

// parser is one build's libpg_query behind a bound on concurrent calls.
type parser struct {
	slots chan struct{} // nil: unbounded
	// broken is set when a call panicked in a build whose memory a panic
	// leaves in any state. From then on everything is refused: a guard that
	// may misread is worse than none that answers.
	broken atomic.Bool
}

func newParser() *parser {
	if maxConcurrent == 0 {
		return &parser{}
	}
	return &parser{slots: make(chan struct{}, maxConcurrent)}
}

// parse returns the encoded tree of sql.
func (p *parser) parse(sql string) (tree []byte, err error) {
	err = p.call(func() error {
		tree, err = parseProtobuf(sql)
		return err
	})
	return tree, err
}

// deparse returns the text of an encoded tree.
func (p *parser) deparse(tree []byte) (sql string, err error) {
	err = p.call(func() error {
		sql, err = deparseProtobuf(tree)
		return err
	})
	return sql, err
}

// call runs f, which calls the library, in a slot and under recover.
func (p *parser) call(f func() error) (err error) {
	defer p.enter()()
	if p.broken.Load() {
		return fault.New(fault.Unavailable, "The SQL parser has failed; the gateway must be restarted")
	}
	defer func() {
		if recover() != nil {
			p.broken.Store(!survivesPanic)
			err = errTooComplex
		}
	}()
	return f()
}

// enter takes a slot and returns what gives it back.
func (p *parser) enter() (leave func()) {
	if p.slots == nil {
		return func() {}
	}
	p.slots <- struct{}{}
	return func() { <-p.slots }
}

// refusal words a parser's error with the place in sql.
func refusal(sql string, err error) error {
	if fault.Is(err, fault.Unavailable) {
		return err
	}
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
