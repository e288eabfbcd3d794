package sqlite

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// conn is a registered SQLite file with the workers that have it open.
type conn struct {
	path    string
	sandbox sandbox
	command Command
	turns   *database.Turns // one per worker in use
	told    relationsCache

	mu      sync.Mutex // guards what follows
	idle    []*worker
	inUse   map[*worker]context.CancelFunc
	trimmer *time.Timer // runs while more are idle than may stay
	closed  bool
	users   sync.WaitGroup // of workers; Add only while not closed
}

func newConn(path string, s sandbox, command Command) *conn {
	return &conn{
		path: path, sandbox: s, command: command,
		turns: database.NewTurns(),
		inUse: map[*worker]context.CancelFunc{},
	}
}

// Probe opens the file. It can never write: the file is opened read-only.
func (c *conn) Probe(ctx context.Context) (database.Probe, error) {
	start := time.Now()
	var version string
	err := c.with(ctx, database.ConnectTimeout, func(w *worker) error {
		return w.each("SELECT sqlite_version() FROM (SELECT count(*) FROM sqlite_schema)", func(r row) error {
			version = r.text(0)
			return nil
		})
	})
	if err != nil {
		return database.Probe{}, err
	}
	return database.Probe{Latency: time.Since(start), ServerVersion: version}, nil
}

// Usage says how busy the pool is.
func (c *conn) Usage() database.Usage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turns.Usage(len(c.idle) + len(c.inUse))
}

// Query runs one statement. It fails when Relations was asked about the
// statement and its answer is no longer true.
func (c *conn) Query(ctx context.Context, stmt *sqlguard.Statement, limit database.Limit) (*tool.Table, error) {
	limit = limit.OrDefault()
	known, _ := c.told.find(stmt.SQL)
	var table *tool.Table
	err := c.with(ctx, limit.Timeout, func(w *worker) (err error) {
		table, err = w.query(stmt.SQL, known.identity, limit)
		return err
	})
	if err != nil {
		if e := (*protocol.Error)(nil); errors.As(err, &e) && e.Code == protocol.CodeChanged {
			c.told.drop()
		}
		return nil, err
	}
	return table, nil
}

// Relations lists what stmt reads; see [database.Conn]. The list belongs to
// the cache: it must not be changed.
func (c *conn) Relations(ctx context.Context, stmt *sqlguard.Statement) ([]string, error) {
	if known, ok := c.told.find(stmt.SQL); ok {
		return known.names, nil
	}
	var found relations
	err := c.with(ctx, database.QueryTimeout, func(w *worker) (err error) {
		found, err = w.relations(stmt.SQL)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.told.keep(stmt.SQL, found)
	return found.names, nil
}

// Functions lists the functions that users have defined; see [database.Conn].
func (c *conn) Functions(context.Context) ([]database.Function, error) { return nil, nil }

// Close stops what runs, waits for it and ends every worker.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	for _, stop := range c.inUse {
		stop()
	}
	if c.trimmer != nil {
		c.trimmer.Stop()
	}
	idle := c.idle
	c.idle = nil
	c.mu.Unlock()
	c.endAll(idle)
	c.users.Wait()
	return nil
}
