package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

const secretString = "postgres://u:s3cr3t@ok/db"

func connection(change object) string {
	o := object{"name": "sales", "db_type": "postgres", "connection_string": secretString}
	for k, v := range change {
		o[k] = v
	}
	b, _ := json.Marshal(o) //nolint:errcheck // encodes
	return string(b)
}

func (g *gateway) addConnection(t *testing.T, change object) object {
	t.Helper()
	return decode[object](t, g.do(t, request{method: "POST", path: "/connections/", token: g.acme.admin.token, body: connection(change)}))
}

func TestConnectionLife(t *testing.T) {
	g := start(t)
	admin := g.acme.admin.token
	made := g.addConnection(t, object{"description": "All sales."})
	made.has(t, "id", "name", "db_type", "description", "is_active", "created_at", "min_role", "llm_policy", "last_test")
	id := made.text("id")
	if made.text("min_role") != "viewer" || made.text("llm_policy") != "rows" || made["last_test"] != nil || made["test"] != nil || made["is_active"] != true {
		t.Errorf("made %v", made)
	}
	if opened := g.openString(t, id); opened != secretString {
		t.Errorf("stored string opens as %q", opened)
	}
	patch := func(query, body string) reply {
		return g.do(t, request{method: "PATCH", path: "/connections/" + id + query, token: admin, body: body})
	}
	if got := decode[object](t, patch("", `{"name":"Sales 2","description":"","min_role":"analyst","llm_policy":"off","connection_string":null}`)); got.text("name") != "Sales 2" ||
		got["description"] != nil || got.text("min_role") != "analyst" || got.text("llm_policy") != "off" || got["connection_string"] != nil {
		t.Errorf("patched %v", got)
	}
	if g.openString(t, id) != secretString {
		t.Error("null changed the connection string")
	}
	if !g.dialect.hasDropped(string(g.acme.tenant.ID), id) {
		t.Error("the pool outlived the change")
	}
	patch("", `{}`).want(t, 200, "")
	patch("", `{"name":null}`).want(t, 200, "")
	if got := decode[object](t, patch("?test=true", `{}`)); got["last_test"] == nil || got["test"] == nil {
		t.Errorf("tested without a change: %v", got)
	}
	patch("", `{"connection_string":"postgres://u:other@ok/db"}`).want(t, 200, "")
	if g.openString(t, id) != "postgres://u:other@ok/db" {
		t.Error("connection string not changed")
	}
	g.do(t, request{method: "DELETE", path: "/connections/" + id, token: admin}).want(t, 200, "Connection removed")
	if !g.dialect.hasDropped(string(g.acme.tenant.ID), id) {
		t.Error("the pool outlived the connection")
	}
	g.do(t, request{method: "DELETE", path: "/connections/" + id, token: admin}).want(t, 404, "Connection not found")
	patch("", `{"name":"x"}`).want(t, 404, "Connection not found")
	g.do(t, request{method: "POST", path: "/connections/" + id + "/test", token: admin}).want(t, 404, "Connection not found")
	if left := decode[[]object](t, g.do(t, request{method: "GET", path: "/connections/", token: admin})); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	created, updated, deleted := g.events(t, g.acme.tenant.ID, "connection.created"), g.events(t, g.acme.tenant.ID, "connection.updated"), g.events(t, g.acme.tenant.ID, "connection.deleted")
	if len(created) != 1 || created[0].text("name") != "sales" || created[0].text("db_type") != "postgres" || created[0].text("connection_id") != id {
		t.Errorf("created %v", created)
	}
	if len(updated) != 2 || len(deleted) != 1 {
		t.Errorf("updated %v, deleted %v", updated, deleted)
	}
	if fields := must(json.Marshal(updated[1]["fields_changed"]))(t); string(fields) != `["name","description","llm_policy","min_role"]` {
		t.Errorf("fields_changed %s", fields)
	}
}

func (g *gateway) openString(t *testing.T, id string) string {
	t.Helper()
	c := must(g.store.Tenant(g.acme.tenant.ID).Connection(t.Context(), id))(t)
	if strings.Contains(c.Sealed, "s3cr3t") {
		t.Fatal("the connection string is stored in the clear")
	}
	return must(g.ring.Open(c.Sealed, seal.Place{Tenant: string(g.acme.tenant.ID), Table: store.ConnectionsTable, Row: id}))(t)
}

// TestConnectionStringNeverComesBack looks for the password in every answer
// and record.
func TestConnectionStringNeverComesBack(t *testing.T) {
	g := start(t)
	admin := g.acme.admin.token
	id := g.addConnection(t, nil).text("id")
	for _, q := range []request{
		{method: "GET", path: "/connections/"},
		{method: "PATCH", path: "/connections/" + id, body: `{"connection_string":"postgres://u:s3cr3t@ok/db","name":""}`},
		{method: "PATCH", path: "/connections/" + id + "?test=true", body: `{"connection_string":"postgres://u:s3cr3t@badpass/db"}`},
		{method: "POST", path: "/connections/", body: connection(object{"connection_string": "mysql://u:s3cr3t@ok/db"})},
		{method: "POST", path: "/connections/", body: `{"connection_string":"postgres://u:s3cr3t@ok/db"}`},
		{method: "POST", path: "/connections/", body: `{"Connection_String":"postgres://u:s3cr3t@ok/db"}`},
		{method: "POST", path: "/connections/", body: connection(object{"connection_string": "postgres://u:s3cr3t@ok/" + strings.Repeat("x", 2000)})},
		{method: "POST", path: "/connections/", body: connection(object{"connection_string": []string{"s3cr3t"}})},
		{method: "POST", path: "/connections/test", body: `{"db_type":"postgres","connection_string":"postgres://u:s3cr3t@badpass/db"}`},
		{method: "POST", path: "/connections/" + id + "/test"},
		{method: "GET", path: "/audit-logs/"},
		{method: "GET", path: "/tools/"},
	} {
		q.token = admin
		if r := g.do(t, q); strings.Contains(r.body, "s3cr3t") || strings.Contains(r.body, "10.0.0.1") {
			t.Errorf("%s %s %s: %s", q.method, q.path, q.body, r.body)
		}
	}
}

// TestHostThatMayNeverBeDialled: it is refused before it is stored, test or not
// (contract 15.2 A3, A5).
func TestHostThatMayNeverBeDialled(t *testing.T) {
	g := start(t)
	body := connection(object{"connection_string": "postgres://u:p@169.254.169.254/db"})
	r := g.do(t, request{method: "POST", path: "/connections/", token: g.acme.admin.token, body: body})
	if r.status != 422 || !strings.Contains(r.body, `"msg":"host not allowed"`) {
		t.Errorf("status %d: %s", r.status, r.body)
	}
}

func TestConnectionRefusals(t *testing.T) {
	g := start(t)
	id := g.addConnection(t, nil).text("id")
	for _, tt := range []struct {
		name, token, method, path, body string
		status                          int
		detail                          string
	}{
		{"anonymous", "", "GET", "/connections/", "", 401, "Not authenticated"},
		{"viewer adds", g.acme.viewer.token, "POST", "/connections/", connection(nil), 403, "Required role: ['admin']"},
		{"analyst tests", g.acme.analyst.token, "POST", "/connections/" + id + "/test", "", 403, "Required role: ['admin']"},
		{"analyst tests a string", g.acme.analyst.token, "POST", "/connections/test", "{}", 403, "Required role: ['admin']"},
		{"viewer changes", g.acme.viewer.token, "PATCH", "/connections/" + id, `{"name":"x"}`, 403, "Required role: ['admin']"},
		{"viewer removes", g.acme.viewer.token, "DELETE", "/connections/" + id, "", 403, "Required role: ['admin']"},
		{"other tenant changes", g.rival.admin.token, "PATCH", "/connections/" + id, `{"name":"x"}`, 404, "Connection not found"},
		{"other tenant tests", g.rival.admin.token, "POST", "/connections/" + id + "/test", "", 404, "Connection not found"},
		{"other tenant removes", g.rival.admin.token, "DELETE", "/connections/" + id, "", 404, "Connection not found"},
		{"failed test", g.acme.admin.token, "POST", "/connections/?test=true", connection(object{"connection_string": "postgres://u:p@denied/db"}), 400, "Connection test failed: host not allowed"},
		{"failed test of a change", g.acme.admin.token, "PATCH", "/connections/" + id + "?test=1", `{"connection_string":"postgres://u:p@badpass/db"}`, 400, "Connection test failed: authentication failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g.do(t, request{method: tt.method, path: tt.path, token: tt.token, body: tt.body}).want(t, tt.status, tt.detail)
		})
	}
	if g.openString(t, id) != secretString {
		t.Error("a failed test left its string behind")
	}
	for name, tt := range map[string]struct {
		change            object
		kind, field, text string
	}{
		"foreign scheme":   {object{"connection_string": "mysql://u:p@ok/db"}, "value_error", "connection_string", "Scheme does not belong to postgres"},
		"foreign option":   {object{"connection_string": "postgres://u:p@ok/db?sslkey=/etc/k"}, "value_error", "connection_string", "Option not allowed: sslkey"},
		"unknown type":     {object{"db_type": "oracle"}, "enum", "db_type", ""},
		"type not built":   {object{"db_type": "mssql"}, "value_error", "db_type", "This gateway has no support for mssql"},
		"empty string":     {object{"connection_string": ""}, "string_too_short", "connection_string", ""},
		"long string":      {object{"connection_string": strings.Repeat("p", 2001)}, "string_too_long", "connection_string", ""},
		"long description": {object{"description": strings.Repeat("d", 1001)}, "string_too_long", "description", ""},
		"unknown policy":   {object{"llm_policy": "all"}, "enum", "llm_policy", ""},
		"unknown role":     {object{"min_role": "root"}, "enum", "min_role", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := g.do(t, request{method: "POST", path: "/connections/", token: g.acme.admin.token, body: connection(tt.change)}).problem(t, tt.kind, "body", tt.field)
			if !strings.Contains(r.body, tt.text) {
				t.Errorf("body %s, want %q in it", r.body, tt.text)
			}
		})
	}
	if n := len(g.events(t, g.acme.tenant.ID, "connection.created")); n != 1 {
		t.Errorf("%d connections recorded, want 1", n)
	}
}

func TestConnectionVisibility(t *testing.T) {
	g := start(t)
	for _, role := range []string{"viewer", "analyst", "admin"} {
		g.addConnection(t, object{"name": role, "min_role": role})
		g.clock.advance(time.Second) // the order is that of creation
	}
	for name, tt := range map[string]struct {
		p    person
		want string
	}{
		"viewer":  {g.acme.viewer, "viewer"},
		"analyst": {g.acme.analyst, "viewer analyst"},
		"admin":   {g.acme.admin, "viewer analyst admin"},
		"other":   {g.rival.admin, ""},
	} {
		names := []string{}
		for _, c := range decode[[]object](t, g.do(t, request{method: "GET", path: "/connections/", token: tt.p.token})) {
			names = append(names, c.text("name"))
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%s sees %q, want %q", name, got, tt.want)
		}
	}
}

func TestConnectionTests(t *testing.T) {
	g := start(t)
	admin := g.acme.admin.token
	for host, want := range map[string]string{
		"ok":       `{"ok":true,"latency_ms":1.5,"server_version":"16.2","can_write":false,"warning":null,"error":null,"tested_at":"2026-11-24T12:00:00Z"}`,
		"writer":   `{"ok":true,"latency_ms":1,"server_version":"16.2","can_write":true,"warning":"This login could write.","error":null,"tested_at":"2026-11-24T12:00:00Z"}`,
		"denied":   `{"ok":false,"latency_ms":null,"server_version":null,"can_write":null,"warning":null,"error":"host not allowed","tested_at":"2026-11-24T12:00:00Z"}`,
		"badpass":  `{"ok":false,"latency_ms":null,"server_version":null,"can_write":null,"warning":null,"error":"authentication failed","tested_at":"2026-11-24T12:00:00Z"}`,
		"powerful": `{"ok":false,"latency_ms":null,"server_version":null,"can_write":null,"warning":"this login could read files. Set allow_powerful_login.","error":"login too powerful","tested_at":"2026-11-24T12:00:00Z"}`,
		"slow":     `{"ok":false,"latency_ms":null,"server_version":null,"can_write":null,"warning":null,"error":"timed out","tested_at":"2026-11-24T12:00:00Z"}`,
		"odd":      `{"ok":false,"latency_ms":null,"server_version":null,"can_write":null,"warning":null,"error":"other","tested_at":"2026-11-24T12:00:00Z"}`,
	} {
		r := g.do(t, request{method: "POST", path: "/connections/test", token: admin, body: `{"db_type":"postgres","connection_string":"postgres://u:p@` + host + `/db"}`}).want(t, 200, "")
		if r.body != want {
			t.Errorf("%s: got %s, want %s", host, r.body, want)
		}
	}
	g.do(t, request{method: "POST", path: "/connections/test", token: admin, body: `{"db_type":"postgres","connection_string":"sqlite:////etc/passwd"}`}).
		problem(t, "value_error", "body", "connection_string")

	made := decode[object](t, g.do(t, request{method: "POST", path: "/connections/?test=true", token: admin, body: connection(nil)}))
	if test, ok := made["test"].(map[string]any); !ok || test["ok"] != true || made["last_test"] == nil {
		t.Errorf("made %v", made)
	}
	id := made.text("id")
	if got := decode[object](t, g.do(t, request{method: "POST", path: "/connections/" + id + "/test", token: admin})); got["ok"] != true {
		t.Errorf("tested %v", got)
	}
	patched := decode[object](t, g.do(t, request{method: "PATCH", path: "/connections/" + id, token: admin, body: `{"connection_string":"postgres://u:p@writer/db"}`}))
	if patched["last_test"] != nil {
		t.Errorf("the test of another string was kept: %v", patched)
	}
}
