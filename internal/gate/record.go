package gate

import (
	"context"
	"maps"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/runes"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// What is recorded of an unknown tool's name and of a refusal's text, in
// characters: both may hold what the caller sent.
const (
	maxRecordedName   = 200
	maxRecordedReason = 1000
)

// recordedMembers is about what the record of a query holds: its map need not
// grow.
const recordedMembers = 12

// record stores the one final record of the call. It goes on when the caller
// is gone: what happened must be known all the same.
func (c *call) record(ctx context.Context, r *tool.Result, refusal *Refusal) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	e := audit.Event{
		Name: c.event(r, refusal), IP: c.caller.IP, RequestID: c.caller.RequestID,
		At: c.gate.cfg.Now(), Metadata: c.metadata(r, refusal),
	}
	return c.gate.cfg.Recorder.Record(ctx, e.By(c.caller.Principal))
}

// event names the record: the tool's event, with the outcome as suffix unless
// the call was done (contract 10).
func (c *call) event(r *tool.Result, refusal *Refusal) string {
	kind, _ := c.asked()
	base := kind + ".unknown"
	if c.rule != nil {
		base = c.rule.Tool.Event
	}
	switch {
	case refusal != nil:
		return base + refusal.Outcome.suffix()
	case r.IsError:
		return base + Failed.suffix()
	default:
		return base
	}
}

func (c *call) metadata(r *tool.Result, refusal *Refusal) map[string]any {
	m := make(map[string]any, recordedMembers)
	m["tool"] = runes.First(c.name, maxRecordedName)
	if c.rule != nil && c.rule.Tool.Connection != "" {
		m["connection_id"] = c.rule.Tool.Connection
	}
	maps.Copy(m, c.detail)
	if c.caller.via != "" {
		m["via"] = c.caller.via
	}
	if refusal != nil {
		m[refusal.Outcome.reasonKey()] = runes.First(refusal.Text, maxRecordedReason)
	} else {
		maps.Copy(m, r.Detail)
	}
	m["duration_ms"] = c.gate.cfg.Now().Sub(c.start).Milliseconds()
	return m
}
