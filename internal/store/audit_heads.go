package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
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

// AuditHeads returns the heads of all chains, without the times of their last
// records.
func (d *DB) AuditHeads(ctx context.Context) ([]audit.Head, error) {
	rows, err := d.reads.ListAuditHeads(ctx)
	if err != nil {
		return nil, d.fault("list audit heads", err)
	}
	list := make([]audit.Head, 0, len(rows))
	for _, r := range rows {
		if r.Seq > 0 {
			list = append(list, audit.Head{Tenant: identity.TenantID(r.TenantID), Seq: r.Seq, Hash: r.Hash})
		}
	}
	return list, nil
}

// chainBroken is the event of a chain that goes on behind a head which nobody
// with the key has left there. Without it the next record would sign the
// damage, and a cut would look like the end of the chain.
const chainBroken = "audit.chain_broken"

// chainBreak is what such a record says.
type chainBreak struct {
	Reason   string `json:"reason"`
	Found    int64  `json:"found_seq"`    // where the chain ended
	Expected int64  `json:"expected_seq"` // where this gateway had left it, 0 when it had not been there
	KeyGone  bool   `json:"key_gone"`     // it may be sound, but its key is no longer configured
}

// noteBreak puts a record of the break before the link's own ones when the
// head in the database is not authentic, or older than this process left it.
func (d *DB) noteBreak(l *link, at db.AuditHead) error {
	if d.chain.signer == nil {
		return nil
	}
	found := chainBreak{Found: at.Seq, Expected: d.heads.last(l.tenant).seq}
	if err := d.chain.verifyHead(at); err != nil {
		found.Reason, found.KeyGone = "of the head of the chain, "+notAuthentic(err), errors.Is(err, seal.ErrKey)
	}
	if at.Seq < found.Expected {
		found.Reason = fmt.Sprintf("the chain ended with record %d, this gateway had written record %d", at.Seq, found.Expected)
	}
	if found.Reason == "" {
		return nil
	}
	l.broken = &audit.Event{
		Name: chainBroken, Tenant: identity.TenantID(l.tenant), At: d.now(),
		Metadata: map[string]any{
			"reason": found.Reason, "found_seq": found.Found, "expected_seq": found.Expected, "key_gone": found.KeyGone,
		},
	}
	row, err := auditRow(*l.broken)
	l.rows = append([]db.AuditLog{row}, l.rows...)
	return err
}
