package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// chainSealed is the event of a chain that was taken over.
const chainSealed = "audit.chain_sealed"

// CarriedChain is a chain of a version without signatures that was taken over.
type CarriedChain struct {
	Tenant  identity.TenantID
	Records int64
	Damage  []Damage // that it had by then
}

// CarryAuditChains makes the ends of all chains signed by the current key. A
// chain that a version without signatures wrote is verified as far as that is
// possible and taken over: nothing of it is rewritten, a signed mark holds
// its last record from then on. What an older key has signed, which is still
// configured, is signed again; what is not authentic is left as it is. It is
// called after a migration, and costs nothing when there is nothing to do.
func (d *DB) CarryAuditChains(ctx context.Context) ([]CarriedChain, error) {
	if d.chain.signer == nil {
		return nil, nil
	}
	heads, err := d.reads.ListAuditHeads(ctx)
	if err != nil {
		return nil, d.fault("list audit heads", err)
	}
	var carried []CarriedChain
	for _, h := range heads {
		if neverSigned(h) {
			c, err := d.carry(ctx, h)
			if err != nil {
				return carried, d.fault("take over audit chain", err)
			}
			carried = append(carried, c)
		} else if h.KeyID != d.chain.keyID() || h.StartKeyID != "" && h.StartKeyID != d.chain.keyID() {
			if err := d.signAgain(ctx, h.TenantID); err != nil {
				return carried, d.fault("sign audit head", err)
			}
		}
	}
	return carried, nil
}

// neverSigned reports whether a head is as a version without signatures left it.
func neverSigned(h db.AuditHead) bool {
	return h.Seq > 0 && h.KeyID == "" && h.Mac == "" && h.StartKeyID == "" && h.CarriedAt == 0
}

// carry takes a chain over. One that holds a signed record is none of a
// version without signatures: somebody took its signatures away, and the next
// record will tell.
func (d *DB) carry(ctx context.Context, h db.AuditHead) (CarriedChain, error) {
	w := &walker{db: d, head: h, chain: chainOf(identity.TenantID(h.TenantID), h)}
	if err := w.walk(ctx); err != nil {
		return CarriedChain{}, err
	}
	c := CarriedChain{Tenant: w.chain.Tenant, Records: w.chain.Records}
	for _, damage := range w.chain.Damage {
		if damage.Kind != Unverifiable {
			c.Damage = append(c.Damage, damage)
		}
	}
	if !w.unsigned {
		return c, nil
	}
	err := d.inTx(ctx, func(tx *sql.Tx) error {
		q := db.New(tx)
		at, _, err := lockHead(ctx, q, h.TenantID)
		if err != nil || !neverSigned(at) {
			return err // another gateway was faster
		}
		at.CarriedSeq, at.CarriedHash, at.CarriedAt = at.Seq, at.Hash, micros(d.now())
		d.chain.signStart(&at)
		if err := q.SetAuditStart(ctx, setStart(at)); err != nil {
			return err
		}
		return d.setHead(ctx, q, at)
	})
	if err != nil {
		return c, err
	}
	return c, d.AppendAudit(ctx, []audit.Event{{
		Name: chainSealed, Tenant: c.Tenant, At: d.now(), Metadata: map[string]any{"records": c.Records, "damage": len(c.Damage)},
	}})
}

// setHead signs the head of a chain under the current key.
func (d *DB) setHead(ctx context.Context, q *db.Queries, h db.AuditHead) error {
	keyID, mac := d.chain.signHead(h.TenantID, head{seq: h.Seq, hash: h.Hash})
	return q.SetAuditHead(ctx, db.SetAuditHeadParams{TenantID: h.TenantID, Seq: h.Seq, Hash: h.Hash, KeyID: keyID, Mac: mac})
}

// signAgain signs what an older key has signed, so that only records need that
// key from now on.
func (d *DB) signAgain(ctx context.Context, tenant string) error {
	return d.inTx(ctx, func(tx *sql.Tx) error {
		q := db.New(tx)
		h, _, err := lockHead(ctx, q, tenant)
		if err != nil || d.chain.verifyHead(h) != nil || d.chain.verifyStart(h) != nil {
			return err
		}
		if err := d.setHead(ctx, q, h); err != nil {
			return err
		}
		if h.StartKeyID == "" {
			return nil
		}
		d.chain.signStart(&h)
		return q.SetAuditStart(ctx, setStart(h))
	})
}

// UnknownAuditKeys returns the keys that chains end with and that are not
// configured. others is true when other chains end with keys that are: when
// all are unknown, this is most likely not the key of this database.
func (d *DB) UnknownAuditKeys(ctx context.Context) (unknown []string, others bool, err error) {
	heads, err := d.reads.ListAuditHeads(ctx)
	if err != nil || d.chain.signer == nil {
		return nil, true, d.fault("list audit heads", err)
	}
	for _, h := range heads {
		switch {
		case h.KeyID == "" || d.chain.signer.Knows(h.KeyID):
			others = true
		case !slices.Contains(unknown, h.KeyID):
			unknown = append(unknown, h.KeyID)
		}
	}
	return unknown, others, nil
}

// Text says what was taken over, for the operator's log.
func (c CarriedChain) Text() string {
	text := fmt.Sprintf("%d records without signatures were taken over", c.Records)
	for _, damage := range c.Damage {
		text += "; " + damage.String()
	}
	return text
}
