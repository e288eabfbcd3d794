package mcp_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

const listenMessage = `{"jsonrpc":"2.0","id":"L","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":` + modernMeta + `}}`

// refusedStreams opens one stream too many in each way.
func refusedStreams(t *testing.T, g *gateway, key, text string) {
	t.Helper()
	res := g.send(t, t.Context(), http.MethodGet, "/t/acme/mcp/sse", key, "")
	if res.Header.Get("Retry-After") != "30" {
		t.Errorf("Retry-After = %q", res.Header.Get("Retry-After"))
	}
	if status, body := statusAndBody(t, res); status != http.StatusTooManyRequests || body != `{"detail":"`+text+`"}` {
		t.Errorf("session: %d %s", status, body)
	}
	res = g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", key, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`)
	res = g.send(t, t.Context(), http.MethodGet, "/t/acme/mcp", key, "", "Mcp-Session-Id", res.Header.Get("Mcp-Session-Id"))
	if status, body := statusAndBody(t, res); status != http.StatusTooManyRequests || body != `{"detail":"`+text+`"}` {
		t.Errorf("stream of a session: %d %s", status, body)
	}
	res = g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", key, listenMessage, "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen")
	if status, body := statusAndBody(t, res); status != http.StatusTooManyRequests || body != `{"jsonrpc":"2.0","id":"L","error":{"code":-32600,"message":"`+text+`"}}` {
		t.Errorf("subscription: %d %s", status, body)
	}
}

// TestStreamsAreCounted: streams of all kinds count together, by user and by
// tenant, until they end.
func TestStreamsAreCounted(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()}, func(c *mcp.Config) {
		c.UserStreams, c.TenantStreams, c.Sessions = 2, 3, &keptSessions{kept: map[string]mcp.ClientSession{}}
	})
	again := principal("analyst", identity.Analyst)
	again.Credential = "another"
	g.users.set("mgw_again", again)

	session, _ := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	subscription := g.listen(t, "mgw_again")
	refusedStreams(t, g, analystKey, "Too many open streams: 2 per user")
	refusedStreams(t, g, "mgw_again", "Too many open streams: 2 per user")
	g.openSSE(t, "/mcp/sse?token="+viewerKey, "")
	refusedStreams(t, g, viewerKey, "Too many open streams: 3 per tenant")
	g.openSSE(t, "/t/other/mcp/sse", otherKey)

	for _, leave := range []func(){session.leave, subscription.leave} {
		leave()
		for status := 0; status != http.StatusOK; { // the server notices in its own time
			ctx, end := context.WithCancel(t.Context())
			t.Cleanup(end)
			status = g.send(t, ctx, http.MethodGet, "/t/acme/mcp/sse", analystKey, "").StatusCode
		}
	}
	refusedStreams(t, g, analystKey, "Too many open streams: 2 per user")
}
