package sqlite

import (
	"context"
	"errors"
	"strings"

	lib "modernc.org/sqlite/lib"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// engineError is an error that SQLite reported. Its text quotes SQL and names
// of the schema, never the file.
type engineError struct {
	code int32 // extended result code, https://sqlite.org/rescode.html
	text string
}

func (e *engineError) Error() string { return e.text }

// primary is the result code without its extension.
func (e *engineError) primary() int32 { return e.code & 0xff }

// classify turns an error of the engine into a fault. When ctx has ended, that
// is the reason, whatever the engine says. A fault of this package knows better.
func classify(ctx context.Context, err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if f := database.ContextFault(ctx); f != nil {
		return f
	}
	var e *engineError
	if !errors.As(err, &e) {
		return err
	}
	switch e.primary() {
	case lib.SQLITE_CANTOPEN, lib.SQLITE_PERM, lib.SQLITE_READONLY, lib.SQLITE_IOERR:
		return database.ConnectFault(database.ErrCannotConnect, err)
	case lib.SQLITE_NOTADB:
		return database.ConnectFault(database.ErrOther, err)
	default:
		return database.QueryFault(e.text, unknownObject(e), err)
	}
}

// unknownObject reads the engine's text: SQLite has one code for all errors
// in a statement.
func unknownObject(e *engineError) bool {
	return strings.HasPrefix(e.text, "no such table") || strings.HasPrefix(e.text, "no such column")
}
