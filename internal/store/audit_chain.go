package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// auditHash is the hash of a row: SHA-256 over its predecessor's hash and all
// its columns, each preceded by its length so that no two rows read alike. The
// family follows from the event.
func auditHash(r db.AuditLog) string {
	b := make([]byte, 0, hashedBytes)
	for _, s := range []string{r.PrevHash, r.TenantID, r.ID, r.UserID, r.UserEmail, r.Event, r.IpAddress, r.Metadata} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendVarint(b, r.Seq)
	b = binary.AppendVarint(b, r.CreatedAt)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// hashedBytes is more than most records hash, and little enough for the stack.
const hashedBytes = 2 << 10

// chainStep is how many records verifying and purging read at once.
const chainStep = 1000

// VerifyAudit walks a tenant's hash chain, "" being the chain of the events
// without a tenant, and returns how many records it holds. A broken chain is a
// Conflict that says where. Records that are appended meanwhile are not walked.
func (d *DB) VerifyAudit(ctx context.Context, t identity.TenantID) (records int64, err error) {
	head, err := d.auditHead(ctx, t)
	if err != nil {
		return 0, err
	}
	for {
		records, err = d.walk(ctx, string(t), head)
		if !fault.Is(err, fault.Conflict) {
			return records, err
		}
		again, errAgain := d.auditHead(ctx, t)
		if errAgain != nil || again.PurgedSeq == head.PurgedSeq {
			return records, err
		}
		head = again // retention took the beginning away under the walk
	}
}

func (d *DB) auditHead(ctx context.Context, t identity.TenantID) (db.GetAuditHeadRow, error) {
	head, err := d.reads.GetAuditHead(ctx, string(t))
	return head, d.found("audit head", err, "No audit records")
}

// walk checks the records between the purged ones and the head.
func (d *DB) walk(ctx context.Context, tenant string, head db.GetAuditHeadRow) (records int64, err error) {
	seq, hash := head.PurgedSeq, head.PurgedHash
	for seq < head.Seq {
		rows, err := d.reads.AuditChain(ctx, db.AuditChainParams{TenantID: tenant, Seq: seq, Seq_2: head.Seq, Limit: chainStep})
		if err != nil {
			return records, d.fault("audit chain", err)
		}
		if len(rows) == 0 {
			return records, broken(seq+1, "missing")
		}
		for _, r := range rows {
			if err := follows(r, seq, hash); err != nil {
				return records, err
			}
			seq, hash = r.Seq, r.Hash
			records++
		}
	}
	if hash != head.Hash {
		return records, broken(seq, "not the one that was recorded last")
	}
	return records, nil
}

// follows reports how a row breaks the chain after (seq, hash).
func follows(r db.AuditLog, seq int64, hash string) error {
	switch {
	case r.Seq != seq+1:
		return broken(seq+1, "missing")
	case r.PrevHash != hash:
		return broken(r.Seq, "not linked to its predecessor")
	case r.Hash != auditHash(r), r.Family != familyOf(r.Event):
		return broken(r.Seq, "changed")
	default:
		return nil
	}
}

func broken(seq int64, how string) error {
	return fault.New(fault.Conflict, fmt.Sprintf("Audit record %d is %s", seq, how))
}

// AuditChains lists the tenants that have a hash chain, "" among them when
// there are events without a tenant.
func (d *DB) AuditChains(ctx context.Context) ([]identity.TenantID, error) {
	heads, err := d.reads.ListAuditHeads(ctx)
	if err != nil {
		return nil, d.fault("list audit heads", err)
	}
	chains := make([]identity.TenantID, len(heads))
	for i, h := range heads {
		chains[i] = identity.TenantID(h)
	}
	return chains, nil
}

// PurgeAudit removes the records older than before, oldest first and in
// bounded transactions. A record that is young enough keeps all later ones, so
// that the rest of each chain stays verifiable.
func (d *DB) PurgeAudit(ctx context.Context, before time.Time) (purged int64, err error) {
	chains, err := d.AuditChains(ctx)
	if err != nil {
		return 0, err
	}
	for _, t := range chains {
		for {
			n, err := d.purgeStep(ctx, string(t), micros(before))
			purged += n
			if err != nil {
				return purged, d.fault("purge audit", err)
			}
			if n < chainStep {
				break
			}
		}
	}
	return purged, nil
}

// purgeStep removes at most chainStep records and moves the chain's start
// behind them, in one transaction.
func (d *DB) purgeStep(ctx context.Context, tenant string, before int64) (purged int64, err error) {
	err = d.inTx(ctx, func(tx *sql.Tx) error {
		q := db.New(tx)
		head, err := q.LockAuditHead(ctx, tenant)
		if err != nil {
			return err
		}
		rows, err := q.OldestAudit(ctx, db.OldestAuditParams{TenantID: tenant, Seq: head.PurgedSeq, Limit: chainStep})
		if err != nil {
			return err
		}
		young := slices.IndexFunc(rows, func(r db.OldestAuditRow) bool { return r.CreatedAt >= before })
		if young >= 0 {
			rows = rows[:young]
		}
		if len(rows) == 0 {
			return nil
		}
		last := rows[len(rows)-1]
		if purged, err = q.PurgeAudit(ctx, db.PurgeAuditParams{TenantID: tenant, Seq: last.Seq}); err != nil {
			return err
		}
		return q.SetAuditPurged(ctx, db.SetAuditPurgedParams{TenantID: tenant, PurgedSeq: last.Seq, PurgedHash: last.Hash})
	})
	return purged, err
}
