package api_test

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func TestAuditLog(t *testing.T) {
	g := start(t)
	check(t, g.store.Tenant(g.acme.tenant.ID).Write(t.Context(), func(tx *store.Tx) error {
		for _, name := range []string{"query.success", "tool.execute_sql", "tool_x", "fs.fs_read_file"} {
			tx.Record(audit.Event{Name: name, User: g.acme.viewer.ID, UserEmail: g.acme.viewer.Email, IP: "198.51.100.7", Metadata: map[string]any{"tool": name}})
		}
		return nil
	}))
	names := func(query string) string {
		found := []string{}
		for _, e := range decode[[]object](t, g.do(t, request{method: "GET", path: "/audit-logs/" + query, token: g.acme.admin.token})) {
			e.has(t, "id", "user_id", "user_email", "event", "ip_address", "metadata", "created_at")
			found = append(found, e.text("event"))
		}
		return strings.Join(found, " ")
	}
	for query, want := range map[string]string{
		"?event_prefix=query":              "query.success",
		"?event_prefix=fs,query":           "fs.fs_read_file query.success",
		"?event_prefix=tool":               "tool_x tool.execute_sql",
		"?event_prefix=tool.":              "tool.execute_sql",
		"?event_prefix=tool%25":            "", // no wildcards
		"?event_prefix=t__l":               "",
		"?event_prefix=tool&limit=1":       "tool_x",
		"?event_prefix=tool&skip=1":        "tool.execute_sql",
		"?event_prefix=tool&limit=1000000": "tool_x tool.execute_sql",
		"?event_prefix=tool&skip=99999999": "",
	} {
		if got := names(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	check(t, g.store.Tenant(g.acme.tenant.ID).Write(t.Context(), func(tx *store.Tx) error {
		tx.Record(audit.Event{Name: "user.deleted"})
		return tx.DeleteUser(t.Context(), g.acme.viewer.ID)
	}))
	left := decode[[]object](t, g.do(t, request{method: "GET", path: "/audit-logs/?event_prefix=query", token: g.acme.admin.token}))
	if len(left) != 1 || left[0].text("user_email") != g.acme.viewer.Email || left[0].text("ip_address") != "198.51.100.7" {
		t.Errorf("after the user was deleted: %v", left)
	}
	reads := g.events(t, g.acme.tenant.ID, "audit.read")
	if len(reads) != 11 || reads[0].text("event_prefix") != "query" || reads[0]["returned"] != 1.0 || reads[0].text("route") != "/audit-logs/" {
		t.Errorf("%d reads recorded, the last is %v", len(reads), reads[0])
	}
}

func TestQueryHistory(t *testing.T) {
	g := start(t)
	check(t, g.store.Tenant(g.acme.tenant.ID).Write(t.Context(), func(tx *store.Tx) error {
		for _, name := range []string{"query.success", "query.failure", "query.other", "tool.execute_sql"} {
			tx.Record(audit.Event{Name: name})
		}
		return nil
	}))
	got := decode[[]object](t, g.do(t, request{method: "GET", path: "/query/history", token: g.acme.admin.token}))
	if len(got) != 2 || got[0].text("event") != "query.failure" || got[1].text("event") != "query.success" {
		t.Errorf("history %v", got)
	}
	g.do(t, request{method: "GET", path: "/query/history", token: g.acme.analyst.token}).want(t, 403, "Required role: ['admin']")
	if reads := g.events(t, g.acme.tenant.ID, "audit.read"); len(reads) != 1 || reads[0].text("route") != "/query/history" {
		t.Errorf("recorded %v", reads)
	}
}

// TestManyPrefixes holds that a long list is judged before an engine chokes on
// it: SQLite allows a thousand conditions.
func TestManyPrefixes(t *testing.T) {
	g := start(t, unlimited)
	list := func(n int) request {
		return request{method: "GET", path: "/audit-logs/?event_prefix=" + strings.Repeat("audit.x,", n), token: g.acme.admin.token}
	}
	g.do(t, list(100)).want(t, 200, "") // leaves a record that begins with audit.
	g.do(t, list(100)).want(t, 200, "")
	g.do(t, list(2000)).problem(t, "value_error", "query", "event_prefix")
}

func TestAuditLogRefusals(t *testing.T) {
	g := start(t)
	for _, tt := range []struct {
		name, token string
		status      int
		detail      string
	}{
		{"anonymous", "", 401, "Not authenticated"},
		{"viewer", g.acme.viewer.token, 403, "Required role: ['admin']"},
		{"analyst", g.acme.analyst.token, 403, "Required role: ['admin']"},
	} {
		g.do(t, request{method: "GET", path: "/audit-logs/", token: tt.token}).want(t, tt.status, tt.detail)
	}
	for query, tt := range map[string][2]string{
		"skip=-1":                    {"greater_than_equal", "skip"},
		"limit=0":                    {"greater_than_equal", "limit"},
		"limit=x":                    {"int_parsing", "limit"},
		"event_prefix=%00":           {"value_error", "event_prefix"},
		"event_prefix=%ff":           {"value_error", "event_prefix"},
		"skip=999999999999999999999": {"int_parsing", "skip"},
	} {
		g.do(t, request{method: "GET", path: "/audit-logs/?" + query, token: g.acme.admin.token}).problem(t, tt[0], "query", tt[1])
	}
	if foreign := decode[[]object](t, g.do(t, request{method: "GET", path: "/audit-logs/?limit=200", token: g.rival.admin.token})); len(foreign) != 2 {
		t.Errorf("another tenant sees %v", foreign)
	}
}
