package api_test

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/api"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func registration(change object) string {
	o := object{"name": "New Co", "slug": "new-co", "admin_email": "Boss@New.example", "admin_password": "a long enough one"}
	for k, v := range change {
		if o[k] = v; v == nil {
			delete(o, k)
		}
	}
	b, _ := json.Marshal(o) //nolint:errcheck // encodes
	return string(b)
}

func TestRegister(t *testing.T) {
	g := start(t, unlimited)
	r := g.do(t, request{method: "POST", path: "/tenants/", body: registration(nil)}).want(t, 200, "")
	made := decode[object](t, r)
	made.has(t, "id", "name", "slug", "is_active", "created_at")
	if created := made.text("created_at"); !strings.HasSuffix(created, "Z") || made["is_active"] != true || made.text("slug") != "new-co" {
		t.Errorf("made %v", made)
	}
	g.do(t, request{method: "POST", path: "/auth/login", body: login("boss@new.example", "a long enough one", "new-co")}).want(t, 200, "")
	if e := g.events(t, identity.TenantID(made.text("id")), "tenant.created"); len(e) != 1 || e[0].text("slug") != "new-co" {
		t.Errorf("recorded %v", e)
	}
	// The same e-mail in another tenant neither blocks nor captures (A16).
	g.do(t, request{method: "POST", path: "/tenants/", body: registration(object{"name": "Copy", "slug": "copy", "admin_email": "admin@acme.example"})}).want(t, 200, "")
	g.do(t, request{method: "POST", path: "/auth/login", body: login("admin@acme.example", password, "")}).want(t, 200, "")

	g.do(t, request{method: "POST", path: "/tenants/", body: registration(object{"name": "Other"})}).want(t, 400, "Slug already taken")
	g.do(t, request{method: "POST", path: "/tenants/", body: registration(object{"slug": "other"})}).want(t, 400, "Name already taken")
	for name, tt := range map[string]struct {
		change      object
		kind, field string
	}{
		"no name":         {object{"name": nil}, "missing", "name"},
		"empty name":      {object{"name": ""}, "string_too_short", "name"},
		"long name":       {object{"name": strings.Repeat("n", 256)}, "string_too_long", "name"},
		"slug in capital": {object{"slug": "New"}, "string_pattern_mismatch", "slug"},
		"slug ends in -":  {object{"slug": "new-"}, "string_pattern_mismatch", "slug"},
		"slug too long":   {object{"slug": strings.Repeat("a", 64)}, "string_pattern_mismatch", "slug"},
		"slug with break": {object{"slug": "acme\n"}, "string_pattern_mismatch", "slug"},
		"bad e-mail":      {object{"admin_email": "boss@new"}, "value_error", "admin_email"},
		"short password":  {object{"admin_password": "eleven char"}, "string_too_short", "admin_password"},
		"long password":   {object{"admin_password": strings.Repeat("p", 1025)}, "string_too_long", "admin_password"},
		"NUL":             {object{"name": "a\x00b"}, "value_error", "name"},
		"number as name":  {object{"name": 5}, "string_type", "name"},
	} {
		t.Run(name, func(t *testing.T) {
			r := g.do(t, request{method: "POST", path: "/tenants/", body: registration(tt.change)}).problem(t, tt.kind, "body", tt.field)
			if strings.Contains(r.body, "eleven char") || strings.Contains(r.body, "pppp") {
				t.Errorf("the answer repeats the password: %s", r.body)
			}
		})
	}
	r = g.do(t, request{method: "POST", path: "/tenants/", body: registration(object{"admin_email": "boss@new"})})
	if !strings.Contains(r.body, `"msg":"Value error, Invalid email address format"`) || !strings.Contains(r.body, `"type":"value_error"`) {
		t.Errorf("e-mail refusal %s", r.body)
	}
}

func TestRegistrationModes(t *testing.T) {
	token := func(s *setup) { s.api.Registration = api.Registration{Token: "the-token"} }
	closed := func(s *setup) { s.api.Registration = api.Registration{Closed: true, Token: "the-token"} }
	header := func(v string) map[string]string { return map[string]string{"X-Registration-Token": v} }
	for _, tt := range []struct {
		name   string
		mode   option
		header map[string]string
		field  any
		status int
		detail string
	}{
		{"no token", token, nil, nil, 403, "A valid registration token is required"},
		{"null token", token, nil, nil, 403, "A valid registration token is required"},
		{"wrong header", token, header("the-toke"), nil, 403, "A valid registration token is required"},
		{"wrong field", token, nil, "other", 403, "A valid registration token is required"},
		{"header", token, header("the-token"), nil, 200, ""},
		{"field", token, nil, "the-token", 200, ""},
		{"closed", closed, header("the-token"), "the-token", 403, "Tenant registration is closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := start(t, tt.mode)
			g.do(t, request{method: "POST", path: "/tenants/", body: registration(object{"registration_token": tt.field}), header: tt.header}).
				want(t, tt.status, tt.detail)
		})
	}
}

func TestOwnTenant(t *testing.T) {
	g := start(t)
	patch := func(p person, body string) reply {
		return g.do(t, request{method: "PATCH", path: "/tenants/me", token: p.token, body: body})
	}
	got := decode[object](t, g.do(t, request{method: "GET", path: "/tenants/me", token: g.acme.viewer.token}))
	got.has(t, "id", "name", "slug", "is_active", "created_at")
	if got.text("name") != "ACME" {
		t.Errorf("tenant %v", got)
	}
	g.do(t, request{method: "GET", path: "/tenants/me"}).want(t, 401, "Not authenticated")
	patch(g.acme.viewer, `{"name":"x"}`).want(t, 403, "Required role: ['admin']")
	patch(g.acme.analyst, `{"name":"x"}`).want(t, 403, "Required role: ['admin']")
	patch(g.acme.admin, `{"name":"RIVAL"}`).want(t, 400, "Name already taken")
	patch(g.acme.admin, `{}`).problem(t, "missing", "body")
	patch(g.acme.admin, `{"name":null}`).problem(t, "missing", "body")
	patch(g.acme.admin, `{"oauth_redirect_hosts":["https://x.example"]}`).problem(t, "value_error", "body", "oauth_redirect_hosts")
	patch(g.acme.admin, `{"oauth_redirect_hosts":"x.example"}`).problem(t, "list_type", "body", "oauth_redirect_hosts")
	changed := decode[object](t, patch(g.acme.admin, `{"name":"Acme Ltd","oauth_redirect_hosts":["App.Example"]}`))
	if hosts, ok := changed["oauth_redirect_hosts"].([]any); changed.text("name") != "Acme Ltd" || !ok || len(hosts) != 1 || hosts[0] != "app.example" {
		t.Errorf("changed %v", changed)
	}
	if e := g.events(t, g.acme.tenant.ID, "tenant.updated"); len(e) != 1 {
		t.Errorf("recorded %v", e)
	}
}

func TestUsers(t *testing.T) {
	g := start(t)
	admin := g.acme.admin
	r := g.do(t, request{method: "POST", path: "/tenants/users", token: admin.token, body: `{"email":"New@Acme.example","password":"a long enough one"}`}).want(t, 200, "")
	made := decode[object](t, r)
	made.has(t, "id", "email", "role", "is_active", "auth_provider", "created_at", "last_login_at")
	if made.text("email") != "new@acme.example" || made.text("role") != "viewer" || made.text("auth_provider") != "local" {
		t.Errorf("made %v", made)
	}
	id := made.text("id")
	patch := func(body string) reply {
		return g.do(t, request{method: "PATCH", path: "/tenants/users/" + id, token: admin.token, body: body})
	}
	if got := decode[object](t, patch(`{"role":"analyst","is_active":false,"password":"another long one"}`)); got.text("role") != "analyst" || got["is_active"] != false {
		t.Errorf("patched %v", got)
	}
	if got := decode[object](t, patch(`{"is_active":true}`)); got["is_active"] != true {
		t.Errorf("patched %v", got)
	}
	patch(`{"role":"analyst","is_active":true}`).want(t, 200, "") // nothing left to change, nothing recorded
	g.do(t, request{method: "POST", path: "/auth/login", body: login("new@acme.example", "another long one", "acme")}).want(t, 200, "")
	users := decode[[]object](t, g.do(t, request{method: "GET", path: "/tenants/users", token: admin.token}))
	if len(users) != 4 || users[3].text("id") != id || users[3]["last_login_at"] == nil {
		t.Errorf("users %v", users)
	}
	g.do(t, request{method: "DELETE", path: "/tenants/users/" + id, token: admin.token}).want(t, 204, "")
	g.do(t, request{method: "DELETE", path: "/tenants/users/" + id, token: admin.token}).want(t, 404, "User not found")
	for name, want := range map[string]object{
		"user.created":          {"role": "viewer", "auth_provider": "local"},
		"user.role_updated":     {"new_role": "analyst", "source": "admin"},
		"user.disabled":         {"source": "admin"},
		"user.enabled":          {"source": "admin"},
		"user.password_changed": {"by": string(admin.ID)},
		"user.deleted":          {},
	} {
		var found []object
		for _, e := range g.events(t, g.acme.tenant.ID, name) {
			if e.text("target_user_id") == id {
				found = append(found, e)
			}
		}
		if len(found) != 1 || found[0].text("user_email") != admin.Email || found[0].text("ip_address") == "" || found[0].text("auth") != "token" {
			t.Fatalf("%s: %v", name, found)
		}
		for k, v := range want {
			if found[0][k] != v {
				t.Errorf("%s: %s = %v, want %v", name, k, found[0][k], v)
			}
		}
	}
}

func TestUserRefusals(t *testing.T) {
	g := start(t)
	sso := g.ssoUser(t)
	foreign := string(g.rival.viewer.ID)
	self := string(g.acme.admin.ID)
	admin := g.acme.admin.token
	for _, tt := range []struct {
		name, token, method, path, body string
		status                          int
		detail                          string
	}{
		{"anonymous list", "", "GET", "", "", 401, "Not authenticated"},
		{"viewer lists", g.acme.viewer.token, "GET", "", "", 403, "Required role: ['admin']"},
		{"analyst adds", g.acme.analyst.token, "POST", "", `{"email":"x@x.example","password":"a long enough one"}`, 403, "Required role: ['admin']"},
		{"taken e-mail", admin, "POST", "", `{"email":"VIEWER@acme.example","password":"a long enough one"}`, 400, "Email already registered in this tenant"},
		{"own role", admin, "PATCH", self, `{"role":"viewer"}`, 400, "Cannot change your own role"},
		{"own account", admin, "PATCH", self, `{"is_active":false}`, 400, "Cannot disable your own account"},
		{"delete oneself", admin, "DELETE", self, "", 400, "Cannot delete your own account"},
		{"another tenant's user", admin, "PATCH", foreign, `{"role":"admin"}`, 404, "User not found"},
		{"password of another tenant's user", admin, "PATCH", foreign, `{"password":"a long enough one"}`, 404, "User not found"},
		{"delete another tenant's user", admin, "DELETE", foreign, "", 404, "User not found"},
		{"unknown user", admin, "PATCH", "nobody", `{"role":"admin"}`, 404, "User not found"},
		{"NUL in the id", admin, "DELETE", "a%00b", "", 404, "User not found"},
		{"password of an SSO user", admin, "PATCH", sso, `{"password":"a long enough one"}`, 400, "This account signs in through SSO"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := strings.TrimSuffix("/tenants/users/"+tt.path, "/")
			g.do(t, request{method: tt.method, path: path, token: tt.token, body: tt.body}).want(t, tt.status, tt.detail)
		})
	}
	for name, tt := range map[string]struct{ method, path, body, kind, field string }{
		"no e-mail":      {"POST", "", `{"password":"a long enough one"}`, "missing", "email"},
		"bad e-mail":     {"POST", "", `{"email":"x y@x.example","password":"a long enough one"}`, "value_error", "email"},
		"short password": {"POST", "", `{"email":"x@x.example","password":"short"}`, "string_too_short", "password"},
		"unknown role":   {"POST", "", `{"email":"x@x.example","password":"a long enough one","role":"root"}`, "enum", "role"},
		"role patch":     {"PATCH", foreign, `{"role":"root"}`, "enum", "role"},
		"active as text": {"PATCH", foreign, `{"is_active":"no"}`, "bool_type", "is_active"},
	} {
		t.Run(name, func(t *testing.T) {
			path := strings.TrimSuffix("/tenants/users/"+tt.path, "/")
			g.do(t, request{method: tt.method, path: path, token: admin, body: tt.body}).problem(t, tt.kind, "body", tt.field)
		})
	}
	g.do(t, request{method: "PATCH", path: "/tenants/users/" + foreign, token: admin, body: `{}`}).problem(t, "missing", "body")
}

func TestDeleteUserStorageFault(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.db")
	g := start(t, func(s *setup) { s.url = "sqlite:///" + file })
	direct := must(sql.Open("sqlite", file))(t)
	defer direct.Close() //nolint:errcheck // end of the test
	_, err := direct.ExecContext(t.Context(), "CREATE TRIGGER broken BEFORE DELETE ON users BEGIN SELECT RAISE(ABORT, 'disk on fire'); END")
	check(t, err)
	r := g.do(t, request{method: "DELETE", path: "/tenants/users/" + string(g.acme.viewer.ID), token: g.acme.admin.token}).want(t, 500, "Failed to delete user")
	if strings.Contains(r.body, "fire") || decode[object](t, reply{body: r.body}).text("request_id") != r.header.Get("X-Request-ID") {
		t.Errorf("body %s", r.body)
	}
	if e := g.events(t, g.acme.tenant.ID, "user.deleted"); len(e) != 0 {
		t.Errorf("recorded what did not happen: %v", e)
	}
}

func (g *gateway) ssoUser(t *testing.T) string {
	t.Helper()
	var id identity.UserID
	check(t, g.store.Tenant(g.acme.tenant.ID).Write(t.Context(), func(tx *store.Tx) error {
		tx.Record(audit.Event{Name: "user.created"})
		u, err := tx.CreateUser(t.Context(), store.NewUser{Email: "sso@acme.example", Role: identity.Viewer, Provider: store.EntraAccount, Subject: "oid"})
		id = u.ID
		return err
	}))
	return string(id)
}

// TestChangesCountAtOnce holds contract 15.2 P2: the next request of a token
// and of a key already sees what an admin did.
func TestChangesCountAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		path   string // of the probe
		body   string // of the PATCH, "" for DELETE
		before int
		after  int
		detail string
		key    string // detail for the key, when it differs
	}{
		"raised":   {"/tenants/users", `{"role":"admin"}`, 403, 200, "", ""},
		"disabled": {"/auth/me", `{"is_active":false}`, 200, 401, "User not found or inactive", ""},
		"deleted":  {"/auth/me", "", 200, 401, "User not found or inactive", "Invalid or revoked API key"},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			key := decode[object](t, g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.analyst.token, body: `{"name":"k"}`})).text("raw_key")
			probe := func(credential string) reply {
				return g.do(t, request{method: "GET", path: tt.path, token: credential})
			}
			for _, c := range []string{g.acme.analyst.token, key} {
				probe(c).want(t, tt.before, "")
			}
			change := request{method: "PATCH", path: "/tenants/users/" + string(g.acme.analyst.ID), token: g.acme.admin.token, body: tt.body}
			if tt.body == "" {
				change.method = "DELETE"
			}
			if r := g.do(t, change); r.status >= 300 {
				t.Fatal(r)
			}
			probe(g.acme.analyst.token).want(t, tt.after, tt.detail)
			if tt.key == "" {
				tt.key = tt.detail
			}
			probe(key).want(t, tt.after, tt.key)
		})
	}
}

func TestKeyIsCapped(t *testing.T) {
	g := start(t)
	key := decode[object](t, g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.admin.token, body: `{"name":"k","max_role":"analyst"}`})).text("raw_key")
	g.do(t, request{method: "GET", path: "/tenants/users", token: key}).want(t, 403, "Required role: ['admin']")
	if me := decode[object](t, g.do(t, request{method: "GET", path: "/auth/me", token: key})); me.text("role") != "analyst" {
		t.Errorf("me %v", me)
	}
}
