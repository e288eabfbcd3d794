package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
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
	runs   *closure

	life context.Context // ends with Close
	end  context.CancelFunc

	mu      sync.Mutex // guards closed, and running's first step
	closed  bool
	running sync.WaitGroup
}

// newConn returns a Conn with the pool of contract 3.5.
func newConn(t *target, env database.Env, g guards) *conn {
	c := &conn{
		target: t,
		pool:   sql.OpenDB(newConnector(t, env)),
		turns:  database.NewTurns(),
		guards: g.under(env.Rules),
		runs:   newClosure(t.Database, env.Rules),
	}
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
func (c *conn) Usage() database.Usage {
	u := c.turns.Usage(c.pool.Stats().OpenConnections)
	u.Open += u.Stuck // their sessions have left the pool
	return u
}

// Query runs stmt; see [database.Conn].
func (c *conn) Query(ctx context.Context, stmt *sqlguard.Statement, limit database.Limit) (*tool.Table, error) {
	limit = limit.OrDefault()
	result := &tableSink{limit: limit}
	r := request{stmt: stmt, limits: limitsOf(limit), bytes: limit.Bytes, sink: result}
	if err := c.run(ctx, r.limits.timeout, c.judged(r)); err != nil {
		if database.UnknownObject(err) {
			c.runs.drop()
		}
		return nil, err
	}
	return result.table, nil
}

// catalogue runs one of this package's own statements.
func (c *conn) catalogue(ctx context.Context, query string, row func(values []string) error) error {
	l := limits{rows: noRowLimit, timeout: database.QueryTimeout}
	r := request{stmt: &sqlguard.Statement{SQL: query}, limits: l, bytes: maxCatalogueRow, sink: &catalogueSink{each: row}}
	return c.run(ctx, l.timeout, func(ctx context.Context, s *session) error { return s.run(ctx, r) })
}

// maxCatalogueRow bounds one row of a catalogue.
const maxCatalogueRow = 1 << 20

// task is what a call does with a session.
type task func(context.Context, *session) error

func (c *conn) run(ctx context.Context, timeout time.Duration, do task) error {
	if err := c.begin(); err != nil {
		return err
	}
	defer c.running.Done()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	if err := c.runInTurn(ctx, do); err != nil {
		return c.queryFault(ctx, err)
	}
	return nil
}

// runInTurn does the task, and does it again as long as idle connections turn
// out to have died.
func (c *conn) runInTurn(ctx context.Context, do task) error {
	err := c.turns.Take(ctx)
	if err != nil {
		return err
	}
	var used *session
	for range database.MaxOpenConns + 1 {
		if used, err = c.try(ctx, do); !errors.Is(err, errStale) {
			break
		}
	}
	if used == nil || !used.works.Load() {
		c.turns.Give()
		return err
	}
	c.holdUntilOver(used)
	if err != nil {
		err = errors.Join(database.ErrStillWorking, err)
	}
	return err
}

// try does the task on one session, and returns that too.
func (c *conn) try(ctx context.Context, do task) (used *session, err error) {
	pooled, err := c.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	err = pooled.Raw(func(inner any) error {
		s, ok := inner.(*session)
		if !ok {
			return fmt.Errorf("mysql: pool of %T", inner)
		}
		used = s
		c.runs.product.Store(&s.product)
		return do(ctx, s)
	})
	_ = pooled.Close() // gives the session back, or closes it when it is broken
	return used, err
}

// judged is the task of a user's statement: judged once more, for the server
// and the database at hand, and run.
func (c *conn) judged(r request) task {
	return func(ctx context.Context, s *session) error {
		stmt, err := c.guards.recheck(s.product.flavour, r.stmt)
		if err != nil {
			return err
		}
		total, err := c.runs.judge(ctx, s.product, s.fetch, stmt)
		if err != nil {
			return err
		}
		r.stmt, r.stored = stmt, total.stored
		return s.run(ctx, r)
	}
}

// Relations lists what stmt reads; see [database.Conn].
func (c *conn) Relations(ctx context.Context, stmt *sqlguard.Statement) ([]string, error) {
	total, ok, err := c.runs.known(ctx, stmt)
	switch {
	case !ok:
		err = c.run(ctx, database.QueryTimeout, func(ctx context.Context, s *session) (err error) {
			total, err = c.runs.judge(ctx, s.product, s.fetch, stmt)
			return err
		})
	case err != nil:
		err = c.queryFault(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(total.relations)), nil
}

// Functions lists the functions that users have defined; see [database.Conn].
func (c *conn) Functions(ctx context.Context) (found []database.Function, err error) {
	err = c.run(ctx, database.QueryTimeout, func(ctx context.Context, s *session) error {
		routines, err := readRoutines(ctx, s.fetch, c.target.Database)
		found = slices.SortedFunc(maps.Values(routines), func(a, b database.Function) int {
			return strings.Compare(a.Signature, b.Signature)
		})
		return err
	})
	return found, err
}
