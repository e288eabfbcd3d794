package mcp

import (
	"io"
	"sync"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// answer is one encoded JSON-RPC message. It is kept in pieces, so that a list
// which is encoded once for everybody is spliced in, not copied, and a large
// table is encoded while it is sent.
type answer struct {
	status int     // for a lone answer over HTTP
	head   *buffer // this caller's own bytes
	shared []byte  // the rest: immutable and without line breaks, may be nil
	table  *largeTable
	// release gives back the memory that is counted for a large result; nil
	// when none is.
	release func()
}

// payload is what a response sends: an answer or a batch of them.
type payload interface {
	len() int // -1 when it is not known yet
	writeTo(w io.Writer) error
}

// done gives back what an answer held that has been sent, or never will be.
func (h *Handler) done(a *answer) {
	h.buffers.put(a.head)
	if a.release != nil {
		a.release()
	}
}

// len is the length of the message, -1 when it is not known yet.
func (a *answer) len() int {
	if a.table != nil {
		return -1
	}
	return len(a.head.b) + len(a.shared)
}

// writeTo writes the pieces.
func (a *answer) writeTo(w io.Writer) error {
	_, err := w.Write(a.head.b)
	if err == nil && a.shared != nil {
		_, err = w.Write(a.shared)
	}
	if err == nil && a.table != nil {
		err = a.table.writeTo(w)
	}
	return err
}

// size is about what the message will have when it is sent.
func (a *answer) size() int {
	if a.table != nil {
		return 2 * a.table.table.JSONSize() // as structure and as text
	}
	return a.len()
}

// batch is the answers to a batch, in order.
type batch []*answer

func (b batch) len() int {
	n := 1 + len(b) // brackets and commas
	for _, a := range b {
		if a.len() < 0 {
			return -1
		}
		n += a.len()
	}
	return n
}

func (b batch) writeTo(w io.Writer) error {
	before := "["
	for _, a := range b {
		if _, err := io.WriteString(w, before); err != nil {
			return err
		}
		if err := a.writeTo(w); err != nil {
			return err
		}
		before = ","
	}
	_, err := io.WriteString(w, "]")
	return err
}

// A table whose JSON is larger than largeAbove is sent in pieces of pieceSize.
const (
	largeAbove = 1 << 20
	pieceSize  = 64 << 10
)

// largeTable is the rest of a tools/call answer from its content on.
type largeTable struct {
	table      *tool.Table
	structured bool   // also as structuredContent
	tail       []byte // what follows the content
}

func (l *largeTable) writeTo(w io.Writer) error {
	if l.structured {
		if err := l.write(w, `"structuredContent":`, `,`, func(_, piece []byte) []byte { return piece }); err != nil {
			return err
		}
	}
	if err := l.write(w, openText+`"`, `"`+closeText, appendEscaped); err != nil {
		return err
	}
	_, err := w.Write(l.tail)
	return err
}

// write sends the table between two texts, each piece as form makes it.
func (l *largeTable) write(w io.Writer, before, after string, form func(dst, piece []byte) []byte) error {
	if _, err := io.WriteString(w, before); err != nil {
		return err
	}
	var scratch []byte
	for piece := range l.table.JSONChunks(pieceSize) {
		formed := form(scratch[:0], piece)
		if _, err := w.Write(formed); err != nil {
			return err
		}
		scratch = formed
	}
	_, err := io.WriteString(w, after)
	return err
}

// buffer is a recycled byte slice.
type buffer struct{ b []byte }

// maxPooled keeps a rare large result from holding its memory for ever.
const maxPooled = 4 << 20

// buffers recycles the memory of answers. The zero value is ready.
type buffers struct{ pool sync.Pool }

func (p *buffers) get() *buffer {
	if b, ok := p.pool.Get().(*buffer); ok {
		return b
	}
	return &buffer{b: make([]byte, 0, 4<<10)}
}

// put gives the buffer back. Its owner must not touch it again.
func (p *buffers) put(b *buffer) {
	if cap(b.b) > maxPooled {
		return
	}
	b.b = b.b[:0]
	p.pool.Put(b)
}

// refuse encodes an error.
func (p *buffers) refuse(v version, id []byte, err *rpcError) *answer {
	b := p.get()
	b.b = err.append(b.b, id)
	return &answer{status: err.httpStatus(v), head: b}
}
