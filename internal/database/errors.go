package database

import (
	"context"
	"errors"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// The fixed set of connection errors (contract 3.4). They are the Public text
// of the fault that a Conn returns when the database cannot be reached; the
// driver's own text is only its cause. Words for people may follow after a colon.
const (
	ErrHostNotAllowed   = "host not allowed"
	ErrCannotConnect    = "cannot connect"
	ErrTimedOut         = "timed out"
	ErrAuthentication   = "authentication failed"
	ErrTLS              = "TLS failed"
	ErrDatabaseNotFound = "database not found"
	ErrPowerfulLogin    = "login too powerful"
	ErrStatementPooling = "pooler in statement mode"
	ErrOther            = "other"
)

// ConnectFault wraps a failure to reach the database; reason is one of the
// fixed set.
func ConnectFault(reason string, cause error) *fault.Error {
	return fault.Wrap(fault.Unavailable, cause, reason)
}

// PowerfulLoginFault refuses a login; could tells what else it could do to the
// server: "read files on the server (it has FILE)".
func PowerfulLoginFault(could string) *fault.Error {
	return fault.New(fault.Unavailable, ErrPowerfulLogin+": this login could "+could+
		". Use a login that only reads, or set allow_powerful_login for this connection.")
}

// BusyFault says that a statement never ran because every connection to its
// database was in use until ctx ended; nil unless ctx ran out of time.
func BusyFault(ctx context.Context) *fault.Error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil
	}
	return fault.Wrap(fault.Unavailable, ctx.Err(), "all connections are busy with other queries, try again")
}

// QueryFault wraps an error that the engine reported for a statement. message
// is the engine's text, scrubbed of credentials, hosts and file paths.
// unknownObject is true when the engine said that a table or column does not
// exist, which makes the cached schema stale.
func QueryFault(message string, unknownObject bool, cause error) *fault.Error {
	return fault.Wrap(fault.Invalid, &StatementError{UnknownObject: unknownObject, Err: cause}, message)
}

// StatementError is the cause inside a QueryFault.
type StatementError struct {
	UnknownObject bool
	Err           error
}

func (e *StatementError) Error() string { return e.Err.Error() }

// Unwrap returns the driver's error.
func (e *StatementError) Unwrap() error { return e.Err }

// UnknownObject reports whether err says that a table or column is missing.
func UnknownObject(err error) bool {
	var s *StatementError
	return errors.As(err, &s) && s.UnknownObject
}

// ContextFault turns the end of ctx into a fault, nil while ctx lives: a
// deadline is a Timeout, anything else means that the caller went away.
func ContextFault(ctx context.Context) *fault.Error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(fault.Timeout, err, "query timed out")
	default:
		return fault.Wrap(fault.Canceled, err, "query was cancelled")
	}
}
