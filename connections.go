package gateway

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
	"github.com/mcp-gateway/mcp-gateway/internal/tools/builtin"
	sqltools "github.com/mcp-gateway/mcp-gateway/internal/tools/sql"
)

// connections shows the store's connections to the tools.
type connections struct {
	store *store.DB
	ring  *seal.Ring
}

// Connections implements tools/sql.Connections. The connections are read before
// the functions: a change in between is then seen as a newer list under the old
// version, which the next call reads again.
func (c connections) Connections(ctx context.Context, t identity.TenantID) ([]sqltools.Connection, error) {
	scope := c.store.Tenant(t)
	rows, err := scope.Connections(ctx, identity.Admin, store.Page{})
	if err != nil {
		return nil, err
	}
	functions, err := scope.AllowedFunctions(ctx)
	if err != nil {
		return nil, err
	}
	allowed := map[string][]database.AllowedFunction{}
	for _, f := range functions {
		allowed[f.Connection] = append(allowed[f.Connection], database.AllowedFunction{Signature: f.Signature, Hash: f.Hash})
	}
	out := make([]sqltools.Connection, len(rows))
	for i, r := range rows {
		out[i] = sqltools.Connection{
			ID: r.ID, Name: r.Name, DBType: r.Type, Description: r.Description, MinRole: r.MinRole,
			Version: r.UpdatedAt.Format(time.RFC3339Nano),
			Rules:   database.Rules{AllowPowerfulLogin: r.AllowPowerfulLogin, AllowedFunctions: allowed[r.ID]},
		}
	}
	return out, nil
}

// ConnString implements tools/sql.Connections.
func (c connections) ConnString(ctx context.Context, t identity.TenantID, id string) (string, error) {
	row, err := c.store.Tenant(t).Connection(ctx, id)
	if err != nil {
		return "", err
	}
	return c.ring.Open(row.Sealed, seal.Place{Tenant: string(t), Table: store.ConnectionsTable, Row: id})
}

// described adds the names of a connection's tools.
func (c connections) described(ctx context.Context, t identity.TenantID) ([]builtin.Connection, error) {
	list, err := c.Connections(ctx, t)
	if err != nil {
		return nil, err
	}
	out := make([]builtin.Connection, len(list))
	for i, l := range list {
		out[i] = builtin.Connection{ID: l.ID, Name: l.Name, Type: l.DBType, Description: l.Description, MinRole: l.MinRole}
		out[i].SchemaTool, out[i].ExecuteTool = sqltools.ToolNames(l.Name, l.ID)
	}
	return out, nil
}
