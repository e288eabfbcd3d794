package mcp_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
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
