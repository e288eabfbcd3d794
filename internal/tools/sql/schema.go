package sql

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/runes"
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

// recordedArgs are arguments as their audit record holds them.
type recordedArgs struct {
	schemaArgs
	MoreTables int `json:"more_tables,omitempty"` // how many names were left out
}

// recorded keeps the names that fit into recordedChars together: a call may
// list 500 of them, and a caller could fill the audit log with those. The
// input schema bounds the other arguments.
func (a schemaArgs) recorded() recordedArgs {
	r := recordedArgs{schemaArgs: a}
	left := recordedChars
	for i, name := range a.Tables {
		if left -= utf8.RuneCountInString(name) + 1; left < 0 {
			kept := max(i, 1)
			r.Tables, r.MoreTables = slices.Clone(a.Tables[:kept]), len(a.Tables)-kept
			r.Tables[0] = runes.First(r.Tables[0], recordedChars)
			break
		}
	}
	return r
}

func (s *source) prepareSchema(_ context.Context, env tool.Env, raw json.RawMessage) (tool.Action, error) {
	var args schemaArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return tool.Action{}, fmt.Errorf("decode arguments: %w", err)
	}
	return tool.Action{
		Detail: map[string]any{"connection_id": s.connection.ID, "arguments": args.recorded()},
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
