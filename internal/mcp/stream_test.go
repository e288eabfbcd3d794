package mcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// events reads a text/event-stream response.
type events struct {
	*bufio.Reader
	response *http.Response
	leave    context.CancelFunc
}

// next returns the next event, or ("", comment) for a comment.
func (e *events) next(t *testing.T) (name, data string) {
	t.Helper()
	for {
		line, err := e.ReadString('\n')
		if err != nil {
			t.Fatalf("stream ended: %v", err)
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" && data != "" {
			return name, data
		}
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "":
			data = value
		case "event":
			name = value
		case "data":
			data = value
		}
	}
}

// message returns the next event that is no comment.
func (e *events) message(t *testing.T) string {
	t.Helper()
	for {
		if name, data := e.next(t); name != "" {
			return data
		}
	}
}

// rest reads until the stream ends.
func (e *events) rest(t *testing.T) string {
	t.Helper()
	b, err := io.ReadAll(e)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	return string(b)
}

func (g *gateway) send(t *testing.T, ctx context.Context, method, path, key, body string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, g.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := g.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func (g *gateway) open(t *testing.T, method, path, key, body string, headers ...string) *events {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	t.Cleanup(leave)
	res := g.send(t, ctx, method, path, key, body, headers...)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		b, _ := io.ReadAll(res.Body)
		t.Fatalf("open stream: %s %s", res.Status, b)
	}
	return &events{bufio.NewReader(res.Body), res, leave}
}

// openSSE opens an HTTP+SSE session and returns where its messages go.
func (g *gateway) openSSE(t *testing.T, path, key string) (*events, string) {
	t.Helper()
	e := g.open(t, http.MethodGet, path, key, "")
	name, endpoint := e.next(t)
	if name != "endpoint" {
		t.Fatalf("first event is %q", name)
	}
	return e, endpoint
}

func (g *gateway) listen(t *testing.T, key string) *events {
	t.Helper()
	body := `{"jsonrpc":"2.0","id":"L","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":` + modernMeta + `}}`
	e := g.open(t, http.MethodPost, "/t/acme/mcp", key, body, "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen")
	want := `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"L"},"notifications":{"toolsListChanged":true}}}`
	if got := e.message(t); got != want {
		t.Fatalf("acknowledgement = %s", got)
	}
	return e
}

func statusAndBody(t *testing.T, res *http.Response) (int, string) {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// fast makes streams tick in milliseconds.
func fast(c *mcp.Config) { c.KeepAlive, c.Recheck = time.Millisecond, 2*time.Millisecond }

const pingMessage = `{"jsonrpc":"2.0","id":7,"method":"ping"}`

func TestSSESession(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()})
	e, endpoint := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	if id, ok := strings.CutPrefix(endpoint, "/t/acme/mcp/messages?session_id="); !ok || len(id) != 43+1+16+1+32 {
		t.Errorf("endpoint = %q, want 256 bits, an instance and a MAC at the tenant's messages URL", endpoint)
	}
	if got := e.response.Header.Get("X-Accel-Buffering"); got != "no" {
		t.Errorf("X-Accel-Buffering = %q", got)
	}
	call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"rows"}}`
	steps := []struct{ send, want string }{
		{pingMessage, `{"jsonrpc":"2.0","id":7,"result":{}}`},
		{call, `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text"`},
		{`{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}`, `{"jsonrpc":"2.0","id":2,"result":{"protocolVersion":"2025-06-18"`},
		{call, `{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"columns"`},
		{`{"jsonrpc":"2.0","id":3,"method":"server/discover"}`, `{"jsonrpc":"2.0","id":3,"error":{"code":-32601`},
		{`{"jsonrpc":"2.0","id":4,"method":"tools/list"}`, `{"jsonrpc":"2.0","id":4,"result":{"tools":[{"name":"greet","title":"greet"`},
	}
	for _, s := range steps {
		if status, body := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, endpoint, analystKey, s.send)); status != 202 || body != "Accepted" {
			t.Fatalf("POST %s = %d %q, want 202 Accepted", s.send, status, body)
		}
		if got := e.message(t); !strings.HasPrefix(got, s.want) {
			t.Errorf("answer to %s = %s, want %s…", s.send, got, s.want)
		}
	}
	if got, want := g.audit.names(), []string{"session.connected", "tool.rows", "tool.rows"}; !slices.Equal(got, want) {
		t.Errorf("audit = %v, want %v", got, want)
	}
}

func TestSSEBinding(t *testing.T) {
	g, elsewhere, _ := startTwo(t, []tool.Provider{basicTools()})
	_, byHeader := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	_, byQuery := g.openSSE(t, "/t/acme/mcp/sse?api_key="+analystKey, "")
	_, deprecated := g.openSSE(t, "/mcp/sse?token="+analystKey, "")
	second := principal("analyst", identity.Analyst)
	second.Credential = "another"
	g.users.set("mgw_second", second)
	tests := []struct {
		name, endpoint, key, body string
		want                      int
		detail                    string
	}{
		{"header session, same credential", byHeader, analystKey, pingMessage, 202, "Accepted"},
		{"header session, other credential of the user", byHeader, "mgw_second", pingMessage, 202, "Accepted"},
		{"header session, id alone", byHeader, "", pingMessage, 401, "Authentication required"},
		{"header session, bad credential", byHeader, "mgw_bad", pingMessage, 401, "Invalid or revoked API key"},
		{"header session, other user", byHeader, viewerKey, pingMessage, 404, "Could not find session"},
		{"header session, other tenant's user", byHeader, otherKey, pingMessage, 403, "Token not valid for this tenant"},
		{"header session, query credential", byHeader + "&api_key=" + analystKey, "", pingMessage, 202, "Accepted"},
		{"query session, id alone", byQuery, "", pingMessage, 202, "Accepted"},
		{"query session, bad credential sent", byQuery, "mgw_bad", pingMessage, 401, "Invalid or revoked API key"},
		{"query session, other user's credential sent", byQuery, viewerKey, pingMessage, 404, "Could not find session"},
		{"other slug", strings.Replace(byQuery, "acme", "other", 1), "", pingMessage, 404, "Could not find session"},
		{"tenant session at the deprecated URL", strings.TrimPrefix(byQuery, "/t/acme"), "", pingMessage, 404, "Could not find session"},
		{"deprecated session, id alone", deprecated, "", pingMessage, 202, "Accepted"},
		{"deprecated session, token", deprecated + "&token=" + analystKey, "", pingMessage, 202, "Accepted"},
		{"deprecated session, bad token", deprecated + "&token=x", "", pingMessage, 401, "Invalid token"},
		{"deprecated session at the tenant URL", "/t/acme" + deprecated, analystKey, pingMessage, 404, "Could not find session"},
		{"not JSON", byHeader, analystKey, "{", 400, "Could not parse message"},
		{"batch", byHeader, analystKey, "[" + pingMessage + "]", 400, "Could not parse message"},
		{"request without id", byHeader, analystKey, `{"jsonrpc":"2.0","method":"ping"}`, 400, "Could not parse message"},
	}
	for where, at := range map[string]*gateway{"here": g, "through another instance": elsewhere} {
		for _, tt := range tests {
			t.Run(tt.name+", "+where, func(t *testing.T) {
				status, body := statusAndBody(t, at.send(t, t.Context(), http.MethodPost, tt.endpoint, tt.key, tt.body))
				if status != tt.want || !strings.Contains(body, tt.detail) {
					t.Errorf("= %d %s, want %d %s", status, body, tt.want, tt.detail)
				}
			})
		}
	}
}

// TestSSERoleIsLive: the role of a stream's user counts from the next message.
func TestSSERoleIsLive(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()})
	for _, path := range []string{"/t/acme/mcp/sse", "/t/acme/mcp/sse?api_key=" + analystKey} {
		g.users.set(analystKey, principal("analyst", identity.Analyst))
		key := analystKey
		if strings.Contains(path, "?") {
			key = ""
		}
		e, endpoint := g.openSSE(t, path, key)
		g.users.set(analystKey, principal("analyst", identity.Viewer))
		g.send(t, t.Context(), http.MethodPost, endpoint, key, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"rows"}}`)
		if got := e.message(t); !strings.Contains(got, "Permission denied") {
			t.Errorf("%s: after demotion: %s", path, got)
		}
	}
}

// TestStreamsEnd: a stream ends by itself when its credential does.
func TestStreamsEnd(t *testing.T) {
	open := map[string]func(*testing.T, *gateway) *events{
		"sse":    func(t *testing.T, g *gateway) *events { e, _ := g.openSSE(t, "/t/acme/mcp/sse", analystKey); return e },
		"listen": func(t *testing.T, g *gateway) *events { return g.listen(t, analystKey) },
	}
	end := map[string]func(*gateway){
		"credential revoked": func(g *gateway) { g.users.revoke(analystKey) },
		"tenant disabled":    func(g *gateway) { g.users.fail(fault.New(fault.Forbidden, "Tenant is disabled")) },
		"role taken":         func(g *gateway) { g.users.set(analystKey, principal("analyst", identity.None)) },
		"database stays down": func(g *gateway) {
			g.users.fail(fault.New(fault.Unavailable, "Database unavailable"))
		},
	}
	for kind, open := range open {
		for what, end := range end {
			t.Run(kind+", "+what, func(t *testing.T) {
				g := start(t, []tool.Provider{basicTools()}, fast)
				e := open(t, g)
				if name, data := e.next(t); name != "" || data != "ping" {
					t.Errorf("idle stream sent %q %q, want a comment", name, data)
				}
				end(g)
				if rest := e.rest(t); strings.Contains(rest, "event:") {
					t.Errorf("after the end: %q", rest)
				}
			})
		}
	}
}

// TestStreamSurvivesOutage: one check that cannot be made ends no stream.
func TestStreamSurvivesOutage(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()}, func(c *mcp.Config) { c.KeepAlive, c.Recheck = time.Millisecond, time.Hour })
	e := g.listen(t, analystKey)
	g.users.fail(errors.New("database is restarting"))
	g.catalog.Changed("tenant-acme") // one recheck, which fails
	e.next(t)
	g.users.fail(nil)
	g.users.set(analystKey, principal("analyst", identity.Viewer))
	g.catalog.Changed("tenant-acme")
	if got := e.message(t); !strings.Contains(got, "list_changed") {
		t.Errorf("= %s", got)
	}
}

func TestListChanged(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()})
	listener, viewer := g.listen(t, analystKey), g.listen(t, viewerKey)
	sse, _ := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	g.users.set(analystKey, principal("analyst", identity.Viewer)) // loses "rows"
	g.catalog.Changed("tenant-acme")
	if got, want := listener.message(t), `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"L"}}}`; got != want {
		t.Errorf("listener heard %s", got)
	}
	if got, want := sse.message(t), `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`; got != want {
		t.Errorf("SSE session heard %s", got)
	}
	// The viewer's tools are what they were: the end is the next it hears.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.handler.Shutdown(ctx)
	if got, want := viewer.message(t), `{"jsonrpc":"2.0","id":"L","result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":"L"}}}`; got != want {
		t.Errorf("viewer heard %s", got)
	}
	if rest := viewer.rest(t); rest != "" {
		t.Errorf("after the result: %q", rest)
	}
}

// TestListenIsCancelled: notifications/cancelled ends the subscription.
func TestListenIsCancelled(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()})
	e := g.listen(t, analystKey)
	g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"L"}}`)
	if got := e.message(t); !strings.Contains(got, `"id":"L","result"`) {
		t.Errorf("= %s", got)
	}
}

// bigTool answers more than the buffers of a connection hold.
func bigTool() tool.Tool {
	return plain("big", identity.Viewer, func(context.Context) (*tool.Result, error) {
		return tool.Text(strings.Repeat("x", 16<<20)), nil
	})
}

// TestSlowReader: a peer that does not read loses its connection.
func TestSlowReader(t *testing.T) {
	g := start(t, []tool.Provider{tool.Static{bigTool()}}, func(c *mcp.Config) { c.WriteTimeout = 50 * time.Millisecond })
	g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"big"}}`)
	select {
	case <-g.answered:
	case <-t.Context().Done():
		t.Error("the handler still waits for its reader")
	}
}

// TestSlowStreamReader: a peer that does not read loses its stream, and with
// it the calls that run for it.
func TestSlowStreamReader(t *testing.T) {
	ended := make(chan struct{})
	wait := plain("wait", identity.Viewer, func(ctx context.Context) (*tool.Result, error) {
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})
	g := start(t, []tool.Provider{tool.Static{bigTool(), wait}}, func(c *mcp.Config) { c.WriteTimeout = 50 * time.Millisecond })
	_, endpoint := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	for _, name := range []string{"wait", "big"} {
		args, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": name, "method": "tools/call", "params": map[string]string{"name": name}})
		g.send(t, t.Context(), http.MethodPost, endpoint, analystKey, string(args))
	}
	select {
	case <-ended:
	case <-t.Context().Done():
		t.Error("the session's other call was not cancelled")
	}
}
