package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// errUnrecorded is a bug in the caller: it changed something without saying so.
var errUnrecorded = errors.New("changed without an audit record")

// Tx is a change of one tenant's rows in progress. It is used by one goroutine
// and dead after Write returned.
type Tx struct {
	db      *DB
	q       *db.Queries
	tenant  string
	now     time.Time
	changed bool
	events  []audit.Event
}

// Record adds an audit event that is committed with the change. The event's
// tenant is set to the scope's, its time when it has none.
func (tx *Tx) Record(e audit.Event) { tx.events = append(tx.events, e) }

// Now is the one time of this transaction.
func (tx *Tx) Now() time.Time { return tx.now }

// Write runs fn in one transaction with the audit events that it records. When
// fn fails, when it changed something and recorded nothing, or when a record
// cannot be stored, nothing is stored at all. fn must not keep tx.
func (s Scope) Write(ctx context.Context, fn func(tx *Tx) error) error {
	return s.db.transact(ctx, s.tenant, fn)
}

func (d *DB) transact(ctx context.Context, tenant string, fn func(tx *Tx) error) error {
	var events []audit.Event
	var links []link
	err := d.inTx(ctx, func(sqlTx *sql.Tx) error {
		tx := &Tx{db: d, q: db.New(sqlTx), tenant: tenant, now: d.now().UTC().Truncate(time.Microsecond)}
		if err := fn(tx); err != nil {
			return err
		}
		if tx.changed && len(tx.events) == 0 {
			return errUnrecorded
		}
		events = tx.finish()
		var err error
		if links, err = d.linksOf(events); err != nil {
			return err
		}
		return d.append(ctx, sqlTx, links)
	})
	if err != nil {
		return d.fault("write", err)
	}
	d.appended(links)
	for _, e := range events {
		d.stored(e)
	}
	return nil
}

// finish completes the recorded events.
func (tx *Tx) finish() []audit.Event {
	for i := range tx.events {
		tx.events[i].Tenant = tx.tenantID()
		if tx.events[i].At.IsZero() {
			tx.events[i].At = tx.now
		}
	}
	return tx.events
}

// inTx runs fn in a transaction of the writer.
func (d *DB) inTx(ctx context.Context, fn func(*sql.Tx) error) error {
	defer d.wrote()
	return inTx(ctx, d.write, fn)
}

func inTx(ctx context.Context, pool *sql.DB, fn func(*sql.Tx) error) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// Also when fn panics: SQLite has only one writer to lose.
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}
