// Package builtin provides the utility tools that every tenant has: the time,
// and the list of connections (contract 6.4).
package builtin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

const noArguments = `{"type": "object", "properties": {}, "additionalProperties": false}`

// Time provides get_current_time.
type Time struct{ Now func() time.Time }

var _ tool.Provider = Time{}

// Tools returns the one tool.
func (p Time) Tools(context.Context, identity.TenantID) ([]tool.Tool, error) {
	t := utility("get_current_time")
	t.Title = "Current time"
	t.Description = "Current date and time in UTC, as RFC 3339 with microseconds. Use it before answering anything relative, such as \"last week\"."
	t.Prepare = func(context.Context, tool.Env, json.RawMessage) (tool.Action, error) {
		return tool.Action{Run: func(context.Context) (*tool.Result, error) {
			return tool.Text(p.Now().UTC().Format("2006-01-02T15:04:05.000000Z")), nil
		}}, nil
	}
	return []tool.Tool{t}, nil
}

func utility(name string) tool.Tool {
	return tool.Tool{
		Name:    name,
		Kind:    tool.KindUtility,
		Schema:  json.RawMessage(noArguments),
		MinRole: identity.Viewer,
		Hints:   tool.Hints{ReadOnly: true},
		Event:   "tool." + name,
		Denied:  "Permission denied",
	}
}
