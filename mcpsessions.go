package gateway

import (
	"context"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// clientSessions keeps the sessions of MCP clients in the store
// (mcp.ClientSessions).
type clientSessions struct{ store *store.DB }

// clientSessions returns where sessions are kept, nil for a build that needs
// none: with one, every client before 2026-07-28 would get a row.
func (a *app) clientSessions(interactive bool) mcp.ClientSessions {
	if !interactive {
		return nil
	}
	return clientSessions{a.store}
}

// CreateSession implements mcp.ClientSessions.
func (s clientSessions) CreateSession(ctx context.Context, p identity.Principal, key string, c mcp.ClientSession) error {
	return s.store.Tenant(p.Tenant).CreateMCPSession(ctx, store.MCPSession{
		Hash: key, User: p.User, ProtocolVersion: c.Version, Capabilities: c.Capabilities, LogLevel: string(c.LogLevel),
	})
}

// Session implements mcp.ClientSessions.
func (s clientSessions) Session(ctx context.Context, p identity.Principal, key string) (mcp.ClientSession, error) {
	tenant := s.store.Tenant(p.Tenant)
	row, err := tenant.MCPSession(ctx, p.User, key)
	if err != nil {
		return mcp.ClientSession{}, err
	}
	found := mcp.ClientSession{Version: row.ProtocolVersion, Capabilities: row.Capabilities, LogLevel: tool.Level(row.LogLevel), Subscribed: row.Subscriptions}
	return found, tenant.TouchMCPSession(ctx, row)
}

// SetLogLevel implements mcp.ClientSessions.
func (s clientSessions) SetLogLevel(ctx context.Context, p identity.Principal, key string, level tool.Level) error {
	return s.store.Tenant(p.Tenant).SetMCPLogLevel(ctx, p.User, key, string(level))
}

// Subscribe implements mcp.ClientSessions.
func (s clientSessions) Subscribe(ctx context.Context, p identity.Principal, key string, change func([]string) []string) error {
	return s.store.Tenant(p.Tenant).SetMCPSubscriptions(ctx, p.User, key, change)
}

// DeleteSession implements mcp.ClientSessions.
func (s clientSessions) DeleteSession(ctx context.Context, p identity.Principal, key string) error {
	return s.store.Tenant(p.Tenant).DeleteMCPSession(ctx, p.User, key)
}
