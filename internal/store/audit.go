package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
)

// AuditRecord is a stored audit event (contract 3.6).
type AuditRecord struct {
	ID        string
	User      identity.UserID // empty when unknown or deleted since
	UserEmail string          // stays when the user is deleted
	Event     string
	IP        string
	Metadata  json.RawMessage
	CreatedAt time.Time
}

// AppendAudit stores events durably, in one commit, each at the head of its
// tenant's hash chain. An event that cannot be stored at all makes the batch
// fail with an Invalid fault; other kinds say that the database failed.
func (d *DB) AppendAudit(ctx context.Context, events []audit.Event) error {
	err := d.inTx(ctx, func(tx *sql.Tx) error { return d.appendAudit(ctx, tx, events) })
	return d.fault("append audit", err)
}

// appendAudit stores events inside a transaction.
func (d *DB) appendAudit(ctx context.Context, tx *sql.Tx, events []audit.Event) error {
	if len(events) == 0 {
		return nil
	}
	return fmt.Errorf("append audit: not written")
}

// AuditRecords lists a tenant's events, newest first. With prefixes, an event
// is listed when its name begins with any of them, taken literally.
func (s Scope) AuditRecords(ctx context.Context, prefixes []string, page Page) ([]AuditRecord, error) {
	return nil, nil
}

// VerifyAudit walks a tenant's hash chain, "" being the chain of the events
// without a tenant, and returns how many records it holds. A broken chain is a
// Conflict that names the first bad record.
func (d *DB) VerifyAudit(ctx context.Context, t identity.TenantID) (int64, error) {
	return 0, nil
}

// AuditChains lists the tenants that have a hash chain, "" among them when
// there are events without a tenant.
func (d *DB) AuditChains(ctx context.Context) ([]identity.TenantID, error) {
	return nil, nil
}

// PurgeAudit removes all records older than before, oldest first, in bounded
// transactions. The rest of each chain stays verifiable.
func (d *DB) PurgeAudit(ctx context.Context, before time.Time) (int64, error) {
	return 0, nil
}
