package sql

import (
	"context"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// Functions lists the functions that users have defined in the database of a
// connection, read through the pool that its tools use. A connection of another
// tenant is NotFound; a database that cannot be reached is Unavailable.
func (p *Provider) Functions(ctx context.Context, who identity.Principal, connection string) ([]database.Function, error) {
	connections, err := p.Connections.Connections(ctx, who.Tenant)
	if err != nil {
		return nil, err
	}
	for _, c := range connections {
		d := p.Dialects[c.DBType]
		if c.ID != connection || d == nil {
			continue
		}
		s := &source{provider: p, tenant: who.Tenant, connection: c, dialect: d}
		conn, err := s.open(ctx, who)
		if err != nil {
			return nil, err
		}
		return conn.Functions(ctx)
	}
	return nil, fault.New(fault.NotFound, "Connection not found")
}
