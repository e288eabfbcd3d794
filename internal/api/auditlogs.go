package api

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// auditOut is AuditLogEntry of contract 3.6.
type auditOut struct {
	ID        string           `json:"id"`
	User      *identity.UserID `json:"user_id"`
	UserEmail *string          `json:"user_email"`
	Event     string           `json:"event"`
	IP        *string          `json:"ip_address"`
	Metadata  json.RawMessage  `json:"metadata"`
	CreatedAt time.Time        `json:"created_at"`
}

func outAudit(r store.AuditRecord) auditOut {
	out := auditOut{
		ID: r.ID, UserEmail: textOrNull(r.UserEmail), Event: r.Event, IP: textOrNull(r.IP),
		Metadata: r.Metadata, CreatedAt: r.CreatedAt,
	}
	if r.User != "" {
		out.User = &r.User
	}
	if len(r.Metadata) == 0 {
		out.Metadata = json.RawMessage("null")
	}
	return out
}

// maxPrefixes bounds the conditions that one list may hold; the admin UI sends
// three at most.
const maxPrefixes = 100

func (s *server) listAudit(ctx context.Context, c *call) ([]auditOut, error) {
	prefix, err := c.text("event_prefix")
	if err != nil {
		return nil, err
	}
	if len(prefixes(prefix)) > maxPrefixes {
		return nil, httpx.Invalid(httpx.BadValue(nil, "at most 100 prefixes are looked for", "query", "event_prefix"))
	}
	return s.readAudit(ctx, c, prefix)
}

// queryHistory lists what was asked in natural language.
func (s *server) queryHistory(ctx context.Context, c *call) ([]auditOut, error) {
	return s.readAudit(ctx, c, "query.success,query.failure")
}

// readAudit lists records, and leaves one of having done so before they go out.
func (s *server) readAudit(ctx context.Context, c *call, commaList string) ([]auditOut, error) {
	page, err := c.page(auditDefault, auditCap)
	if err != nil {
		return nil, err
	}
	records, err := c.scope().AuditRecords(ctx, prefixes(commaList), page)
	if err != nil {
		return nil, err
	}
	read := c.event(c.route.event, map[string]any{
		"route": c.route.path, "event_prefix": textOrNull(commaList), "skip": page.Skip, "limit": page.Limit, "returned": len(records),
	})
	read.At = s.Now()
	if err := s.Audit.Record(ctx, read); err != nil {
		return nil, err
	}
	return list(records, outAudit), nil
}

// prefixes splits a comma list, leaving out what is empty: an empty prefix
// would match everything.
func prefixes(commaList string) []string {
	var found []string
	for p := range strings.SplitSeq(commaList, ",") {
		if p = strings.TrimSpace(p); p != "" {
			found = append(found, p)
		}
	}
	return found
}
