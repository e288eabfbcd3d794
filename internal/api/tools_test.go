package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// toolLines renders GET /tools/ as "name effective accessible" lines.
func (g *gateway) toolLines(t *testing.T, p person) string {
	t.Helper()
	lines := []string{}
	for _, x := range decode[[]object](t, g.do(t, request{method: "GET", path: "/tools/", token: p.token})) {
		x.has(t, "tool_name", "tool_type", "description", "connection_id", "connection_name", "default_min_role", "effective_min_role", "accessible")
		name := x.text("tool_name")
		if x["connection_id"] != nil {
			name = x.text("tool_type") + ":" + x.text("connection_name")
		}
		lines = append(lines, fmt.Sprintf("%s %s %v", name, x.text("effective_min_role"), x["accessible"]))
	}
	return strings.Join(lines, "\n")
}

func TestTools(t *testing.T) {
	g := start(t)
	for _, role := range []string{"viewer", "admin"} {
		g.addConnection(t, object{"name": role, "min_role": role})
		g.clock.advance(time.Second)
	}
	for name, tt := range map[string]struct {
		p    person
		want string
	}{
		"viewer":  {g.acme.viewer, "get_current_time viewer true\nreports/monthly analyst false\nexecute:viewer analyst false"},
		"analyst": {g.acme.analyst, "get_current_time viewer true\nreports/monthly analyst true\nexecute:viewer analyst true"},
		"admin":   {g.acme.admin, "get_current_time viewer true\nreports/monthly analyst true\nexecute:viewer analyst true\nexecute:admin admin true"},
		"other":   {g.rival.admin, "get_current_time viewer true\nreports/monthly analyst true"},
	} {
		if got := g.toolLines(t, tt.p); got != tt.want {
			t.Errorf("%s sees\n%s\nwant\n%s", name, got, tt.want)
		}
	}
	g.do(t, request{method: "GET", path: "/tools/"}).want(t, 401, "Not authenticated")
}

func TestOverrides(t *testing.T) {
	g := start(t)
	id := g.addConnection(t, object{"name": "sales", "min_role": "analyst"}).text("id")
	sql := "execute_sql_sales_" + id[:8]
	set := func(tool, body string) reply {
		return g.do(t, request{method: "PATCH", path: "/tools/" + tool, token: g.acme.admin.token, body: body})
	}
	for _, tt := range []struct {
		name, tool, body, want string
	}{
		{"lock", "get_current_time", `{"min_role":"admin"}`, `{"tool_name":"get_current_time","min_role":"admin","reset":false,"effective_min_role":"admin"}`},
		{"name with a slash", "reports/monthly", `{"min_role":"viewer"}`, `{"tool_name":"reports/monthly","min_role":"viewer","reset":false,"effective_min_role":"viewer"}`},
		{"never below the connection", sql, `{"min_role":"viewer"}`, `{"tool_name":"` + sql + `","min_role":"viewer","reset":false,"effective_min_role":"analyst"}`},
		{"reset", "reports/monthly", `{"min_role":null}`, `{"tool_name":"reports/monthly","min_role":null,"reset":true,"effective_min_role":"analyst"}`},
		{"trailing slash", "reports/monthly/", `{"min_role":"admin"}`, `{"tool_name":"reports/monthly","min_role":"admin","reset":false,"effective_min_role":"admin"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := set(tt.tool, tt.body).want(t, 200, ""); r.body != tt.want {
				t.Errorf("got %s, want %s", r.body, tt.want)
			}
		})
	}
	if got, want := g.toolLines(t, g.acme.analyst), "get_current_time admin false\nreports/monthly admin false\nexecute:sales analyst true"; got != want {
		t.Errorf("analyst sees\n%s\nwant\n%s", got, want)
	}
	// A lock outlives a rename of its connection (contract 15.2 A10).
	set(sql, `{"min_role":"admin"}`).want(t, 200, "")
	g.do(t, request{method: "PATCH", path: "/connections/" + id, token: g.acme.admin.token, body: `{"name":"turnover"}`}).want(t, 200, "")
	if got := g.toolLines(t, g.acme.analyst); !strings.HasSuffix(got, "execute:turnover admin false") {
		t.Errorf("after the rename the analyst sees\n%s", got)
	}
	setEvents, resets := g.events(t, g.acme.tenant.ID, "tool.override_set"), g.events(t, g.acme.tenant.ID, "tool.override_reset")
	if len(setEvents) != 5 || setEvents[0].text("connection_id") != id || setEvents[0].text("previous") != "viewer" || setEvents[0].text("min_role") != "admin" {
		t.Errorf("override_set %v", setEvents)
	}
	if len(resets) != 1 || resets[0].text("previous") != "viewer" || resets[0]["min_role"] != nil {
		t.Errorf("override_reset %v", resets)
	}
}

func TestOverrideRefusals(t *testing.T) {
	g := start(t)
	set := func(p person, tool, body string) reply {
		return g.do(t, request{method: "PATCH", path: "/tools/" + tool, token: p.token, body: body})
	}
	set(g.acme.viewer, "get_current_time", `{"min_role":"viewer"}`).want(t, 403, "Required role: ['admin']")
	set(g.acme.admin, "nope", `{"min_role":"viewer"}`).want(t, 404, "Unknown tool: nope")
	set(g.acme.admin, "a/b/c", `{"min_role":"viewer"}`).want(t, 404, "Unknown tool: a/b/c")
	set(g.acme.admin, "get_current_time", `{}`).problem(t, "missing", "body", "min_role")
	set(g.acme.admin, "get_current_time", `{"min_role":"root"}`).problem(t, "enum", "body", "min_role")
	set(g.acme.admin, "get_current_time", `{"MIN_ROLE":null}`).problem(t, "extra_forbidden", "body", "MIN_ROLE")
	id := g.addConnection(t, nil).text("id")
	set(g.rival.admin, "execute_sql_sales_"+id[:8], `{"min_role":"viewer"}`).want(t, 404, "Unknown tool: execute_sql_sales_"+id[:8])
}
