package telemetry

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("%d, %v", w.Code, err)
	}
	return string(body)
}

func TestMetricsAreScraped(t *testing.T) {
	m := NewMetrics("1.2.3")
	m.ToolCall("execute", "ok", 3*time.Millisecond)
	m.HTTPRequest("GET", "GET /tools/{tool_name...}", 200, time.Millisecond)
	m.HTTPRequest("BREW", "", 404, time.Millisecond)
	m.AuditBatch(5, 2*time.Millisecond)
	m.GuardCache(true)
	m.GuardCache(false)
	m.RateLimited("login")
	m.MCPQuirk("header_mismatch")
	m.WatchPools("database", func() PoolUsage { return PoolUsage{Open: 5, InUse: 2, Waiting: 3} })
	m.WatchPools("store", func() PoolUsage { return PoolUsage{Open: 1} })
	text := scrape(t, m)
	for _, want := range []string{
		`mcpgw_build_info{version="1.2.3"} 1`,
		`mcpgw_tool_call_seconds_count{kind="execute",outcome="ok"} 1`,
		`mcpgw_tool_call_seconds_bucket{kind="execute",outcome="ok",le="0.0025"} 0`,
		`mcpgw_http_request_seconds_count{route="GET /tools/{tool_name...}",status="200"} 1`,
		`mcpgw_http_request_seconds_count{route="none",status="404"} 1`,
		`mcpgw_audit_batch_records_sum 5`,
		`mcpgw_audit_commit_seconds_count 1`,
		`mcpgw_guard_cache_total{result="hit"} 1`,
		`mcpgw_rate_limited_total{bucket="login"} 1`,
		`mcpgw_pool_open{pool="database"} 5`,
		`mcpgw_pool_in_use{pool="database"} 2`,
		`mcpgw_pool_waiting{pool="database"} 3`,
		`mcpgw_pool_open{pool="store"} 1`,
		`mcpgw_mcp_quirks_total{quirk="header_mismatch"} 1`,
		`go_goroutines `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %s", want)
		}
	}
	if strings.Contains(text, "BREW") {
		t.Error("a caller's method became a label")
	}
}

func TestRegistriesAreApart(t *testing.T) {
	a, b := NewMetrics("a"), NewMetrics("b")
	a.RateLimited("login")
	if strings.Contains(scrape(t, b), "login") {
		t.Error("two gateways in one process share metrics")
	}
}
