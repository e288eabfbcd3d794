package store

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
)

// heads remembers where chains ended at the last commit of this process.
// Nothing depends on it being right: the database checks.
type heads struct {
	mu     sync.Mutex
	known  map[string]head // by tenant
	recent map[string]bool // tenants whose chain moved since the last look
}

// fill chains links to the heads that are known and reports whether all were.
func (h *heads) fill(links []link, keys chainKeys) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range links {
		at, ok := h.known[links[i].tenant]
		if !ok {
			return false
		}
		links[i].follow(at, keys)
	}
	return true
}

// moved remembers the heads that a commit made.
func (h *heads) moved(links []link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known, h.recent = map[string]head{}, map[string]bool{}
	}
	for i := range links {
		h.known[links[i].tenant] = links[i].to
		h.recent[links[i].tenant] = true
	}
}

// last returns where this process left the tenant's chain.
func (h *heads) last(tenant string) head {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.known[tenant]
}

// takeMoved returns the heads that moved since it was called last, by tenant.
func (h *heads) takeMoved() []audit.Head {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []audit.Head
	for _, tenant := range slices.Sorted(maps.Keys(h.recent)) {
		at := h.known[tenant]
		list = append(list, audit.Head{Tenant: identity.TenantID(tenant), Seq: at.seq, Hash: at.hash, At: moment(at.at)})
	}
	clear(h.recent)
	return list
}

// MovedAuditHeads returns the heads of the chains that this process has moved
// since the last call.
func (d *DB) MovedAuditHeads() []audit.Head { return d.heads.takeMoved() }

// AuditHeads returns the heads of all chains that are authentic, without the
// times of their last records.
func (d *DB) AuditHeads(ctx context.Context) ([]audit.Head, error) {
	rows, err := d.reads.ListAuditHeads(ctx)
	if err != nil {
		return nil, d.fault("list audit heads", err)
	}
	list := make([]audit.Head, 0, len(rows))
	for _, r := range rows {
		if r.Seq > 0 && d.chain.verifyHead(r) == nil {
			list = append(list, audit.Head{Tenant: identity.TenantID(r.TenantID), Seq: r.Seq, Hash: r.Hash})
		}
	}
	return list, nil
}
