package mcp_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/internal/tools/offer"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// heap is what the process holds.
func heap() int {
	runtime.GC()
	runtime.GC() // what pools held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestStreamsKeepNoBodies: what a client sends to open a stream is not held as
// long as the stream.
func TestStreamsKeepNoBodies(t *testing.T) {
	const streams, size = 20, 2 << 20
	padding := strings.Repeat("x", size)
	listen := `{"jsonrpc":"2.0","id":"L","method":"subscriptions/listen","params":{"padding":"` + padding + `","notifications":{"resourceSubscriptions":["a","` + padding + `"]},"_meta":` + modernMeta + `}}`
	initialize := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{"experimental":{"x":"` + padding + `"}}}}`
	for name, open := range map[string]func(*gateway) *events{
		"listen": func(g *gateway) *events {
			e := g.open(t, http.MethodPost, "/t/acme/mcp", analystKey, listen, "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen")
			if got := e.message(t); !strings.HasSuffix(got, `"notifications":{"resourceSubscriptions":["a"]}}}`) {
				t.Errorf("acknowledged: %.300s", got)
			}
			return e
		},
		"HTTP+SSE": func(g *gateway) *events {
			e, endpoint := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
			g.post(t, endpoint, initialize, http.StatusAccepted)
			e.message(t)
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, []tool.Provider{basicTools()}, func(c *mcp.Config) { c.Offers.Resources, c.Offers.Updates = true, true })
			before := heap()
			opened := make([]*events, streams)
			for i := range opened {
				opened[i] = open(g)
			}
			if grown := heap() - before; grown > streams*size/4 {
				t.Errorf("%d streams hold %d bytes", streams, grown)
			}
			runtime.KeepAlive(opened)
		})
	}
}

// failsToRecord panics.
type failsToRecord struct{}

func (failsToRecord) Record(context.Context, audit.Event) error {
	panic("a fault of the gateway's own")
}

// TestPanicEndsOneMessage: messages of an HTTP+SSE session run beside their
// POST, where nobody but the gateway itself catches a panic.
func TestPanicEndsOneMessage(t *testing.T) {
	g := start(t, nil, func(c *mcp.Config) {
		providers := []tool.Provider{tool.Static{plain("boom", identity.Viewer, func(context.Context) (*tool.Result, error) { return tool.Text("ok"), nil })}}
		c.Gate = gate.New(gate.Config{Catalog: gate.NewCatalog(providers, noOverrides{}), Recorder: failsToRecord{}, Logger: c.Logger, Now: c.Now})
	})
	e, endpoint := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	g.post(t, endpoint, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"boom"}}`, http.StatusAccepted)
	if got := e.message(t); !strings.Contains(got, `"code":-32603`) {
		t.Errorf("answer = %s", got)
	}
	g.post(t, endpoint, pingMessage, http.StatusAccepted)
	if got := e.message(t); !strings.Contains(got, `"result":{}`) {
		t.Errorf("after it: %s", got)
	}
}

// TestStrangeParameters: no value of any parameter is a fault of the gateway's.
func TestStrangeParameters(t *testing.T) {
	offers, err := offer.New([]tool.Prompt{{Name: "ask", MinRole: identity.Viewer, Get: noMessages}}, someResources())
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, nil, interactive, sealed(t), func(c *mcp.Config) {
		c.Offers, c.Quirk = everyOffer, nil
		c.Offers.Updates = true
		providers := []tool.Provider{tool.Static{asking("ask", identity.Viewer, "sure")}, offers}
		c.Gate = gate.New(gate.Config{Catalog: gate.NewCatalog(providers, noOverrides{}), Recorder: &recorder{}, Logger: c.Logger, Now: c.Now})
	})
	session := append(g.earlierSession(t, analystKey), "Accept", "application/json") // it is asked nothing
	values := []string{`null`, `-0`, `1e400`, `true`, `""`, `"\u0000\ud800"`, `[]`, `{}`, `[null]`, `{"":null}`, `{"sure":1}`, strings.Repeat("[", 90) + strings.Repeat("]", 90)}
	members := []string{
		"name", "uri", "arguments", "cursor", "ref", "argument", "protocolVersion", "clientInfo", "requestId", "level",
		"capabilities", "inputResponses", "requestState", "_meta", "notifications",
	}
	for _, method := range []string{
		"tools/call", "tools/list", "prompts/get", "prompts/list", "resources/read", "resources/list", "resources/templates/list", "resources/subscribe",
		"resources/unsubscribe", "completion/complete", "logging/setLevel", "initialize", "ping", "notifications/cancelled",
	} {
		for _, member := range members {
			for _, value := range values {
				id := `"id":1,`
				if strings.HasPrefix(method, "notifications/") {
					id = ""
				}
				params := `"` + member + `":` + value
				for _, header := range [][]string{session, {"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", method, "Mcp-Name", "ask"}} {
					known := `"name":"ask","uri":"docs://handbook","_meta":` + modernMeta
					body := `{"jsonrpc":"2.0",` + id + `"method":"` + method + `","params":{` + withoutMember(known, member) + params + `}}`
					status, answer := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, body, header...))
					if status >= 500 || strings.Contains(answer, `"code":-32603`) || strings.Contains(answer, "Internal Server Error") {
						t.Errorf("%s = %d %s", body, status, answer)
					}
				}
			}
		}
	}
}

// withoutMember returns the members but one, each followed by a comma.
func withoutMember(members, but string) (out string) {
	for _, m := range strings.SplitAfter(members, `",`) {
		m = strings.TrimSuffix(m, ",")
		if !strings.HasPrefix(m, `"`+but+`"`) {
			out += m + ","
		}
	}
	return out
}

// TestOldMessagesOfInstancesAreRefused: who captured a message on the bus
// cannot repeat it when its sender's role has long been another.
func TestOldMessagesOfInstancesAreRefused(t *testing.T) {
	for late, want := range map[time.Duration]int{
		0: http.StatusAccepted, 30 * time.Second: http.StatusAccepted, -30 * time.Second: http.StatusAccepted,
		2 * time.Minute: http.StatusNotFound, -2 * time.Minute: http.StatusNotFound,
	} {
		between := newLink()
		one := start(t, []tool.Provider{basicTools()}, func(c *mcp.Config) { c.Relay = end{between, "0000000000000001"} })
		two := start(t, []tool.Provider{basicTools()}, func(c *mcp.Config) {
			now := c.Now
			c.Relay, c.Auth = end{between, "0000000000000002"}, one.users
			c.Now = func() time.Time { return now().Add(-late) }
		})
		_, endpoint := one.openSSE(t, "/t/acme/mcp/sse", analystKey)
		two.post(t, endpoint, pingMessage, want)
	}
}
