package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// AppendAudit stores events durably, in one commit, each at the head of its
// tenant's hash chain. An event that cannot be stored at all makes the batch
// fail with an Invalid fault; other kinds say that the database failed.
func (d *DB) AppendAudit(ctx context.Context, events []audit.Event) error {
	err := d.inTx(ctx, func(tx *sql.Tx) error { return d.appendAudit(ctx, tx, events) })
	return d.fault("append audit", err)
}

// appendAudit stores events inside a transaction. Heads are locked in the
// order of their tenants, so that two writers cannot wait for each other.
func (d *DB) appendAudit(ctx context.Context, tx *sql.Tx, events []audit.Event) error {
	chains, err := chainsOf(events)
	if err != nil {
		return err
	}
	q := db.New(tx)
	var rows []db.AuditLog
	for _, tenant := range slices.Sorted(maps.Keys(chains)) {
		linked, err := link(ctx, q, tenant, chains[tenant])
		if err != nil {
			return err
		}
		rows = append(rows, linked...)
	}
	return d.insertAudit(ctx, tx, rows)
}

// chainsOf turns events into unlinked rows by tenant, in their order.
func chainsOf(events []audit.Event) (map[string][]db.AuditLog, error) {
	chains := map[string][]db.AuditLog{}
	for _, e := range events {
		row, err := auditRow(e)
		if err != nil {
			return nil, err
		}
		chains[row.TenantID] = append(chains[row.TenantID], row)
	}
	return chains, nil
}

// auditRow encodes an event. Texts come from callers too: what PostgreSQL
// cannot store is replaced, because a record with a scar is better than none.
func auditRow(e audit.Event) (db.AuditLog, error) {
	metadata, err := json.Marshal(e.Document())
	switch {
	case err != nil:
		return db.AuditLog{}, fault.Wrap(fault.Invalid, fmt.Errorf("metadata of %s: %w", e.Name, err), "Audit metadata cannot be encoded")
	case e.Name == "" || len(e.Name) > audit.MaxEventName:
		return db.AuditLog{}, fault.New(fault.Invalid, "Invalid audit event name")
	}
	return db.AuditLog{
		TenantID: storable(string(e.Tenant)), ID: newID(), UserID: storable(string(e.User)), UserEmail: storable(e.UserEmail),
		Event: storable(e.Name), IpAddress: storable(e.IP), Metadata: string(metadata), CreatedAt: micros(e.At),
	}, nil
}

func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// link puts rows at the head of a tenant's chain, which stays locked until the
// transaction ends.
func link(ctx context.Context, q *db.Queries, tenant string, rows []db.AuditLog) ([]db.AuditLog, error) {
	head, err := q.LockAuditHead(ctx, tenant)
	if err != nil {
		return nil, err
	}
	seq, hash := head.Seq, head.Hash
	for i := range rows {
		seq++
		rows[i].Seq, rows[i].PrevHash = seq, hash
		hash = auditHash(rows[i])
		rows[i].Hash = hash
	}
	return rows, q.SetAuditHead(ctx, db.SetAuditHeadParams{TenantID: tenant, Seq: seq, Hash: hash})
}

// auditInsert is the INSERT of so many rows.
type auditInsert struct {
	rows int
	text string
}

// auditInserts are the statements that insertAudit is made of: few sizes, so
// that they stay prepared, largest first.
func auditInserts() []auditInsert {
	var inserts []auditInsert
	for _, rows := range []int{64, 8, 1} {
		inserts = append(inserts, auditInsert{rows: rows, text: insertAuditText(rows)})
	}
	return inserts
}

// insertAudit stores linked rows in few statements.
func (d *DB) insertAudit(ctx context.Context, tx *sql.Tx, rows []db.AuditLog) error {
	for _, insert := range d.auditInserts {
		for ; len(rows) >= insert.rows; rows = rows[insert.rows:] {
			args := make([]any, 0, insert.rows*auditColumns)
			for _, r := range rows[:insert.rows] {
				args = append(args, r.TenantID, r.Seq, r.ID, r.UserID, r.UserEmail, r.Event, r.IpAddress, r.Metadata,
					r.PrevHash, r.Hash, r.CreatedAt)
			}
			if _, err := tx.ExecContext(ctx, insert.text, args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// auditColumns is the number of columns that an insert fills.
const auditColumns = 11

// insertAuditText is the INSERT of so many rows, which sqlc cannot express.
func insertAuditText(rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO audit_logs (tenant_id, seq, id, user_id, user_email, event, ip_address, metadata, " +
		"prev_hash, hash, created_at) VALUES ")
	for row := range rows {
		if row > 0 {
			b.WriteString(", ")
		}
		for column := range auditColumns {
			fmt.Fprintf(&b, "%c$%d", separator(column), row*auditColumns+column+1)
		}
		b.WriteByte(')')
	}
	return b.String()
}

func separator(column int) byte {
	if column == 0 {
		return '('
	}
	return ','
}

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

// AuditRecords lists a tenant's events, newest first. With prefixes, an event
// is listed when its name begins with any of them, taken literally. A user
// that was deleted since is left out of its records here: the records
// themselves are never touched.
func (s Scope) AuditRecords(ctx context.Context, prefixes []string, page Page) ([]AuditRecord, error) {
	text, args := auditList(s.tenant, prefixes, page)
	rows, err := s.db.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, s.db.fault("list audit", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err below says what went wrong
	records := []AuditRecord{}
	for rows.Next() {
		var r AuditRecord
		var metadata string
		var at int64
		if err := rows.Scan(&r.ID, &r.User, &r.UserEmail, &r.Event, &r.IP, &metadata, &at); err != nil {
			return nil, s.db.fault("list audit", err)
		}
		r.Metadata, r.CreatedAt = json.RawMessage(metadata), moment(at)
		records = append(records, r)
	}
	return records, s.db.fault("list audit", rows.Err())
}

// auditList builds the one query whose conditions vary in number.
func auditList(tenant string, prefixes []string, page Page) (text string, args []any) {
	limit, offset := page.bounds()
	args = []any{tenant, limit, offset}
	var any []string
	for _, p := range prefixes {
		args = append(args, p)
		any = append(any, fmt.Sprintf("substr(a.event, 1, length(CAST($%d AS TEXT))) = $%d", len(args), len(args)))
	}
	var filter string
	if len(any) > 0 {
		filter = " AND (" + strings.Join(any, " OR ") + ")"
	}
	return "SELECT a.id, coalesce(u.id, ''), a.user_email, a.event, a.ip_address, a.metadata, a.created_at " +
		"FROM audit_logs a LEFT JOIN users u ON u.tenant_id = a.tenant_id AND u.id = a.user_id " +
		"WHERE a.tenant_id = $1" + filter +
		" ORDER BY a.created_at DESC, a.id DESC LIMIT $2 OFFSET $3", args
}
