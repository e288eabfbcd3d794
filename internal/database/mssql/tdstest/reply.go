package tdstest

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
)

// Reply is the answer to one request. Rows are sent as packets fill.
type Reply struct {
	ctx     context.Context
	out     *packetWriter
	rpc     bool
	columns []Column
	open    bool // a result set is
	rows    uint64
	buf     []byte
}

func newReply(ctx context.Context, w io.Writer, rpc bool) *Reply {
	return &Reply{ctx: ctx, out: newPacketWriter(w, packetReply), rpc: rpc}
}

// Columns begins a result set.
func (r *Reply) Columns(columns ...Column) error {
	if err := r.endSet(doneMore); err != nil {
		return err
	}
	r.columns, r.open, r.rows = columns, true, 0
	const nullable, updatable = 1, 8
	r.buf = binary.LittleEndian.AppendUint16(append(r.buf[:0], tokenColumns), uint16(len(columns)))
	for _, c := range columns {
		r.buf = append(r.buf, 0, 0, 0, 0, nullable|updatable, 0)
		r.buf = append(r.buf, c.Type.info...)
		r.buf = appendShortText(r.buf, c.Name)
	}
	return r.write()
}

// ColumnsIfNone begins a result set when none has begun yet.
func (r *Reply) ColumnsIfNone(columns ...Column) error {
	if r.columns != nil {
		return nil
	}
	return r.Columns(columns...)
}

// Row appends a row. It fails once the client has asked to stop.
func (r *Reply) Row(values ...any) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if len(values) != len(r.columns) {
		return fmt.Errorf("%d values for %d columns", len(values), len(r.columns))
	}
	r.buf = append(r.buf[:0], tokenRow)
	for i, v := range values {
		if v == nil {
			r.buf = append(r.buf, r.columns[i].Type.null...)
		} else {
			r.buf = r.columns[i].Type.encode(r.buf, v)
		}
	}
	r.rows++
	return r.write()
}

// Raw sends bytes as they are: what no server should.
func (r *Reply) Raw(b []byte) error {
	r.buf = append(r.buf[:0], b...)
	return r.write()
}

// Flush sends what is there as a packet.
func (r *Reply) Flush() error { return r.out.flush(0) }

func (r *Reply) write() error {
	_, err := r.out.Write(r.buf)
	return err
}

// endSet closes the result set, if there is one.
func (r *Reply) endSet(status uint16) error {
	if !r.open {
		return nil
	}
	r.open = false
	token := byte(tokenDone)
	if r.rpc {
		token, status = tokenDoneInProc, status|doneMore
	}
	r.buf = appendDone(r.buf[:0], token, status|doneCount, r.rows)
	return r.write()
}

// end closes the reply with the session's error and the confirmation of an
// attention, which stands for both.
func (r *Reply) end(failed error, attention bool) error {
	status := uint16(0)
	if attention || failed != nil || !r.open {
		status = doneMore
	}
	open := r.open
	if err := r.endSet(status); err != nil {
		return err
	}
	token := byte(tokenDone)
	if r.rpc {
		token = tokenDoneProc
	}
	r.buf = r.buf[:0]
	switch {
	case attention:
		r.buf = appendDone(r.buf, tokenDone, doneAttention, 0)
	case failed != nil:
		r.buf = appendFailure(r.buf, token, failed)
	case r.rpc:
		r.buf = appendDone(append(r.buf, tokenReturnStatus, 0, 0, 0, 0), token, 0, 0)
	case !open:
		r.buf = appendDone(r.buf, token, 0, 0)
	}
	if err := r.write(); err != nil {
		return err
	}
	return r.out.end()
}
