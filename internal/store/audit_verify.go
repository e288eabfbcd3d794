package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// Damage is one thing that is wrong with a chain.
type Damage struct {
	Kind DamageKind
	// From and To are the first and the last record that it concerns. To is 0
	// when nobody can tell how many are gone.
	From, To int64
	// After and Before are the times of the sound records around the damage,
	// zero where there is none.
	After, Before time.Time
	Detail        string // more about it, may be empty
}

// DamageKind says in words what happened to records.
type DamageKind string

// The kinds of damage (note 013).
const (
	Edited       DamageKind = "edited"
	Removed      DamageKind = "removed"
	CutAtEnd     DamageKind = "cut at the end"
	CutAtStart   DamageKind = "cut at the start"
	Reordered    DamageKind = "reordered"
	ChainMissing DamageKind = "whole chain missing"
	Unverifiable DamageKind = "cannot be verified"
)

// String describes the damage in a sentence.
func (d Damage) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", d.Kind)
	switch {
	case d.To == 0:
		fmt.Fprintf(&b, "from record %d on", d.From)
	case d.To <= d.From:
		fmt.Fprintf(&b, "record %d", d.From)
	default:
		fmt.Fprintf(&b, "records %d to %d", d.From, d.To)
	}
	if !d.After.IsZero() {
		fmt.Fprintf(&b, ", after %s", d.After.Format(time.RFC3339))
	}
	if !d.Before.IsZero() {
		fmt.Fprintf(&b, ", before %s", d.Before.Format(time.RFC3339))
	}
	if d.Detail != "" {
		b.WriteString(": " + d.Detail)
	}
	return b.String()
}

// AuditChain is a tenant's chain as verifying it found it.
type AuditChain struct {
	Tenant      identity.TenantID // empty for the events without a tenant
	Records     int64             // that were read
	First, Last int64             // sequence numbers of those, 0 when there are none
	Head        audit.Head
	KeyID       string    // that the head is signed with, empty when it is not signed
	PurgedTo    int64     // last record that retention removed
	PurgedAt    time.Time // when it last removed some
	CarriedTo   int64     // last record that a version without signatures wrote
	CarriedAt   time.Time // when those were taken over
	Damage      []Damage
}

// Err is nil for an intact chain and else a Conflict that names all damage.
func (c AuditChain) Err() error {
	if len(c.Damage) == 0 {
		return nil
	}
	texts := make([]string, len(c.Damage))
	for i, d := range c.Damage {
		texts[i] = d.String()
	}
	return chainFault(strings.Join(texts, "; "))
}

// AuditTenant is a tenant that has, or should have, a chain.
type AuditTenant struct {
	ID   identity.TenantID // empty for the events without a tenant
	Slug string            // empty when the tenant is gone
}

// AuditTenants lists the tenants that have a chain and those that should: each
// tenant's own making is its first record.
func (d *DB) AuditTenants(ctx context.Context) ([]AuditTenant, error) {
	rows, err := d.reads.ListAuditTenants(ctx)
	if err != nil {
		return nil, d.fault("list audit chains", err)
	}
	list := make([]AuditTenant, len(rows))
	for i, r := range rows {
		list[i] = AuditTenant{ID: identity.TenantID(r.TenantID), Slug: r.Slug}
	}
	return list, nil
}

// VerifyAudit walks a tenant's chain, compares it with heads that it must have
// had at some time, which come from outside of the database, and says what it
// found. Records that are appended or purged meanwhile do not disturb it.
// The error is about reading: damage is in the result.
func (d *DB) VerifyAudit(ctx context.Context, t identity.TenantID, expected []audit.Head) (AuditChain, error) {
	expected = slices.Clone(expected)
	slices.SortFunc(expected, func(a, b audit.Head) int { return int(a.Seq - b.Seq) })
	h, err := d.chainHead(ctx, t)
	if err != nil {
		return AuditChain{}, err
	}
	for {
		w := &walker{db: d, head: h, expected: expected, chain: chainOf(t, h)}
		if err := w.walk(ctx); err != nil {
			return AuditChain{}, d.fault("verify audit", err)
		}
		again, err := d.chainHead(ctx, t)
		if err != nil || len(w.chain.Damage) == 0 || again.PurgedSeq == h.PurgedSeq {
			return w.chain, err
		}
		h = again // retention took the beginning away under the walk
	}
}

// chainHead reads the head of a chain, an empty one when there is none.
func (d *DB) chainHead(ctx context.Context, t identity.TenantID) (db.AuditHead, error) {
	h, err := d.reads.GetAuditHead(ctx, string(t))
	if errors.Is(err, sql.ErrNoRows) {
		return db.AuditHead{TenantID: string(t)}, nil
	}
	return h, d.fault("audit head", err)
}

func chainOf(t identity.TenantID, h db.AuditHead) AuditChain {
	return AuditChain{
		Tenant: t, Head: audit.Head{Tenant: t, Seq: h.Seq, Hash: h.Hash}, KeyID: h.KeyID,
		PurgedTo: h.PurgedSeq, PurgedAt: moment(h.PurgedAt), CarriedTo: h.CarriedSeq, CarriedAt: moment(h.CarriedAt),
	}
}
