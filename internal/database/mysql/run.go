package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

var (
	// errStale asks to run a statement again: the server had closed the idle
	// connection before the statement reached it.
	errStale = errors.New("idle connection was closed by the server")
	// errNoResult: a statement without a result is not a query, and it may
	// have changed the session.
	errNoResult = errors.New("the statement returns no rows: it is not a query")
	errMultiple = errors.New("the statement returns more than one result")
)

// request is one statement to run.
type request struct {
	stmt   *sqlguard.Statement
	limits limits
	bytes  int // of one row; the sink bounds the result
	sink   sink
	stored bool // functions of users run, which may leave anything behind in the session
}

// sink takes a result. start is called once, before the first row; a row's
// values are only valid during the call, and false ends the statement. tooLong
// says what becomes of a result with a row beyond the byte limit.
type sink interface {
	start([]tool.Column)
	row(values []driver.Value) (more bool, err error)
	tooLong() error
}

// run runs the statement in a read-only transaction that is rolled back. When
// ctx ends, the server ends the session.
func (s *session) run(ctx context.Context, r request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer s.watch(ctx)()
	// watch is what ends the statement: the driver would close the connection
	// and leave the statement running.
	ctx = context.WithoutCancel(ctx)
	if err := s.begin(ctx, r.limits); err != nil {
		s.broken.Store(true)
		return err
	}
	err := guarded(func() error { return s.read(ctx, r) })
	if s.lost(err) {
		return err
	}
	if failed := s.exec(ctx, "ROLLBACK"); failed != nil {
		s.broken.Store(true)
		return errors.Join(err, failed)
	}
	if r.stored && s.reset(ctx) != nil {
		s.broken.Store(true) // its end cleans it as well
	}
	s.reused = true
	return err
}

// begin opens the transaction. It is also what finds out that the connection
// has died while it was idle, when nothing of the statement has been sent yet.
func (s *session) begin(ctx context.Context, l limits) error {
	var err error
	if s.pooled {
		err = s.beginPooled(ctx, l)
	} else if err = s.limit(ctx, l); err == nil {
		err = s.exec(ctx, startTransaction)
	}
	if err != nil && s.reused && connectionLost(err) {
		return errors.Join(errStale, err)
	}
	return err
}

// fetch runs one of this package's own statements, for which a session that
// reads only needs no transaction.
func (s *session) fetch(ctx context.Context, query string, row func(values []string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer s.watch(ctx)()
	ctx = context.WithoutCancel(ctx) // as in run
	err := s.beginFetch(ctx, limits{rows: noRowLimit, timeout: database.QueryTimeout})
	if err == nil {
		r := request{stmt: &sqlguard.Statement{SQL: query}, bytes: maxCatalogueRow, sink: &catalogueSink{each: row}}
		err = guarded(func() error { return s.read(ctx, r) })
	}
	if s.lost(err) {
		if s.reused && connectionLost(err) {
			return errors.Join(errStale, err)
		}
		return err
	}
	if s.pooled {
		return errors.Join(err, s.exec(ctx, "ROLLBACK"))
	}
	return err
}

func (s *session) beginFetch(ctx context.Context, l limits) error {
	if s.pooled {
		return s.beginPooled(ctx, l)
	}
	return s.limit(ctx, l)
}

// beginPooled does the same behind a pooler. Between transactions it may change
// the server's session below this one, but not within one: so the settings that
// the guard relies on are made in the transaction, and the number that a KILL
// would name is asked for in it.
func (s *session) beginPooled(ctx context.Context, l limits) error {
	if err := s.exec(ctx, startTransaction); err != nil {
		return err
	}
	if err := s.identify(ctx); err != nil {
		return err
	}
	return s.setUpWith(ctx, l)
}

const startTransaction = "START TRANSACTION READ ONLY"

// lost reports whether the session is out of use after err, and notes it.
func (s *session) lost(err error) bool {
	var server *mysql.MySQLError
	if err != nil && (!errors.As(err, &server) || connectionLost(err)) {
		s.broken.Store(true)
	}
	return s.broken.Load()
}

// read sends the statement and hands its rows to the sink.
func (s *session) read(ctx context.Context, r request) error {
	rows, err := s.query(ctx, r.stmt.SQL)
	if err != nil {
		return err
	}
	columns := columnsOf(rows)
	if len(columns) == 0 {
		return errNoResult
	}
	r.sink.start(columns)
	values := make([]driver.Value, len(columns))
	for {
		s.wire.allow(r.bytes + replyBytes)
		if err := rows.Next(values); err != nil {
			return s.ended(rows, r.sink, err)
		}
		more, err := r.sink.row(values)
		if err != nil {
			return err
		}
		if !more {
			s.cut(rows, values)
			return nil
		}
	}
}

// ended judges what came instead of a row.
func (s *session) ended(rows driver.Rows, k sink, err error) error {
	switch {
	case errors.Is(s.wire.refusal, errTooLong):
		s.end()
		return k.tooLong()
	case !errors.Is(err, io.EOF):
		return err
	case hasMore(rows):
		return errMultiple
	default:
		return nil
	}
}

func hasMore(rows driver.Rows) bool {
	more, ok := rows.(driver.RowsNextResultSet)
	return ok && more.HasNextResultSet()
}

// These bound what is still read of a result that was cut; beyond them the
// session is given up. sql_select_limit makes most results end with the row after.
const (
	cutPatience = 100 * time.Millisecond
	cutRows     = 100
)

// cut leaves the rest of a result: it reads on if that is cheap, or ends the
// session in the server.
func (s *session) cut(rows driver.Rows, values []driver.Value) {
	s.wire.allow(replyBytes)
	_ = s.wire.SetReadDeadline(time.Now().Add(cutPatience)) // a dead connection shows below
	for range cutRows {
		err := rows.Next(values)
		if errors.Is(err, io.EOF) && !hasMore(rows) {
			_ = s.wire.SetReadDeadline(time.Time{})
			return
		}
		if err != nil {
			break
		}
	}
	s.end()
}
