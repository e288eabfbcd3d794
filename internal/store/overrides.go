package store

import (
	"context"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// Overrides reads the role overrides of a tenant by tool identity (contract
// 8.2).
func (d *DB) Overrides(ctx context.Context, t identity.TenantID) (map[string]identity.Role, error) {
	rows, err := d.reads.ListOverrides(ctx, string(t))
	if err != nil {
		return nil, d.fault("list overrides", err)
	}
	overrides := make(map[string]identity.Role, len(rows))
	for _, r := range rows {
		overrides[r.Identity] = role(r.MinRole)
	}
	return overrides, nil
}

// SetOverride stores the least role for a tool and returns the one it
// replaces, None when there was none.
func (tx *Tx) SetOverride(ctx context.Context, tool string, min identity.Role) (previous identity.Role, err error) {
	tx.changed = true
	if previous, err = tx.override(ctx, tool); err != nil {
		return identity.None, err
	}
	err = tx.q.UpsertOverride(ctx, db.UpsertOverrideParams{ID: newID(), TenantID: tx.tenant, Identity: tool, MinRole: min.String()})
	return previous, tx.db.fault("set override", err)
}

// ResetOverride removes the override of a tool and returns it, None when
// there was none.
func (tx *Tx) ResetOverride(ctx context.Context, tool string) (previous identity.Role, err error) {
	tx.changed = true
	if previous, err = tx.override(ctx, tool); err != nil {
		return identity.None, err
	}
	_, err = tx.q.DeleteOverride(ctx, db.DeleteOverrideParams{TenantID: tx.tenant, Identity: tool})
	return previous, tx.db.fault("reset override", err)
}

// override reads the stored override. Raising the version first locks the
// tenant's configuration, so that what is read is what will be replaced.
func (tx *Tx) override(ctx context.Context, tool string) (identity.Role, error) {
	if err := tx.raiseConfig(ctx); err != nil {
		return identity.None, err
	}
	text, err := tx.q.GetOverride(ctx, db.GetOverrideParams{TenantID: tx.tenant, Identity: tool})
	err = tx.db.found("override", err, "No override")
	if fault.Is(err, fault.NotFound) {
		return identity.None, nil
	}
	return role(text), err
}
