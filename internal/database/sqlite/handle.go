package sqlite

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// A handle is one open SQLite database. It speaks to the engine's C interface
// (in its Go translation) instead of through database/sql, because only there
// can a running statement be stopped after its first row, a value be read in
// its storage class rather than in what its declared type suggests, and text
// reach the JSON without a copy. One goroutine uses a handle at a time.
type handle struct {
	tls  *libc.TLS
	ctl  uintptr // *control, in C memory
	file file

	mu     sync.Mutex // keeps interrupt from a closed database
	closed bool
}

// control is what a handle shares with the engine: its callbacks get the
// address as their argument, so no table of handles is needed, and the engine
// writes the results of calls into it. It lies in C memory and holds no Go
// pointers.
type control struct {
	db, stmt, tail uintptr
	stop           int32 // atomic: the running statement must end
	trusted        int32 // the running statement is our own
}

const controlSize = unsafe.Sizeof(control{})

// at views C memory as a T. The address does not come from Go's heap, so
// neither moving nor freeing by the garbage collector is a concern.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// callback returns a top-level function as the engine's function pointers
// hold it.
func callback[T any](f T) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f T }{f})) }

func (h *handle) control() *control { return at[control](h.ctl) }

// openHandle opens the file, puts the engine's own fences up and reads the
// schema, all within ctx: a writer may hold the file locked.
func openHandle(ctx context.Context, name string, flags int32) (*handle, error) {
	tls := libc.NewTLS()
	h := &handle{tls: tls, ctl: libc.Xcalloc(tls, 1, libc.Tsize_t(controlSize))}
	if h.ctl == 0 {
		tls.Close()
		return nil, &engineError{code: lib.SQLITE_NOMEM, text: "out of memory"}
	}
	if err := h.open(name, flags); err != nil {
		h.close()
		return nil, err
	}
	unwatch := h.watch(ctx)
	err := h.fence()
	unwatch()
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *handle) open(name string, flags int32) error {
	cname, err := libc.CString(name)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer libc.Xfree(h.tls, cname)
	rc := lib.Xsqlite3_open_v2(h.tls, cname, h.ctl+unsafe.Offsetof(control{}.db), flags, 0)
	return h.check(rc)
}

// fence limits the connection for good: sizes, switches, and the callbacks
// that watch every statement (authorizer.go).
func (h *handle) fence() error {
	db := h.control().db
	for id, value := range limits() {
		lib.Xsqlite3_limit(h.tls, db, id, value)
	}
	for op, on := range switches() {
		if err := h.configure(op, on); err != nil {
			return err
		}
	}
	lib.Xsqlite3_progress_handler(h.tls, db, progressOps, callback(onProgress), h.ctl)
	if err := h.check(lib.Xsqlite3_busy_handler(h.tls, db, callback(onBusy), h.ctl)); err != nil {
		return err
	}
	if err := h.check(lib.Xsqlite3_set_authorizer(h.tls, db, callback(onAuthorize), h.ctl)); err != nil {
		return err
	}
	if err := h.replaceFunctions(); err != nil {
		return err
	}
	for _, sql := range settings() {
		if err := h.exec(sql); err != nil {
			return err
		}
	}
	return nil
}

// limitValues bounds the length of every value that the next statement makes.
func (h *handle) limitValues(bytes int) {
	lib.Xsqlite3_limit(h.tls, h.control().db, lib.SQLITE_LIMIT_LENGTH, int32(bytes))
}

func (h *handle) configure(op int32, on int32) error {
	args := libc.Xcalloc(h.tls, 2, libc.Tsize_t(unsafe.Sizeof(uint64(0))))
	if args == 0 {
		return &engineError{code: lib.SQLITE_NOMEM, text: "out of memory"}
	}
	defer libc.Xfree(h.tls, args)
	return h.check(lib.Xsqlite3_db_config(h.tls, h.control().db, op, libc.VaList(args, on, uintptr(0))))
}

// exec runs one of our own statements and drops its rows.
func (h *handle) exec(sql string) error {
	return h.each(sql, func(*statement) error { return nil })
}

// each runs one of our own statements and calls row for every row.
func (h *handle) each(sql string, row func(*statement) error) error {
	h.control().trusted = 1
	defer func() { h.control().trusted = 0 }()
	s, err := h.prepare(sql)
	if err != nil {
		return err
	}
	defer s.finalize()
	for {
		more, err := s.step()
		if err != nil || !more {
			return err
		}
		if err := row(s); err != nil {
			return err
		}
	}
}

// prepare compiles exactly one statement that writes nothing.
func (h *handle) prepare(sql string) (*statement, error) {
	c := h.control()
	if atomic.LoadInt32(&c.stop) != 0 {
		return nil, &engineError{code: lib.SQLITE_INTERRUPT, text: "interrupted"}
	}
	text, err := libc.CString(sql)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	defer libc.Xfree(h.tls, text)
	rc := lib.Xsqlite3_prepare_v3(h.tls, c.db, text, int32(len(sql)+1), 0,
		h.ctl+unsafe.Offsetof(control{}.stmt), h.ctl+unsafe.Offsetof(control{}.tail))
	if err := h.check(rc); err != nil {
		return nil, err
	}
	s := &statement{h: h, ptr: c.stmt}
	// The guard has counted statements. It is counted again here because the
	// engine would silently leave the second one out.
	if s.ptr == 0 || c.tail < text+uintptr(len(sql)) {
		s.finalize()
		return nil, &engineError{code: lib.SQLITE_ERROR, text: "exactly one statement is allowed"}
	}
	if c.trusted == 0 && lib.Xsqlite3_stmt_readonly(h.tls, s.ptr) == 0 {
		s.finalize()
		return nil, &engineError{code: lib.SQLITE_AUTH, text: "the statement is not read-only"}
	}
	return s, nil
}

// watch makes the end of ctx stop the running statement. The returned function
// ends the watch and waits until no stop can come any more.
func (h *handle) watch(ctx context.Context) func() {
	done := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		h.interrupt()
		close(done)
	})
	return func() {
		if !unwatch() {
			<-done
		}
		atomic.StoreInt32(&h.control().stop, 0)
	}
}

// interrupt may be called while a statement runs. The flag is what counts: the
// engine forgets an interrupt that arrives before a statement's first step.
func (h *handle) interrupt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	atomic.StoreInt32(&h.control().stop, 1)
	tls := libc.NewTLS() // the handle's own is in use by the statement
	defer tls.Close()
	lib.Xsqlite3_interrupt(tls, h.control().db)
}

func (h *handle) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	lib.Xsqlite3_close_v2(h.tls, h.control().db)
	libc.Xfree(h.tls, h.ctl)
	h.tls.Close()
}

// check turns a result code into an error.
func (h *handle) check(rc int32) error {
	if rc == lib.SQLITE_OK {
		return nil
	}
	text := libc.GoString(lib.Xsqlite3_errstr(h.tls, rc))
	if db := h.control().db; db != 0 {
		text = libc.GoString(lib.Xsqlite3_errmsg(h.tls, db))
	}
	return &engineError{code: rc, text: text}
}

// statement is a prepared statement.
type statement struct {
	h   *handle
	ptr uintptr
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

func (s *statement) columns() int { return int(lib.Xsqlite3_column_count(s.h.tls, s.ptr)) }

func (s *statement) name(i int) string {
	return libc.GoString(lib.Xsqlite3_column_name(s.h.tls, s.ptr, int32(i)))
}

func (s *statement) declared(i int) string {
	return libc.GoString(lib.Xsqlite3_column_decltype(s.h.tls, s.ptr, int32(i)))
}

// class is the storage class of column i in this row.
func (s *statement) class(i int) int32 { return lib.Xsqlite3_column_type(s.h.tls, s.ptr, int32(i)) }

func (s *statement) integer(i int) int64 {
	return lib.Xsqlite3_column_int64(s.h.tls, s.ptr, int32(i))
}

func (s *statement) real(i int) float64 {
	return lib.Xsqlite3_column_double(s.h.tls, s.ptr, int32(i))
}

// view is the text of column i, valid until the next step.
func (s *statement) view(i int) string {
	p := lib.Xsqlite3_column_text(s.h.tls, s.ptr, int32(i))
	n := lib.Xsqlite3_column_bytes(s.h.tls, s.ptr, int32(i))
	if p == 0 || n == 0 {
		return ""
	}
	return unsafe.String(at[byte](p), n)
}

// blob is the bytes of column i, valid until the next step.
func (s *statement) blob(i int) []byte {
	p := lib.Xsqlite3_column_blob(s.h.tls, s.ptr, int32(i))
	n := lib.Xsqlite3_column_bytes(s.h.tls, s.ptr, int32(i))
	if p == 0 || n == 0 {
		return nil
	}
	return unsafe.Slice(at[byte](p), n)
}

// text is a copy of the text of column i.
func (s *statement) text(i int) string { return string([]byte(s.view(i))) }
