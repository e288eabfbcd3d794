package mcp_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// waiting is a tool that runs until its context ends.
type waiting struct {
	tool.Tool
	started, ended chan struct{}
}

func waitTool() *waiting {
	w := &waiting{started: make(chan struct{}, 8), ended: make(chan struct{}, 8)}
	w.Tool = plain("wait", identity.Viewer, func(ctx context.Context) (*tool.Result, error) {
		w.started <- struct{}{}
		<-ctx.Done()
		w.ended <- struct{}{}
		return nil, ctx.Err()
	})
	return w
}

const waitMessage = `{"jsonrpc":"2.0","id":"w","method":"tools/call","params":{"name":"wait"}}`

func receive(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-t.Context().Done():
		t.Fatalf("%s: did not happen", what)
	}
}

// callWait calls the waiting tool beside the test and hands over the answer,
// "" when there was none.
func callWait(t *testing.T, ctx context.Context, g *gateway, w *waiting) <-chan string {
	t.Helper()
	answer := make(chan string, 1)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL+"/t/acme/mcp", strings.NewReader(waitMessage))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+analystKey)
	go func() {
		defer close(answer)
		res, err := g.Client().Do(r)
		if err != nil {
			return
		}
		defer res.Body.Close()
		var body strings.Builder
		if err := res.Write(&body); err == nil {
			answer <- body.String()
		}
	}()
	receive(t, w.started, "call starts")
	return answer
}

func TestDisconnectCancels(t *testing.T) {
	w := waitTool()
	g := start(t, []tool.Provider{tool.Static{w.Tool}})
	ctx, leave := context.WithCancel(t.Context())
	answer := callWait(t, ctx, g, w)
	leave()
	receive(t, w.ended, "call is cancelled")
	<-answer
}

func TestCancelledNotification(t *testing.T) {
	w := waitTool()
	g := start(t, []tool.Provider{tool.Static{w.Tool}})
	cancel := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"w"}}`
	first := callWait(t, t.Context(), g, w)
	g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", viewerKey, cancel) // not theirs to cancel
	ctx, leave := context.WithCancel(t.Context())
	second := callWait(t, ctx, g, w)
	g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, cancel) // could mean either
	select {
	case <-w.ended:
		t.Fatal("a call was cancelled that was not meant")
	default:
	}
	leave()
	receive(t, w.ended, "second call is cancelled")
	<-second
	// The server notices the second caller's leaving on its own time: the name
	// is unambiguous only after that, so repeat until it is.
	for done := false; !done; {
		g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, cancel)
		select {
		case <-w.ended:
			done = true
		case <-t.Context().Done():
			t.Fatal("call is not cancelled")
		default:
		}
	}
	if got := <-first; !strings.Contains(got, `"text":"Error: cancelled"`) {
		t.Errorf("answer = %s", got)
	}
}

func TestSSELeavingCancels(t *testing.T) {
	w := waitTool()
	g := start(t, []tool.Provider{tool.Static{w.Tool}})
	e, endpoint := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	g.send(t, t.Context(), http.MethodPost, endpoint, analystKey, waitMessage)
	receive(t, w.started, "call starts")
	g.send(t, t.Context(), http.MethodPost, endpoint, analystKey, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"w"}}`)
	receive(t, w.ended, "call is cancelled by name")
	e.message(t)
	g.send(t, t.Context(), http.MethodPost, endpoint, analystKey, waitMessage)
	receive(t, w.started, "call starts again")
	e.leave()
	receive(t, w.ended, "call is cancelled by leaving")
}

// TestFullSessionCancels: a session whose calls all run still hears that one
// of them is to end.
func TestFullSessionCancels(t *testing.T) {
	w := waitTool()
	g := start(t, []tool.Provider{tool.Static{w.Tool}})
	e, endpoint := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	for id := range 8 {
		g.send(t, t.Context(), http.MethodPost, endpoint, analystKey, strings.Replace(waitMessage, `"w"`, strconv.Itoa(id), 1))
		receive(t, w.started, "call starts")
	}
	ctx, giveUp := context.WithTimeout(t.Context(), 5*time.Second)
	defer giveUp()
	g.send(t, ctx, http.MethodPost, endpoint, analystKey, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}`)
	if got := e.message(t); !strings.Contains(got, `"id":3,`) {
		t.Errorf("answer = %s", got)
	}
}

func TestShutdown(t *testing.T) {
	w := waitTool()
	g := start(t, []tool.Provider{tool.Static{w.Tool}})
	answer := callWait(t, t.Context(), g, w)
	ctx, cancel := context.WithCancel(t.Context())
	down := make(chan struct{})
	go func() { defer close(down); g.handler.Shutdown(ctx) }()
	select {
	case <-w.ended:
		t.Fatal("cancelled before the time was over")
	case <-down:
		t.Fatal("did not wait")
	default:
	}
	cancel()
	receive(t, w.ended, "call is cancelled")
	receive(t, down, "shutdown ends")
	if got := <-answer; !strings.Contains(got, "Error: cancelled") {
		t.Errorf("answer = %s", got)
	}
}

// TestLargeBody: more than 16 MiB is refused, with and without its length, and
// the gateway goes on.
func TestLargeBody(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()})
	body := `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"` + strings.Repeat("y", 20<<20) + `"}}`
	for _, length := range []int64{int64(len(body)), -1} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+"/t/acme/mcp", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = length
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+analystKey)
		res, err := g.Client().Do(r)
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			continue // the server closed the connection before it was all sent
		}
		status, text := statusAndBody(t, res)
		res.Body.Close()
		if status != 413 || text != `{"detail":"Request body too large"}` {
			t.Errorf("length %d: %d %s", length, status, text)
		}
	}
	fits := `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"` + strings.Repeat("y", 15<<20) + `"}}`
	if status, text := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, fits)); status != 200 {
		t.Errorf("15 MiB: %d %s", status, text)
	}
}

func TestConnectedEvent(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()})
	g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey,
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26","clientInfo":{"name":"probe","version":"9"}}}`)
	g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey,
		`{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":`+modernMeta+`}}`,
		"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "server/discover")
	g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	want := []string{
		`{"client_name":"probe","client_version":"9","protocol_version":"2025-03-26","transport":"streamable-http"}`,
		`{"client_name":"probe","client_version":"9","protocol_version":"2026-07-28","transport":"streamable-http"}`,
		`{"client_name":"","client_version":"","protocol_version":"2024-11-05","transport":"sse"}`,
	}
	for i, e := range g.audit.events {
		got, _ := json.Marshal(e.Metadata)
		if e.Name != "session.connected" || string(got) != want[i] {
			t.Errorf("event %d: %s %s, want %s", i, e.Name, got, want[i])
		}
		if e.User != "analyst" || e.Tenant != "tenant-acme" || e.IP != "127.0.0.1" || e.RequestID == "" || e.At.IsZero() {
			t.Errorf("event %d: %+v", i, e)
		}
	}
	if len(g.audit.events) != len(want) {
		t.Errorf("%d events, want %d", len(g.audit.events), len(want))
	}
}

// TestAuditLost: without a record there is neither a session nor a result.
func TestAuditLost(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()})
	g.audit.err = errors.New("disk full")
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"initialize", "POST", "/t/acme/mcp", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`, 500, `"code":-32603,"message":"Error: audit log unavailable"`},
		{"SSE", "GET", "/t/acme/mcp/sse", "", 500, `"detail":"Internal Server Error"`},
		{"call", "POST", "/t/acme/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"rows"}}`, 200, `"text":"Error: audit log unavailable"}],"isError":true`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := statusAndBody(t, g.send(t, t.Context(), tt.method, tt.path, analystKey, tt.body))
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("= %d %s", status, body)
			}
		})
	}
}

// failing is a provider whose tenant cannot be read.
type failing struct{}

func (failing) Tools(context.Context, identity.TenantID) ([]tool.Tool, error) {
	return nil, errors.New("secret cause")
}

func TestCatalogueFails(t *testing.T) {
	g := start(t, []tool.Provider{failing{}})
	status, body := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
	if status != 500 || !strings.Contains(body, `"code":-32603,"message":"Internal error","data":{"request_id":"`) || strings.Contains(body, "secret") {
		t.Errorf("= %d %s", status, body)
	}
}

// TestPaging walks a list that does not fit a page.
func TestPaging(t *testing.T) {
	var many tool.Static
	for i := range 450 {
		many = append(many, plain(fmt.Sprintf("tool_%03d", i), identity.Viewer, nil))
	}
	g := start(t, []tool.Provider{many})
	var names []string
	var sizes []int
	for cursor := ""; ; {
		_, body := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", viewerKey,
			`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{`+cursor+`}}`))
		var page struct {
			Result struct {
				Tools      []struct{ Name string }
				NextCursor string
			}
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.Result.Tools))
		for _, tool := range page.Result.Tools {
			names = append(names, tool.Name)
		}
		if page.Result.NextCursor == "" {
			break
		}
		cursor = `"cursor":"` + page.Result.NextCursor + `"`
	}
	if !slices.Equal(sizes, []int{200, 200, 50}) || len(slices.Compact(names)) != 450 || !slices.IsSorted(names) {
		t.Errorf("pages of %v, %d names", sizes, len(names))
	}
}

// TestOwnCursors: any tool's name makes a cursor, but only the pages of a walk
// from the start are kept.
func TestOwnCursors(t *testing.T) {
	var many tool.Static
	for i := range 250 {
		many = append(many, plain(fmt.Sprintf("tool_%03d", i), identity.Viewer, nil))
	}
	g := start(t, []tool.Provider{many})
	set, err := g.catalog.Toolset(t.Context(), principal("viewer", identity.Viewer))
	if err != nil {
		t.Fatal(err)
	}
	for after, wantKept := range map[int]bool{6: false, 199: true} {
		cursor := base64.RawURLEncoding.EncodeToString([]byte(many[after].Name))
		_, body := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", viewerKey,
			`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"`+cursor+`"}}`))
		if !strings.Contains(body, `"tools":[{"name":"`+many[after+1].Name+`"`) {
			t.Errorf("after %s: %.200s", many[after].Name, body)
		}
		kept := true
		set.Memo(fmt.Sprintf("mcp/tools/plain/%d", after+1), func() []byte { kept = false; return nil })
		if kept != wantKept {
			t.Errorf("page after %s kept: %v, want %v", many[after].Name, kept, wantKept)
		}
	}
}

// TestQuirks: a quirk is counted when it is served, and can be turned off.
func TestQuirks(t *testing.T) {
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":` + modernMeta + `}}`
	g := start(t, []tool.Provider{basicTools()})
	res := g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, body, "MCP-Protocol-Version", "2025-11-25")
	if got := <-g.quirks; res.StatusCode != 200 || got != mcp.QuirkHeaderMismatch {
		t.Errorf("= %d, counted %q", res.StatusCode, got)
	}
	g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey,
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`, "MCP-Protocol-Version", "2026-07-28")
	if got := <-g.quirks; got != mcp.QuirkModernInitialize {
		t.Errorf("counted %q", got)
	}
	strict := start(t, []tool.Provider{basicTools()}, func(c *mcp.Config) { c.StrictHeaders = true })
	status, text := statusAndBody(t, strict.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, body, "MCP-Protocol-Version", "2025-11-25"))
	if status != 400 || !strings.Contains(text, `"code":-32020`) {
		t.Errorf("strict: %d %s", status, text)
	}
}

// TestBatchIsLive: each message of a batch is allowed or refused by itself.
func TestBatchIsLive(t *testing.T) {
	var g *gateway
	demote := plain("demote", identity.Viewer, func(context.Context) (*tool.Result, error) {
		g.users.set(analystKey, principal("analyst", identity.Viewer))
		return tool.Text("demoted"), nil
	})
	revoke := plain("revoke", identity.Viewer, func(context.Context) (*tool.Result, error) {
		g.users.revoke(analystKey)
		return tool.Text("revoked"), nil
	})
	g = start(t, []tool.Provider{basicTools(), tool.Static{demote, revoke}})
	call := func(name string) string {
		return `{"jsonrpc":"2.0","id":"` + name + `","method":"tools/call","params":{"name":"` + name + `"}}`
	}
	batch := "[" + strings.Join([]string{call("demote"), call("rows"), call("revoke"), call("object")}, ",") + "]"
	_, body := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, batch))
	for _, want := range []string{
		`"id":"demote","result":{"content":[{"type":"text","text":"demoted"}]`,
		`"id":"rows","result":{"content":[{"type":"text","text":"Permission denied"}],"isError":true`,
		`"id":"object","error":{"code":-32600,"message":"Invalid or revoked API key"}`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}
