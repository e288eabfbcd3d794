package mssql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	mssqldb "github.com/microsoft/go-mssqldb"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// settings prepare a session. TEXTSIZE cuts long values in the server, two
// bytes a character: what it cut is still longer than the byte cut, so that no
// shortened value is taken for a whole one.
var settings = strings.Join([]string{
	"SET XACT_ABORT ON",
	"SET LOCK_TIMEOUT 5000",
	"SET QUOTED_IDENTIFIER ON",
	"SET ANSI_NULLS ON",
	"SET DEADLOCK_PRIORITY LOW",
	"SET NOCOUNT ON",
	"SET TEXTSIZE " + strconv.Itoa(2*database.MaxResultBytes+1024),
}, "; ") + ";"

// session is one connection to the server. One goroutine uses it at a time.
type session struct {
	*mssqldb.Conn
	wire   *wire
	broken bool // out of step with the server: never reused
}

// setUp resets the session and applies the settings. The reset also undoes
// what a statement may have changed in the session.
func (s *session) setUp(ctx context.Context) (err error) {
	defer s.recoverTo(&err)
	s.wire.allow(controlBytes)
	if err := s.Conn.ResetSession(ctx); err != nil {
		return err
	}
	stmt, err := s.PrepareContext(ctx, settings)
	if err != nil {
		return err
	}
	exec, ok := stmt.(driver.StmtExecContext)
	if !ok {
		return fmt.Errorf("mssql: driver cannot execute with a %T", stmt)
	}
	_, err = exec.ExecContext(ctx, nil)
	return s.note(err)
}

// ResetSession implements [driver.SessionResetter]: it runs before a session
// is used again, and finds out whether the server is still there.
func (s *session) ResetSession(ctx context.Context) error {
	defer watch(ctx, s.wire, cancelPatience)()
	if err := s.setUp(ctx); err != nil {
		return driver.ErrBadConn
	}
	return nil
}

// IsValid implements [driver.Validator].
func (s *session) IsValid() bool { return !s.broken && s.Conn.IsValid() }

// Close implements [driver.Conn]. It leaves the driver's Close out: that puts
// the read buffer back for others to use while the driver's own reader may
// still be writing into it.
func (s *session) Close() error { return s.wire.Close() }

// note marks the session broken after every error that is not the server's
// answer to a statement: the driver does not after all of them.
func (s *session) note(err error) error {
	var answered mssqldb.Error
	switch {
	case err == nil, err == io.EOF:
	case err == context.Canceled, err == context.DeadlineExceeded: // bare: the server has confirmed
	case errors.As(err, &answered) && answered.Class < fatalClass:
	default:
		s.broken = true
	}
	return err
}

// recoverTo turns a panic of the driver over what a server sent into an error.
func (s *session) recoverTo(err *error) {
	if p := recover(); p != nil {
		s.broken = true
		*err = fmt.Errorf("%w: %v", errProtocol, p)
	}
}

// run sends the statement in a transaction that is always rolled back.
func (s *session) run(ctx context.Context, r request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer s.watchWork(ctx, r.life)()
	s.wire.allow(r.allowance())
	err = s.query(ctx, r)
	if s.broken && ctx.Err() != nil {
		s.wire.awaitAnswer(r.life) // the driver has given up; what it reads with still reads
	}
	if s.wire.flooded() {
		s.broken = true
		return r.tooLong(err)
	}
	s.wire.allow(controlBytes)
	if failed := s.rollBack(tx); err == nil {
		err = failed
	}
	if r.unclean {
		s.clean(ctx)
	}
	return err
}

// clean resets the session at once, not only before its next use: what a
// function of the users' own has left, such as a lock of the session, would
// stay while the session waits in the pool. A session that cannot is closed.
func (s *session) clean(ctx context.Context) {
	if !s.IsValid() {
		return
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelPatience)
	defer cancel()
	defer watch(limited, s.wire, 0)()
	if err := s.setUp(limited); err != nil {
		s.broken = true
	}
}

func (s *session) begin(ctx context.Context) (tx driver.Tx, err error) {
	defer s.recoverTo(&err)
	defer watch(ctx, s.wire, cancelPatience)()
	s.wire.allow(controlBytes)
	// The transaction's context must outlive ctx: the rollback goes over it.
	// TxOptions.ReadOnly is refused by the driver: the engine has no such thing.
	tx, err = s.BeginTx(context.WithoutCancel(ctx), driver.TxOptions{})
	return tx, s.note(err)
}

// rollBack ends the transaction. A session that cannot is closed, which ends
// the transaction as well.
func (s *session) rollBack(tx driver.Tx) (err error) {
	if !s.IsValid() {
		return nil
	}
	defer s.recoverTo(&err)
	if err := tx.Rollback(); err != nil {
		s.broken = true
		return err
	}
	return nil
}

// query hands the rows to the sink. Ending early sends an attention: the
// server stops and the connection stays in use.
func (s *session) query(ctx context.Context, r request) (err error) {
	rows, err := s.open(ctx, r.sql)
	if err != nil {
		return err
	}
	defer func() {
		if failed := s.end(rows); err == nil {
			err = failed
		}
	}()
	for set := 0; ; set++ {
		more, err := s.readSet(rows, set, r)
		if err != nil || !more {
			return err
		}
	}
}

// open sends the text. The blank before it keeps the driver from taking a text
// of one word for the name of a procedure to call.
func (s *session) open(ctx context.Context, sql string) (rows *mssqldb.Rows, err error) {
	defer s.recoverTo(&err)
	stmt, err := s.PrepareContext(ctx, " "+sql)
	if err != nil {
		return nil, s.note(err)
	}
	query, ok := stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, fmt.Errorf("mssql: driver cannot query with a %T", stmt)
	}
	made, err := query.QueryContext(ctx, nil)
	if err != nil {
		return nil, s.note(err)
	}
	rows, ok = made.(*mssqldb.Rows)
	if !ok {
		return nil, fmt.Errorf("mssql: driver made %T", made)
	}
	return rows, nil
}

// readSet reads one result set and says whether the sink wants another that
// is there.
func (s *session) readSet(rows *mssqldb.Rows, set int, r request) (more bool, err error) {
	values := make([]driver.Value, len(rows.Columns()))
	begin := func() (bool, error) { return true, r.sink.start(set, describe(rows)) }
	if more, err := r.caller.take(begin); err != nil || !more {
		return false, err
	}
	row := func() (bool, error) { return r.sink.row(values) }
	for {
		switch err := s.next(rows, values); {
		case err == io.EOF:
			if !r.manySets || !rows.HasNextResultSet() {
				return false, nil
			}
			return true, rows.NextResultSet()
		case err != nil:
			return false, err
		}
		if more, err := r.caller.take(row); err != nil || !more {
			return false, err
		}
	}
}

func (s *session) next(rows *mssqldb.Rows, values []driver.Value) (err error) {
	defer s.recoverTo(&err)
	return s.note(rows.Next(values))
}

// end stops what is still running. What it finds out then no longer matters
// to the rows that were taken, only to the session.
func (s *session) end(rows *mssqldb.Rows) (err error) {
	defer s.recoverTo(&err)
	if s.broken { // nothing more is asked of it
		return nil
	}
	_ = s.wire.SetDeadline(time.Now().Add(cancelPatience))
	var answered mssqldb.Error
	if failed := rows.Close(); failed != nil && !errors.As(failed, &answered) {
		s.broken = true
	}
	return nil
}
