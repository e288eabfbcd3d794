package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

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
	if e := (*protocol.Error)(nil); errors.As(err, &e) {
		return engineFault(e)
	}
	if e := (*errDied)(nil); errors.As(err, &e) {
		return database.QueryFault("the process that read the file for this statement was lost: "+
			"the statement takes more than one may, or the file is damaged", false, err)
	}
	return err
}

func engineFault(e *protocol.Error) error {
	switch e.Primary() {
	case protocol.CodeCantOpen, protocol.CodePerm, protocol.CodeReadOnly, protocol.CodeIO:
		return database.ConnectFault(database.ErrCannotConnect, e)
	case protocol.CodeNotADB:
		return database.ConnectFault(database.ErrOther, e)
	case protocol.CodeNoMemory:
		return database.QueryFault(fmt.Sprintf("the statement needs more than %d MB of memory: "+
			"aggregate earlier, or read fewer rows and columns", protocol.MaxMemory>>20), false, e)
	case protocol.CodeFull:
		return database.QueryFault(fmt.Sprintf("the statement needs more temporary disk than it may have (%d MB): "+
			"sort, group or join less at once", protocol.MaxTempDisk>>20), false, e)
	default:
		return database.QueryFault(e.Text, e.Code == protocol.CodeChanged || unknownObject(e), e)
	}
}

// unknownObject reads the engine's text: SQLite has one code for all errors
// in a statement.
func unknownObject(e *protocol.Error) bool {
	return strings.HasPrefix(e.Text, "no such table") || strings.HasPrefix(e.Text, "no such column")
}

func errClosed() error { return fault.New(fault.Unavailable, "connection is closed") }
