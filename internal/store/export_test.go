package store

import (
	"context"

	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// RehashPlain does what somebody without the key can do to a chain: from a
// record on it makes all records such as a version without signatures wrote
// them, and the head too.
func RehashPlain(ctx context.Context, d *DB, tenant string, from int64) error {
	rows, err := d.reads.AuditChain(ctx, db.AuditChainParams{TenantID: tenant, Seq: 0, Seq_2: 1 << 60, Limit: chainStep})
	if err != nil {
		return err
	}
	prev := ""
	for _, r := range rows {
		if r.Seq >= from {
			r.PrevHash, r.KeyID = prev, ""
			r.Hash = plainHash(r)
			if _, err := d.write.ExecContext(ctx, "UPDATE audit_logs SET prev_hash = $1, hash = $2, key_id = '' WHERE tenant_id = $3 AND seq = $4",
				r.PrevHash, r.Hash, tenant, r.Seq); err != nil {
				return err
			}
		}
		prev = r.Hash
	}
	_, err = d.write.ExecContext(ctx, "UPDATE audit_heads SET hash = $1, key_id = '', mac = '' WHERE tenant_id = $2", prev, tenant)
	return err
}
