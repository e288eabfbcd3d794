package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the gateway's own metrics in a registry of their own. Label
// values come from fixed sets (tool kinds, route patterns), never from what a
// caller sends, so that nobody can grow the number of series.
type Metrics struct {
	registry    *prometheus.Registry
	toolCalls   *prometheus.HistogramVec
	requests    *prometheus.HistogramVec
	auditBatch  prometheus.Histogram
	auditCommit prometheus.Histogram
	guardCache  *prometheus.CounterVec
	rateLimited *prometheus.CounterVec
	quirks      *prometheus.CounterVec
}

// NewMetrics returns metrics of the build version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		toolCalls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mcpgw_tool_call_seconds", Help: "Tool calls through the gate, by kind and outcome.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"kind", "outcome"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mcpgw_http_request_seconds", Help: "HTTP requests, by route pattern and status.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30},
		}, []string{"route", "status"}),
		auditBatch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "mcpgw_audit_batch_records", Help: "Audit records that shared one commit.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256},
		}),
		auditCommit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "mcpgw_audit_commit_seconds", Help: "Time of one audit commit.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}),
		guardCache: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mcpgw_guard_cache_total", Help: "SQL texts looked up in the guard's cache, by result.",
		}, []string{"result"}),
		rateLimited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mcpgw_rate_limited_total", Help: "Requests refused by a rate limit, by bucket.",
		}, []string{"bucket"}),
		quirks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mcpgw_mcp_quirks_total", Help: "MCP messages served although the specification would refuse them, by quirk.",
		}, []string{"quirk"}),
	}
	m.registry.MustRegister(m.toolCalls, m.requests, m.auditBatch, m.auditCommit, m.guardCache, m.rateLimited, m.quirks,
		buildInfo(version), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func buildInfo(version string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mcpgw_build_info", Help: "Always 1; the label is the version.", ConstLabels: prometheus.Labels{"version": version},
	}, func() float64 { return 1 })
}

// ToolCall counts one call through the gate.
func (m *Metrics) ToolCall(kind, outcome string, took time.Duration) {
	m.toolCalls.WithLabelValues(kind, outcome).Observe(took.Seconds())
}

// HTTPRequest counts one request. The method is part of the route pattern; a
// request that matched none is counted under "none", whatever its method.
func (m *Metrics) HTTPRequest(_, route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// AuditBatch counts one commit of so many records.
func (m *Metrics) AuditBatch(records int, took time.Duration) {
	m.auditBatch.Observe(float64(records))
	m.auditCommit.Observe(took.Seconds())
}

// GuardCache counts one look-up.
func (m *Metrics) GuardCache(hit bool) {
	result := "miss"
	if hit {
		result = "hit"
	}
	m.guardCache.WithLabelValues(result).Inc()
}

// RateLimited counts one refusal.
func (m *Metrics) RateLimited(bucket string) { m.rateLimited.WithLabelValues(bucket).Inc() }

// MCPQuirk counts one message that was served in spite of a client's quirk.
func (m *Metrics) MCPQuirk(name string) { m.quirks.WithLabelValues(name).Inc() }

// PoolUsage is how many connections the pools of a kind hold together, how
// many of them are in use, how many calls wait for one, and how many are held
// by work that the server has not ended although its call is over.
type PoolUsage struct{ Open, InUse, Waiting, Stuck int }

// WatchPools makes the usage of the pools of one kind ("database", "store")
// part of the metrics; read is called on each scrape. It is called once per
// kind while the gateway is put together.
func (m *Metrics) WatchPools(kind string, read func() PoolUsage) {
	gauge := func(name, help string, value func(PoolUsage) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: name, Help: help, ConstLabels: prometheus.Labels{"pool": kind},
		}, func() float64 { return float64(value(read())) })
	}
	m.registry.MustRegister(
		gauge("mcpgw_pool_open", "Open database connections.", func(u PoolUsage) int { return u.Open }),
		gauge("mcpgw_pool_in_use", "Database connections in use.", func(u PoolUsage) int { return u.InUse }),
		gauge("mcpgw_pool_waiting", "Calls that wait for a database connection.", func(u PoolUsage) int { return u.Waiting }),
		gauge("mcpgw_pool_stuck", "Database connections whose call is over while the server still works.", func(u PoolUsage) int { return u.Stuck }),
	)
}

// Handler serves the metrics in Prometheus text form to whoever asks; the
// caller puts a token or a listener of its own before it (contract 3.1).
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
