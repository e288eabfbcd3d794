package mysql

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// Error numbers of MySQL's and MariaDB's references.
const (
	codeTooManySessions = 1040
	codeDatabaseDenied  = 1044 // also: unknown, for a login that may not know
	codeAccessDenied    = 1045
	codeNoDatabase      = 1049
	codeShutdown        = 1053
	codeNoColumn        = 1054
	codeNoTableHere     = 1109
	codeHostBlocked     = 1129
	codeHostRefused     = 1130
	codeNoTable         = 1146
	codeUserSessions    = 1203
	codeUserLimit       = 1226
	codeAuthMode        = 1251
	codeOption          = 1290 // an option of the server forbids the statement
	codeNoPassword      = 1698
	codeExpired         = 1862
	codeKilled          = 1927
	codeTimeoutMariaDB  = 1969
	codeTimeoutMySQL    = 3024
	codeNeedsTLS        = 3159
	codeAccountLocked   = 3118
	codeLockedMariaDB   = 4151
	codeIdleMySQL       = 4031 // closed for being idle
)

func codeOf(err error) uint16 {
	var server *mysql.MySQLError
	if errors.As(err, &server) {
		return server.Number
	}
	return 0
}

// reasonOf maps the error of a refused connection.
func reasonOf(code uint16) string {
	switch code {
	case codeAccessDenied, codeNoPassword, codeAuthMode, codeHostRefused, codeExpired, codeAccountLocked, codeLockedMariaDB:
		return database.ErrAuthentication
	case codeNoDatabase, codeDatabaseDenied:
		return database.ErrDatabaseNotFound
	case codeNeedsTLS:
		return database.ErrTLS
	case codeTooManySessions, codeHostBlocked, codeUserSessions, codeUserLimit, codeShutdown:
		return database.ErrCannotConnect
	default:
		return database.ErrOther
	}
}

// connectionLost reports whether err means the end of the connection.
func connectionLost(err error) bool {
	switch codeOf(err) {
	case 0:
		return isNetwork(err)
	case codeShutdown, codeKilled, codeIdleMySQL:
		return true
	default:
		return false
	}
}

// queryFault classifies what run returned.
func (c *conn) queryFault(ctx context.Context, err error) error {
	var known *fault.Error
	var server *mysql.MySQLError
	switch {
	case c.life.Err() != nil:
		return errClosed()
	case errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return database.StillWorking(database.ContextFault(ctx), err)
	case errors.Is(err, errNoResult), errors.Is(err, errMultiple):
		return database.QueryFault(err.Error(), false, err)
	case !errors.As(err, &server) || connectionLost(err):
		return database.ConnectFault(database.ErrCannotConnect, err)
	case server.Number == codeTimeoutMariaDB || server.Number == codeTimeoutMySQL:
		return fault.Wrap(fault.Timeout, err, "query timed out")
	case server.Number == codeOption && strings.Contains(server.Message, "max-session-mem-used"):
		return database.QueryFault(tooMuchMemory, false, err)
	default:
		return database.QueryFault(c.scrub(describe(server)), isUnknown(server.Number), err)
	}
}

// tooMuchMemory stands for a text that names an option of the server.
var tooMuchMemory = fmt.Sprintf("the statement needs more than the %d MiB of the server's memory that it may take; "+
	"join or aggregate less at a time (error %d)", sessionMemory>>20, codeOption)

// isUnknown tells the errors that make a cached schema stale.
func isUnknown(code uint16) bool {
	switch code {
	case codeNoTable, codeNoTableHere, codeNoColumn, codeNoDatabase:
		return true
	default:
		return false
	}
}

// describe writes the error for a reader who can correct the statement.
func describe(e *mysql.MySQLError) string {
	text := database.ClipMessage(e.Message)
	return fmt.Sprintf("%s (error %d)", strings.ToValidUTF8(text, "\uFFFD"), e.Number)
}

// accountPattern finds the host that an account may come from: the gateway's.
var accountPattern = regexp.MustCompile(`@'[^']*'`)

// temporaryPattern finds the file of a temporary table, which is named when it
// grows too large.
var temporaryPattern = regexp.MustCompile(`(/[^\s'/]+)*/#sql[^\s']*`)

func (c *conn) scrub(text string) string {
	return c.target.Scrub(text,
		database.ScrubRule{Pattern: accountPattern, With: "@<host>"},
		database.ScrubRule{Pattern: temporaryPattern, With: "<temporary table>"})
}
