package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
)

// row is a row of one of our own statements.
type row []protocol.Value

// text is the text of column i, empty for NULL.
func (r row) text(i int) string {
	if r[i].Class == protocol.Integer {
		return strconv.FormatInt(r[i].Int, 10)
	}
	return string(r[i].Bytes)
}

// integer is the integer of column i, the largest one for a number beyond all
// integers and 0 for anything else.
func (r row) integer(i int) int64 {
	if r[i].Class == protocol.Real && r[i].Real >= math.MaxInt64 {
		return math.MaxInt64
	}
	return r[i].Int
}

// maxCatalogue bounds what our own statements may return in one call, in bytes
// of memory: the schema of a hostile file is as large as its maker likes.
const maxCatalogue = 64 << 20

// rowMemory is about what a value takes beside its bytes.
const rowMemory = 64

func errCatalogueSize() error {
	return database.QueryFault(fmt.Sprintf("the schema of this file takes more than the %d MB that are read", maxCatalogue>>20), false,
		errors.New("sqlite: the catalogue is too large"))
}

// exec runs one of our own statements and drops its rows.
func (w *worker) exec(sql string) error { return w.each(sql, func(row) error { return nil }) }

// each runs one of our own statements and calls fn for every row. A failure of
// fn loses the worker.
func (w *worker) each(sql string, fn func(row) error) error {
	r := protocol.Request{Op: protocol.Run, Flags: protocol.Own, Rows: math.MaxInt32, Text: sql}
	if err := w.begin(&r, protocol.Columns); err != nil {
		return err
	}
	columns, err := w.in.Columns()
	if err != nil {
		return w.failed(err)
	}
	values := make(row, len(columns))
	for {
		tag, err := w.in.Next()
		if err != nil || tag != protocol.Row {
			return w.finish(tag, err)
		}
		if err := w.read(values); err != nil {
			return w.failed(err)
		}
		if err := fn(values); err != nil {
			return w.failed(err)
		}
	}
}

// read reads a row, as long as there is room.
func (w *worker) read(into row) error {
	w.in.BeginRow(len(into))
	for i := range into {
		v, err := w.in.Value()
		if err != nil {
			return err
		}
		if w.room -= len(v.Bytes) + rowMemory; w.room < 0 {
			return errCatalogueSize()
		}
		v.Bytes = bytes.Clone(v.Bytes)
		into[i] = v
	}
	return nil
}
