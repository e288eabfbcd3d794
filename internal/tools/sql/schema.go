package sql

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

func (s *source) schemaTool() tool.Tool {
	t := s.base(tool.KindSchema)
	name, executeName := ToolNames(s.connection.Name, s.connection.ID)
	t.Name = name
	t.Title = "Schema of " + s.connection.Name
	t.Description = s.schemaDescription(executeName)
	t.Schema = json.RawMessage(schemaInput)
	t.Output = json.RawMessage(schemaOutput)
	t.MinRole = s.connection.MinRole
	t.Event = "tool.get_schema"
	t.Denied = "Permission denied"
	t.Prepare = s.prepareSchema
	return t
}

type schemaArgs struct {
	Tables []string `json:"tables,omitempty"`
	Search string   `json:"search,omitempty"`
	Detail string   `json:"detail,omitempty"`
}

func (s *source) prepareSchema(_ context.Context, env tool.Env, raw json.RawMessage) (tool.Action, error) {
	var args schemaArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return tool.Action{}, fmt.Errorf("decode arguments: %w", err)
	}
	return tool.Action{
		Detail: map[string]any{"connection_id": s.connection.ID, "arguments": args},
		Run: func(ctx context.Context) (*tool.Result, error) {
			return s.describe(ctx, env.Principal, database.SchemaQuery(args))
		},
	}, nil
}

func (s *source) describe(ctx context.Context, p identity.Principal, q database.SchemaQuery) (*tool.Result, error) {
	conn, err := s.open(ctx, p)
	if err != nil {
		return nil, callerFault(err)
	}
	text, err := conn.Describe(ctx, q)
	if err != nil {
		return nil, callerFault(err)
	}
	return &tool.Result{Text: text.Text, Structured: text.Structured}, nil
}
