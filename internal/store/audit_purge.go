package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// chainStep is how many records verifying and purging read at once.
const chainStep = 1000

// PurgeAudit removes the records older than before, oldest first and in
// bounded transactions. A record that is young enough keeps all later ones, so
// that the rest of each chain stays verifiable. A chain whose beginning was
// tampered with is left alone, because purging would sign the damage away: it
// is named in the error, and the other chains are purged all the same.
func (d *DB) PurgeAudit(ctx context.Context, before time.Time) (purged int64, err error) {
	heads, err := d.reads.ListAuditHeads(ctx)
	if err != nil {
		return 0, d.fault("list audit heads", err)
	}
	var failed []error
	for _, h := range heads {
		n, err := d.purgeChain(ctx, h.TenantID, micros(before))
		purged += n
		if err != nil {
			failed = append(failed, fmt.Errorf("audit chain of tenant %q: %w", h.TenantID, err))
		}
	}
	return purged, d.fault("purge audit", errors.Join(failed...))
}

func (d *DB) purgeChain(ctx context.Context, tenant string, before int64) (purged int64, err error) {
	for {
		n, err := d.purgeStep(ctx, tenant, before)
		purged += n
		if err != nil || n < chainStep {
			return purged, err
		}
	}
}

// purgeStep removes at most chainStep records and moves the chain's start
// behind them, in one transaction.
func (d *DB) purgeStep(ctx context.Context, tenant string, before int64) (purged int64, err error) {
	err = d.inTx(ctx, func(tx *sql.Tx) error {
		q := db.New(tx)
		h, _, err := lockHead(ctx, q, tenant)
		if err != nil {
			return err
		}
		if err := d.chain.verifyStart(h); err != nil {
			return chainFault("the beginning of the chain is not the one that retention left: run mcp-gateway audit verify")
		}
		rows, err := q.AuditChain(ctx, db.AuditChainParams{TenantID: tenant, Seq: h.PurgedSeq, Seq_2: h.Seq, Limit: chainStep})
		if err != nil {
			return err
		}
		last, err := d.purgeable(h, rows, before)
		if err != nil || last == nil {
			return err
		}
		if purged, err = q.PurgeAudit(ctx, db.PurgeAuditParams{TenantID: tenant, Seq: last.Seq}); err != nil {
			return err
		}
		if err = q.PurgeAuditStatements(ctx, db.PurgeAuditStatementsParams{TenantID: tenant, Seq: last.Seq}); err != nil {
			return err
		}
		h.PurgedSeq, h.PurgedHash, h.PurgedAt = last.Seq, last.Hash, micros(d.now())
		d.chain.signStart(&h)
		return q.SetAuditStart(ctx, setStart(h))
	})
	return purged, err
}

// purgeable returns the last of the rows that may go, nil for none. All before
// it must be what was recorded; records of a key that was dropped since can
// only be seen to follow each other.
func (d *DB) purgeable(h db.AuditHead, rows []db.AuditLog, before int64) (last *db.AuditLog, err error) {
	seq, hash := h.PurgedSeq, h.PurgedHash
	for i := range rows {
		r := &rows[i]
		if r.CreatedAt >= before {
			break
		}
		err := d.chain.verifyRecord(r, r.Seq)
		if r.Seq != seq+1 || r.PrevHash != hash || err != nil && !errors.Is(err, seal.ErrKey) {
			return nil, chainFault(fmt.Sprintf("record %d is not the one that was written: run mcp-gateway audit verify", seq+1))
		}
		seq, hash, last = r.Seq, r.Hash, r
	}
	return last, nil
}
