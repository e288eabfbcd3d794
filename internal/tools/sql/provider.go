// Package sql provides the two tools of every registered connection: one that
// shows its schema, one that runs a read-only statement (contract 6.3 to 6.6).
package sql

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Connection is an active registered connection, without its credentials.
type Connection struct {
	ID          string
	Name        string
	DBType      string // the dialect's name
	Description string
	MinRole     identity.Role
	Version     string // changes whenever the connection string or the rules do
	Rules       database.Rules
}

// Connections reads the registered connections of a tenant.
type Connections interface {
	// Connections returns the active ones.
	Connections(ctx context.Context, t identity.TenantID) ([]Connection, error)
	// ConnString opens the sealed connection string of one. It is asked for
	// when a pool is opened and not kept.
	ConnString(ctx context.Context, t identity.TenantID, id string) (string, error)
}

// Provider lists the tools of all connections of a tenant.
type Provider struct {
	Connections Connections
	Dialects    map[string]database.Dialect // by name
	Pools       *database.Pools
	// Env is what connections may reach. Its Slug is filled in per call.
	Env database.Env
	// Record says what audit records keep of a statement beside its hash:
	// "hash" nothing, "full" all of it sealed beside a preview, else a preview.
	Record string
}

var _ tool.Provider = (*Provider)(nil)

// Tools returns, by connection name and id, the schema tool and the execute
// tool of each connection. A connection of an engine that this build does not
// have can serve no call and is left out.
func (p *Provider) Tools(ctx context.Context, t identity.TenantID) ([]tool.Tool, error) {
	connections, err := p.Connections.Connections(ctx, t)
	if err != nil {
		return nil, err
	}
	connections = slices.Clone(connections)
	slices.SortFunc(connections, func(a, b Connection) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	tools := make([]tool.Tool, 0, 2*len(connections))
	for _, c := range connections {
		if d := p.Dialects[c.DBType]; d != nil {
			source := &source{provider: p, tenant: t, connection: c, dialect: d, guard: guardOf(d, c.Rules)}
			tools = append(tools, source.schemaTool(), source.executeTool())
		}
	}
	return tools, nil
}

// source is one connection as its two tools see it.
type source struct {
	provider   *Provider
	tenant     identity.TenantID
	connection Connection
	dialect    database.Dialect
	guard      sqlguard.Guard
}

// guardOf returns the dialect's guard with the functions that the rules allow.
func guardOf(d database.Dialect, rules database.Rules) sqlguard.Guard {
	if len(rules.AllowedFunctions) == 0 {
		return d.Guard()
	}
	names := make([]string, 0, len(rules.AllowedFunctions))
	for _, f := range rules.AllowedFunctions {
		name, _, _ := strings.Cut(f.Signature, "(")
		names = append(names, name)
	}
	slices.Sort(names)
	return d.Guard().Allowing(slices.Compact(names))
}

// open returns the pooled connection. The connection string lives only while
// the dialect opens it.
func (s *source) open(ctx context.Context, p identity.Principal) (*database.Pooled, error) {
	key := database.Key{Tenant: string(s.tenant), Connection: s.connection.ID, Version: s.connection.Version}
	return s.provider.Pools.Get(ctx, key, func(ctx context.Context) (database.Conn, error) {
		text, err := s.provider.Connections.ConnString(ctx, s.tenant, s.connection.ID)
		if err != nil {
			return nil, err
		}
		env := s.provider.Env
		env.Slug, env.Rules = p.Slug, s.connection.Rules
		target, err := s.dialect.Parse(text, env)
		if err != nil {
			// It was accepted when it was stored, so the rules have become
			// stricter since; which one is for an administrator's test to say.
			return nil, database.ConnectFault(database.ErrOther, err)
		}
		return s.dialect.Open(target, env)
	})
}

// callerFault words a failure of the connection for the reading model.
func callerFault(err error) error {
	if err == nil || !fault.Is(err, fault.Unavailable) {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "database unavailable: "+fault.Of(err).Public)
}

// base holds what both tools of a connection have in common.
func (s *source) base(kind tool.Kind) tool.Tool {
	return tool.Tool{
		Kind:           kind,
		Floor:          s.connection.MinRole,
		Identity:       s.connection.ID + ":" + string(kind),
		Connection:     s.connection.ID,
		ConnectionName: s.connection.Name,
		Hints:          tool.Hints{ReadOnly: true, Idempotent: true},
		Timeout:        database.QueryTimeout,
	}
}
