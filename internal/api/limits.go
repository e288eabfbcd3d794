package api

import (
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
)

// bucket is a row of contract 14: all routes and spellings that name it draw
// from the same count.
type bucket struct {
	name   string
	count  int    // per minute and client address
	onlyIf string // the query parameter that makes a request count, "" for every request
}

// limit counts the call in its bucket.
func (c *call) limit() error {
	b := c.route.rate
	if b.count == 0 || b.onlyIf != "" && !c.flag(b.onlyIf) {
		return nil
	}
	d, err := c.Limits.Take(c.r.Context(), b.name, limit.ClientKey(httpx.ClientIP(c.r)), limit.PerMinute(b.count))
	if err != nil {
		return err
	}
	httpx.SetRateLimit(c.w, d.Rate.Count, d.Remaining, d.Reset)
	if d.FirstRefusal {
		if err := c.recordHit(d); err != nil {
			return err
		}
	}
	return d.Err()
}

func (c *call) recordHit(d limit.Decision) error {
	hit := c.event("ratelimit.hit", map[string]any{
		"route": c.route.method + " " + c.route.path, "limit": d.Rate.String(), "key": "ip",
	})
	hit.At = c.Now()
	return c.Audit.Record(c.r.Context(), hit)
}
