package engine

import (
	"strings"
	"time"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlite"
)

const (
	progressOps = 1_000 // steps of the engine between two looks at the stop flag
	busyWait    = 10 * time.Millisecond
	maxBusy     = 500 // waits for a writer's lock, 5 s together
)

// limits bound what one statement may make the engine allocate or recurse.
func limits() map[int32]int32 {
	return map[int32]int32{
		lib.SQLITE_LIMIT_LENGTH:          database.MaxResultBytes,
		lib.SQLITE_LIMIT_SQL_LENGTH:      4 * sqlguard.MaxChars,
		lib.SQLITE_LIMIT_EXPR_DEPTH:      1000, // SQLite's own: a chain of OR is as deep as it is long
		lib.SQLITE_LIMIT_COMPOUND_SELECT: 50,
		lib.SQLITE_LIMIT_VDBE_OP:         250_000,
		lib.SQLITE_LIMIT_ATTACHED:        0,
		lib.SQLITE_LIMIT_TRIGGER_DEPTH:   1,
		lib.SQLITE_LIMIT_WORKER_THREADS:  0,
	}
}

// switches turn off what a read-only connection never needs and what lets a
// hostile file run code: its views and generated columns may call only
// functions without side effects.
func switches() map[int32]int32 {
	return map[int32]int32{
		lib.SQLITE_DBCONFIG_DEFENSIVE:             1,
		lib.SQLITE_DBCONFIG_TRUSTED_SCHEMA:        0,
		lib.SQLITE_DBCONFIG_DQS_DML:               0,
		lib.SQLITE_DBCONFIG_DQS_DDL:               0,
		lib.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION: 0,
		lib.SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER: 0,
		lib.SQLITE_DBCONFIG_ENABLE_TRIGGER:        0,
		lib.SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE:  0,
		lib.SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE:   0,
	}
}

// settings are run on a new connection. The last one reads the schema, before
// the authorizer has a say in how, and finds out whether this is a database.
func settings() []string {
	return []string{
		"PRAGMA query_only = 1",
		"PRAGMA cell_size_check = 1",
		"PRAGMA mmap_size = 0",
		"PRAGMA cache_size = -4096", // KiB
		"SELECT 1 FROM sqlite_schema LIMIT 1",
	}
}

// onProgress ends the statement when the stop flag is up.
func onProgress(_ *libc.TLS, ctl uintptr) int32 {
	if at[control](ctl).stopped() {
		return 1
	}
	return 0
}

// onBusy waits for a writer, but no longer than the statement may run.
func onBusy(_ *libc.TLS, ctl uintptr, count int32) int32 {
	if count >= maxBusy || at[control](ctl).stopped() {
		return 0
	}
	time.Sleep(busyWait)
	return 1
}

// onAuthorize is asked about every operation while a statement is compiled,
// including those inside views and virtual tables.
func onAuthorize(tls *libc.TLS, ctl uintptr, action int32, arg1, arg2, _, view uintptr) int32 {
	c := at[control](ctl)
	if c.trusted != 0 {
		return lib.SQLITE_OK
	}
	switch action {
	case lib.SQLITE_PRAGMA:
		c.pragma = 1
	case lib.SQLITE_READ:
		c.reads.add(tls, arg1)
		c.reads.add(tls, view)
	}
	if authorized(action, libc.GoString(arg1), libc.GoString(arg2)) {
		return lib.SQLITE_OK
	}
	return lib.SQLITE_DENY
}

// authorized is the policy for callers' statements, the same lists as the
// guard's. What is not named is denied.
func authorized(action int32, arg1, arg2 string) bool {
	switch action {
	case lib.SQLITE_SELECT, lib.SQLITE_RECURSIVE:
		return true
	case lib.SQLITE_READ:
		// The planner's row counts are read when the schema is loaded.
		return guard.AllowedTable(arg1) || arg1 == "sqlite_stat1"
	case lib.SQLITE_FUNCTION:
		return guard.AllowedFunction(arg2)
	case lib.SQLITE_PRAGMA:
		// Full-text search looks for changes by other connections.
		return guard.AllowedPragma(arg1, arg2 != "") || arg1 == "data_version" && arg2 == ""
	case lib.SQLITE_INSERT, lib.SQLITE_UPDATE, lib.SQLITE_DELETE:
		return isRTreeStorage(arg1)
	default:
		return false
	}
}

// isRTreeStorage names the tables behind an R*Tree. Opening one prepares the
// statements that would change them; they never run here, because the file is
// read-only and a caller's own statement has to be (see handle.prepare).
func isRTreeStorage(table string) bool {
	return strings.HasSuffix(table, "_node") || strings.HasSuffix(table, "_rowid") || strings.HasSuffix(table, "_parent")
}
