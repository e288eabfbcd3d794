package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// sink is a ResponseWriter that throws the body away.
type sink struct {
	header http.Header
	status int
	bytes  int64
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(n int)   { s.status = n }
func (s *sink) Write(b []byte) (int, error) {
	s.bytes += int64(len(b))
	return len(b), nil
}

// benchmark serves the message over and over, without a network. It measures
// the door and the gate.
func benchmark(b *testing.B, providers []tool.Provider, method, params string) {
	g := start(b, providers)
	body := request(method, params)
	var written int64
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		r, _ := http.NewRequest(http.MethodPost, g.URL+"/t/acme/mcp", nil)
		header(r, method)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		w := &sink{header: http.Header{}}
		g.Config.Handler.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatalf("status %d", w.status)
		}
		written = w.bytes
	}
	b.SetBytes(written)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

func request(method, params string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{` + params + `"_meta":` + modernMeta + `}}`
}

func header(r *http.Request, method string) {
	r.Header.Set("Authorization", "Bearer "+analystKey)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Mcp-Protocol-Version", "2026-07-28")
	r.Header.Set("Mcp-Method", method)
	if method == "tools/call" {
		r.Header.Set("Mcp-Name", "bench")
	}
}

// manyTools have about 0.6 KB of JSON each.
func manyTools(n int) tool.Static {
	var tools tool.Static
	for i := range n {
		t := plain(fmt.Sprintf("execute_sql_tool_%03d", i), identity.Viewer, nil)
		t.Description = strings.Repeat("Runs one read-only statement. ", 8)
		t.Schema = json.RawMessage(`{"type":"object","properties":{"sql":{"type":"string","maxLength":100000,"description":"one statement"},"limit":{"type":"integer","minimum":1,"maximum":10000}},"required":["sql"]}`)
		tools = append(tools, t)
	}
	return tools
}

func BenchmarkList200(b *testing.B) {
	benchmark(b, []tool.Provider{manyTools(200)}, "tools/list", "")
}

func benchTool(r *tool.Result) []tool.Provider {
	return []tool.Provider{tool.Static{plain("bench", identity.Viewer, func(context.Context) (*tool.Result, error) { return r, nil })}}
}

func BenchmarkCallSmall(b *testing.B) {
	benchmark(b, benchTool(tool.Text("done")), "tools/call", `"name":"bench","arguments":{},`)
}

func BenchmarkCallTable1000(b *testing.B) {
	benchmark(b, benchTool(&tool.Result{Table: rows(1000)}), "tools/call", `"name":"bench","arguments":{},`)
}

// BenchmarkHTTPList200 is the list over a real connection, client included;
// BenchmarkHTTPFloor is a bare handler that sends as many bytes.
func BenchmarkHTTPList200(b *testing.B) {
	overHTTP(b, start(b, []tool.Provider{manyTools(200)}).Server)
}

func BenchmarkHTTPFloor(b *testing.B) {
	g := start(b, []tool.Provider{manyTools(200)})
	w := httptest.NewRecorder()
	r, _ := http.NewRequest(http.MethodPost, g.URL+"/t/acme/mcp", strings.NewReader(request("tools/list", "")))
	header(r, "tools/list")
	g.Config.Handler.ServeHTTP(w, r)
	body := w.Body.Bytes()
	floor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(body)
	}))
	b.Cleanup(floor.Close)
	overHTTP(b, floor)
}

func overHTTP(b *testing.B, server *httptest.Server) {
	body := request("tools/list", "")
	b.ReportAllocs()
	for b.Loop() {
		r, _ := http.NewRequest(http.MethodPost, server.URL+"/t/acme/mcp", strings.NewReader(body))
		header(r, "tools/list")
		res, err := server.Client().Do(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			b.Fatal(err)
		}
		res.Body.Close()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkIdleStreams reports what one idle stream holds in the server. The
// clients are bare connections, which cost next to nothing.
func BenchmarkIdleStreams(b *testing.B) {
	listen := request("subscriptions/listen", `"notifications":{"toolsListChanged":true},`)
	b.Run("sse", func(b *testing.B) {
		idleStreams(b, "GET /t/acme/mcp/sse HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+analystKey+"\r\n\r\n")
	})
	b.Run("listen", func(b *testing.B) {
		var head strings.Builder
		r, _ := http.NewRequest(http.MethodPost, "http://x/t/acme/mcp", strings.NewReader(listen))
		header(r, "subscriptions/listen")
		_ = r.Write(&head)
		idleStreams(b, head.String())
	})
}

func idleStreams(b *testing.B, request string) {
	g := start(b, []tool.Provider{basicTools()})
	before := memory()
	for range b.N {
		c, err := net.Dial("tcp", g.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, request); err != nil {
			b.Fatal(err)
		}
		var got [2048]byte
		for text := ""; !strings.Contains(text, "event: "); {
			n, err := c.Read(got[:])
			if err != nil {
				b.Fatal(err)
			}
			text += string(got[:n])
		}
	}
	b.ReportMetric(float64(memory()-before)/float64(b.N)/1024, "KB/stream")
}

func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
