package gateway

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/config"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// newLimits counts where all instances see it: in Redis where there is one,
// else in the gateway's database when there are others, else in memory
// (contract 14).
func (a *app) newLimits(hasher *seal.Hasher) *limit.Limiter {
	var source limit.Source = limit.NewMemory(0)
	switch {
	case a.cfg.Redis != "":
		shared := limit.NewRedis(limit.RedisConfig{URL: a.cfg.Redis.Reveal(), Hash: bucketNames(hasher)})
		a.closers = append(a.closers, shared)
		source = limit.NewFallback(limit.FallbackConfig{Shared: shared, Local: source, Log: a.logs.Logger("limit")})
	case a.cfg.Instances > 1:
		source = storedLimits(a.store)
	}
	return limit.New(limit.Config{Source: source, Now: time.Now, Refused: a.metrics.RateLimited})
}

// bucketNames hashes with SECRET_KEY: whoever reads the Redis server could try
// all addresses on a plain hash.
func bucketNames(hasher *seal.Hasher) func(key string) string {
	return func(key string) string {
		name, _ := hasher.Hash("rate limit " + key)
		return name
	}
}

// storedLimits counts in the gateway's database.
func storedLimits(db *store.DB) limit.Stored {
	return func(ctx context.Context, key string, change func(limit.State) limit.State) error {
		return db.ChangeRateLimit(ctx, key, func(b store.RateLimit) store.RateLimit {
			return store.RateLimit(change(limit.State(b)))
		})
	}
}

// newSlots bounds the calls of one tenant that run at once; more wait for
// their turn. A connection serves five at a time, so this is twelve busy
// connections.
func newSlots() *limit.Slots {
	return limit.NewSlots(limit.SlotsConfig{Max: 64, Queue: 512, Wait: 10 * time.Second})
}

// newMemory bounds what the results of one tenant take while they are read or
// built: twelve of the largest at once, of which one user alone gets six. More
// wait for their turn, for milliseconds when those before them are read. They
// wait in their slots, so one user's are few: the others need slots too.
func newMemory() *limit.Budget {
	return limit.NewBudget(limit.BudgetConfig{
		Total: 128 << 20, Queue: 16, Wait: 10 * time.Second, Text: "Too many large results at once: earlier ones have not been read yet",
	})
}

// newRequestMemory bounds what requests take: a tenant's the given bytes, of
// which one user alone gets half, and those of all tenants together four times
// as much. What does not fit waits for its turn.
func newRequestMemory(bytes int) limit.Nested {
	within := func(bytes, queue int) *limit.Budget {
		return limit.NewBudget(limit.BudgetConfig{
			Total: bytes, Queue: queue, Wait: 10 * time.Second, Text: "Too many large requests at once: earlier ones have not been answered yet",
		})
	}
	return limit.Nested{Keys: within(bytes, 16), Whole: within(4*bytes, 64)}
}

// The memory of one tenant's requests: four of the largest bodies, and two of
// the largest decoded. They are counted apart, because a body is held while
// its message waits to be decoded.
const (
	bodyMemory    = 64 << 20
	decodedMemory = 128 << 20
)

// toolLimits are the optional limits of tool calls (contract 14).
type toolLimits struct {
	limits       *limit.Limiter
	audit        gate.Recorder
	user, tenant limit.Rate
}

// newToolLimits returns nil when both are off.
func newToolLimits(cfg *config.Config, limits *limit.Limiter, records gate.Recorder) gate.Limiter {
	if cfg.ToolLimitUser <= 0 && cfg.ToolLimitTenant <= 0 {
		return nil
	}
	return toolLimits{limits, records, limit.PerMinute(cfg.ToolLimitUser), limit.PerMinute(cfg.ToolLimitTenant)}
}

// TakeTool counts one call for the user and for the tenant.
func (l toolLimits) TakeTool(ctx context.Context, c gate.Caller) error {
	for _, b := range []struct {
		kind, key string
		rate      limit.Rate
	}{{"user", string(c.Principal.User), l.user}, {"tenant", string(c.Principal.Tenant), l.tenant}} {
		d, err := l.limits.Take(ctx, "tool-"+b.kind, b.key, b.rate)
		if err == nil && d.FirstRefusal {
			err = l.recordHit(ctx, c, b.kind, d)
		}
		if err != nil {
			return err
		}
		if err := d.Err(); err != nil {
			return err
		}
	}
	return nil
}

// recordHit stores the first refusal of a window (contract 10).
func (l toolLimits) recordHit(ctx context.Context, c gate.Caller, kind string, d limit.Decision) error {
	hit := audit.Event{
		Name: "ratelimit.hit", IP: c.IP, RequestID: c.RequestID, At: time.Now(),
		Metadata: map[string]any{"route": "tools/call", "limit": d.Rate.String(), "key": kind},
	}
	return l.audit.Record(ctx, hit.By(c.Principal))
}
