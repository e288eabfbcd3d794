package database

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// MaxPools is how many connections are held open when Pools.Max is not set.
const MaxPools = 256

// Key names a registered connection in one state: Version changes whenever
// its connection string does.
type Key struct{ Tenant, Connection, Version string }

func (k Key) id() poolID { return poolID{k.Tenant, k.Connection} }

type poolID struct{ tenant, connection string }

// Pools keeps one [Conn] per registered connection (contract 3.5, Pools).
// The zero value is ready for use. Pools starts no goroutine of its own that
// outlives a call: CloseIdle is called from outside, now and then.
type Pools struct {
	Now  func() time.Time // nil means time.Now
	Idle time.Duration    // 0 means IdleTimeout
	Max  int              // 0 means MaxPools

	opening flights[Key, *Pooled]

	mu     sync.Mutex // guards what follows
	open   map[poolID]*Pooled
	closed bool
}

// Get returns the connection of key, opening it with open when there is none
// yet. An older version of the same connection is closed as soon as its
// running queries end. Simultaneous calls open once.
func (p *Pools) Get(ctx context.Context, key Key, open func(context.Context) (Conn, error)) (*Pooled, error) {
	if c, err := p.find(key); c != nil || err != nil {
		return c, err
	}
	return p.opening.do(ctx, key, ConnectTimeout, func(ctx context.Context) (*Pooled, error) {
		if c, err := p.find(key); c != nil || err != nil {
			return c, err
		}
		conn, err := open(ctx)
		if err != nil {
			return nil, err
		}
		return p.add(key, conn)
	})
}

func (p *Pools) find(key Key) (*Pooled, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errPoolsClosed()
	}
	c := p.open[key.id()]
	if c == nil || c.version != key.Version {
		return nil, nil
	}
	c.used = p.now()
	return c, nil
}

func (p *Pools) add(key Key, conn Conn) (*Pooled, error) {
	c := &Pooled{conn: conn, version: key.Version, pools: p}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errors.Join(errPoolsClosed(), conn.Close())
	}
	if p.open == nil {
		p.open = map[poolID]*Pooled{}
	}
	c.used = p.now()
	retired := []*Pooled{p.open[key.id()]}
	p.open[key.id()] = c
	if len(p.open) > p.max() {
		retired = append(retired, p.takeOldest(c))
	}
	p.mu.Unlock()
	retireAll(retired)
	return c, nil
}

// takeOldest removes the connection that was used longest ago, sparing keep.
// The caller holds p.mu.
func (p *Pools) takeOldest(keep *Pooled) *Pooled {
	var id poolID
	var oldest *Pooled
	for k, c := range p.open {
		if c != keep && (oldest == nil || c.used.Before(oldest.used)) {
			id, oldest = k, c
		}
	}
	delete(p.open, id)
	return oldest
}

// Drop closes the connection as soon as its running queries end: it was
// changed or removed.
func (p *Pools) Drop(tenant, connection string) {
	p.mu.Lock()
	id := poolID{tenant, connection}
	c := p.open[id]
	delete(p.open, id)
	p.mu.Unlock()
	c.retire()
}

// CloseIdle closes the connections that nobody used for the idle time, unless
// their servers still work.
func (p *Pools) CloseIdle() {
	idle := p.Idle
	if idle <= 0 {
		idle = IdleTimeout
	}
	p.mu.Lock()
	var retired []*Pooled
	for id, c := range p.open {
		if p.now().Sub(c.used) >= idle && !c.busy() {
			retired = append(retired, c)
			delete(p.open, id)
		}
	}
	p.mu.Unlock()
	retireAll(retired)
}

// Close closes every connection, running queries included, and refuses new ones.
func (p *Pools) Close() error {
	p.mu.Lock()
	open := p.open
	p.open, p.closed = nil, true
	p.mu.Unlock()
	var errs []error
	for _, c := range open {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

// Len returns how many connections are open.
func (p *Pools) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

// Usage is that of all open connections together.
func (p *Pools) Usage() (all Usage) {
	p.mu.Lock()
	open := slices.Collect(maps.Values(p.open))
	p.mu.Unlock()
	for _, c := range open {
		all = all.plus(c.conn.Usage())
	}
	return all
}

func (p *Pools) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

func (p *Pools) max() int {
	if p.Max > 0 {
		return p.Max
	}
	return MaxPools
}

func (p *Pools) touch(c *Pooled) {
	p.mu.Lock()
	c.used = p.now()
	p.mu.Unlock()
}

func errPoolsClosed() error { return fault.New(fault.Unavailable, "shutting down") }

func retireAll(conns []*Pooled) {
	for _, c := range conns {
		c.retire()
	}
}

// Pooled is a connection out of [Pools], with its schema cached. It is safe
// for concurrent use and stays usable for calls that have already begun after
// Pools let go of it.
type Pooled struct {
	conn    Conn
	version string
	pools   *Pools
	used    time.Time // guarded by pools.mu

	schemas schemaCache

	mu      sync.Mutex // guards what follows
	running int
	retired bool // closes when running falls to 0
	closed  bool
}

// Query runs an accepted statement. A statement that names something unknown
// drops the cached schema, which evidently misled whoever wrote it.
func (c *Pooled) Query(ctx context.Context, stmt *sqlguard.Statement, limit Limit) (*tool.Table, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	defer c.end()
	table, err := c.conn.Query(ctx, stmt, limit)
	if UnknownObject(err) {
		c.schemas.drop()
	}
	return table, err
}

// Relations lists what an accepted statement reads; see [Conn].
func (c *Pooled) Relations(ctx context.Context, stmt *sqlguard.Statement) ([]string, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	defer c.end()
	return c.conn.Relations(ctx, stmt)
}

// Functions lists the functions that users have defined; see [Conn].
func (c *Pooled) Functions(ctx context.Context) ([]Function, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	defer c.end()
	return c.conn.Functions(ctx)
}

// Describe returns the part of the schema that q asks for, in the forms of
// contract 6.6. The catalogue is read at most every five minutes, once for
// all who wait for it.
func (c *Pooled) Describe(ctx context.Context, q SchemaQuery) (*SchemaText, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	defer c.end()
	cached, err := c.schemas.get(ctx, c.pools.now, c.readSchema)
	if err != nil {
		return nil, err
	}
	return cached.describe(q)
}

// Schema returns the whole cached schema. It is shared: do not change it.
func (c *Pooled) Schema(ctx context.Context) (*Schema, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	defer c.end()
	cached, err := c.schemas.get(ctx, c.pools.now, c.readSchema)
	if err != nil {
		return nil, err
	}
	return cached.schema, nil
}

// readSchema counts as running by itself, because the call that started it may
// give up waiting before others do.
func (c *Pooled) readSchema(ctx context.Context) (*Schema, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	defer c.end()
	return c.conn.Schema(ctx)
}

func (c *Pooled) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fault.New(fault.Unavailable, "the connection was changed, try again")
	}
	c.running++
	return nil
}

// end closes a retired connection after its last call.
func (c *Pooled) end() {
	c.pools.touch(c)
	c.mu.Lock()
	c.running--
	last := c.running == 0 && c.retired
	c.mu.Unlock()
	if last {
		_ = c.close() // nobody is left to tell: the call's own result is complete
	}
}

// busy reports whether calls run, or are over and the server still works for
// them: closing the pool would give their places away.
func (c *Pooled) busy() bool {
	c.mu.Lock()
	running := c.running > 0
	c.mu.Unlock()
	return running || c.conn.Usage().Stuck > 0
}

// retire closes c now or, while calls run, after the last of them.
func (c *Pooled) retire() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.retired = true
	idle := c.running == 0
	c.mu.Unlock()
	if idle {
		_ = c.close() // it was replaced or is not needed: nothing depends on it
	}
}

func (c *Pooled) close() error {
	c.mu.Lock()
	done := c.closed
	c.closed = true
	c.mu.Unlock()
	if done {
		return nil
	}
	return c.conn.Close()
}
