package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// Reasons to run a statement again; nothing of it has been seen by the caller.
var (
	// errStale: the server had closed the idle connection before the
	// statement reached it.
	errStale = errors.New("idle connection was closed by the server")
	// errUnprepared: the server no longer has the prepared statement, or has
	// it for another shape of the table.
	errUnprepared = errors.New("prepared statement is out of date")
)

// unknownTypes asks to run a statement again once the catalogue has told what
// these types are.
type unknownTypes []uint32

func (u unknownTypes) Error() string { return fmt.Sprintf("types not known yet: %v", []uint32(u)) }

// sink takes a result. start is called once, before the first row; a row's
// values are only valid during the call, and false ends the statement. tooLong
// says what becomes of a result with a row beyond the byte limit.
type sink interface {
	start(*shape)
	row(values [][]byte) (more bool, err error)
	tooLong() error
}

// request is one statement to run.
type request struct {
	stmt  *sqlguard.Statement
	limit database.Limit
	types *types
	sink  sink
}

// run sends the statement in a read-only transaction together with its
// rollback: one network round trip, on one server session even behind a pooler.
// After an error the server skips the rollback, which is then sent for itself.
func (s *session) run(ctx context.Context, r request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := s.watch(ctx)
	defer stop()
	p, known := s.lookup(r.stmt.SQL)
	s.fe.SetMaxBodyLen(r.limit.Bytes + 64<<10)
	before := s.send(r, p, known)
	s.working = true
	if err := s.fe.Flush(); err != nil {
		s.broken = true
		return s.unanswered(err)
	}
	a := answer{request: r, session: s, prepared: p, before: before}
	if known {
		a.begin(p.shape)
	}
	err := a.read()
	if !s.broken {
		if failed := s.rollBack(a.txStatus); err == nil {
			err = failed
		}
	}
	if s.broken {
		return err
	}
	return s.settleStatement(r.stmt.SQL, &a, known, err)
}

// rollBack ends a transaction that is still open and gives its advisory locks
// back. A session that cannot is closed, which does both.
func (s *session) rollBack(txStatus byte) error {
	if txStatus == 'I' {
		return nil
	}
	s.fe.SendQuery(&pgproto3.Query{String: rollbackSQL + "; " + unlockSQL})
	err := s.fe.Flush()
	if err == nil {
		err = s.await()
	}
	s.broken = s.broken || err != nil
	return err
}

// send queues the messages of one run and says how many statements come before
// the caller's. Advisory locks outlive a rollback, and a view may take one that
// no name in the statement tells of, so they are given back after every
// statement; inside of the transaction, where a cancel that comes too late
// leaves the transaction open for rollBack to notice.
func (s *session) send(r request, p *prepared, known bool) (before int) {
	if s.direct {
		before = s.beginDirect(r)
	} else {
		before = s.beginPooled(r)
	}
	if !known {
		s.fe.SendParse(&pgproto3.Parse{Name: p.name, Query: r.stmt.SQL})
	}
	s.bind.PreparedStatement = p.name
	s.fe.SendBind(&s.bind)
	if !known {
		s.fe.SendDescribe(&pgproto3.Describe{ObjectType: 'P'})
	}
	s.fe.SendExecute(&s.execute)
	if s.direct {
		s.sendPrepared(stmtUnlock)
		s.sendPrepared(stmtRollback)
	} else {
		s.sendUnnamed(unlockSQL)
		s.sendUnnamed(rollbackSQL)
	}
	s.fe.SendSync(&pgproto3.Sync{})
	return before
}

// beginDirect opens the transaction of a session that is set up.
func (s *session) beginDirect(r request) (statements int) {
	// First, because an error makes the server skip what comes after it.
	for _, name := range s.dropped {
		s.fe.SendClose(&pgproto3.Close{ObjectType: 'S', Name: name})
	}
	s.dropped = s.dropped[:0]
	s.sendPrepared(stmtBegin)
	if r.limit.Timeout == database.QueryTimeout {
		return 1
	}
	s.sendUnnamed("SET LOCAL statement_timeout = " + milliseconds(r.limit.Timeout))
	return 2
}

// beginPooled opens a transaction that brings all its settings. The server is
// asked to flush, because the number of its process is needed while the
// caller's statement runs.
func (s *session) beginPooled(r request) (statements int) {
	s.backend = 0
	s.sendUnnamed(beginSQL)
	s.sendUnnamed(s.local + ",pg_catalog.set_config('statement_timeout','" + milliseconds(r.limit.Timeout) + "',true)")
	s.fe.Send(&pgproto3.Flush{})
	return 2
}

// sendUnnamed queues a statement that leaves no name behind.
func (s *session) sendUnnamed(sql string) {
	s.fe.SendParse(&pgproto3.Parse{Query: sql})
	s.sendPrepared("")
}

func (s *session) sendPrepared(name string) {
	s.bind.PreparedStatement = name
	s.fe.SendBind(&s.bind)
	s.fe.SendExecute(&s.execute)
}

// settleStatement keeps the statement when the server has it, and turns the
// server's complaint about a kept one into a reason to run it again.
func (s *session) settleStatement(sql string, a *answer, known bool, err error) error {
	s.reused = true
	code := sqlState(err)
	switch {
	case known && (code == codeNoStatement || code == codeNotSupported):
		s.forget(sql)
		return errors.Join(errUnprepared, err)
	case s.direct && code == codeNoStatement:
		// Even the session's own statements are gone.
		s.broken = true
		return errors.Join(errUnprepared, err)
	case !known && a.shape != nil:
		a.prepared.shape = a.shape
		s.keep(sql, a.prepared)
	case !known && a.parsed && a.prepared.name != "":
		s.dropped = append(s.dropped, a.prepared.name)
	}
	return err
}

// unanswered tells a connection that had died while idle from one that broke
// under the statement.
func (s *session) unanswered(err error) error {
	if s.reused {
		return errors.Join(errStale, err)
	}
	return err
}

// answer reads what the server says to one statement.
type answer struct {
	request
	session  *session
	prepared *prepared
	before   int // statements that end before the caller's does
	txStatus byte
	shape    *shape
	parsed   bool  // the server has the prepared statement
	heard    bool  // the server has begun to answer
	stopped  bool  // the rest of the rows is read over
	err      error // the first thing that went wrong
}

// begin hands the shape to the sink, unless it holds types nobody knows yet.
func (a *answer) begin(s *shape) {
	a.shape = s
	a.sink.start(s)
}

// read reads up to the ReadyForQuery of the statement. When it leaves earlier
// the session is broken.
func (a *answer) read() error {
	for {
		msg, err := a.session.fe.Receive()
		if err != nil {
			a.session.broken = true
			a.session.noteEnd(err)
			return a.lost(err)
		}
		switch m := msg.(type) {
		case *pgproto3.DataRow:
			a.row(m.Values)
		case *pgproto3.RowDescription:
			a.describe(m.Fields)
		case *pgproto3.NoData:
			a.describe(nil)
		case *pgproto3.ParseComplete:
			a.parsed = true
		case *pgproto3.ErrorResponse:
			a.refused(pgconn.ErrorResponseToPgError(m))
		case *pgproto3.CopyInResponse, *pgproto3.CopyOutResponse, *pgproto3.CopyBothResponse:
			// The server would wait for, or send, data outside of any limit.
			a.session.broken = true
			a.fail(errCopy)
		case *pgproto3.ReadyForQuery:
			a.txStatus = m.TxStatus
			a.session.working = false
			return a.err
		case *pgproto3.CommandComplete, *pgproto3.EmptyQueryResponse:
			a.before--
		case *pgproto3.NoticeResponse, *pgproto3.ParameterStatus, *pgproto3.NotificationResponse:
			continue
		}
		if a.session.broken {
			return a.err
		}
		a.heard = a.heard || a.err == nil
	}
}

func (a *answer) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// stop ends the statement in the server and ignores what still comes.
func (a *answer) stop() {
	if !a.stopped {
		a.stopped = true
		a.session.interrupt(cutPatience)
	}
}

func (a *answer) row(values [][]byte) {
	if a.before > 0 && !a.session.direct { // of the settings
		a.session.noteBackend(values)
		return
	}
	if a.stopped || a.err != nil || a.before != 0 {
		return
	}
	if a.shape == nil || len(values) != len(a.shape.columns) {
		a.session.broken = true
		a.fail(errProtocol)
		return
	}
	more, err := a.sink.row(values)
	if err != nil {
		a.fail(err)
	}
	if !more {
		a.stop()
	}
}

func (a *answer) describe(fields []pgproto3.FieldDescription) {
	if a.shape != nil {
		a.session.broken = true
		a.fail(errProtocol)
		return
	}
	shape, unknown := a.types.shape(fields)
	if len(unknown) > 0 {
		a.fail(unknown)
		a.stop()
		return
	}
	a.begin(shape)
}

// refused takes the server's error. After stop it is the expected one.
func (a *answer) refused(err *pgconn.PgError) {
	if err.Severity == "FATAL" || err.SeverityUnlocalized == "FATAL" || err.SeverityUnlocalized == "PANIC" {
		a.session.broken = true
		a.session.noteEnd(err)
		a.fail(a.lost(err))
		return
	}
	if !a.stopped {
		a.fail(err)
	}
}

// lost is the error of a connection that ended. A result that was cut before
// is still good, and a row too large to read is a cut of its own.
func (a *answer) lost(err error) error {
	var tooLong *pgproto3.ExceededMaxBodyLenErr
	switch {
	case a.err != nil:
		return a.err
	case a.stopped:
		return nil
	case errors.As(err, &tooLong) && a.shape != nil:
		return a.sink.tooLong()
	case isTimeout(err) && a.session.working:
		return errors.Join(database.ErrStillWorking, err)
	case !a.heard:
		return a.session.unanswered(err)
	default:
		return err
	}
}

var (
	errCopy     = errors.New("COPY is not a query")
	errProtocol = errors.New("server broke the protocol")
)
