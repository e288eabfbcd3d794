package mssql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// conn implements [database.Conn] over a pool of database/sql.
type conn struct {
	target  *target
	rules   database.Rules
	allowed map[string]string // hashes of listed functions by signature
	pool    *sql.DB
	turns   *database.Turns
	objects *database.Cached[objects]

	life context.Context // ends with the pool; stops what runs
	end  context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

func newConn(t *target, env database.Env) *conn {
	c := &conn{
		target: t, rules: env.Rules, allowed: map[string]string{}, objects: database.NewCached[objects](time.Now),
		pool: sql.OpenDB(&connector{target: t, dialer: env.Dialer}), turns: database.NewTurns(),
	}
	for _, f := range env.Rules.AllowedFunctions {
		c.allowed[f.Signature] = f.Hash
	}
	c.pool.SetMaxOpenConns(database.MaxOpenConns)
	c.pool.SetMaxIdleConns(database.MaxIdleConns)
	c.pool.SetConnMaxIdleTime(database.IdleTimeout)
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// Close ends the pool; running statements are cancelled in the server.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.end()
	err := c.pool.Close()
	c.running.Wait()
	return err
}

// enter counts a caller in; it fails once the pool is closed.
func (c *conn) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed()
	}
	c.running.Add(1)
	return nil
}

func errClosed() error {
	return fault.New(fault.Unavailable, "connection is closed")
}

// Usage says how busy the pool is.
func (c *conn) Usage() database.Usage {
	return c.turns.Usage(c.pool.Stats().OpenConnections)
}

// Query runs stmt; see [database.Conn].
func (c *conn) Query(ctx context.Context, stmt *sqlguard.Statement, limit database.Limit) (*tool.Table, error) {
	limit = limit.OrDefault()
	verdict, err := c.judge(ctx, stmt)
	if err != nil {
		return nil, err
	}
	result := &tableSink{limit: limit}
	err = c.run(ctx, request{sql: stmt.SQL, limit: limit, sink: result, unclean: verdict.ranFunctions})
	if database.UnknownObject(err) {
		c.objects.Drop()
	}
	if err != nil {
		return nil, err
	}
	return result.table, nil
}

// Relations lists what stmt reads; see [database.Conn].
func (c *conn) Relations(ctx context.Context, stmt *sqlguard.Statement) ([]string, error) {
	verdict, err := c.judge(ctx, stmt)
	return verdict.relations, err
}

// catalogue runs one of this package's own batches; set counts its result sets.
func (c *conn) catalogue(ctx context.Context, batch string, row func(set int, values []driver.Value) error) error {
	return c.run(ctx, request{
		sql:      batch,
		limit:    database.Limit{Bytes: maxCatalogueBytes}.OrDefault(),
		sink:     &rowSink{take: row},
		manySets: true,
	})
}

// maxCatalogueBytes bounds a catalogue.
const maxCatalogueBytes = 16 << 20

func (c *conn) run(ctx context.Context, r request) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.running.Done()
	ctx, cancel := context.WithTimeout(ctx, r.limit.Timeout)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	if err := c.runInTurn(ctx, r); err != nil {
		return c.queryFault(ctx, err)
	}
	return nil
}

// runInTurn runs the request beside the caller, who leaves when the server does
// not confirm a cancellation: the place in the pool is held until the server
// has ended the work or the connection, so that nobody's calls pile up in it.
func (c *conn) runInTurn(ctx context.Context, r request) error {
	if err := c.turns.Take(ctx); err != nil {
		return err
	}
	r.life, r.caller = c.life, new(caller)
	c.running.Add(1)
	done := make(chan error, 1)
	go func() {
		defer c.running.Done()
		defer c.turns.Give()
		defer r.caller.endWork()
		done <- c.runAlive(ctx, r)
	}()
	return c.await(ctx, r.caller, done)
}

func (c *conn) runAlive(ctx context.Context, r request) error {
	// The driver gives a connection up after a deadline, though the server has
	// confirmed the cancellation; not after a cancelled context.
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	return c.runPooled(alive, r)
}

func (c *conn) runPooled(ctx context.Context, r request) error {
	pooled, err := c.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer pooled.Close()
	return pooled.Raw(func(made any) error {
		s, ok := made.(*session)
		if !ok {
			return errors.New("mssql: session of another driver")
		}
		return s.run(ctx, r)
	})
}

// request is one text to run.
type request struct {
	sql      string
	limit    database.Limit
	sink     sink
	manySets bool // the text is this package's own and has several results
	unclean  bool // it may leave something in the session
	life     context.Context
	caller   *caller
}

// sink takes a result. start is called before the rows of each result set; a
// row's values are only valid during the call, and false ends the statement.
// cut says what becomes of a result that outgrew the wire, and whether it is
// still one.
type sink interface {
	start(set int, columns []column) error
	row(values []driver.Value) (more bool, err error)
	cut() bool
}

// allowance is what the server may send for the result. The wire holds up to
// three times the bytes of the JSON: two for a character, more for an empty
// value of an old text type.
func (r request) allowance() int64 { return 4*int64(r.limit.Bytes) + controlBytes }

// tooLong cuts the result before the row that did not fit, as [tool.Table.Row]
// would have done.
func (r request) tooLong(err error) error {
	if err == nil || r.sink.cut() {
		return nil
	}
	return errors.Join(errFlood, err)
}

// tableSink encodes rows into a [tool.Table].
type tableSink struct {
	limit   database.Limit
	table   *tool.Table
	columns []column
	values  []driver.Value
	cell    func(dst []byte, column int) ([]byte, error)
}

func (k *tableSink) start(_ int, columns []column) error {
	shown := make([]tool.Column, len(columns))
	for i, c := range columns {
		shown[i] = tool.Column{Name: c.name, Type: c.typ}
	}
	k.columns, k.table, k.cell = columns, k.limit.NewTable(shown), k.encode
	return nil
}

func (k *tableSink) encode(dst []byte, i int) ([]byte, error) {
	if k.values[i] == nil {
		return append(dst, "null"...), nil
	}
	return k.columns[i].encode(dst, k.values[i]), nil
}

func (k *tableSink) row(values []driver.Value) (bool, error) {
	if k.table.Len() >= k.limit.Rows {
		k.table.MarkCut(tool.RowLimit)
		return false, nil
	}
	k.values = values
	return k.table.Row(k.cell)
}

func (k *tableSink) cut() bool {
	if k.table == nil {
		return false
	}
	if k.table.Cut() == tool.NotCut {
		k.table.MarkCut(tool.ByteCut)
	}
	return true
}

// rowSink takes the results of this package's own batches.
type rowSink struct {
	set  int
	take func(set int, values []driver.Value) error
}

func (k *rowSink) start(set int, _ []column) error {
	k.set = set
	return nil
}

func (k *rowSink) row(values []driver.Value) (bool, error) {
	err := k.take(k.set, values)
	return err == nil, err
}

func (k *rowSink) cut() bool { return false }
