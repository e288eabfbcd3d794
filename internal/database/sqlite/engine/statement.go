package engine

import (
	"fmt"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
)

// statement is a compiled statement.
type statement struct {
	h    *handle
	ptr  uintptr
	text string

	pragma   bool       // runs a PRAGMA
	list     *relations // nil until somebody asks
	compiled int32      // recompilations when list was made
}

// Statements that stay compiled: asked again, they only run. The engine
// compiles them anew by itself when the schema has changed.
const (
	maxKept       = 16
	maxKeptText   = 4 << 10   // bytes of a statement's text
	maxKeptMemory = 256 << 10 // bytes of a compiled statement
)

// statementFor returns the statement compiled, from before if it was.
func (h *handle) statementFor(text string) (*statement, error) {
	for i, s := range h.kept {
		if s.text == text {
			copy(h.kept[1:i+1], h.kept[:i])
			h.kept[0] = s
			return s, nil
		}
	}
	return h.prepare(text)
}

// done ends a run of s, which gives up its locks, and keeps it for the next
// one where that is right: a PRAGMA holds its answer from when it was compiled,
// and so does an EXPLAIN.
func (h *handle) done(s *statement) {
	if len(h.kept) > 0 && h.kept[0] == s {
		lib.Xsqlite3_reset(h.tls, s.ptr) // repeats the error of the last step
		return
	}
	if s.pragma || len(s.text) > maxKeptText || lib.Xsqlite3_stmt_isexplain(h.tls, s.ptr) != 0 ||
		lib.Xsqlite3_stmt_status(h.tls, s.ptr, lib.SQLITE_STMTSTATUS_MEMUSED, 0) > maxKeptMemory {
		s.finalize()
		return
	}
	lib.Xsqlite3_reset(h.tls, s.ptr)
	if len(h.kept) == maxKept {
		h.kept[maxKept-1].finalize()
		h.kept = h.kept[:maxKept-1]
	}
	h.kept = append([]*statement{s}, h.kept...)
}

// prepare compiles exactly one statement that writes nothing.
func (h *handle) prepare(sql string) (*statement, error) {
	c := h.control()
	if c.stopped() {
		return nil, &protocol.Error{Code: lib.SQLITE_INTERRUPT, Text: "interrupted"}
	}
	text, err := libc.CString(sql)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	defer libc.Xfree(h.tls, text)
	c.pragma = 0
	if c.trusted == 0 {
		c.reads.on, c.reads.failed, c.reads.used = 1, 0, 0
		h.readBy = nil
	}
	rc := lib.Xsqlite3_prepare_v3(h.tls, c.db, text, int32(len(sql)+1), 0,
		h.ctl+unsafe.Offsetof(control{}.stmt), h.ctl+unsafe.Offsetof(control{}.tail))
	c.reads.on = 0 // what runs may compile statements of its own
	if err := h.check(rc); err != nil {
		return nil, err
	}
	s := &statement{h: h, ptr: c.stmt, text: sql, pragma: c.pragma != 0}
	// The guard has counted statements. It is counted again here because the
	// engine would silently leave the second one out.
	if s.ptr == 0 || c.tail < text+uintptr(len(sql)) {
		s.finalize()
		return nil, &protocol.Error{Code: lib.SQLITE_ERROR, Text: "exactly one statement is allowed"}
	}
	if c.trusted == 0 && lib.Xsqlite3_stmt_readonly(h.tls, s.ptr) == 0 {
		s.finalize()
		return nil, &protocol.Error{Code: lib.SQLITE_AUTH, Text: "the statement is not read-only"}
	}
	if c.trusted == 0 {
		h.readBy = s
	}
	return s, nil
}

// step moves to the next row.
func (s *statement) step() (bool, error) {
	switch rc := lib.Xsqlite3_step(s.h.tls, s.ptr); rc {
	case lib.SQLITE_ROW:
		return true, nil
	case lib.SQLITE_DONE:
		return false, nil
	default:
		return false, s.h.check(rc)
	}
}

// finalize frees the statement and ends its read transaction. Its result
// repeats the error of the last step.
func (s *statement) finalize() { lib.Xsqlite3_finalize(s.h.tls, s.ptr) }

// recompilations counts how often the engine compiled the statement anew
// because the schema had changed.
func (s *statement) recompilations() int32 {
	return lib.Xsqlite3_stmt_status(s.h.tls, s.ptr, lib.SQLITE_STMTSTATUS_REPREPARE, 0)
}

// columns describes the result. hasRow says that the statement stands on its
// first row.
func (s *statement) columns(hasRow bool) []protocol.Column {
	columns := make([]protocol.Column, lib.Xsqlite3_column_count(s.h.tls, s.ptr))
	for i := range columns {
		c := &columns[i]
		c.Name = libc.GoString(lib.Xsqlite3_column_name(s.h.tls, s.ptr, int32(i)))
		c.Declared = libc.GoString(lib.Xsqlite3_column_decltype(s.h.tls, s.ptr, int32(i)))
		c.First = protocol.Null
		if hasRow {
			c.First = s.class(i)
		}
	}
	return columns
}

// class is the storage class of column i in this row: the numbers of the
// protocol are the engine's.
func (s *statement) class(i int) protocol.Class {
	return protocol.Class(lib.Xsqlite3_column_type(s.h.tls, s.ptr, int32(i)))
}

// write sends column i of this row. Text and blobs that the engine has no
// memory to show are sent as NULL, with an error that ends the statement.
func (s *statement) write(out *protocol.Writer, i int) error {
	switch class := s.class(i); class {
	case protocol.Integer:
		out.Integer(s.integer(i))
	case protocol.Real:
		out.Real(lib.Xsqlite3_column_double(s.h.tls, s.ptr, int32(i)))
	case protocol.Text:
		p := lib.Xsqlite3_column_text(s.h.tls, s.ptr, int32(i))
		if p == 0 {
			out.Null()
			return errNoMemory()
		}
		out.Bytes(class, s.bytes(i, p))
	case protocol.Blob:
		p := lib.Xsqlite3_column_blob(s.h.tls, s.ptr, int32(i))
		if p == 0 && lib.Xsqlite3_column_bytes(s.h.tls, s.ptr, int32(i)) > 0 {
			out.Null()
			return errNoMemory()
		}
		out.Bytes(class, s.bytes(i, p))
	default:
		out.Null()
	}
	return nil
}

func (s *statement) integer(i int) int64 {
	return lib.Xsqlite3_column_int64(s.h.tls, s.ptr, int32(i))
}

// name is a copy of the text of column i.
func (s *statement) name(i int) string {
	p := lib.Xsqlite3_column_text(s.h.tls, s.ptr, int32(i))
	return string(s.bytes(i, p))
}

// bytes views the value of column i at p, valid until the next step.
func (s *statement) bytes(i int, p uintptr) []byte {
	n := lib.Xsqlite3_column_bytes(s.h.tls, s.ptr, int32(i))
	if p == 0 || n == 0 {
		return nil
	}
	return unsafe.Slice(at[byte](p), n)
}
