package api_test

import (
	"net/http"
	"testing"
	"time"
)

func TestKeyLife(t *testing.T) {
	g := start(t)
	viewer := g.acme.viewer
	made := g.do(t, request{method: "POST", path: "/api-keys", token: viewer.token, body: `{"name":"laptop"}`}).want(t, 201, "")
	key := decode[object](t, made)
	key.has(t, "id", "name", "prefix", "raw_key", "created_at", "expires_at", "max_role")
	raw := key.text("raw_key")
	if len(raw) != 56 || raw[:12] != key.text("prefix") {
		t.Errorf("raw key %q with prefix %q", raw, key.text("prefix"))
	}
	if made.header.Get("Cache-Control") != "no-store" {
		t.Error("the answer with the key may be cached")
	}
	for name, q := range map[string]request{
		"bearer": {token: raw}, "header": {header: map[string]string{"X-API-Key": raw}}, "query": {path: "/auth/me?api_key=" + raw},
	} {
		q.method = "GET"
		if q.path == "" {
			q.path = "/auth/me"
		}
		if me := decode[object](t, g.do(t, q)); me.text("email") != viewer.Email {
			t.Errorf("%s: %v", name, me)
		}
	}
	listed := decode[[]object](t, g.do(t, request{method: "GET", path: "/api-keys", token: viewer.token}))
	if len(listed) != 1 || listed[0]["last_used_at"] == nil || listed[0]["raw_key"] != nil {
		t.Errorf("listed %v", listed)
	}
	g.do(t, request{method: "POST", path: "/api-keys", token: viewer.token, body: `{"name":"laptop"}`}).
		want(t, 409, "An active API key named 'laptop' already exists")
	g.do(t, request{method: "DELETE", path: "/api-keys/" + key.text("id"), token: viewer.token}).want(t, 204, "")
	g.do(t, request{method: "GET", path: "/auth/me", token: raw}).want(t, 401, "Invalid or revoked API key")
	g.do(t, request{method: "DELETE", path: "/api-keys/" + key.text("id"), token: viewer.token}).want(t, 204, "")
	g.do(t, request{method: "POST", path: "/api-keys", token: viewer.token, body: `{"name":"laptop"}`}).want(t, 201, "")
	if made, revoked := g.events(t, g.acme.tenant.ID, "key.created"), g.events(t, g.acme.tenant.ID, "key.revoked"); len(made) != 2 || len(revoked) != 1 ||
		revoked[0].text("key_name") != "laptop" || revoked[0].text("key_prefix") != key.text("prefix") {
		t.Errorf("created %v, revoked %v", made, revoked)
	}
}

func TestKeyRefusals(t *testing.T) {
	g := start(t)
	own := decode[object](t, g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.viewer.token, body: `{"name":"mine"}`}))
	for _, tt := range []struct {
		name, token, method, path, body string
		status                          int
		detail                          string
	}{
		{"anonymous", "", "POST", "/api-keys", `{"name":"x"}`, 401, "Not authenticated"},
		{"anonymous list", "", "GET", "/api-keys", "", 401, "Not authenticated"},
		{"another user's key", g.acme.admin.token, "DELETE", "/api-keys/" + own.text("id"), "", 404, "API key not found"},
		{"another tenant's key", g.rival.admin.token, "DELETE", "/api-keys/" + own.text("id"), "", 404, "API key not found"},
		{"unknown key", g.acme.viewer.token, "DELETE", "/api-keys/nope", "", 404, "API key not found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g.do(t, request{method: tt.method, path: tt.path, token: tt.token, body: tt.body}).want(t, tt.status, tt.detail)
		})
	}
	for name, tt := range map[string]struct{ body, kind, field string }{
		"no name":        {`{}`, "missing", "name"},
		"empty name":     {`{"name":""}`, "string_too_short", "name"},
		"past":           {`{"name":"x","expires_at":"2026-11-24T11:59:59Z"}`, "value_error", "expires_at"},
		"no time":        {`{"name":"x","expires_at":"soon"}`, "value_error", "expires_at"},
		"unknown role":   {`{"name":"x","max_role":"root"}`, "enum", "max_role"},
		"number as name": {`{"name":7}`, "string_type", "name"},
	} {
		t.Run(name, func(t *testing.T) {
			g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.viewer.token, body: tt.body}).
				problem(t, tt.kind, "body", tt.field)
		})
	}
}

func TestKeyMintsNoStrongerKey(t *testing.T) {
	g := start(t)
	const end = "2026-12-01T00:00:00Z"
	maker := decode[object](t, g.do(t, request{
		method: "POST", path: "/api-keys", token: g.acme.admin.token, body: `{"name":"maker","max_role":"analyst","expires_at":"` + end + `"}`,
	}))
	for name, tt := range map[string]struct{ body, role, expires string }{
		"stronger":    {`{"name":"a","max_role":"admin","expires_at":"2027-01-01T00:00:00Z"}`, "analyst", end},
		"unlimited":   {`{"name":"b"}`, "analyst", end},
		"weaker":      {`{"name":"c","max_role":"viewer","expires_at":"2026-11-30T00:00:00Z"}`, "viewer", "2026-11-30T00:00:00Z"},
		"nulls":       {`{"name":"d","max_role":null,"expires_at":null}`, "analyst", end},
		"later alone": {`{"name":"e","max_role":"viewer","expires_at":"2027-01-01T00:00:00Z"}`, "viewer", end},
	} {
		t.Run(name, func(t *testing.T) {
			key := decode[object](t, g.do(t, request{method: "POST", path: "/api-keys", token: maker.text("raw_key"), body: tt.body}))
			if key.text("max_role") != tt.role || key.text("expires_at") != tt.expires {
				t.Errorf("got role %v until %v, want %s until %s", key["max_role"], key["expires_at"], tt.role, tt.expires)
			}
		})
	}
	g.do(t, request{method: "GET", path: "/tenants/users", token: maker.text("raw_key")}).want(t, 403, "Required role: ['admin']")
	g.clock.advance(7 * 24 * time.Hour)
	g.do(t, request{method: "GET", path: "/auth/me", token: maker.text("raw_key")}).want(t, http.StatusUnauthorized, "Invalid or revoked API key")
}
