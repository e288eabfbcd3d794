package offer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

const completionSchema = `{"type":"object","properties":{"name":{"type":"string"},"value":{"type":"string"}},"required":["name","value"]}`

type complete func(ctx context.Context, env tool.Env, name, typed string) ([]string, error)

func promptCompletion(p *tool.Prompt) tool.Tool {
	var names []string
	for _, a := range p.Arguments {
		names = append(names, a.Name)
	}
	t := completionTool(names, p.Complete)
	t.Name, t.Prompt = p.Name, p
	t.MinRole, t.Timeout, t.Event = p.MinRole, p.Timeout, "completion."+p.Name
	return t
}

func resourceCompletion(r *tool.Resource, m *members) tool.Tool {
	t := completionTool(m.variables(), r.Complete)
	t.Name, t.Resource = r.Name, r
	t.MinRole, t.Timeout, t.Event = r.MinRole, r.Timeout, "completion."+r.Name
	return t
}

// completionTool makes proposing values a call. names are the arguments that
// there are; propose is nil when nobody proposes.
func completionTool(names []string, propose complete) tool.Tool {
	return tool.Tool{
		Kind: tool.KindCompletion, Schema: json.RawMessage(completionSchema), Hints: tool.Hints{ReadOnly: true},
		Prepare: func(_ context.Context, env tool.Env, raw json.RawMessage) (tool.Action, error) {
			var args struct{ Name, Value string }
			if err := json.Unmarshal(raw, &args); err != nil {
				return tool.Action{}, fmt.Errorf("decode arguments: %w", err)
			}
			if !slices.Contains(names, args.Name) {
				return tool.Action{}, fault.New(fault.Invalid, "There is no argument of this name")
			}
			env.Client = nil // a completion has no way to ask its client
			return tool.Action{Run: func(ctx context.Context) (*tool.Result, error) {
				if propose == nil {
					return &tool.Result{}, nil
				}
				values, err := propose(ctx, env, args.Name, args.Value)
				if err != nil {
					return nil, err
				}
				return &tool.Result{Values: values}, nil
			}}, nil
		},
	}
}
