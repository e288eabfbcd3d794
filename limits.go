package gateway

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/config"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// newLimits counts in memory for one instance, and in the gateway's database
// for several (contract 14).
func newLimits(cfg *config.Config, db *store.DB) *limit.Limiter {
	if cfg.Instances > 1 {
		return limit.New(sharedLimits{db}, time.Now)
	}
	return limit.New(limit.NewMemory(0), time.Now)
}

// sharedLimits is a limit.Source in the gateway's database.
type sharedLimits struct{ store *store.DB }

// Take implements limit.Source.
func (s sharedLimits) Take(ctx context.Context, key string, now time.Time, r limit.Rate) (d limit.Decision, err error) {
	err = s.store.ChangeRateLimit(ctx, key, func(b store.RateLimit) store.RateLimit {
		var next limit.State
		d, next = limit.Decide(now, r, limit.State(b))
		return store.RateLimit(next)
	})
	return d, err
}

// newSlots bounds the calls of one tenant that run at once; more wait for
// their turn. A connection serves five at a time, so this is twelve busy
// connections.
func newSlots() *limit.Slots {
	return limit.NewSlots(limit.SlotsConfig{Max: 64, Queue: 512, Wait: 10 * time.Second})
}

// toolLimits are the optional limits of tool calls (contract 14).
type toolLimits struct {
	limits       *limit.Limiter
	user, tenant limit.Rate
}

// newToolLimits returns nil when both are off.
func newToolLimits(cfg *config.Config, limits *limit.Limiter) gate.Limiter {
	if cfg.ToolLimitUser <= 0 && cfg.ToolLimitTenant <= 0 {
		return nil
	}
	return toolLimits{limits, limit.PerMinute(cfg.ToolLimitUser), limit.PerMinute(cfg.ToolLimitTenant)}
}

// TakeTool counts one call for the user and for the tenant.
func (l toolLimits) TakeTool(ctx context.Context, p identity.Principal) error {
	for _, b := range []struct {
		name, key string
		rate      limit.Rate
	}{{"tool-user", string(p.User), l.user}, {"tool-tenant", string(p.Tenant), l.tenant}} {
		d, err := l.limits.Take(ctx, b.name, b.key, b.rate)
		if err != nil {
			return err
		}
		if err := d.Err(); err != nil {
			return err
		}
	}
	return nil
}
