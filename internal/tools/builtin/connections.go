package builtin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Connection is an active registered connection with the names of its tools.
type Connection struct {
	ID          string
	Name        string
	Type        string
	Description string
	MinRole     identity.Role
	SchemaTool  string
	ExecuteTool string
}

// Connections provides list_connections.
type Connections struct {
	// List reads the tenant's active connections.
	List func(ctx context.Context, t identity.TenantID) ([]Connection, error)
	// Allowed is the gate's decision: may this caller call that tool now?
	Allowed func(ctx context.Context, p identity.Principal, toolName string) bool
}

var _ tool.Provider = Connections{}

const connectionsOutput = `{
  "type": "object",
  "properties": {
    "connections": {
      "type": "array",
      "items": {
        "type": "object",
        "properties": {
          "id": {"type": "string"},
          "name": {"type": "string"},
          "type": {"type": "string"},
          "description": {"type": ["string", "null"]},
          "schema_tool": {"type": ["string", "null"], "description": "null when you may not call it"},
          "execute_tool": {"type": ["string", "null"], "description": "null when you may not call it"}
        },
        "required": ["id", "name", "type", "description", "schema_tool", "execute_tool"]
      }
    }
  },
  "required": ["connections"]
}`

// Tools returns the one tool.
func (c Connections) Tools(context.Context, identity.TenantID) ([]tool.Tool, error) {
	t := utility("list_connections")
	t.Title = "List connections"
	t.Description = "List the databases you can reach, with the tool that shows each one's schema and the tool that queries it."
	t.Output = json.RawMessage(connectionsOutput)
	t.Hints.Idempotent = true
	t.Prepare = func(_ context.Context, env tool.Env, _ json.RawMessage) (tool.Action, error) {
		return tool.Action{Run: func(ctx context.Context) (*tool.Result, error) {
			return c.list(ctx, env.Principal)
		}}, nil
	}
	return []tool.Tool{t}, nil
}

// entry is one connection as callers see it. A tool that the caller may not
// call is null, and so is a description that nobody wrote.
type entry struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Type        string  `json:"type"`
	Description *string `json:"description"`
	SchemaTool  *string `json:"schema_tool"`
	ExecuteTool *string `json:"execute_tool"`
}

// list shows only the connections whose min_role the caller has: of others
// not even the name is told (contract 15.2, A26).
func (c Connections) list(ctx context.Context, p identity.Principal) (*tool.Result, error) {
	all, err := c.List(ctx, p.Tenant)
	if err != nil {
		return nil, err
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Connection) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	entries := []entry{}
	for _, conn := range all {
		if p.Role.Allows(conn.MinRole) {
			entries = append(entries, c.entry(ctx, p, conn))
		}
	}
	return render(entries)
}

func (c Connections) entry(ctx context.Context, p identity.Principal, conn Connection) entry {
	callable := func(name string) *string {
		if c.Allowed(ctx, p, name) {
			return &name
		}
		return nil
	}
	e := entry{
		ID: conn.ID, Name: conn.Name, Type: conn.Type,
		SchemaTool:  callable(conn.SchemaTool),
		ExecuteTool: callable(conn.ExecuteTool),
	}
	if conn.Description != "" {
		e.Description = &conn.Description
	}
	return e
}

// render gives the list as text and, wrapped in an object as structured
// content has to be, as JSON.
func render(entries []entry) (*tool.Result, error) {
	raw, err := encode(entries)
	if err != nil {
		return nil, fmt.Errorf("encode connections: %w", err)
	}
	var text bytes.Buffer
	if err := json.Indent(&text, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("indent connections: %w", err)
	}
	structured := slices.Concat([]byte(`{"connections":`), raw, []byte(`}`))
	return &tool.Result{Text: text.String(), Structured: structured}, nil
}

// encode leaves <, > and & as they are: a model reads this, not a browser.
func encode(entries []entry) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(entries); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}
