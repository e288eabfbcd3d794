package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// chainBroken is the event of a chain that goes on behind a head which nobody
// with the key has left there. Without it the next record would sign the
// damage, and a cut would look like the end of the chain.
const chainBroken = "audit.chain_broken"

// chainBreak is what such a record says.
type chainBreak struct {
	Reason   string `json:"reason"`
	Found    int64  `json:"found_seq"`    // where the chain ended
	Expected int64  `json:"expected_seq"` // where this gateway had left it, 0 when it had not been there
	// KeyGone says that the head may have been sound, but that its key was not
	// configured. Its signature is then kept, for whoever has the key.
	KeyGone bool   `json:"key_gone"`
	KeyID   string `json:"head_key"`
	MAC     string `json:"head_signature"`
}

// lockHead locks the head of a chain, an empty one for a new chain, and
// returns it with the number of the last record that is there.
func lockHead(ctx context.Context, q *db.Queries, tenant string) (h db.AuditHead, last int64, err error) {
	r, err := q.LockAuditHead(ctx, tenant)
	return db.AuditHead{
		TenantID: r.TenantID, Seq: r.Seq, Hash: r.Hash, PurgedSeq: r.PurgedSeq, PurgedHash: r.PurgedHash, KeyID: r.KeyID, Mac: r.Mac,
		PurgedAt: r.PurgedAt, CarriedSeq: r.CarriedSeq, CarriedHash: r.CarriedHash, CarriedAt: r.CarriedAt,
		StartKeyID: r.StartKeyID, StartMac: r.StartMac,
	}, r.LastSeq, err
}

// continueFrom returns where a link goes on: behind the head. When somebody
// has tampered with the head the link begins with a record of that, and goes
// on behind the last record that is there, so that calls are still recorded.
func (d *DB) continueFrom(ctx context.Context, q *db.Queries, l *link, at db.AuditHead, last int64) (head, error) {
	from := head{seq: at.Seq, hash: at.Hash}
	b := chainBreak{Found: at.Seq, Expected: d.heads.last(l.tenant).seq}
	if err := d.chain.verifyHead(at); err != nil {
		b.Reason = "of the head of the chain, " + notAuthentic(err)
		if errors.Is(err, seal.ErrKey) {
			b.KeyGone, b.KeyID, b.MAC = true, at.KeyID, at.Mac
		}
	}
	if at.Seq < b.Expected {
		b.Reason, b.KeyGone = fmt.Sprintf("the chain ended with record %d, this gateway had written record %d", at.Seq, b.Expected), false
	}
	if last > at.Seq {
		b.Reason, b.KeyGone, b.Found = fmt.Sprintf("the head was at record %d and records to %d were there", at.Seq, last), false, last
		rows, err := q.AuditChain(ctx, db.AuditChainParams{TenantID: l.tenant, Seq: last - 1, Seq_2: last, Limit: 1})
		if err != nil || len(rows) == 0 {
			return head{}, errors.Join(err, errNoRecord)
		}
		from = head{seq: last, hash: rows[0].Hash}
	}
	if b.Reason == "" || d.chain.signer == nil {
		return from, nil
	}
	return from, d.noteBreak(l, b)
}

var errNoRecord = errors.New("the last record of the chain cannot be read")

// noteBreak puts a record of a break before the link's own ones.
func (d *DB) noteBreak(l *link, b chainBreak) error {
	l.broken = &audit.Event{
		Name: chainBroken, Tenant: identity.TenantID(l.tenant), At: d.now(),
		Metadata: map[string]any{
			"reason": b.Reason, "found_seq": b.Found, "expected_seq": b.Expected,
			"key_gone": b.KeyGone, "head_key": b.KeyID, "head_signature": b.MAC,
		},
	}
	row, err := auditRow(*l.broken)
	l.rows = append([]db.AuditLog{row}, l.rows...)
	return err
}

// wasSound reports whether the head of a break, whose key was not configured
// then, proves sound now that it is.
func (k chainKeys) wasSound(b chainBreak, r *db.AuditLog) bool {
	return b.KeyGone && k.signer != nil &&
		headMessage(k.signer, r.TenantID, head{seq: b.Found, hash: r.PrevHash}).Verify(b.KeyID, b.MAC) == nil
}
