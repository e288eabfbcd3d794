package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// conn implements [database.Conn].
type conn struct {
	target *target
	pool   *sql.DB // of *session
	turns  *database.Turns
	guards guards

	life context.Context // ends with Close
	end  context.CancelFunc

	mu      sync.Mutex // guards closed, and running's first step
	closed  bool
	running sync.WaitGroup
}

// newConn returns a Conn with the pool of contract 3.5.
func newConn(t *target, dialer *egress.Dialer, g guards) *conn {
	c := &conn{target: t, pool: sql.OpenDB(newConnector(t, dialer)), turns: database.NewTurns(), guards: g}
	c.pool.SetMaxOpenConns(database.MaxOpenConns)
	c.pool.SetMaxIdleConns(database.MaxIdleConns)
	c.pool.SetConnMaxIdleTime(database.IdleTimeout)
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

func errClosed() error {
	return fault.New(fault.Unavailable, "connection is closed")
}

// Close ends the pool; running statements are ended in the server.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.end()
	err := c.pool.Close()
	c.running.Wait()
	return err
}

// begin counts a call that Close has to wait for.
func (c *conn) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed()
	}
	c.running.Add(1)
	return nil
}

// Usage says how busy the pool is.
func (c *conn) Usage() database.Usage { return c.turns.Usage(c.pool.Stats().OpenConnections) }

// Query runs stmt; see [database.Conn].
func (c *conn) Query(ctx context.Context, stmt *sqlguard.Statement, limit database.Limit) (*tool.Table, error) {
	limit = limit.OrDefault()
	result := &tableSink{limit: limit}
	r := request{stmt: stmt, limits: limitsOf(limit), bytes: limit.Bytes, sink: result}
	if err := c.run(ctx, r); err != nil {
		return nil, err
	}
	return result.table, nil
}

// catalogue runs one of this package's own statements.
func (c *conn) catalogue(ctx context.Context, query string, row func(values []string) error) error {
	l := limits{rows: noRowLimit, timeout: database.QueryTimeout}
	return c.run(ctx, request{stmt: &sqlguard.Statement{SQL: query}, limits: l, bytes: maxCatalogueRow, sink: &catalogueSink{each: row}})
}

// maxCatalogueRow bounds one row of a catalogue.
const maxCatalogueRow = 1 << 20

func (c *conn) run(ctx context.Context, r request) error {
	if err := c.begin(); err != nil {
		return err
	}
	defer c.running.Done()
	ctx, cancel := context.WithTimeout(ctx, r.limits.timeout)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	if err := c.runInTurn(ctx, r); err != nil {
		return c.queryFault(ctx, err)
	}
	return nil
}

// runInTurn sends the request, and sends it again as long as idle connections
// turn out to have died.
func (c *conn) runInTurn(ctx context.Context, r request) error {
	err := c.turns.Take(ctx)
	if err != nil {
		return err
	}
	defer c.turns.Give()
	for range database.MaxOpenConns + 1 {
		if err = c.try(ctx, r); !errors.Is(err, errStale) {
			break
		}
	}
	return err
}

// try runs the request on one session.
func (c *conn) try(ctx context.Context, r request) error {
	pooled, err := c.pool.Conn(ctx)
	if err != nil {
		return err
	}
	err = pooled.Raw(func(inner any) error {
		s, ok := inner.(*session)
		if !ok {
			return fmt.Errorf("mysql: pool of %T", inner)
		}
		return c.judgeAndRun(ctx, s, r)
	})
	_ = pooled.Close() // gives the session back, or closes it when it is broken
	return err
}

func (c *conn) judgeAndRun(ctx context.Context, s *session, r request) error {
	stmt, err := c.guards.recheck(s.flavour, r.stmt)
	if err != nil {
		return err
	}
	r.stmt = stmt
	return s.run(ctx, r)
}

// Relations lists what stmt reads; see [database.Conn].
func (c *conn) Relations(_ context.Context, stmt *sqlguard.Statement) ([]string, error) {
	return stmt.Tables, nil
}

// Functions lists the functions that users have defined; see [database.Conn].
func (c *conn) Functions(context.Context) ([]database.Function, error) { return nil, nil }
