package engine

import (
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
)

// A handle is one open SQLite database. It speaks to the engine's C interface
// (in its Go translation) instead of through database/sql, because only there
// can a running statement be stopped after its first row, a value be read in
// its storage class rather than in what its declared type suggests, and text
// reach the pipe without a copy. One goroutine uses a handle; interrupt may be
// called by another.
type handle struct {
	tls   *libc.TLS
	ctl   uintptr // *control, in C memory
	temp  *tempFiles
	kept  []*statement // compiled, the last used first
	names schemaNames
	// readBy is the statement whose names are in control.reads, nil for none.
	readBy *statement

	mu     sync.Mutex // held while a request begins or is interrupted
	opened bool       // guarded by mu
}

// control is what a handle shares with the engine: its callbacks get the
// address as their argument, so no table of handles is needed, and the engine
// writes the results of calls into it. It lies in C memory and holds no Go
// pointers.
type control struct {
	running        uint64 // atomic: number of the running request
	stop           uint64 // atomic: this request and those before it must end
	db, stmt, tail uintptr
	reads          reads // by the statement that is compiled
	trusted        int32 // the running statement is our own
	pragma         int32 // the statement that was compiled last is a PRAGMA
}

const controlSize = unsafe.Sizeof(control{})

// at views C memory as a T. The address does not come from Go's heap, so
// neither moving nor freeing by the garbage collector is a concern.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// callback returns a top-level function as the engine's function pointers
// hold it.
func callback[T any](f T) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f T }{f})) }

func (h *handle) control() *control { return at[control](h.ctl) }

// newHandle prepares the engine, once in the life of a process, and returns a
// handle without a file.
func newHandle() (*handle, error) {
	tls := libc.NewTLS()
	h := &handle{tls: tls, ctl: libc.Xcalloc(tls, 1, libc.Tsize_t(controlSize))}
	if h.ctl == 0 {
		return nil, errNoMemory()
	}
	args := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(uint64(0))))
	if args == 0 {
		return nil, errNoMemory()
	}
	defer libc.Xfree(tls, args)
	// Without statistics of memory the engine does not keep to its limit.
	if rc := lib.Xsqlite3_config(tls, lib.SQLITE_CONFIG_MEMSTATUS, libc.VaList(args, int32(1))); rc != lib.SQLITE_OK {
		return nil, h.check(rc)
	}
	lib.Xsqlite3_hard_heap_limit64(tls, protocol.MaxMemory)
	var err error
	h.temp, err = limitTempFiles(tls)
	return h, err
}

func errNoMemory() error { return &protocol.Error{Code: lib.SQLITE_NOMEM, Text: "out of memory"} }

const openFlags = lib.SQLITE_OPEN_READONLY | lib.SQLITE_OPEN_NOMUTEX | lib.SQLITE_OPEN_NOFOLLOW | lib.SQLITE_OPEN_EXRESCODE

// open opens the file, puts the engine's own fences up and reads the schema.
func (h *handle) open(path string, immutable bool) error {
	flags := int32(openFlags)
	if immutable {
		uri := url.URL{Scheme: "file", Path: path, RawQuery: "immutable=1"}
		path, flags = uri.String(), flags|lib.SQLITE_OPEN_URI
	}
	name, err := libc.CString(path)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer libc.Xfree(h.tls, name)
	rc := lib.Xsqlite3_open_v2(h.tls, name, h.ctl+unsafe.Offsetof(control{}.db), flags, 0)
	if err := h.check(rc); err != nil {
		return err
	}
	if err := h.fence(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opened = true
	return nil
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
	for _, sql := range settings() {
		if err := h.each(sql, func(*statement) {}); err != nil {
			return err
		}
	}
	return nil
}

func (h *handle) configure(op int32, on int32) error {
	args := libc.Xcalloc(h.tls, 2, libc.Tsize_t(unsafe.Sizeof(uint64(0))))
	if args == 0 {
		return errNoMemory()
	}
	defer libc.Xfree(h.tls, args)
	return h.check(lib.Xsqlite3_db_config(h.tls, h.control().db, op, libc.VaList(args, on, uintptr(0))))
}

// each runs one of our own statements and calls row for every row.
func (h *handle) each(sql string, row func(*statement)) error {
	c := h.control()
	before := c.trusted
	c.trusted = 1
	defer func() { c.trusted = before }()
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
		row(s)
	}
}

// begin makes number the running request. From then on an interrupt of it
// counts, also one that came before.
func (h *handle) begin(number uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	atomic.StoreUint64(&h.control().running, number)
}

// interrupt stops the request of that number, now or when it begins, and never
// a later one. The flag is what counts: the engine forgets an interrupt that
// arrives before a statement's first step.
func (h *handle) interrupt(number uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.control()
	atomic.StoreUint64(&c.stop, number)
	if !h.opened || atomic.LoadUint64(&c.running) != number {
		return
	}
	tls := libc.NewTLS() // the handle's own is in use by the statement
	defer tls.Close()
	lib.Xsqlite3_interrupt(tls, c.db)
}

// stopped reports whether the running request must end.
func (c *control) stopped() bool {
	return atomic.LoadUint64(&c.stop) >= atomic.LoadUint64(&c.running)
}

// close ends the connection: the last reader of a write-ahead log tidies up.
func (h *handle) close() {
	h.mu.Lock()
	h.opened = false
	h.mu.Unlock()
	for _, s := range h.kept {
		s.finalize()
	}
	h.kept = nil
	lib.Xsqlite3_close_v2(h.tls, h.control().db)
}

// check turns a result code into an error.
func (h *handle) check(rc int32) error {
	if rc == lib.SQLITE_OK {
		return nil
	}
	text := libc.GoString(lib.Xsqlite3_errstr(h.tls, rc))
	if db := h.control().db; db != 0 && rc != lib.SQLITE_NOMEM {
		text = libc.GoString(lib.Xsqlite3_errmsg(h.tls, db))
	}
	return &protocol.Error{Code: rc, Text: text}
}
