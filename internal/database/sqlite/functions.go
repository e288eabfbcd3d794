package sqlite

import (
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// The engine looks at its stop flag between the steps of a statement, not
// inside a function. Most functions are quick even on the longest text. Those
// here take time with the product of two lengths in the engine's own version:
// one call could hold a processor for hours, and nothing would stop it. They
// are replaced by ones that give the same answers and either search in linear
// time or refuse a product that is too large. json_patch is as slow; the guard
// does not allow it.
//
// The price is that LIKE and GLOB no longer use an index.

// maxProduct bounds the work of one call, some tenths of a second.
const maxProduct = 64 << 20

// function is a replacement: its name, number of arguments and callback.
type function struct {
	name string
	args int32
	call uintptr
}

func functions() []function {
	return []function{
		{"like", 2, callback(onLike)},
		{"like", 3, callback(onLike)},
		{"glob", 2, callback(onGlob)},
		{"instr", 2, callback(onInstr)},
		{"replace", 3, callback(onReplace)},
		{"trim", 2, callback(onTrim)},
		{"ltrim", 2, callback(onTrimLeft)},
		{"rtrim", 2, callback(onTrimRight)},
	}
}

// replaceFunctions installs the replacements on a new connection.
func (h *handle) replaceFunctions() error {
	const flags = lib.SQLITE_UTF8 | lib.SQLITE_DETERMINISTIC | lib.SQLITE_INNOCUOUS
	for _, f := range functions() {
		name, err := libc.CString(f.name)
		if err != nil {
			return err
		}
		rc := lib.Xsqlite3_create_function_v2(h.tls, h.control().db, name, f.args, flags, h.ctl, f.call, 0, 0, 0)
		libc.Xfree(h.tls, name)
		if err := h.check(rc); err != nil {
			return err
		}
	}
	return nil
}

// A call is one call of a replaced function.
type call struct {
	tls  *libc.TLS
	ctx  uintptr
	args []uintptr
}

// newCall returns nil when the statement must stop.
func newCall(tls *libc.TLS, ctx uintptr, argc int32, argv uintptr) *call {
	if atomic.LoadInt32(&at[control](lib.Xsqlite3_user_data(tls, ctx)).stop) != 0 {
		lib.Xsqlite3_result_error_code(tls, ctx, lib.SQLITE_INTERRUPT)
		return nil
	}
	return &call{tls, ctx, unsafe.Slice(at[uintptr](argv), argc)}
}

// anyNull reports whether one of the first n arguments is NULL, and so is the
// result: that is what a function returns that sets none.
func (c *call) anyNull(n int) bool {
	return slices.ContainsFunc(c.args[:n], func(a uintptr) bool {
		return lib.Xsqlite3_value_type(c.tls, a) == lib.SQLITE_NULL
	})
}

// text views argument i, valid during the call.
func (c *call) text(i int) string {
	p := lib.Xsqlite3_value_text(c.tls, c.args[i])
	n := lib.Xsqlite3_value_bytes(c.tls, c.args[i])
	if p == 0 || n == 0 {
		return ""
	}
	return unsafe.String(at[byte](p), n)
}

func (c *call) pointer(i int) uintptr { return lib.Xsqlite3_value_text(c.tls, c.args[i]) }

func (c *call) isBlob(i int) bool {
	return lib.Xsqlite3_value_type(c.tls, c.args[i]) == lib.SQLITE_BLOB
}

// tooSlow reports, and tells the engine, that the work would be too much.
func (c *call) tooSlow(a, b int) bool {
	if len(c.text(a))*len(c.text(b)) <= maxProduct {
		return false
	}
	c.fail("text and pattern are too long to be matched")
	return true
}

func (c *call) fail(text string) {
	if p, err := libc.CString(text); err == nil {
		lib.Xsqlite3_result_error(c.tls, c.ctx, p, -1)
		libc.Xfree(c.tls, p)
	}
}

func (c *call) returnInt(v int) { lib.Xsqlite3_result_int64(c.tls, c.ctx, int64(v)) }

func (c *call) returnText(s string) {
	const transient = ^uintptr(0) // the engine makes its own copy
	p, err := libc.CString(s)
	if err != nil {
		lib.Xsqlite3_result_error_code(c.tls, c.ctx, lib.SQLITE_NOMEM)
		return
	}
	lib.Xsqlite3_result_text(c.tls, c.ctx, p, int32(len(s)), transient)
	libc.Xfree(c.tls, p)
}

// onLike is X LIKE Y, called like(Y, X), or like(Y, X, escape).
func onLike(tls *libc.TLS, ctx uintptr, argc int32, argv uintptr) {
	c := newCall(tls, ctx, argc, argv)
	if c == nil || c.noMatch() {
		return
	}
	escape := rune(0)
	if argc == 3 {
		if c.anyNull(3) {
			return
		}
		text := c.text(2)
		escape, _ = utf8.DecodeRuneInString(text)
		if utf8.RuneCountInString(text) != 1 || escape == '%' || escape == '_' {
			c.fail("ESCAPE expression must be a single character, neither % nor _")
			return
		}
	}
	c.returnBool(lib.Xsqlite3_strlike(tls, c.pointer(0), c.pointer(1), uint32(escape)) == 0)
}

// onGlob is X GLOB Y, called glob(Y, X).
func onGlob(tls *libc.TLS, ctx uintptr, argc int32, argv uintptr) {
	c := newCall(tls, ctx, argc, argv)
	if c == nil || c.noMatch() {
		return
	}
	c.returnBool(lib.Xsqlite3_strglob(tls, c.pointer(0), c.pointer(1)) == 0)
}

// noMatch answers what needs no matching: blobs match nothing.
func (c *call) noMatch() bool {
	if c.isBlob(0) || c.isBlob(1) {
		c.returnBool(false)
		return true
	}
	return c.anyNull(2) || c.tooSlow(0, 1)
}

func (c *call) returnBool(v bool) {
	if v {
		c.returnInt(1)
	} else {
		c.returnInt(0)
	}
}

// onInstr counts characters, or bytes when both arguments are blobs.
func onInstr(tls *libc.TLS, ctx uintptr, argc int32, argv uintptr) {
	c := newCall(tls, ctx, argc, argv)
	if c == nil || c.anyNull(2) {
		return
	}
	bytes := c.isBlob(0) && c.isBlob(1)
	text := c.text(0)
	i := strings.Index(text, c.text(1))
	if i > 0 && !bytes {
		i = utf8.RuneCountInString(text[:i])
	}
	c.returnInt(i + 1)
}

func onReplace(tls *libc.TLS, ctx uintptr, argc int32, argv uintptr) {
	c := newCall(tls, ctx, argc, argv)
	if c == nil || c.anyNull(2) {
		return
	}
	text, old, with := c.text(0), c.text(1), c.text(2)
	if old == "" {
		c.returnText(text)
		return
	}
	if c.anyNull(3) {
		return
	}
	longest := lib.Xsqlite3_limit(tls, lib.Xsqlite3_context_db_handle(tls, ctx), lib.SQLITE_LIMIT_LENGTH, -1)
	if len(text)+strings.Count(text, old)*(len(with)-len(old)) > int(longest) {
		lib.Xsqlite3_result_error_toobig(tls, ctx)
		return
	}
	c.returnText(strings.ReplaceAll(text, old, with))
}

func onTrim(tls *libc.TLS, ctx uintptr, argc int32, argv uintptr) {
	trimWith(newCall(tls, ctx, argc, argv), strings.Trim)
}

func onTrimLeft(tls *libc.TLS, ctx uintptr, argc int32, argv uintptr) {
	trimWith(newCall(tls, ctx, argc, argv), strings.TrimLeft)
}

func onTrimRight(tls *libc.TLS, ctx uintptr, argc int32, argv uintptr) {
	trimWith(newCall(tls, ctx, argc, argv), strings.TrimRight)
}

func trimWith(c *call, trim func(s, cutset string) string) {
	if c == nil || c.anyNull(2) || c.tooSlow(0, 1) {
		return
	}
	c.returnText(trim(c.text(0), c.text(1)))
}
