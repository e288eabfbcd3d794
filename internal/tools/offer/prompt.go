package offer

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// promptTool makes getting the prompt a call.
func promptTool(p *tool.Prompt) tool.Tool {
	return tool.Tool{
		Name: p.Name, Title: p.Title, Description: p.Description, Kind: tool.KindPrompt, Prompt: p,
		Schema: argumentSchema(p.Arguments), MinRole: p.MinRole, Timeout: p.Timeout, Interactive: p.Interactive,
		Event: "prompt." + p.Name, Hints: tool.Hints{ReadOnly: true},
		Prepare: func(_ context.Context, env tool.Env, raw json.RawMessage) (tool.Action, error) {
			var args map[string]string
			if err := json.Unmarshal(raw, &args); err != nil {
				return tool.Action{}, fmt.Errorf("decode arguments: %w", err)
			}
			return tool.Action{Run: func(ctx context.Context) (*tool.Result, error) {
				messages, err := p.Get(ctx, env, args)
				if err != nil {
					return nil, err
				}
				return &tool.Result{Messages: messages}, nil
			}}, nil
		},
	}
}

// argumentSchema asks for the arguments as MCP defines them: texts, and none
// that the prompt does not know.
func argumentSchema(arguments []tool.Argument) json.RawMessage {
	type text struct {
		Type string `json:"type"`
	}
	schema := struct {
		Type       string          `json:"type"`
		Properties map[string]text `json:"properties"`
		Required   []string        `json:"required,omitempty"`
		Additional bool            `json:"additionalProperties"`
	}{Type: "object", Properties: map[string]text{}}
	for _, a := range arguments {
		schema.Properties[a.Name] = text{"string"}
		if a.Required {
			schema.Required = append(schema.Required, a.Name)
		}
	}
	raw, _ := json.Marshal(schema) // texts and a flag always encode
	return raw
}
