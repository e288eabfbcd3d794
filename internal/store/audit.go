package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
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
