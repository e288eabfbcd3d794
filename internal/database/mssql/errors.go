package mssql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	mssqldb "github.com/microsoft/go-mssqldb"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// fatalClass is the severity from which the server closes the connection
// (SQL Server documentation, "Database Engine error severities").
const fatalClass = 20

const lockTimeout = 1222

// reasonOf maps the numbers of a refused login. A login to an unknown database
// is answered by 4060 and then 18456, so all of them are looked at.
func reasonOf(e mssqldb.Error) string {
	reason := database.ErrOther
	for _, one := range append(e.All, e) {
		switch one.Number {
		case 4060, 4063, 911: // cannot open, default database gone, unknown
			return database.ErrDatabaseNotFound
		case 18456, 18452, 18450, 18470, 18486, 18487, 18488, 916, 4064:
			reason = database.ErrAuthentication
		case 17142, 18401, 6005, 40197, 40501, 40613, 10928, 10929, 40615: // paused, starting, stopping, Azure busy or closed
			reason = database.ErrCannotConnect
		}
	}
	return reason
}

// isUnknownObject knows the errors that make a cached schema stale: table,
// column, qualified column, schema or database missing.
func isUnknownObject(number int32) bool {
	return number == 207 || number == 208 || number == 4104 || number == 2760
}

// queryFault classifies what a run returned; ctx is the caller's with the
// statement's timeout.
func (c *conn) queryFault(ctx context.Context, err error) error {
	var known *fault.Error
	var answered mssqldb.Error
	switch {
	case c.life.Err() != nil, errors.Is(err, sql.ErrConnDone):
		return errClosed()
	case errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return database.ContextFault(ctx)
	case errors.Is(err, errFlood):
		return database.QueryFault("the answer is larger than the limit", false, err)
	case !errors.As(err, &answered) || answered.Class >= fatalClass:
		return database.ConnectFault(database.ErrCannotConnect, err)
	case answered.Number == lockTimeout:
		return fault.Wrap(fault.Timeout, err, "query timed out: it waited for a lock of another session")
	default:
		return database.QueryFault(c.scrub(describeError(answered)), isUnknownObject(answered.Number), err)
	}
}

// describeError writes the error for a reader who can correct the statement.
// Several may come at once; the first says more than the last, which is often
// only the remark that the statement could not be prepared.
func describeError(e mssqldb.Error) string {
	if len(e.All) > 0 {
		e = e.All[0]
	}
	text := strings.TrimSpace(e.Message)
	if e.LineNo > 0 {
		text += fmt.Sprintf(" at line %d", e.LineNo)
	}
	text += fmt.Sprintf(" (error %d)", e.Number)
	return database.ClipMessage(text)
}

// What SQL Server's texts hold: server names, and Windows paths.
var (
	serverPattern = regexp.MustCompile(`(?i)\b(server|host) (['"])[^'"]*['"]`)
	drivePattern  = regexp.MustCompile(`\b[A-Za-z]:\\[^\s"']*`)
	sharePattern  = regexp.MustCompile(`\\\\[\w.$-]+\\[^\s"']*`)
)

func (c *conn) scrub(text string) string {
	return c.target.Scrub(text,
		database.ScrubRule{Pattern: serverPattern, With: "$1 <host>"},
		database.ScrubRule{Pattern: drivePattern, With: "<path>"},
		database.ScrubRule{Pattern: sharePattern, With: "<path>"})
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

func isNetwork(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
