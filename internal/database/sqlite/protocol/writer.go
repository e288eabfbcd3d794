package protocol

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
)

// Writer writes answers. The first error stays and is returned by Flush.
type Writer struct{ out *bufio.Writer }

// NewWriter returns a Writer of answers to into.
func NewWriter(into io.Writer) *Writer { return &Writer{bufio.NewWriterSize(into, bufferSize)} }

// Opened begins the answer to Open.
func (w *Writer) Opened() { w.byte(Version) }

// Tag writes a part that has nothing but its tag, or the beginning of a row.
func (w *Writer) Tag(t Tag) { w.byte(byte(t)) }

// Columns writes a part Columns.
func (w *Writer) Columns(columns []Column) {
	w.Tag(Columns)
	w.number(uint64(len(columns)))
	for _, c := range columns {
		w.text(c.Name)
		w.text(c.Declared)
		w.byte(byte(c.First))
	}
}

// List writes a part List.
func (w *Writer) List(names []string, identity uint64) {
	w.Tag(List)
	w.number(identity)
	w.number(uint64(len(names)))
	for _, n := range names {
		w.text(n)
	}
}

// Failure writes a part Failed.
func (w *Writer) Failure(e *Error) {
	w.Tag(Failed)
	w.number(uint64(e.Code))
	w.text(e.Text[:min(len(e.Text), maxMessage)])
}

// Integer writes a value of a row, as Real, Bytes and Null do.
func (w *Writer) Integer(v int64) {
	w.byte(byte(Integer))
	_, _ = w.out.Write(binary.AppendVarint(w.out.AvailableBuffer(), v))
}

// Real writes a value of a row.
func (w *Writer) Real(v float64) {
	w.byte(byte(Real))
	_, _ = w.out.Write(binary.LittleEndian.AppendUint64(w.out.AvailableBuffer(), math.Float64bits(v)))
}

// Bytes writes a value of the class Text or Blob.
func (w *Writer) Bytes(c Class, v []byte) {
	w.byte(byte(c))
	w.number(uint64(len(v)))
	_, _ = w.out.Write(v)
}

// Null writes a value of a row.
func (w *Writer) Null() { w.byte(byte(Null)) }

// Flush sends what is held back.
func (w *Writer) Flush() error { return w.out.Flush() }

// The errors of these stay in the buffer and come out of Flush.

func (w *Writer) byte(b byte) { _ = w.out.WriteByte(b) }

func (w *Writer) number(n uint64) {
	_, _ = w.out.Write(binary.AppendUvarint(w.out.AvailableBuffer(), n))
}

func (w *Writer) text(s string) {
	w.number(uint64(len(s)))
	_, _ = w.out.WriteString(s)
}
