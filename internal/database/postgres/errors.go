package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// SQLSTATE codes (PostgreSQL documentation, appendix A).
const (
	codeNoStatement    = "26000" // prepared statement does not exist
	codeNotSupported   = "0A000" // also: cached plan must not change result type
	codeCanceled       = "57014"
	codeProtocol       = "08P01"
	codeNoTable        = "42P01"
	codeNoColumn       = "42703"
	codeNoSchema       = "3F000"
	statementTimedOut  = "query timed out"
	connectionWasEnded = "57P"
	connectionFailed   = "08" // class of connection exceptions, also a pooler's own
)

func sqlState(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code
	}
	return ""
}

// queryFault classifies what run returned. started is when the statement was
// sent, limit its timeout.
func (c *conn) queryFault(ctx context.Context, err error, started time.Time, limit database.Limit) error {
	var known *fault.Error
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return database.StillWorking(database.ContextFault(ctx), err)
	case c.pool.life.Err() != nil:
		return errClosed()
	case errors.Is(err, errCopy):
		return database.QueryFault(err.Error(), false, err)
	case !errors.As(err, &pgErr) || strings.HasPrefix(pgErr.Code, connectionWasEnded) || strings.HasPrefix(pgErr.Code, connectionFailed):
		return database.ConnectFault(database.ErrCannotConnect, err)
	case pgErr.Code == codeCanceled && time.Since(started) >= limit.Timeout:
		return fault.Wrap(fault.Timeout, err, statementTimedOut)
	default:
		unknown := pgErr.Code == codeNoTable || pgErr.Code == codeNoColumn || pgErr.Code == codeNoSchema
		return database.QueryFault(c.scrub(describe(pgErr)), unknown, err)
	}
}

// describe writes the error for a reader who can correct the statement: the
// message, where it is, and the hint. The detail is left out, it may quote
// rows the statement did not ask for.
func describe(e *pgconn.PgError) string {
	text := e.Message
	if e.Position > 0 {
		text += fmt.Sprintf(" at character %d", e.Position)
	}
	text += " (SQLSTATE " + e.Code + ")"
	if e.Hint != "" {
		text += ". Hint: " + e.Hint
	}
	return database.ClipMessage(text)
}

// hostPattern finds the server names in PostgreSQL's texts.
var hostPattern = regexp.MustCompile(`\b(host|server at|address) "[^"]*"`)

func (c *conn) scrub(text string) string {
	return c.target.Scrub(text, database.ScrubRule{Pattern: hostPattern, With: "$1 <host>"})
}
