package mcp

import (
	"io"
	"sync"
)

// answer is one encoded JSON-RPC message. It is kept in up to two pieces, so
// that a list which is encoded once for everybody is spliced in, not copied.
type answer struct {
	status int     // for a lone answer over HTTP
	head   *buffer // this caller's own bytes
	shared []byte  // the rest: immutable and without line breaks, may be nil
}

func (a *answer) len() int { return len(a.head.b) + len(a.shared) }

// writeTo writes the pieces.
func (a *answer) writeTo(w io.Writer) error {
	_, err := w.Write(a.head.b)
	if err == nil && a.shared != nil {
		_, err = w.Write(a.shared)
	}
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
