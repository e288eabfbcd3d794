package mcp_test

import (
	"context"
	"net/http"
	"strings"
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

// TestRequestsAreCounted: so are requests that are worked on, by whatever way
// they come, until they are answered.
func TestRequestsAreCounted(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	slow := plain("slow", identity.Viewer, func(context.Context) (*tool.Result, error) {
		begun <- struct{}{}
		<-end
		return tool.Text("ok"), nil
	})
	g := start(t, []tool.Provider{tool.Static{slow}}, func(c *mcp.Config) { c.UserRequests, c.TenantRequests = 2, 3 })
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}`
	refused := func(endpoint, key, message, text string) {
		t.Helper()
		res := g.send(t, t.Context(), http.MethodPost, endpoint, key, message)
		if res.Header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After = %q", res.Header.Get("Retry-After"))
		}
		if status, body := statusAndBody(t, res); status != http.StatusTooManyRequests || body != `{"detail":"`+text+`"}` {
			t.Errorf("%s: %d %s", message, status, body)
		}
	}
	session, endpoint := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	g.listen(t, analystKey) // is no request once it is open
	answered := make(chan int, 2)
	post := func(key string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+"/t/acme/mcp", strings.NewReader(call))
		if err != nil {
			panic(err) // the test's own URL
		}
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/json")
		if res, err := g.Client().Do(r); err == nil {
			res.Body.Close()
			answered <- res.StatusCode
		}
	}
	go post(analystKey)
	<-begun
	g.post(t, endpoint, call, http.StatusAccepted)
	<-begun
	for _, message := range []string{call, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`, pingMessage, `{"jsonrpc":"2.0","method":"notifications/x"}`} {
		refused("/t/acme/mcp", analystKey, message, "Too many requests at once: 2 per user")
		refused(endpoint, analystKey, message, "Too many requests at once: 2 per user")
	}
	go post(viewerKey)
	<-begun
	refused("/t/acme/mcp", viewerKey, call, "Too many requests at once: 3 per tenant")
	close(end)
	session.message(t)
	for range 2 {
		if status := <-answered; status != http.StatusOK {
			t.Errorf("a call that ran: %d", status)
		}
	}
	for status := 0; status != http.StatusOK; { // their handlers return in their own time
		status = g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, pingMessage).StatusCode
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
