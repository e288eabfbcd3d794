package gateway_test

import (
	"bufio"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

// cutSQL returns a query whose result is cut at 10 MiB, the most that one may
// have.
func cutSQL() string {
	return "SELECT '" + strings.Repeat("x", 2000) + "' AS x FROM customers a, customers b"
}

// reader is a client that reads when it likes to.
type reader struct {
	net.Conn
	*http.Response
}

// ask calls a tool and reads the header of the answer only.
func (r *reader) ask(t *testing.T, who *client.Client, name, sql string) {
	t.Helper()
	req, err := client.NewRequest(t.Context(), who.Base+"/t/acme/mcp", "tools/call", name, map[string]any{
		"name": name, "arguments": map[string]string{"sql": sql},
	})
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+who.Credential)
	if r.Conn, err = net.Dial("tcp", req.URL.Host); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Conn.Close() })
	if err := r.Conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	if err := req.Write(r.Conn); err != nil {
		t.Fatal(err)
	}
}

func (r *reader) answered(t *testing.T) {
	t.Helper()
	var err error
	if r.Response, err = http.ReadResponse(bufio.NewReaderSize(r.Conn, 16), nil); err != nil {
		t.Fatal(err)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestClientsThatDoNotRead: sixty large answers that their user does not read
// take a bounded part of the memory; most are refused, and recorded so. Others
// are served meanwhile, and the user too when it has left (contract 15.2 P5).
func TestClientsThatDoNotRead(t *testing.T) {
	const readers, mostHeld = 60, 80 << 20
	g := gatewaytest.Start(t, gatewaytest.Options{})
	_, execute := g.ConnectShop(t)
	before := heap()
	var all [readers]reader
	for i := range all {
		all[i].ask(t, g.Analyst, execute, cutSQL())
	}
	held := 0
	for i := range all {
		all[i].answered(t)
		if all[i].ContentLength < 0 {
			held++ // sent in pieces as it is read
		} else if body := mustRead(t, all[i].Body); !strings.Contains(body, "Too many large results at once") || !strings.Contains(body, `"isError":true`) {
			t.Errorf("refused with %.300s", body)
		}
	}
	if now := heap(); held == 0 || held > readers/8 || now > before+mostHeld {
		t.Errorf("%d answers wait for their readers, in %d MiB", held, (now-before)>>20)
	}
	if small, err := g.Analyst.CallTool(t.Context(), "acme", execute, map[string]string{"sql": "SELECT 1 AS one"}); err != nil || small.IsError {
		t.Errorf("a small result: %v, %s", err, small.Text())
	}
	if other, err := g.Admin.CallTool(t.Context(), "acme", execute, map[string]string{"sql": cutSQL()}); err != nil || other.IsError {
		t.Errorf("another user's large result: %v, %.300s", err, other.Text())
	}
	wantRefusals(t, g, readers-held)
	for i := range all {
		all[i].Conn.Close()
	}
	for refused := true; refused; { // until the gateway has noticed
		again, err := g.Analyst.CallTool(t.Context(), "acme", execute, map[string]string{"sql": cutSQL()})
		if err != nil {
			t.Fatal(err)
		}
		if refused = again.IsError; refused && !strings.HasPrefix(again.Text(), "Too many large results") {
			t.Fatalf("after the readers have left: %s", again.Text())
		}
	}
}

// wantRefusals counts the records of refused large results.
func wantRefusals(t *testing.T, g *gatewaytest.Gateway, want int) {
	t.Helper()
	var page []client.AuditEntry
	if err := g.Admin.Do(t.Context(), http.MethodGet, "/api/v1/audit-logs?event_prefix=tool.execute_sql.rejected&limit=100", nil, &page); err != nil {
		t.Fatal(err)
	}
	for _, e := range page {
		if reason, _ := e.Metadata["reason"].(string); !strings.HasPrefix(reason, "Too many large results") {
			t.Errorf("recorded %s %v", e.Event, e.Metadata)
		}
	}
	if len(page) != want {
		t.Errorf("%d refusals are recorded, want %d", len(page), want)
	}
}
