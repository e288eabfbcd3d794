package sqlite

import (
	"context"
	"errors"
	"net/url"
	"os"
	"sync"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// conn is a registered SQLite file with the handles opened on it.
type conn struct {
	path    string
	sandbox sandbox
	turns   *database.Turns // one per handle in use

	mu     sync.Mutex // guards what follows
	idle   []*handle
	inUse  map[*handle]struct{}
	closed bool
	users  sync.WaitGroup // of handles; Add only while not closed
}

func newConn(path string, s sandbox) *conn {
	return &conn{
		path: path, sandbox: s,
		turns: database.NewTurns(),
		inUse: map[*handle]struct{}{},
	}
}

// Probe opens the file. It can never write: the file is opened read-only.
func (c *conn) Probe(ctx context.Context) (database.Probe, error) {
	start := time.Now()
	var version string
	err := c.with(ctx, database.ConnectTimeout, func(h *handle) error {
		return h.each("SELECT sqlite_version() FROM (SELECT count(*) FROM sqlite_schema)", func(s *statement) error {
			version = s.text(0)
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

// Query runs one statement. A single statement on a read-only file is its own
// read transaction: it sees one state of the database and ends with its rows.
func (c *conn) Query(ctx context.Context, stmt *sqlguard.Statement, limit database.Limit) (*tool.Table, error) {
	limit = limit.OrDefault()
	var table *tool.Table
	err := c.with(ctx, limit.Timeout, func(h *handle) (err error) {
		table, err = query(h, stmt.SQL, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return table, nil
}

func query(h *handle, sql string, limit database.Limit) (*tool.Table, error) {
	s, err := h.prepare(sql)
	if err != nil {
		return nil, err
	}
	defer s.finalize()
	h.limitValues(longestValue(sql, s.columns()))
	defer h.limitValues(database.MaxResultBytes)
	more, err := s.step()
	if err != nil {
		return nil, err
	}
	shown, columns := describe(s, more)
	table := limit.NewTable(shown)
	encode := func(dst []byte, i int) ([]byte, error) { return appendCell(dst, s, i, columns[i]), nil }
	for rows := 0; more; rows++ {
		if rows == limit.Rows {
			table.MarkCut(tool.RowLimit)
			break
		}
		if fits, err := table.Row(encode); err != nil || !fits {
			return table, err
		}
		if more, err = s.step(); err != nil {
			return nil, err
		}
	}
	return table, nil
}

// Close stops what runs, waits for it and closes every handle.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	for h := range c.inUse {
		h.interrupt()
	}
	idle := c.idle
	c.idle = nil
	c.mu.Unlock()
	for _, h := range idle {
		h.close()
	}
	c.users.Wait()
	return nil
}

// with runs fn on a handle, for at most timeout, and stops it when ctx ends.
func (c *conn) with(ctx context.Context, timeout time.Duration, fn func(*handle) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	h, err := c.acquire(ctx)
	if err != nil {
		return c.classify(ctx, err)
	}
	usable := false // nor is it after a panic
	defer func() { c.release(h, usable) }()
	unwatch := h.watch(ctx)
	err = fn(h)
	unwatch()
	usable = stillUsable(err)
	return c.classify(ctx, err)
}

// stillUsable reports whether a handle can serve again after err. Trouble
// with the file itself may end with opening it anew.
func stillUsable(err error) bool {
	var e *engineError
	if !errors.As(err, &e) {
		return true
	}
	switch e.primary() {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY, lib.SQLITE_NOMEM, lib.SQLITE_MISUSE:
		return false
	default:
		return true
	}
}

// classify knows what the engine does not: why a statement was stopped.
func (c *conn) classify(ctx context.Context, err error) error {
	if e := (*engineError)(nil); errors.As(err, &e) && e.primary() == lib.SQLITE_INTERRUPT && ctx.Err() == nil {
		return errClosed()
	}
	return classify(ctx, err)
}

func errClosed() error { return fault.New(fault.Unavailable, "connection is closed") }

func (c *conn) acquire(ctx context.Context) (*handle, error) {
	if err := c.turns.Take(ctx); err != nil {
		return nil, err
	}
	if err := c.enter(); err != nil {
		c.turns.Give()
		return nil, err
	}
	h := c.takeIdle()
	if h == nil {
		var err error
		if h, err = c.openFile(ctx); err != nil {
			c.users.Done()
			c.turns.Give()
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inUse[h] = struct{}{}
	if c.closed {
		h.interrupt()
	}
	return h, nil
}

func (c *conn) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed()
	}
	c.users.Add(1)
	return nil
}

// takeIdle returns a handle whose file is still the one at the path.
func (c *conn) takeIdle() *handle {
	for {
		c.mu.Lock()
		n := len(c.idle)
		if n == 0 {
			c.mu.Unlock()
			return nil
		}
		h := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		if h.file.current() {
			return h
		}
		h.close()
	}
}

func (c *conn) release(h *handle, usable bool) {
	c.mu.Lock()
	delete(c.inUse, h)
	keep := usable && !c.closed && len(c.idle) < database.MaxIdleConns
	if keep {
		c.idle = append(c.idle, h)
	}
	c.mu.Unlock()
	if !keep {
		h.close()
	}
	c.users.Done()
	c.turns.Give()
}

const openFlags = lib.SQLITE_OPEN_READONLY | lib.SQLITE_OPEN_NOMUTEX | lib.SQLITE_OPEN_NOFOLLOW | lib.SQLITE_OPEN_EXRESCODE

// openFile judges the file and opens it. Between the two its folder could be
// exchanged for a link: the engine follows none in a resolved path, and the
// file is compared again afterwards. The file is only looked at here, never
// opened: closing it would drop the locks that this process has on it.
func (c *conn) openFile(ctx context.Context) (*handle, error) {
	f, err := c.sandbox.find(c.path)
	if err != nil {
		return nil, err
	}
	h, err := openHandle(ctx, f.path, openFlags)
	if needsImmutable(err) && f.atRest() {
		// A write-ahead-log database at rest, in a folder that this process
		// cannot write: SQLite would have to make the log's index. Nobody
		// writes to it now, and current() notices when somebody begins to.
		f.immutable = true
		uri := url.URL{Scheme: "file", Path: f.path, RawQuery: "immutable=1"}
		h, err = openHandle(ctx, uri.String(), openFlags|lib.SQLITE_OPEN_URI)
	}
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(f.path); err != nil || !os.SameFile(info, f.info) {
		h.close()
		return nil, notFound(errors.New("the file was exchanged while it was opened"))
	}
	h.file = f
	return h, nil
}

func needsImmutable(err error) bool {
	var e *engineError
	return errors.As(err, &e) && (e.primary() == lib.SQLITE_CANTOPEN || e.primary() == lib.SQLITE_READONLY)
}

// Relations lists what stmt reads; see [database.Conn].
func (c *conn) Relations(_ context.Context, stmt *sqlguard.Statement) ([]string, error) {
	return stmt.Tables, nil
}

// Functions lists the functions that users have defined; see [database.Conn].
func (c *conn) Functions(context.Context) ([]database.Function, error) { return nil, nil }
