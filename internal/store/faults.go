package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// fault classifies an error of the database. One that is classified already
// passes unchanged.
func (d *DB) fault(op string, err error) error {
	var known *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	}
	cause := fmt.Errorf("store: %s: %w", op, err)
	switch kind := d.kind(err); kind {
	case fault.Internal:
		return fault.Wrap(kind, cause, "Internal Server Error")
	case fault.Conflict:
		return fault.Wrap(kind, cause, "Already exists")
	case fault.Invalid:
		return fault.Wrap(kind, cause, "The database refused the values")
	case fault.Timeout, fault.Canceled:
		return fault.Wrap(kind, cause, "Database timed out")
	default:
		return fault.Wrap(kind, cause, "Database unavailable")
	}
}

func (d *DB) kind(err error) fault.Kind {
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return fault.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Timeout
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.As(err, &network):
		return fault.Unavailable
	default:
		return d.engine.kind(err)
	}
}

// found turns "no row" into a NotFound with the given text.
func (d *DB) found(op string, err error, missing string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, missing)
	}
	return d.fault(op, err)
}

// changed turns "no row changed" into a NotFound with the given text.
func (d *DB) changed(op string, rows int64, err error, missing string) error {
	if err == nil && rows == 0 {
		return fault.New(fault.NotFound, missing)
	}
	return d.fault(op, err)
}

// taken names the unique value at fault.
func taken(field, public string) error {
	return &fault.Error{Kind: fault.Conflict, Field: field, Public: public}
}
