package gateway

import (
	"context"
	"path/filepath"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/config"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
	"github.com/mcp-gateway/mcp-gateway/internal/telemetry"
)

// anchorPath is where heads of the audit log are kept outside of the database.
func anchorPath(cfg *config.Config) string { return filepath.Join(cfg.DataDir, audit.AnchorFileName) }

// carryAudit takes over audit chains of versions without signatures and tells
// the operator, because nothing protected those records until now.
func (a *app) carryAudit(ctx context.Context) error {
	unknown, _, err := a.store.UnknownAuditKeys(ctx)
	if err != nil {
		return err
	}
	if len(unknown) > 0 {
		a.log.WarnContext(ctx, "audit chains end with keys that are neither SECRET_KEY nor in SECRET_KEYS_OLD: their records cannot be verified", "keys", unknown)
	}
	carried, err := a.store.CarryAuditChains(ctx)
	for _, c := range carried {
		a.log.WarnContext(ctx, "audit chain: "+c.Text(), "tenant_id", c.Tenant)
	}
	return err
}

func (a *app) purgeAudit(ctx context.Context) error {
	_, err := a.store.PurgeAudit(ctx, time.Now().Add(-a.cfg.AuditRetention))
	return err
}

// measuredAudit counts what the audit log commits.
type measuredAudit struct {
	*store.DB
	metrics *telemetry.Metrics
}

// AppendAudit implements audit.Store.
func (m measuredAudit) AppendAudit(ctx context.Context, events []audit.Event) error {
	start := time.Now()
	err := m.DB.AppendAudit(ctx, events)
	m.metrics.AuditBatch(len(events), time.Since(start))
	return err
}
