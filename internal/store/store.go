// Package store is the gateway's own database: SQLite or PostgreSQL, from one
// SQL text (contract 12). Rows of a tenant are reached only through
// [DB.Tenant], and changed only in [Scope.Write], which stores the change and
// its audit records together or not at all.
package store

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// Options are optional; their zero value works.
type Options struct {
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// MaxConns bounds the connections to PostgreSQL and the readers of SQLite.
	MaxConns int
	// Stored is told about every audit event that a Write committed. Events
	// that went through audit.Log are reported by the log itself.
	Stored func(audit.Event)
	// Signer authenticates the audit log. Without one, records are chained by
	// plain hashes, which whoever may write the database can make again.
	Signer *seal.Signer
	// Ring seals the statements that audit records keep in full. Without one
	// they are not kept.
	Ring *seal.Ring
}

// DB is the gateway's database. It is safe for concurrent use.
type DB struct {
	engine engine
	write  *sql.DB // on SQLite the one writer
	read   *sql.DB // on PostgreSQL the same pool as write
	reads  *db.Queries
	now    func() time.Time
	stored func(audit.Event)

	auditInserts []auditInsert
	chain        chainKeys
	ring         *seal.Ring
	heads        heads

	writes        atomic.Uint64 // see recent
	recentUsers   recent[Live]
	recentKeys    recent[LiveKey]
	recentSession recent[LiveSession]
	recentFamily  recent[liveFamily]
}

// Open opens the database at url: sqlite:///relative/path, sqlite:////absolute/path
// or postgres://… (contract 11, DATABASE_URL). A SQLite file is created with
// mode 0600 in a folder that is made when missing. Open does not migrate.
func Open(ctx context.Context, url string, opts Options) (*DB, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Stored == nil {
		opts.Stored = func(audit.Event) {}
	}
	if opts.MaxConns <= 0 {
		opts.MaxConns = max(8, 4*runtime.GOMAXPROCS(0))
	}
	d := &DB{now: opts.Now, stored: opts.Stored, auditInserts: auditInserts(), chain: chainKeys{opts.Signer}, ring: opts.Ring}
	if err := d.open(ctx, url, opts.MaxConns); err != nil {
		return nil, err
	}
	if err := d.Ping(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *DB) open(ctx context.Context, url string, conns int) error {
	if path, ok := sqlitePath(url); ok {
		return d.openSQLite(path, conns)
	}
	return d.openPostgres(ctx, url, conns)
}

// Close closes all connections, after the statements in progress.
func (d *DB) Close() error {
	if d.read == d.write {
		return d.write.Close()
	}
	return errors.Join(d.read.Close(), d.write.Close())
}

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.read.PingContext(ctx); err != nil {
		return d.fault("ping", err)
	}
	return nil
}

// Tenant returns the door to the rows of one tenant.
func (d *DB) Tenant(id identity.TenantID) Scope { return Scope{db: d, tenant: string(id)} }

// Scope reaches the rows of one tenant and of no other.
type Scope struct {
	db     *DB
	tenant string
}

// Page is a cut of a list.
type Page struct{ Skip, Limit int }

// maxPage bounds what one list call reads.
const maxPage = 10_000

// bounds returns limit and offset as the queries take them.
func (p Page) bounds() (limit, offset int32) {
	if p.Limit <= 0 || p.Limit > maxPage {
		p.Limit = maxPage
	}
	return int32(p.Limit), int32(min(max(p.Skip, 0), 1<<31-1))
}

// micros is how times are stored: microseconds in UTC, 0 for no time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment reads a stored time.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// role reads a stored role. An unknown text is None, which may do nothing.
func role(s string) identity.Role {
	r, err := identity.ParseRole(s)
	if err != nil {
		return identity.None
	}
	return r
}
