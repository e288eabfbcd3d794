package engine

import (
	"hash/fnv"
	"slices"
	"strings"
	"unsafe"

	"modernc.org/libc"

	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
)

// relations are the tables and views that a statement reads, at any depth, in
// the schema's own spelling and sorted.
type relations struct {
	names    []string
	identity uint64 // of the names, never 0
}

// reads collects the names that the authorizer hears of, each ended by a zero
// byte, in C memory because the authorizer knows nothing of Go's.
type reads struct {
	on, failed      int32
	buf, used, room uintptr
}

// maxReads bounds the names of one statement.
const maxReads = 4 << 20

// add remembers a name. The engine tells of one table column by column.
func (r *reads) add(tls *libc.TLS, name uintptr) {
	if r.on == 0 || name == 0 {
		return
	}
	n := uintptr(libc.Xstrlen(tls, name)) + 1
	if r.used >= n && libc.Xstrcmp(tls, r.buf+r.used-n, name) == 0 && (r.used == n || *at[byte](r.buf + r.used - n - 1) == 0) {
		return
	}
	if r.used+n > maxReads {
		r.failed = 1
		return
	}
	if r.used+n > r.room {
		room := 2*r.room + n + 256
		buf := libc.Xrealloc(tls, r.buf, libc.Tsize_t(room))
		if buf == 0 {
			r.failed = 1
			return
		}
		r.buf, r.room = buf, room
	}
	copy(unsafe.Slice(at[byte](r.buf+r.used), n), unsafe.Slice(at[byte](name), n))
	r.used += n
}

// relationsOf returns what s reads as the schema is now: while s stands on a
// row, as it is for s.
func (h *handle) relationsOf(s *statement) (*relations, error) {
	if s.list != nil && s.compiled == s.recompilations() {
		return s.list, nil
	}
	var names []string
	var err error
	if h.readBy == s && s.recompilations() == 0 {
		names, err = h.control().reads.names()
	} else {
		names, err = h.readNames(s.text)
	}
	if err != nil {
		return nil, err
	}
	if err := h.names.refresh(h); err != nil {
		return nil, err
	}
	if h.names.anyShadow(names) {
		// The first look at a virtual table opens it, which compiles statements
		// on the tables behind it. The second time that is done.
		if names, err = h.readNames(s.text); err != nil {
			return nil, err
		}
	}
	s.list, s.compiled = h.names.list(names), s.recompilations()
	return s.list, nil
}

// readNames compiles a copy of the statement and returns the names that it
// reads.
func (h *handle) readNames(sql string) ([]string, error) {
	s, err := h.prepare(sql)
	if err != nil {
		return nil, err
	}
	h.readBy = nil // the copy is gone at once
	s.finalize()
	return h.control().reads.names()
}

// names returns what was collected.
func (r *reads) names() ([]string, error) {
	if r.failed != 0 {
		return nil, errNoMemory()
	}
	if r.used == 0 {
		return nil, nil
	}
	text := string(unsafe.Slice(at[byte](r.buf), r.used-1))
	return strings.Split(text, "\x00"), nil
}

// schemaNames are the tables and views of the file by their names in lower
// case, as of one version of the schema.
type schemaNames struct {
	version int64
	byName  map[string]schemaName
}

type schemaName struct {
	name   string
	shadow bool // belongs to a virtual table
}

func (n *schemaNames) refresh(h *handle) error {
	var version int64
	if err := h.each("PRAGMA schema_version", func(s *statement) { version = s.integer(0) }); err != nil {
		return err
	}
	if n.byName != nil && n.version == version {
		return nil
	}
	found := map[string]schemaName{}
	err := h.each("SELECT name, type = 'shadow' FROM pragma_table_list WHERE schema = 'main'", func(s *statement) {
		name := s.name(0)
		found[lowerASCII(name)] = schemaName{name, s.integer(1) != 0}
	})
	if err != nil {
		return err
	}
	n.version, n.byName = version, found
	return nil
}

func (n *schemaNames) anyShadow(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return n.byName[lowerASCII(name)].shadow })
}

// list leaves out what is not in the file: functions that stand for a table.
// The statistics are read by the engine, never by a statement.
func (n *schemaNames) list(names []string) *relations {
	r := &relations{names: []string{}}
	for _, name := range names {
		name = lowerASCII(name)
		if name == "sqlite_master" {
			name = "sqlite_schema"
		}
		if known, ok := n.byName[name]; ok && !strings.HasPrefix(name, "sqlite_stat") {
			r.names = append(r.names, known.name)
		}
	}
	slices.Sort(r.names)
	r.names = slices.Compact(r.names)
	hash := fnv.New64a()
	for _, name := range r.names {
		_, _ = hash.Write(append([]byte(name), 0)) // it never fails
	}
	r.identity = max(hash.Sum64(), 1)
	return r
}

// lowerASCII lowers letters as SQLite compares names.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// errChanged says that what the caller was told about the statement is no
// longer true.
func errChanged() error {
	return &protocol.Error{Code: protocol.CodeChanged, Text: "the schema of the database has changed, try again"}
}
