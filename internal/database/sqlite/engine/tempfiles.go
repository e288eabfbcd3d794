package engine

import (
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
)

// tempFiles is the engine's way to the file system with one change: a write
// that would make the temporary files together larger than MaxTempDisk fails
// as on a full disk. A limit of the system counts each file alone, and the
// engine makes many. The files have no name: they are gone with the process.
//
// The struct begins with the engine's own description of a file system, whose
// functions get its address, and lies in C memory.
type tempFiles struct {
	vfs     lib.Tsqlite3_vfs
	origin  uintptr // the file system that does the work
	total   int64   // bytes of all temporary files
	methods lib.Tsqlite3_io_methods
	plain   uintptr // the methods of the origin's temporary files
}

// tempFile lies behind the origin's part of an open file.
type tempFile struct {
	fs   uintptr // *tempFiles
	size int64
}

const anyTemp = lib.SQLITE_OPEN_TEMP_DB | lib.SQLITE_OPEN_TRANSIENT_DB | lib.SQLITE_OPEN_TEMP_JOURNAL | lib.SQLITE_OPEN_SUBJOURNAL

// limitTempFiles makes the limited file system the default one.
func limitTempFiles(tls *libc.TLS) (*tempFiles, error) {
	origin := lib.Xsqlite3_vfs_find(tls, 0)
	p := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(tempFiles{})))
	name, err := libc.CString("limited")
	if origin == 0 || p == 0 || err != nil {
		return nil, errNoMemory()
	}
	t := at[tempFiles](p)
	t.vfs = *at[lib.Tsqlite3_vfs](origin)
	t.origin = origin
	t.vfs.FzName = name
	t.vfs.FxOpen = callback(onOpen)
	t.vfs.FszOsFile = originSize(origin) + int32(unsafe.Sizeof(tempFile{}))
	if rc := lib.Xsqlite3_vfs_register(tls, p, 1); rc != lib.SQLITE_OK {
		return nil, &protocol.Error{Code: rc, Text: "cannot limit temporary files"}
	}
	return t, nil
}

// originSize is the origin's part of an open file, rounded up so that ours
// begins where an int64 may.
func originSize(origin uintptr) int32 { return (at[lib.Tsqlite3_vfs](origin).FszOsFile + 7) &^ 7 }

// tempFileOf returns our part of an open file.
func tempFileOf(file uintptr, origin uintptr) *tempFile {
	return at[tempFile](file + uintptr(originSize(origin)))
}

// function returns the engine's function pointer as a Go function.
func function[T any](pointer uintptr) T { return *(*T)(unsafe.Pointer(&pointer)) }

type (
	openFunc  = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	closeFunc = func(tls *libc.TLS, file uintptr) int32
	writeFunc = func(tls *libc.TLS, file, from uintptr, n int32, offset int64) int32
	sizeFunc  = func(tls *libc.TLS, file uintptr, size int64) int32
)

func onOpen(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32 {
	t := at[tempFiles](vfs)
	open := function[openFunc](at[lib.Tsqlite3_vfs](t.origin).FxOpen)
	rc := open(tls, t.origin, name, file, flags, outFlags)
	methods := *at[uintptr](file)
	if rc != lib.SQLITE_OK || methods == 0 || flags&anyTemp == 0 {
		return rc
	}
	if t.plain == 0 {
		t.plain = methods
		t.methods = *at[lib.Tsqlite3_io_methods](methods)
		t.methods.FxWrite = callback(onWrite)
		t.methods.FxTruncate = callback(onTruncate)
		t.methods.FxClose = callback(onClose)
		t.methods.FiVersion = 1 // no mapping into memory, which would write past us
	}
	if methods != t.plain {
		// All temporary files have the same methods. One that does not could
		// not be counted.
		function[closeFunc](at[lib.Tsqlite3_io_methods](methods).FxClose)(tls, file)
		return lib.SQLITE_CANTOPEN
	}
	*tempFileOf(file, t.origin) = tempFile{fs: vfs}
	*at[uintptr](file) = vfs + unsafe.Offsetof(tempFiles{}.methods)
	return lib.SQLITE_OK
}

// fileSystem returns what an open temporary file belongs to: its methods are a
// part of it.
func fileSystem(file uintptr) (*tempFiles, *tempFile) {
	t := at[tempFiles](*at[uintptr](file) - unsafe.Offsetof(tempFiles{}.methods))
	return t, tempFileOf(file, t.origin)
}

func onWrite(tls *libc.TLS, file, from uintptr, n int32, offset int64) int32 {
	t, f := fileSystem(file)
	if grown := offset + int64(n) - f.size; grown > 0 {
		if t.total+grown > protocol.MaxTempDisk {
			return lib.SQLITE_FULL
		}
		t.total += grown
		f.size += grown
	}
	return function[writeFunc](at[lib.Tsqlite3_io_methods](t.plain).FxWrite)(tls, file, from, n, offset)
}

func onTruncate(tls *libc.TLS, file uintptr, size int64) int32 {
	t, f := fileSystem(file)
	rc := function[sizeFunc](at[lib.Tsqlite3_io_methods](t.plain).FxTruncate)(tls, file, size)
	if rc == lib.SQLITE_OK && size < f.size {
		t.total -= f.size - size
		f.size = size
	}
	return rc
}

func onClose(tls *libc.TLS, file uintptr) int32 {
	t, f := fileSystem(file)
	t.total -= f.size
	f.size = 0
	return function[closeFunc](at[lib.Tsqlite3_io_methods](t.plain).FxClose)(tls, file)
}
