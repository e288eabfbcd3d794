package protocol

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// bufferSize is what either side of the pipe of answers holds back: a pipe of
// Linux takes 64 KiB.
const bufferSize = 32 << 10

// Reader reads answers.
type Reader struct {
	in      *bufio.Reader
	scratch []byte // holds a value that is longer than the buffer
	pending int    // of a buffered value that Next discards
	left    int    // values of the current row that were not read yet
}

// NewReader returns a Reader of the answers in from.
func NewReader(from io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(from, bufferSize)} }

// Opened reads the beginning of the answer to Open.
func (r *Reader) Opened() error {
	b, err := r.in.ReadByte()
	if err == nil && b != Version {
		return errFormat
	}
	return err
}

// Next reads the beginning of a part. A part that says Failed is returned as
// an [*Error].
func (r *Reader) Next() (Tag, error) {
	if r.left != 0 {
		return 0, errFormat
	}
	if err := r.release(); err != nil {
		return 0, err
	}
	b, err := r.in.ReadByte()
	if err != nil {
		return 0, err
	}
	switch tag := Tag(b); tag {
	case Columns, Row, List, Done, More:
		return tag, nil
	case Failed:
		return 0, r.failure()
	default:
		return 0, errFormat
	}
}

func (r *Reader) failure() error {
	code, err := r.number(math.MaxInt32)
	if err != nil {
		return err
	}
	text, err := r.text(maxMessage)
	if err != nil {
		return err
	}
	return &Error{Code: int32(code), Text: text}
}

// Columns reads the rest of a part Columns.
func (r *Reader) Columns() ([]Column, error) {
	n, err := r.number(maxColumns)
	if err != nil {
		return nil, err
	}
	columns := make([]Column, n)
	room := maxNames
	for i := range columns {
		c := &columns[i]
		if c.Name, err = r.text(min(room, maxName)); err != nil {
			return nil, err
		}
		if c.Declared, err = r.text(min(room, maxName)); err != nil {
			return nil, err
		}
		if c.First, err = r.class(); err != nil {
			return nil, err
		}
		room = max(room-len(c.Name)-len(c.Declared), 0)
	}
	return columns, nil
}

// List reads the rest of a part List: names, and the identity of the list.
func (r *Reader) List() (names []string, identity uint64, err error) {
	if identity, err = r.number(math.MaxUint64); err != nil {
		return nil, 0, err
	}
	n, err := r.number(maxTables)
	if err != nil {
		return nil, 0, err
	}
	names = []string{} // grows with what has come, not with what was said
	for room := maxNames; n > 0; n-- {
		name, err := r.text(min(room, maxName))
		if err != nil {
			return nil, 0, err
		}
		names = append(names, name)
		room = max(room-len(name), 0)
	}
	return names, identity, nil
}

// BeginRow says that a row of so many values follows. Each is read by Value or
// passed over by Skip.
func (r *Reader) BeginRow(columns int) { r.left = columns }

// Value reads the next value of the row.
func (r *Reader) Value() (v Value, err error) {
	if r.left == 0 {
		return v, errFormat
	}
	r.left--
	if err := r.release(); err != nil {
		return v, err
	}
	if v.Class, err = r.class(); err != nil {
		return v, err
	}
	switch v.Class {
	case Integer:
		n, err := r.number(math.MaxUint64)
		v.Int = int64(n>>1) ^ -int64(n&1) // as binary.AppendVarint writes it
		return v, err
	case Real:
		b, err := r.view(8)
		if err == nil {
			v.Real = math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
		return v, err
	case Text, Blob:
		n, err := r.number(maxValue)
		if err == nil {
			v.Bytes, err = r.view(int(n))
		}
		return v, err
	default:
		return v, nil
	}
}

// Skip passes over what the row still holds.
func (r *Reader) Skip() error {
	for r.left > 0 {
		if _, err := r.Value(); err != nil {
			return err
		}
	}
	return nil
}

// view returns the next n bytes, valid until release.
func (r *Reader) view(n int) ([]byte, error) {
	if n <= r.in.Size() {
		b, err := r.in.Peek(n)
		r.pending = len(b)
		return b, unexpected(err)
	}
	if cap(r.scratch) < n {
		r.scratch = make([]byte, n)
	}
	_, err := io.ReadFull(r.in, r.scratch[:n])
	return r.scratch[:n], unexpected(err)
}

func (r *Reader) release() error {
	_, err := r.in.Discard(r.pending)
	r.pending = 0
	return err
}

// Forget gives back the room of long values.
func (r *Reader) Forget() { r.scratch = nil }

func (r *Reader) class() (Class, error) {
	b, err := r.in.ReadByte()
	if err == nil && (Class(b) < Integer || Class(b) > Null) {
		return 0, errFormat
	}
	return Class(b), unexpected(err)
}

func (r *Reader) number(most uint64) (uint64, error) {
	n, err := binary.ReadUvarint(r.in)
	if err == nil && n > most {
		return 0, fmt.Errorf("%w: %d where at most %d may be", errFormat, n, most)
	}
	return n, unexpected(err)
}

func (r *Reader) text(most int) (string, error) {
	n, err := r.number(uint64(most))
	if err != nil || n == 0 {
		return "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r.in, b)
	return string(b), unexpected(err)
}

// unexpected makes the end of the stream inside a part an error of its own.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
