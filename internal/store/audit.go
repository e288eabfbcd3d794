package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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
	filters := []auditFilter{{}}
	if len(prefixes) > 0 && !slices.Contains(prefixes, "") {
		families, err := s.db.reads.AuditFamilies(ctx, s.tenant)
		if err != nil {
			return nil, s.db.fault("audit families", err)
		}
		filters = auditFilters(prefixes, families)
	}
	if len(filters) == 0 {
		return []AuditRecord{}, nil
	}
	text, args := auditList(s.tenant, filters, page)
	records, err := s.db.auditRecords(ctx, text, args)
	return records, s.db.fault("list audit", err)
}

func (d *DB) auditRecords(ctx context.Context, text string, args []any) ([]AuditRecord, error) {
	rows, err := d.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err below says what went wrong
	records := []AuditRecord{}
	for rows.Next() {
		var r AuditRecord
		var metadata string
		var at int64
		if err := rows.Scan(&r.ID, &r.User, &r.UserEmail, &r.Event, &r.IP, &metadata, &at); err != nil {
			return nil, err
		}
		r.Metadata, r.CreatedAt = json.RawMessage(metadata), moment(at)
		records = append(records, r)
	}
	return records, rows.Err()
}

// auditFilter is one family of events, or every family when it is empty, with
// the prefixes to look for in it, none for the whole family.
type auditFilter struct {
	family   string
	prefixes []string
}

// auditFilters says which of the families that exist hold events with one of
// the prefixes. Families make a rare event cheap to find among many others.
func auditFilters(prefixes, families []string) []auditFilter {
	var filters []auditFilter
	for _, family := range families {
		whole, within := false, []string(nil)
		for _, p := range prefixes {
			switch {
			case strings.HasPrefix(family, p):
				whole = true
			case strings.HasPrefix(p, family+"."):
				within = append(within, p)
			}
		}
		switch {
		case whole:
			filters = append(filters, auditFilter{family: family})
		case len(within) > 0:
			filters = append(filters, auditFilter{family: family, prefixes: within})
		}
	}
	return filters
}

// auditList builds the one query whose conditions vary in number: the newest
// records of each filter, then the newest of those.
func auditList(tenant string, filters []auditFilter, page Page) (text string, args []any) {
	limit, offset := page.bounds()
	args = []any{tenant, limit, offset, int64(limit) + int64(offset)}
	place := func(value string) string {
		args = append(args, value)
		return fmt.Sprintf("CAST($%d AS TEXT)", len(args))
	}
	parts := make([]string, len(filters))
	for i, f := range filters {
		var where strings.Builder
		where.WriteString("tenant_id = $1")
		if f.family != "" {
			where.WriteString(" AND family = " + place(f.family))
		}
		if len(f.prefixes) > 0 {
			where.WriteString(" AND (" + anyPrefix(f.prefixes, place) + ")")
		}
		parts[i] = fmt.Sprintf("SELECT * FROM (SELECT tenant_id, id, user_id, user_email, event, ip_address, metadata, created_at "+
			"FROM audit_logs WHERE %s ORDER BY created_at DESC, id DESC LIMIT $4) f%d", &where, i)
	}
	return "SELECT a.id, coalesce(u.id, ''), a.user_email, a.event, a.ip_address, a.metadata, a.created_at " +
		"FROM (" + strings.Join(parts, " UNION ALL ") + ") a " +
		"LEFT JOIN users u ON u.tenant_id = a.tenant_id AND u.id = a.user_id " +
		"ORDER BY a.created_at DESC, a.id DESC LIMIT $2 OFFSET $3", args
}

// anyPrefix compares text, not patterns, so that % and _ mean themselves.
func anyPrefix(prefixes []string, place func(string) string) string {
	conditions := make([]string, len(prefixes))
	for i, p := range prefixes {
		at := place(p)
		conditions[i] = fmt.Sprintf("substr(event, 1, length(%s)) = %s", at, at)
	}
	return strings.Join(conditions, " OR ")
}
