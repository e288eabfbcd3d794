package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

const metricsToken = "a-token-for-the-scraper"

// scrape reads GET /metrics: the value of each series, by its text.
func scrape(t *testing.T, g *gatewaytest.Gateway) map[string]float64 {
	t.Helper()
	status, body := send(t, g.Base+"/metrics", metricsToken)
	if status != http.StatusOK {
		t.Fatalf("metrics: status %d: %s", status, body)
	}
	values := map[string]float64{}
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		space := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[space+1:], 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		values[line[:space]] = value
	}
	return values
}

// send asks for a URL with a Bearer token.
func send(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestMetricsMove: each number of GET /metrics follows what the gateway does.
func TestMetricsMove(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{Env: map[string]string{"METRICS_TOKEN": metricsToken}})
	_, execute := g.ConnectShop(t)
	query := func(sql string) { mustText(t, g.Analyst, execute, map[string]any{"sql": sql}, `"row_count":`) }
	for _, step := range []struct {
		series string
		by     float64 // at least
		do     func()
	}{
		{`mcpgw_guard_cache_total{result="miss"}`, 1, func() { query("SELECT 1 AS metered") }},
		{`mcpgw_guard_cache_total{result="hit"}`, 1, func() { query("SELECT 1 AS metered") }},
		{`mcpgw_tool_call_seconds_count{kind="execute",outcome="done"}`, 1, func() { query("SELECT 2 AS n") }},
		{`mcpgw_tool_call_seconds_count{kind="execute",outcome="denied"}`, 1, func() {
			mustText(t, g.Viewer, execute, map[string]any{"sql": "SELECT 1"}, "Permission denied")
		}},
		{`mcpgw_audit_batch_records_sum`, 1, func() { query("SELECT 3 AS n") }},
		{`mcpgw_audit_commit_seconds_count`, 1, func() { query("SELECT 4 AS n") }},
		{`mcpgw_http_request_seconds_count{route="GET /metrics",status="200"}`, 1, func() {}}, // the scrape before
		{`mcpgw_mcp_quirks_total{quirk="header_mismatch"}`, 1, func() { mismatched(t, g.Analyst) }},
		{`mcpgw_rate_limited_total{bucket="login"}`, 1, func() {
			for guess(t, g.Anonymous) != http.StatusTooManyRequests {
				continue
			}
		}},
	} {
		before := scrape(t, g)[step.series]
		step.do()
		if after := scrape(t, g)[step.series]; after < before+step.by {
			t.Errorf("%s went from %v to %v", step.series, before, after)
		}
	}
	poolsMove(t, g, execute)
}

// mismatched sends a body of 2026-07-28 under a header of 2025-11-25.
func mismatched(t *testing.T, who *client.Client) {
	t.Helper()
	req, err := client.NewRequest(t.Context(), who.Base+"/t/"+gatewaytest.Slug+"/mcp", "tools/list", "", map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("MCP-Protocol-Version", "2025-11-25")
	req.Header.Set("Authorization", "Bearer "+who.Credential)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// poolsMove fills the pool of one connection, and one call more waits.
func poolsMove(t *testing.T, g *gatewaytest.Gateway, execute string) {
	t.Helper()
	const endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	defer callers.Wait()
	defer stop()
	for range database.MaxOpenConns + 1 {
		callers.Go(func() {
			_, err := g.Analyst.CallTool(ctx, gatewaytest.Slug, execute, map[string]any{"sql": endless})
			if err == nil {
				t.Error("a query without end has ended")
			}
		})
	}
	mustReach(t, g, map[string]float64{"open": database.MaxOpenConns, "in_use": database.MaxOpenConns, "waiting": 1})
	stop()
	mustReach(t, g, map[string]float64{"in_use": 0, "waiting": 0})
}

// mustReach waits until the numbers of the databases' pools are these.
func mustReach(t *testing.T, g *gatewaytest.Gateway, want map[string]float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		values, reached := scrape(t, g), true
		for name, value := range want {
			reached = reached && values[`mcpgw_pool_`+name+`{pool="database"}`] == value
		}
		if reached {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("never %v, but %v", want, values)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestToolLimits: calls beyond a limit are refused, counted, and recorded once
// per window.
func TestToolLimits(t *testing.T) {
	for kind, option := range map[string]string{"user": "TOOL_LIMIT_USER_PER_MINUTE", "tenant": "TOOL_LIMIT_TENANT_PER_MINUTE"} {
		t.Run(kind, func(t *testing.T) {
			g := gatewaytest.Start(t, gatewaytest.Options{Env: map[string]string{"METRICS_TOKEN": metricsToken, option: "2"}})
			refused := 0
			for range 5 {
				r, err := g.Viewer.CallTool(t.Context(), gatewaytest.Slug, "get_current_time", map[string]any{})
				if err != nil {
					t.Fatal(err)
				}
				if r.IsError {
					refused++
					if r.Text() != "Rate limit exceeded: 2 per 1 minute" {
						t.Errorf("text %q", r.Text())
					}
				}
			}
			// One every 30 s is allowed again, which a slow machine may reach.
			if refused == 0 || refused > 3 {
				t.Errorf("%d of 5 calls were refused, want 3", refused)
			}
			if n := scrape(t, g)[`mcpgw_rate_limited_total{bucket="tool-`+kind+`"}`]; n != float64(refused) {
				t.Errorf("%v refusals were counted, want %d", n, refused)
			}
			wantHit(t, g, kind)

			r, err := g.Analyst.CallTool(t.Context(), gatewaytest.Slug, "get_current_time", map[string]any{})
			if err != nil || r.IsError != (kind == "tenant") {
				t.Errorf("a colleague's call: error %v, refused %v", err, r.IsError)
			}
		})
	}
}

// wantHit looks for the one ratelimit.hit of the viewer (contract 10).
func wantHit(t *testing.T, g *gatewaytest.Gateway, kind string) {
	t.Helper()
	hits, err := g.Admin.Audit(t.Context(), "ratelimit")
	if err != nil {
		t.Fatal(err)
	}
	if len(hits) != 1 {
		t.Fatalf("%d records of a limit, want 1: %v", len(hits), hits)
	}
	for field, want := range map[string]string{"route": "tools/call", "limit": "2 per 1 minute", "key": kind, "user_email": "viewer@acme.test", "auth": "token"} {
		if hits[0].Metadata[field] != want {
			t.Errorf("%s is %v, want %s", field, hits[0].Metadata[field], want)
		}
	}
	if hits[0].Metadata["request_id"] == nil {
		t.Errorf("no request id: %v", hits[0].Metadata)
	}
}
