package api_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// contractRoutes are the rows of contract 3.2 to 3.4 and 3.6 that this package
// serves, in their canonical spelling.
func contractRoutes() []string {
	return []string{
		"POST /auth/login", "POST /auth/session", "GET /auth/sessions", "DELETE /auth/sessions/{id}",
		"POST /auth/logout", "POST /auth/password", "GET /auth/me", "GET /auth/providers",
		"POST /auth/entra/config", "GET /auth/entra/config", "DELETE /auth/entra/config",
		"GET /auth/entra/login", "GET /auth/entra/callback", "GET /auth/entra/exchange",
		"POST /auth/oidc/config", "GET /auth/oidc/config", "DELETE /auth/oidc/config",
		"GET /auth/oidc/login", "GET /auth/oidc/callback", "GET /auth/oidc/exchange",
		"POST /tenants/", "GET /tenants/me", "PATCH /tenants/me",
		"GET /tenants/users", "POST /tenants/users", "PATCH /tenants/users/{id}", "DELETE /tenants/users/{id}",
		"POST /connections/", "GET /connections/", "PATCH /connections/{id}", "DELETE /connections/{id}",
		"POST /connections/{id}/test", "POST /connections/test",
		"GET /connections/{id}/functions", "POST /connections/{id}/functions", "DELETE /connections/{id}/functions",
		"GET /tools/", "PATCH /tools/{tool_name}",
		"POST /api-keys", "GET /api-keys", "DELETE /api-keys/{id}", "GET /audit-logs/", "GET /query/history",
	}
}

// publicRoutes answer without a credential.
func publicRoutes() []string {
	return []string{
		"POST /auth/login", "POST /auth/session", "GET /auth/providers", "POST /tenants/",
		"GET /auth/entra/login", "GET /auth/entra/callback", "GET /auth/entra/exchange",
		"GET /auth/oidc/login", "GET /auth/oidc/callback", "GET /auth/oidc/exchange",
	}
}

// TestEveryRouteAtEverySpelling holds contract 1: four spellings, no redirect,
// and no way in without a credential.
func TestEveryRouteAtEverySpelling(t *testing.T) {
	g := start(t, unlimited)
	for _, route := range contractRoutes() {
		method, pattern, _ := strings.Cut(route, " ")
		path := strings.NewReplacer("{id}", "some-id", "{tool_name}", "a/b").Replace(strings.TrimSuffix(pattern, "/"))
		want := http.StatusUnauthorized
		if slices.Contains(publicRoutes(), route) {
			want = http.StatusUnprocessableEntity
		}
		for _, spelling := range []string{path, path + "/", "/api/v1" + path, "/api/v1" + path + "/"} {
			r := g.do(t, request{method: method, path: spelling})
			if r.status != want {
				t.Errorf("%s %s: status %d, want %d: %s", method, spelling, r.status, want, r.body)
			}
			if r.header.Get("Cache-Control") != "no-store" || r.header.Get("X-Request-ID") == "" {
				t.Errorf("%s %s: headers %v", method, spelling, r.header)
			}
		}
	}
}

func TestUnknownRoutes(t *testing.T) {
	g := start(t)
	for _, path := range []string{"/", "/nope", "/auth", "/tenants/me/x", "/api/v1", "/api/v1/health", "/api/v2/auth/me", "/connections//", "/auth/login/x"} {
		g.do(t, request{method: "GET", path: path}).want(t, 404, "Not Found")
	}
	for route, allow := range map[string]string{
		"GET /auth/login": "POST", "PUT /connections/": "GET, HEAD, POST", "POST /tenants/me": "GET, HEAD, PATCH", "DELETE /health": "GET, HEAD",
	} {
		method, path, _ := strings.Cut(route, " ")
		r := g.do(t, request{method: method, path: path}).want(t, 405, "Method Not Allowed")
		if r.header.Get("Allow") != allow {
			t.Errorf("%s: Allow %q, want %q", route, r.header.Get("Allow"), allow)
		}
	}
}

// TestBodies holds what every route does with a body that it cannot use.
func TestBodies(t *testing.T) {
	g := start(t, unlimited)
	for name, tt := range map[string]struct {
		body, contentType string
		kind              string
		loc               []string
	}{
		"empty":             {"", "application/json", "missing", []string{"body"}},
		"blank":             {" \n", "application/json", "missing", []string{"body"}},
		"no JSON":           {`{"email":`, "application/json", "json_invalid", []string{"body"}},
		"two values":        {`{} {}`, "application/json", "json_invalid", []string{"body"}},
		"duplicate member":  {`{"email":"a@b.example","email":"c@d.example","password":"x"}`, "application/json", "json_duplicate", []string{"body", "email"}},
		"member in capital": {`{"EMAIL":"a@b.example","password":"x"}`, "application/json", "extra_forbidden", []string{"body", "EMAIL"}},
		"array":             {`[]`, "application/json", "dict_type", []string{"body"}},
		"null":              {`null`, "application/json", "dict_type", []string{"body"}},
		"bad UTF-8":         {"{\"email\":\"\xff@b.example\",\"password\":\"x\"}", "application/json", "json_invalid", []string{"body"}},
		"form":              {"email=a%40b.example&password=x", "application/x-www-form-urlencoded", "content_type", []string{"body"}},
		"text":              {`{"email":"a@b.example","password":"x"}`, "text/plain", "content_type", []string{"body"}},
		"null field":        {`{"email":"a@b.example","password":null}`, "application/json", "string_type", []string{"body", "password"}},
	} {
		t.Run(name, func(t *testing.T) {
			g.do(t, request{method: "POST", path: "/auth/login", body: tt.body, header: map[string]string{"Content-Type": tt.contentType}}).problem(t, tt.kind, tt.loc...)
		})
	}
	g.do(t, request{method: "POST", path: "/auth/login", body: `{"email":"` + strings.Repeat("a", 2<<20) + `"}`}).want(t, 413, "Request body too large")
	g.do(t, request{method: "POST", path: "/auth/login", body: `{"email":"admin@acme.example","password":"` + password + `","tenant_slug":"acme","unknown":1}`}).want(t, 200, "")
}

// TestRateLimits holds the rows of contract 14: spellings and routes that
// share a bucket, the headers, one record per window, and other addresses.
func TestRateLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		limit int
		calls []request
	}{
		"registration": {5, []request{{method: "POST", path: "/tenants"}, {method: "POST", path: "/api/v1/tenants/"}}},
		"sign-in":      {10, []request{{method: "POST", path: "/auth/login"}, {method: "POST", path: "/api/v1/auth/session/"}}},
		"password":     {10, []request{{method: "POST", path: "/auth/password", token: "admin"}}},
		"keys":         {10, []request{{method: "POST", path: "/api-keys", token: "admin"}, {method: "POST", path: "/api/v1/api-keys/", token: "admin"}}},
		"tests": {10, []request{
			{method: "POST", path: "/connections/test", token: "admin"}, {method: "POST", path: "/connections/x/test", token: "admin"},
			{method: "POST", path: "/connections/?test=true", token: "admin"}, {method: "PATCH", path: "/connections/x?test=1", token: "admin"},
		}},
		"providers": {20, []request{{method: "GET", path: "/auth/providers"}}},
		"audit":     {60, []request{{method: "GET", path: "/audit-logs?limit=1", token: "admin"}, {method: "GET", path: "/api/v1/query/history/?skip=x", token: "admin"}}},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			tenant := g.acme.tenant.ID
			if tt.calls[0].token == "" {
				tenant = ""
			}
			call := func(i int, ip string) reply {
				q := tt.calls[i%len(tt.calls)]
				if q.ip = ip; q.token != "" {
					q.token = g.acme.admin.token
				}
				return g.do(t, q)
			}
			for i := range tt.limit {
				if r := call(i, "203.0.113.1"); r.status == 429 || r.header.Get("RateLimit-Remaining") != fmt.Sprint(tt.limit-1-i) {
					t.Fatalf("call %d: status %d, %s remaining", i+1, r.status, r.header.Get("RateLimit-Remaining"))
				}
			}
			for i := range 3 {
				r := call(i, "203.0.113.1").want(t, 429, fmt.Sprintf("Rate limit exceeded: %d per 1 minute", tt.limit))
				for _, h := range []string{"Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} {
					if r.header.Get(h) == "" {
						t.Errorf("no %s", h)
					}
				}
			}
			if hits := g.events(t, tenant, "ratelimit.hit"); len(hits) != 1 || hits[0].text("key") != "ip" || hits[0].text("ip_address") != "203.0.113.1" {
				t.Errorf("recorded %v", hits)
			}
			if r := call(0, "203.0.113.2"); r.status == 429 {
				t.Error("another address is refused too")
			}
			g.clock.advance(time.Minute)
			if r := call(0, "203.0.113.1"); r.status == 429 {
				t.Error("still refused a minute later")
			}
		})
	}
}

func TestUntestedChangesAreNotLimited(t *testing.T) {
	g := start(t)
	for range 15 {
		g.do(t, request{method: "PATCH", path: "/connections/x", token: g.acme.admin.token, body: `{"name":"x"}`}).want(t, 404, "Connection not found")
	}
}

// TestDocumentMatchesTable compares the OpenAPI document with what the
// contract lists and with what is served.
func TestDocumentMatchesTable(t *testing.T) {
	g := start(t)
	r := g.do(t, request{method: "GET", path: "/openapi.json"}).want(t, 200, "")
	doc := decode[struct {
		OpenAPI string
		Info    struct{ Title string }
		Paths   map[string]map[string]struct {
			OperationID string
			Summary     string
			Security    []map[string][]string
			Responses   map[string]any
		}
		Components struct {
			SecuritySchemes map[string]any
			Schemas         map[string]any
		}
	}](t, r)
	if doc.OpenAPI != "3.1.0" || doc.Info.Title != "MCP Gateway" || len(doc.Components.SecuritySchemes) != 3 || len(doc.Components.Schemas) == 0 {
		t.Errorf("document %s of %q with schemes %v", doc.OpenAPI, doc.Info.Title, doc.Components.SecuritySchemes)
	}
	documented, ids := []string{}, map[string]bool{}
	for path, item := range doc.Paths {
		for method, op := range item {
			route := strings.ToUpper(method) + " " + path
			documented = append(documented, route)
			if public := slices.Contains(publicRoutes(), route); op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || (len(op.Security) == 0) != public {
				t.Errorf("%s: operation %+v", route, op)
			}
			ids[op.OperationID] = true
		}
	}
	want := contractRoutes()
	slices.Sort(want)
	slices.Sort(documented)
	if !slices.Equal(documented, want) {
		t.Errorf("documented %v\nwant %v", documented, want)
	}
	page := g.do(t, request{method: "GET", path: "/docs"}).want(t, 200, "")
	for _, route := range want {
		_, path, _ := strings.Cut(route, " ")
		if !strings.Contains(page.body, "<code>"+path+"</code>") {
			t.Errorf("the reference lacks %s", route)
		}
	}
}

func TestReferenceStandsAlone(t *testing.T) {
	g := start(t)
	page := g.do(t, request{method: "GET", path: "/docs/"}).want(t, 200, "")
	if ct := page.header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
		t.Errorf("content type %q", ct)
	}
	if !strings.Contains(page.body, "<td>viewer | analyst | admin, or null</td>") {
		t.Error("the page does not spell the choices out")
	}
	for _, foreign := range []string{"<script", "http://", "https://", "style=", "//cdn"} {
		if strings.Contains(page.body, foreign) {
			t.Errorf("the page contains %q", foreign)
		}
	}
	style := g.do(t, request{method: "GET", path: "/docs/style.css"}).want(t, 200, "")
	if !strings.HasPrefix(style.header.Get("Content-Type"), "text/css") || strings.Contains(style.body, "url(") {
		t.Errorf("style %v", style.header)
	}
}

func TestProbes(t *testing.T) {
	draining := fault.New(fault.Unavailable, "Shutting down")
	g := start(t, func(s *setup) {
		s.api.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "up 1") }) //nolint:errcheck // a recorder
		s.api.MetricsToken = "scrape"
		s.api.Ready = func(context.Context) error { return draining }
	})
	for path, want := range map[string]string{"/health": `{"status":"ok"}`, "/livez": `{"status":"ok"}`} {
		if r := g.do(t, request{method: "GET", path: path}).want(t, 200, ""); r.body != want {
			t.Errorf("%s: %s", path, r.body)
		}
	}
	g.do(t, request{method: "GET", path: "/readyz"}).want(t, 503, "Shutting down")
	g.do(t, request{method: "GET", path: "/metrics"}).want(t, 401, "Not authenticated")
	g.do(t, request{method: "GET", path: "/metrics", token: "other"}).want(t, 401, "Invalid token")
	if r := g.do(t, request{method: "GET", path: "/metrics", token: "scrape"}).want(t, 200, ""); r.body != "up 1" {
		t.Errorf("metrics %s", r.body)
	}
	_, newest, err := g.store.SchemaVersion(t.Context())
	check(t, err)
	check(t, g.store.MigrateDown(t.Context()))
	g.do(t, request{method: "GET", path: "/health"}).want(t, 503, fmt.Sprintf("Pending migrations: at %d, expected %d", newest-1, newest))
	check(t, g.store.Close())
	g.do(t, request{method: "GET", path: "/health"}).want(t, 503, "Database unavailable")
	g.do(t, request{method: "GET", path: "/livez"}).want(t, 200, "")
}

func TestNoMetricsWithoutToken(t *testing.T) {
	start(t).do(t, request{method: "GET", path: "/metrics"}).want(t, 404, "Not Found")
}

// TestOnPostgreSQL runs the life of a tenant once on the other engine.
func TestOnPostgreSQL(t *testing.T) {
	g := start(t, func(s *setup) { s.url = postgresURL(t) }, unlimited)
	admin := g.acme.admin.token
	made := decode[object](t, g.do(t, request{method: "POST", path: "/tenants/", body: registration(nil)}))
	g.do(t, request{method: "POST", path: "/tenants/", body: registration(object{"name": "Other"})}).want(t, 400, "Slug already taken")
	g.do(t, request{method: "POST", path: "/auth/login", body: login("boss@new.example", "a long enough one", "new-co")}).want(t, 200, "")
	g.do(t, request{method: "POST", path: "/tenants/", body: registration(object{"name": "a\x00b"})}).problem(t, "value_error", "body", "name")
	g.do(t, request{method: "DELETE", path: "/tenants/users/a%00b", token: admin}).want(t, 404, "User not found")
	g.do(t, request{method: "GET", path: "/auth/providers?tenant_slug=%ff"}).problem(t, "value_error", "query", "tenant_slug")
	id := g.addConnection(t, object{"min_role": "analyst"}).text("id")
	g.do(t, request{method: "PATCH", path: "/tools/execute_sql_sales_" + id[:8], token: admin, body: `{"min_role":"admin"}`}).want(t, 200, "")
	if got := g.toolLines(t, g.acme.analyst); !strings.HasSuffix(got, "execute:sales admin false") {
		t.Errorf("analyst sees\n%s", got)
	}
	g.do(t, request{method: "POST", path: "/tenants/users", token: admin, body: `{"email":"viewer@acme.example","password":"a long enough one"}`}).
		want(t, 400, "Email already registered in this tenant")
	key := decode[object](t, g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.viewer.token, body: `{"name":"k"}`}))
	g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.viewer.token, body: `{"name":"k"}`}).want(t, 409, "An active API key named 'k' already exists")
	g.do(t, request{method: "GET", path: "/auth/me", token: key.text("raw_key")}).want(t, 200, "")
	g.do(t, request{method: "DELETE", path: "/tenants/users/" + string(g.acme.viewer.ID), token: admin}).want(t, 204, "")
	g.do(t, request{method: "GET", path: "/auth/me", token: key.text("raw_key")}).want(t, 401, "Invalid or revoked API key")
	g.do(t, request{method: "GET", path: "/audit-logs/?event_prefix=connection,key", token: admin}).want(t, 200, "")
	if made.text("slug") != "new-co" {
		t.Errorf("made %v", made)
	}
}

// TestSimultaneousWinners sends the same creation many times at once: one
// wins, and the others learn why not.
func TestSimultaneousWinners(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			g := start(t, unlimited, func(s *setup) {
				if engine == "postgres" {
					s.url = postgresURL(t)
				}
			})
			for name, tt := range map[string]struct {
				q       request
				success int
				refusal int
			}{
				"key":  {request{method: "POST", path: "/api-keys", token: g.acme.viewer.token, body: `{"name":"k"}`}, 201, 409},
				"slug": {request{method: "POST", path: "/tenants/", body: registration(nil)}, 200, 400},
				"user": {request{method: "POST", path: "/tenants/users", token: g.acme.admin.token, body: `{"email":"n@acme.example","password":"a long enough one"}`}, 200, 400},
			} {
				counts := map[int]int{}
				for _, status := range atOnce(8, func() int { return g.do(t, tt.q).status }) {
					counts[status]++
				}
				if counts[tt.success] != 1 || counts[tt.refusal] != 7 {
					t.Errorf("%s: %v", name, counts)
				}
			}
		})
	}
}

// atOnce runs fn n times at once.
func atOnce(n int, fn func() int) []int {
	results := make([]int, n)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = fn() })
	}
	wg.Wait()
	return results
}

// postgresURL makes a database on the server that MCPGW_TEST_POSTGRES names
// and drops it at the end of the test.
func postgresURL(t *testing.T) string {
	t.Helper()
	server := os.Getenv("MCPGW_TEST_POSTGRES")
	if server == "" {
		if testing.Short() {
			t.Skip("needs a PostgreSQL server in MCPGW_TEST_POSTGRES")
		}
		t.Fatal("MCPGW_TEST_POSTGRES is not set; make test starts a server, -short leaves this out")
	}
	random := make([]byte, 8)
	rand.Read(random) //nolint:errcheck // never fails
	name := "mcpgw_api_" + hex.EncodeToString(random)
	admin := must(sql.Open("pgx", server))(t)
	_, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name)
	check(t, err)
	t.Cleanup(func() {
		defer admin.Close() //nolint:errcheck // end of the test
		if _, err := admin.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	u := must(url.Parse(server))(t)
	u.Path = "/" + name
	return u.String()
}
