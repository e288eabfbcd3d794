package mcp_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// heldMemory tells of every result that is held and given back.
type heldMemory struct{ taken, given chan int }

func newMemory() heldMemory { return heldMemory{make(chan int, 10), make(chan int, 10)} }

func (m heldMemory) Acquire(_ context.Context, _, _ string, bytes int) (func(), error) {
	m.taken <- bytes
	return func() { m.given <- bytes }, nil
}

// bounded gives the gate a memory.
func bounded(m gate.Memory) func(*mcp.Config) {
	return func(c *mcp.Config) {
		c.Gate = gate.New(gate.Config{Catalog: c.Gate.Catalog(), Recorder: c.Audit, Memory: m, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	}
}

const bigMessage = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"big"}}`

// waysToRead are the ways in which a large answer reaches its client. Each
// returns when the answer has begun to arrive, with the rest of it.
func waysToRead() map[string]func(*testing.T, *gateway) io.Reader {
	post := func(t *testing.T, g *gateway, body string, headers ...string) io.Reader {
		t.Helper()
		return g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, body, headers...).Body
	}
	return map[string]func(*testing.T, *gateway) io.Reader{
		"JSON":   func(t *testing.T, g *gateway) io.Reader { return post(t, g, bigMessage) },
		"stream": func(t *testing.T, g *gateway) io.Reader { return post(t, g, bigMessage, "Accept", "text/event-stream") },
		"batch": func(t *testing.T, g *gateway) io.Reader {
			return post(t, g, "["+pingMessage+","+bigMessage+"]", "MCP-Protocol-Version", "2025-03-26")
		},
		"HTTP+SSE session": func(t *testing.T, g *gateway) io.Reader {
			e, endpoint := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
			g.post(t, endpoint, bigMessage, http.StatusAccepted)
			return e
		},
	}
}

// TestAnswerIsHeldUntilRead: the memory of a large answer counts until its
// reader has it, however it travels.
func TestAnswerIsHeldUntilRead(t *testing.T) {
	for name, begin := range waysToRead() {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			g := start(t, []tool.Provider{tool.Static{bigTool()}}, bounded(m))
			answer := begin(t, g)
			if n := <-m.taken; n < 2*16<<20 {
				t.Errorf("%d bytes are counted for an answer of 16 MiB", n)
			}
			if len(m.given) != 0 {
				t.Error("given back unread")
			}
			if _, err := io.CopyN(io.Discard, answer, 16<<20); err != nil {
				t.Fatal(err)
			}
			go io.Copy(io.Discard, answer)
			<-m.given
		})
	}
}

// TestSlowReaderGivesBack: who does not read is cut off, and what was held
// for it is given back.
func TestSlowReaderGivesBack(t *testing.T) {
	for name, begin := range waysToRead() {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			g := start(t, []tool.Provider{tool.Static{bigTool()}}, bounded(m), func(c *mcp.Config) { c.WriteTimeout = 50 * time.Millisecond })
			begin(t, g)
			if taken, given := <-m.taken, <-m.given; taken != given {
				t.Errorf("took %d, gave back %d", taken, given)
			}
		})
	}
}

// TestAbandonedAnswersAreGivenBack: a session that ends while answers wait for
// its reader gives back all of them.
func TestAbandonedAnswersAreGivenBack(t *testing.T) {
	const answers = 3
	m := newMemory()
	g := start(t, []tool.Provider{tool.Static{bigTool()}}, bounded(m))
	e, endpoint := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	for range answers {
		g.post(t, endpoint, bigMessage, http.StatusAccepted)
		<-m.taken
	}
	e.leave()
	for range answers {
		<-m.given
	}
}
