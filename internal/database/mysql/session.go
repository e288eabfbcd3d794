package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// flavour is the server's family.
type flavour uint8

const (
	mySQL flavour = iota
	mariaDB
)

// session is one connection to the server. One goroutine uses it at a time;
// end may be called beside it.
type session struct {
	driver.Conn
	wire      *wire
	connector *connector

	id      uint64 // the server's number for this session
	server  string // tells servers apart that share an address
	pooled  bool   // a pooler answers: each transaction may be on another session of the server
	version string
	product product
	limits  limits // in force

	reused bool        // a run has ended well on it: it may have gone stale since
	broken atomic.Bool // out of step with the server: never reused
	works  atomic.Bool // given up, and not known to have ended in the server
}

// limits are the session variables that bound one statement.
type limits struct {
	rows    uint64 // noRowLimit without
	timeout time.Duration
}

// noRowLimit is sql_select_limit's default.
const noRowLimit = 1<<64 - 1

func limitsOf(l database.Limit) limits {
	return limits{rows: uint64(l.Rows) + 1, timeout: l.Timeout}
}

// IsValid implements [driver.Validator].
func (s *session) IsValid() bool {
	inner, ok := s.Conn.(driver.Validator)
	return !s.broken.Load() && ok && inner.IsValid()
}

// ResetSession implements [driver.SessionResetter]: it notices that the server
// has closed an idle connection.
func (s *session) ResetSession(ctx context.Context) error {
	if inner, ok := s.Conn.(driver.SessionResetter); ok {
		return inner.ResetSession(ctx)
	}
	return nil
}

// Close says goodbye, which must not take long.
func (s *session) Close() error {
	_ = s.wire.SetDeadline(time.Now().Add(killPatience)) // fails on closed connections only
	return s.Conn.Close()
}

// replyBytes bounds the answers to the statements of this file.
const replyBytes = 64 << 10

// exec runs a statement without a result. It ends the connection with ctx.
func (s *session) exec(ctx context.Context, sql string) error {
	s.wire.allow(replyBytes)
	return guarded(func() error {
		_, err := s.Conn.(driver.ExecerContext).ExecContext(ctx, sql, nil)
		return err
	})
}

// query sends a statement in the text protocol, where nothing in it is taken
// for a parameter, and returns when the columns are known.
func (s *session) query(ctx context.Context, sql string) (rows driver.Rows, err error) {
	s.wire.allow(maxColumnBytes)
	err = guarded(func() error {
		rows, err = s.Conn.(driver.QueryerContext).QueryContext(ctx, sql, nil)
		return err
	})
	return rows, err
}

// maxColumnBytes bounds the description of a result: 4,096 columns, whose
// database, table and column names are sent in two forms.
const maxColumnBytes = 8 << 20

const identitySQL = "SELECT CONNECTION_ID(), @@version, CONCAT_WS(':', @@hostname, @@port, @@server_id)"

// identify asks for what the greeting said, which the driver keeps to itself.
func (s *session) identify(ctx context.Context) error {
	rows, err := s.query(ctx, identitySQL)
	if err != nil {
		return err
	}
	var id uint64
	dest := make([]driver.Value, 3)
	err = guarded(func() error {
		if err := rows.Next(dest); err != nil {
			return err
		}
		if id, err = strconv.ParseUint(text(dest[0]), 10, 64); err != nil {
			return fmt.Errorf("%w: connection id: %w", errProtocol, err)
		}
		s.id, s.version, s.server = id, text(dest[1]), text(dest[2])
		return rows.Close()
	})
	family := mySQL
	if strings.Contains(strings.ToLower(s.version), "mariadb") {
		family = mariaDB
	}
	s.product = productOf(family, s.version)
	s.pooled = uint32(s.id) != s.wire.thread
	return err
}

// text returns a value of a row that the driver has made a number of, or not.
func text(v driver.Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	default:
		return fmt.Sprint(v)
	}
}

// The families' own default modes. They are set because the guard reads
// statements as these modes do: with backslash escapes, double quotes around
// strings, and || as OR.
const (
	modeMySQL   = "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
	modeMariaDB = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION"
)

// setUp makes the session read-only and what it sends predictable. The
// session's access mode is what stops DDL, which ends a transaction and runs
// outside of it. The time zone stays the login's own.
func (s *session) setUp(ctx context.Context) error {
	if err := s.setUpWith(ctx, limitsOf(database.Limit{}.OrDefault())); err != nil {
		return err
	}
	return s.bound(ctx)
}

// sessionMemory and sessionDisk bound what one session may take of the server.
const (
	sessionMemory = 256 << 20
	sessionDisk   = 1 << 30
)

// bound limits memory and temporary disk where the server can and the login
// may: MySQL asks for SESSION_VARIABLES_ADMIN, and older servers do not have
// all of it.
func (s *session) bound(ctx context.Context) error {
	bounds := map[string]int{"connection_memory_limit": sessionMemory, "global_connection_memory_tracking": 1}
	if s.product.flavour == mariaDB {
		bounds = map[string]int{
			"max_session_mem_used":        sessionMemory,
			"tmp_disk_table_size":         sessionDisk, // of one table
			"max_tmp_session_space_usage": sessionDisk, // MariaDB from 11.5 on
		}
	}
	for name, value := range bounds {
		err := s.exec(ctx, fmt.Sprintf("SET SESSION %s = %d", name, value))
		if codeOf(err) == 0 && err != nil || connectionLost(err) {
			return err
		}
	}
	return nil
}

func (s *session) setUpWith(ctx context.Context, l limits) error {
	list := []string{
		"NAMES utf8mb4",
		"SESSION sql_mode = '" + s.sqlMode() + "'",
		"SESSION completion_type = 0", // a rollback neither begins the next transaction nor logs out
		"SESSION lock_wait_timeout = 5",
		"SESSION innodb_lock_wait_timeout = 5",
		"SESSION wait_timeout = " + strconv.Itoa(int(2*database.IdleTimeout/time.Second)),
		s.limitSettings(l),
	}
	if !s.pooled { // where it is off, turning it on would end the transaction
		list = append(list, "SESSION autocommit = 1")
	}
	if err := s.exec(ctx, "SET "+strings.Join(list, ", ")); err != nil {
		return err
	}
	s.limits = l
	return s.exec(ctx, "SET SESSION TRANSACTION READ ONLY")
}

// resetCommand is COM_RESET_CONNECTION (MySQL from 5.7.3, MariaDB from 10.2.4
// on): it ends locks, temporary tables, user variables, prepared statements and
// settings, and keeps the login and the default database. MariaDB forgets that
// database's character set.
const resetCommand = 0x1f

var errNoReset = errors.New("server does not reset sessions")

// reset brings the session back to how setUp left it.
func (s *session) reset(ctx context.Context) error {
	s.wire.allow(replyBytes)
	done, err := s.wire.command(resetCommand)
	if err == nil && !done {
		err = errNoReset
	}
	if err != nil {
		return err
	}
	if err := s.exec(ctx, "USE `"+strings.ReplaceAll(s.connector.target.Database, "`", "``")+"`"); err != nil {
		return err
	}
	return s.setUp(ctx)
}

func (s *session) sqlMode() string {
	if s.product.flavour == mariaDB {
		return modeMariaDB
	}
	return modeMySQL
}

func (s *session) limitSettings(l limits) string {
	timeout := "SESSION max_execution_time = " + strconv.FormatInt(max(1, l.timeout.Milliseconds()), 10)
	if s.product.flavour == mariaDB {
		timeout = "SESSION max_statement_time = " + strconv.FormatFloat(max(0.001, l.timeout.Seconds()), 'f', 6, 64)
	}
	return timeout + ", SESSION sql_select_limit = " + strconv.FormatUint(l.rows, 10)
}

// limit puts other limits in force than those of the statement before.
func (s *session) limit(ctx context.Context, l limits) error {
	if l == s.limits {
		return nil
	}
	if err := s.exec(ctx, "SET "+s.limitSettings(l)); err != nil {
		return err
	}
	s.limits = l
	return nil
}

// watch ends the session when ctx ends. The function it returns ends the watch
// and waits for a KILL under way.
func (s *session) watch(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	unregister := context.AfterFunc(ctx, func() {
		defer close(done)
		s.end()
	})
	return func() {
		if !unregister() {
			<-done
		}
	}
}

// end stops whatever the session does, in the server first. Closing the
// connection alone would leave a statement running until it sends something.
func (s *session) end() {
	s.broken.Store(true)
	s.works.Store(!s.connector.kill(s))
	_ = s.wire.Close() // wakes the reader; Close reports what is worth reporting
}
