package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

const powerfulString = "postgres://u:p@powerful/db"

// TestPowerfulLogin holds that a login with too many rights is refused with
// words unless the connection says otherwise, on every way to a test.
func TestPowerfulLogin(t *testing.T) {
	g := start(t, unlimited)
	admin := g.acme.admin.token
	post := func(path, body string) reply {
		return g.do(t, request{method: "POST", path: path, token: admin, body: body})
	}
	for body, want := range map[string]bool{
		`{"db_type":"postgres","connection_string":"` + powerfulString + `"}`:                              false,
		`{"db_type":"postgres","connection_string":"` + powerfulString + `","allow_powerful_login":null}`:  false,
		`{"db_type":"postgres","connection_string":"` + powerfulString + `","allow_powerful_login":false}`: false,
		`{"db_type":"postgres","connection_string":"` + powerfulString + `","allow_powerful_login":true}`:  true,
	} {
		got := decode[object](t, post("/connections/test", body))
		if got["ok"] != want {
			t.Errorf("%s: %v", body, got)
		}
		if !want && (got.text("error") != "login too powerful" || !strings.Contains(got.text("warning"), "Set allow_powerful_login")) {
			t.Errorf("refused with %v", got)
		}
	}
	r := post("/connections/?test=true", connection(object{"connection_string": powerfulString})).want(t, 400, "")
	if !strings.Contains(r.body, "Connection test failed: login too powerful: this login could read files") {
		t.Errorf("refused with %s", r.body)
	}
	id := g.addConnection(t, object{"connection_string": powerfulString}).text("id")
	test := func(want bool) {
		t.Helper()
		if got := decode[object](t, post("/connections/"+id+"/test", "")); got["ok"] != want {
			t.Errorf("tested %v, want %v", got, want)
		}
	}
	patch := func(query, body string) reply {
		return g.do(t, request{method: "PATCH", path: "/connections/" + id + query, token: admin, body: body})
	}
	test(false)
	patch("?test=true", `{"name":"x"}`).want(t, 400, "")
	made := decode[object](t, patch("?test=true", `{"allow_powerful_login":true}`))
	if made["allow_powerful_login"] != true || made["last_test"] == nil || !g.dialect.hasDropped(string(g.acme.tenant.ID), id) {
		t.Errorf("allowed: %v", made)
	}
	test(true)
	if got := decode[object](t, patch("", `{"allow_powerful_login":null,"name":"y"}`)); got["allow_powerful_login"] != true {
		t.Errorf("null changed the rule: %v", got)
	}
	if got := decode[object](t, patch("", `{"allow_powerful_login":false}`)); got["allow_powerful_login"] != false || got["last_test"] != nil {
		t.Errorf("disallowed: %v", got)
	}
	test(false)
	patch("", `{"allow_powerful_login":"yes"}`).problem(t, "bool_type", "body", "allow_powerful_login")
	updated := g.events(t, g.acme.tenant.ID, "connection.updated")
	if fields := must(json.Marshal(updated[len(updated)-1]["fields_changed"]))(t); string(fields) != `["allow_powerful_login"]` {
		t.Errorf("fields_changed %s", fields)
	}
	for name, p := range map[string]person{"viewer": g.acme.viewer, "analyst": g.acme.analyst} {
		listed := decode[[]object](t, g.do(t, request{method: "GET", path: "/connections/", token: p.token}))
		if _, shown := listed[0]["allow_powerful_login"]; shown {
			t.Errorf("a %s sees whether the login is powerful: %v", name, listed[0])
		}
	}
	if kept := g.addConnection(t, object{"connection_string": powerfulString, "allow_powerful_login": true}); kept["allow_powerful_login"] != true {
		t.Errorf("created %v", kept)
	}
}

func function(signature, hash string) database.Function {
	return database.Function{Signature: signature, Returns: "text", Volatility: "immutable", Language: "sql", Source: "SELECT upper($1)", Hash: hash}
}

// functionsOf returns the list of a connection as lines of signature, status
// and who allowed it.
func (g *gateway) functionsOf(t *testing.T, id, query string) string {
	t.Helper()
	lines := []string{}
	for _, f := range decode[[]object](t, g.do(t, request{method: "GET", path: "/connections/" + id + "/functions" + query, token: g.acme.admin.token})) {
		f.has(t, "signature", "returns", "volatility", "language", "source", "hash", "status", "allowed_by", "allowed_at")
		lines = append(lines, fmt.Sprintf("%s %s %v", f["signature"], f["status"], f["allowed_by"]))
	}
	return strings.Join(lines, "; ")
}

func (g *gateway) allow(t *testing.T, id, signature, hash string) reply {
	t.Helper()
	body := must(json.Marshal(map[string]string{"signature": signature, "hash": hash}))(t)
	return g.do(t, request{method: "POST", path: "/connections/" + id + "/functions", token: g.acme.admin.token, body: string(body)})
}

func (g *gateway) disallow(t *testing.T, id, signature string) reply {
	t.Helper()
	return g.do(t, request{method: "DELETE", path: "/connections/" + id + "/functions?signature=" + url.QueryEscape(signature), token: g.acme.admin.token})
}

// TestAllowedFunctionLife follows a function from proposal over a change to its
// removal, on both engines.
func TestAllowedFunctionLife(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			g := start(t, unlimited, func(s *setup) {
				if engine == "postgres" {
					s.url = postgresURL(t)
				}
			})
			tenant, id := g.acme.tenant.ID, g.addConnection(t, nil).text("id")
			other := g.addConnection(t, object{"name": "other"}).text("id")
			g.dialect.functions = map[string][]database.Function{id: {function("public.f_orders(integer)", "o1"), function("public.f_upper(text)", "u1")}}
			if got := g.functionsOf(t, id, ""); got != "public.f_orders(integer) proposed <nil>; public.f_upper(text) proposed <nil>" {
				t.Errorf("at first: %s", got)
			}
			made := decode[object](t, g.allow(t, id, "public.f_upper(text)", "u1"))
			if made.text("status") != "allowed" || made.text("allowed_by") != "admin@acme.example" || made["allowed_at"] == nil || made.text("source") == "" {
				t.Errorf("allowed %v", made)
			}
			if !g.dialect.hasDropped(string(tenant), id) {
				t.Error("the pool outlived the change")
			}
			g.allow(t, id, "public.f_upper(text)", "u1").want(t, 200, "")
			if got := g.functionsOf(t, id, "?status=allowed"); got != "public.f_upper(text) allowed admin@acme.example" {
				t.Errorf("allowed: %s", got)
			}
			if got := g.functionsOf(t, other, ""); got != "" {
				t.Errorf("the list of another connection: %s", got)
			}
			g.dialect.functions[id] = []database.Function{function("public.f_upper(text)", "u2")}
			if got := g.functionsOf(t, id, ""); got != "public.f_upper(text) changed admin@acme.example" {
				t.Errorf("edited: %s", got)
			}
			g.allow(t, id, "public.f_upper(text)", "u1").want(t, 409, "The function has changed since")
			g.allow(t, id, "public.f_upper(text)", "u2").want(t, 200, "")
			g.dialect.functions[id] = nil
			if got := g.functionsOf(t, id, ""); got != "public.f_upper(text) missing admin@acme.example" {
				t.Errorf("dropped: %s", got)
			}
			g.allow(t, id, "public.f_upper(text)", "u2").want(t, 404, "Function not found")
			g.dialect.down = database.ConnectFault(database.ErrCannotConnect, errors.New("dial 10.0.0.1"))
			g.disallow(t, id, "public.f_upper(text)").want(t, 200, "Function removed")
			g.disallow(t, id, "public.f_upper(text)").want(t, 404, "Function not found")
			g.dialect.down = nil
			if got := g.functionsOf(t, id, ""); got != "" {
				t.Errorf("removed: %s", got)
			}
			allowed, removed := g.events(t, tenant, "connection.function_allowed"), g.events(t, tenant, "connection.function_removed")
			if len(allowed) != 2 || len(removed) != 1 || removed[0].text("hash") != "u2" || removed[0].text("connection_id") != id || removed[0].text("signature") != "public.f_upper(text)" {
				t.Errorf("allowed %v, removed %v", allowed, removed)
			}
		})
	}
}

func TestAllowedFunctionRefusals(t *testing.T) {
	g := start(t, unlimited)
	id := g.addConnection(t, nil).text("id")
	gone := g.addConnection(t, object{"name": "gone"}).text("id")
	g.do(t, request{method: "DELETE", path: "/connections/" + gone, token: g.acme.admin.token}).want(t, 200, "")
	hidden := function("public.hidden()", "h")
	hidden.Source = ""
	g.dialect.functions = map[string][]database.Function{id: {function("public.f()", "h"), hidden}, gone: {function("public.f()", "h")}}
	path, body := "/connections/"+id+"/functions", `{"signature":"public.f()","hash":"h"}`
	for _, tt := range []struct {
		name, token, method, path, body string
		status                          int
		detail                          string
	}{
		{"anonymous", "", "GET", path, "", 401, "Not authenticated"},
		{"analyst lists", g.acme.analyst.token, "GET", path, "", 403, "Required role: ['admin']"},
		{"analyst allows", g.acme.analyst.token, "POST", path, body, 403, "Required role: ['admin']"},
		{"viewer removes", g.acme.viewer.token, "DELETE", path + "?signature=x", "", 403, "Required role: ['admin']"},
		{"other tenant lists", g.rival.admin.token, "GET", path, "", 404, "Connection not found"},
		{"other tenant allows", g.rival.admin.token, "POST", path, body, 404, "Connection not found"},
		{"other tenant removes", g.rival.admin.token, "DELETE", path + "?signature=public.f()", "", 404, "Connection not found"},
		{"removed connection lists", g.acme.admin.token, "GET", "/connections/" + gone + "/functions", "", 404, "Connection not found"},
		{"removed connection allows", g.acme.admin.token, "POST", "/connections/" + gone + "/functions", body, 404, "Connection not found"},
		{"unknown connection", g.acme.admin.token, "GET", "/connections/nope/functions", "", 404, "Connection not found"},
		{"unknown function", g.acme.admin.token, "POST", path, `{"signature":"public.g()","hash":"h"}`, 404, "Function not found"},
		{"another hash", g.acme.admin.token, "POST", path, `{"signature":"public.f()","hash":"H"}`, 409, "The function has changed since"},
		{"unlisted function", g.acme.admin.token, "DELETE", path + "?signature=public.f()", "", 404, "Function not found"},
		{"no signature", g.acme.admin.token, "DELETE", path, "", 422, ""},
		{"no text", g.acme.admin.token, "DELETE", path + "?signature=%00", "", 422, ""},
		{"unknown status", g.acme.admin.token, "GET", path + "?status=blocked", "", 422, ""},
		{"bad page", g.acme.admin.token, "GET", path + "?limit=0", "", 422, ""},
		{"no hash", g.acme.admin.token, "POST", path, `{"signature":"public.f()"}`, 422, ""},
		{"long signature", g.acme.admin.token, "POST", path, `{"signature":"` + strings.Repeat("f", 2001) + `","hash":"h"}`, 422, ""},
		{"long hash", g.acme.admin.token, "POST", path, `{"signature":"public.f()","hash":"` + strings.Repeat("h", 129) + `"}`, 422, ""},
		{"no method", g.acme.admin.token, "PUT", path, body, 405, "Method Not Allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g.do(t, request{method: tt.method, path: tt.path, token: tt.token, body: tt.body}).want(t, tt.status, tt.detail)
		})
	}
	r := g.allow(t, id, "public.hidden()", "h").want(t, 400, "")
	if !strings.Contains(r.body, "may not see the definition") {
		t.Errorf("a function without a visible source: %s", r.body)
	}
	if n := len(g.events(t, g.acme.tenant.ID, "connection.function_allowed")); n != 0 {
		t.Errorf("%d records of what was refused", n)
	}
	if list := must(g.store.Tenant(g.acme.tenant.ID).AllowedFunctions(t.Context()))(t); len(list) != 0 {
		t.Errorf("stored %v", list)
	}
}

// TestFunctionsOfALostDatabase holds what an administrator reads when the
// database does not answer: the reason, and never the driver's own text.
func TestFunctionsOfALostDatabase(t *testing.T) {
	g := start(t, unlimited)
	id := g.addConnection(t, nil).text("id")
	secret := errors.New("dial tcp 10.0.0.1:5432: user u")
	for want, err := range map[string]error{
		"Database unavailable: cannot connect":               database.ConnectFault(database.ErrCannotConnect, secret),
		"Database unavailable: login too powerful: this":     database.ConnectFault(database.ErrPowerfulLogin+": this login could read files.", secret),
		"Database unavailable: timed out":                    fault.Wrap(fault.Timeout, secret, "query timed out"),
		"The functions could not be read: permission denied": database.QueryFault("permission denied", false, secret),
	} {
		g.dialect.down = err
		for _, q := range []request{{method: "GET"}, {method: "POST", body: `{"signature":"public.f()","hash":"h"}`}} {
			q.path, q.token = "/connections/"+id+"/functions", g.acme.admin.token
			r := g.do(t, q)
			if r.status != 502 || !strings.Contains(r.body, want) || strings.Contains(r.body, "10.0.0.1") {
				t.Errorf("%s: status %d: %s", q.method, r.status, r.body)
			}
		}
	}
}

// TestFunctionsArePaged cuts a long list, and holds the bound on what one
// connection allows.
func TestFunctionsArePaged(t *testing.T) {
	g := start(t, unlimited)
	id := g.addConnection(t, nil).text("id")
	many := []database.Function{}
	for i := range 600 {
		many = append(many, function(fmt.Sprintf("public.f%03d()", i), "h"))
	}
	g.dialect.functions = map[string][]database.Function{id: many}
	for query, want := range map[string][2]string{
		"": {"public.f000()", "public.f099()"}, "?limit=1000": {"public.f000()", "public.f499()"}, "?skip=598": {"public.f598()", "public.f599()"},
	} {
		lines := strings.Split(g.functionsOf(t, id, query), "; ")
		if !strings.HasPrefix(lines[0], want[0]) || !strings.HasPrefix(lines[len(lines)-1], want[1]) {
			t.Errorf("%s: from %s to %s", query, lines[0], lines[len(lines)-1])
		}
	}
	if got := g.functionsOf(t, id, "?skip=601"); got != "" {
		t.Errorf("behind the end: %s", got)
	}
	check(t, g.store.Tenant(g.acme.tenant.ID).Write(t.Context(), func(tx *store.Tx) error {
		tx.Record(audit.Event{Name: "test.filled"})
		for i := range store.MaxAllowedFunctions {
			f := store.AllowedFunction{Connection: id, Signature: many[i].Signature, Hash: "h"}
			if err := tx.AllowFunction(t.Context(), f, g.acme.admin.ID); err != nil {
				return err
			}
		}
		return nil
	}))
	g.allow(t, id, "public.f500()", "h").want(t, 400, "A connection can have at most 500 allowed functions")
}
