package api

import (
	"context"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

type toolOut struct {
	Name           string        `json:"tool_name"`
	Type           tool.Kind     `json:"tool_type"`
	Description    string        `json:"description"`
	ConnectionID   *string       `json:"connection_id"`
	ConnectionName *string       `json:"connection_name"`
	Default        identity.Role `json:"default_min_role"`
	Effective      identity.Role `json:"effective_min_role"`
	Accessible     bool          `json:"accessible" doc:"Whether the caller may call it."`
}

// listTools shows admins everything, others what they can see (contract 8.2).
func (s *server) listTools(ctx context.Context, c *call) ([]toolOut, error) {
	rules, err := s.Catalog.Rules(ctx, c.who)
	if err != nil {
		return nil, err
	}
	tools := []toolOut{}
	for _, r := range rules {
		if c.who.Role.Allows(identity.Admin) || r.Visible(c.who.Role) {
			tools = append(tools, outTool(r, c.who.Role))
		}
	}
	return tools, nil
}

func outTool(r *gate.Rule, caller identity.Role) toolOut {
	return toolOut{
		Name: r.Tool.Name, Type: r.Tool.Kind, Description: r.Tool.Description,
		ConnectionID: textOrNull(r.Tool.Connection), ConnectionName: textOrNull(r.Tool.ConnectionName),
		Default: r.Default, Effective: r.Effective, Accessible: r.Allows(caller),
	}
}

// overrideIn has one member, which must be sent: null resets, and an empty
// body must not lift a lock by accident (contract 15.2 A10).
type overrideIn struct {
	MinRole *string `json:"min_role" nullable:"true" required:"true" enum:"viewer,analyst,admin" doc:"null resets to the default."`
}

type overrideOut struct {
	Name      string         `json:"tool_name"`
	MinRole   *identity.Role `json:"min_role" nullable:"true"`
	Reset     bool           `json:"reset"`
	Effective identity.Role  `json:"effective_min_role"`
}

func (s *server) overrideTool(ctx context.Context, c *call, in overrideIn) (overrideOut, error) {
	name := strings.TrimSuffix(c.r.PathValue("tool_name"), "/")
	rule, err := s.Catalog.Rule(ctx, c.who, name)
	if err != nil {
		return overrideOut{}, err
	}
	if rule == nil {
		return overrideOut{}, fault.New(fault.NotFound, "Unknown tool: "+name)
	}
	role := identity.None
	if in.MinRole != nil {
		role = parseRole(*in.MinRole)
	}
	err = c.scope().Write(ctx, func(tx *store.Tx) error { return override(ctx, c, tx, &rule.Tool, role) })
	if err != nil {
		return overrideOut{}, err
	}
	s.Catalog.Changed(c.who.Tenant)
	out := overrideOut{Name: name, MinRole: roleOrNull(role), Reset: role == identity.None, Effective: rule.Default}
	if role != identity.None {
		out.Effective = max(rule.Tool.Floor, role)
	}
	return out, nil
}

// override stores or, for None, removes the override of a tool.
func override(ctx context.Context, c *call, tx *store.Tx, t *tool.Tool, role identity.Role) error {
	event, change := "tool.override_set", func() (identity.Role, error) { return tx.SetOverride(ctx, t.Identity, role) }
	if role == identity.None {
		event, change = "tool.override_reset", func() (identity.Role, error) { return tx.ResetOverride(ctx, t.Identity) }
	}
	previous, err := change()
	metadata := map[string]any{"tool": t.Name, "min_role": roleOrNull(role), "previous": roleOrNull(previous)}
	if t.Connection != "" {
		metadata["connection_id"] = t.Connection
	}
	tx.Record(c.event(event, metadata))
	return err
}
