package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// conn implements [database.Conn].
type conn struct {
	target *target
	pool   *pool
	types  *types
	rules  database.Rules
	stored *database.Cached[storedCode]
}

// Close ends the pool; running statements are cancelled in the server.
func (c *conn) Close() error {
	c.pool.close()
	return nil
}

// Usage says how busy the pool is.
func (c *conn) Usage() database.Usage { return c.pool.usage() }

// Query runs stmt; see [database.Conn].
func (c *conn) Query(ctx context.Context, stmt *sqlguard.Statement, limit database.Limit) (*tool.Table, error) {
	if err := c.judge(ctx, stmt); err != nil {
		return nil, err
	}
	limit = limit.OrDefault()
	result := &tableSink{limit: limit}
	if err := c.run(ctx, request{stmt: stmt, limit: limit, types: c.types, sink: result}); err != nil {
		if database.UnknownObject(err) { // the catalogue has changed
			c.stored.Drop()
		}
		return nil, err
	}
	return result.table, nil
}

// catalogue runs one of this package's own statements.
func (c *conn) catalogue(ctx context.Context, sql string, row func(values [][]byte) error) error {
	return c.run(ctx, request{
		stmt:  &sqlguard.Statement{SQL: sql},
		limit: database.Limit{Bytes: maxCatalogueBytes}.OrDefault(),
		types: c.types,
		sink:  rowFunc(row),
	})
}

// maxCatalogueBytes bounds one row of a catalogue, which is one table.
const maxCatalogueBytes = 16 << 20

// maxTries bounds how often a statement is sent: a stale connection, a stale
// prepared statement and a new type may each cost one.
const maxTries = 4

func (c *conn) run(ctx context.Context, r request) error {
	ctx, cancel := context.WithTimeout(ctx, r.limit.Timeout)
	defer cancel()
	started := time.Now()
	var err error
	for range maxTries {
		var again bool
		if again, err = c.try(ctx, r); !again {
			break
		}
	}
	if err != nil {
		return c.queryFault(ctx, err, started, r.limit)
	}
	return nil
}

// try runs the statement on one session and says whether another try is due.
func (c *conn) try(ctx context.Context, r request) (again bool, err error) {
	s, err := c.pool.get(ctx)
	if err != nil {
		return false, err
	}
	defer c.pool.put(s)
	err = s.run(ctx, r)
	if s.direct && len(c.pool.connector.rules.AllowedFunctions) > 0 {
		defer c.renew(s)
	}
	var unknown unknownTypes
	switch {
	case errors.Is(err, errStale):
		c.pool.dropIdle()
		return true, err
	case errors.Is(err, errUnprepared):
		return true, err
	case errors.As(err, &unknown) && !s.broken:
		if failed := c.types.learn(ctx, s, unknown); failed != nil {
			return false, failed
		}
		return true, err
	default:
		return false, err
	}
}

// renew makes a session as new after a call that may have run users' functions.
func (c *conn) renew(s *session) {
	if s.broken {
		return
	}
	ctx, cancel := context.WithTimeout(c.pool.life, c.target.connectTimeout)
	defer cancel()
	s.renew(ctx)
}

// tableSink encodes rows into a [tool.Table].
type tableSink struct {
	limit  database.Limit
	table  *tool.Table
	shape  *shape
	values [][]byte
	cell   func(dst []byte, column int) ([]byte, error)
}

func (k *tableSink) start(s *shape) {
	k.shape = s
	k.table = k.limit.NewTable(s.columns)
	k.cell = k.encode
}

func (k *tableSink) encode(dst []byte, column int) ([]byte, error) {
	value := k.values[column]
	if value == nil {
		return append(dst, "null"...), nil
	}
	return k.shape.encoders[column](dst, value), nil
}

func (k *tableSink) row(values [][]byte) (bool, error) {
	if k.table.Len() >= k.limit.Rows {
		k.table.MarkCut(tool.RowLimit)
		return false, nil
	}
	k.values = values
	return k.table.Row(k.cell)
}

// tooLong cuts the result before the row, as [tool.Table.Row] would have.
func (k *tableSink) tooLong() error {
	k.table.MarkCut(tool.ByteCut)
	return nil
}

// rowFunc is a sink for this package's own statements.
type rowFunc func(values [][]byte) error

func (rowFunc) start(*shape) {}

func (f rowFunc) row(values [][]byte) (bool, error) {
	err := f(values)
	return err == nil, err
}

func (rowFunc) tooLong() error { return errors.New("row of the catalogue is too long") }
