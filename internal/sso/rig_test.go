package sso_test

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/ssotest"
)

// The groups that the tests map to roles.
const (
	admins   = "11111111-aaaa-4aaa-8aaa-111111111111"
	analysts = "22222222-AAAA-4aaa-8aaa-222222222222" // in capitals, as somebody pasted it
	viewers  = "33333333-aaaa-4aaa-8aaa-333333333333"
)

func TestMain(m *testing.M) {
	remove, err := ssotest.TrustCertificates()
	if err != nil {
		panic(err)
	}
	code := m.Run()
	remove()
	os.Exit(code)
}

// rig is a gateway and the identity provider of its tenant.
type rig struct {
	*gatewaytest.Gateway
	idp *ssotest.Provider
	ips atomic.Int32
}

func startEntra(t *testing.T, env ...string) *rig {
	t.Helper()
	r := &rig{idp: ssotest.Start(t)}
	settings := map[string]string{"ENTRA_AUTHORITY_URL": r.idp.URL, "ENTRA_GRAPH_URL": r.idp.Graph(), "TRUST_PROXY_HEADERS": "true"}
	for _, e := range env {
		k, v, _ := strings.Cut(e, "=")
		settings[k] = v
	}
	r.Gateway = gatewaytest.Start(t, gatewaytest.Options{Env: settings})
	r.configure(t, "entra", entraConfig())
	return r
}

func startOIDC(t *testing.T) *rig {
	t.Helper()
	r := &rig{idp: ssotest.StartTLS(t)}
	r.Gateway = gatewaytest.Start(t, gatewaytest.Options{Env: map[string]string{"EGRESS_ALLOW": "127.0.0.1", "TRUST_PROXY_HEADERS": "true"}})
	r.configure(t, "oidc", oidcConfig(r.idp))
	return r
}

func entraConfig() map[string]any {
	return map[string]any{
		"entra_tenant_id": ssotest.Tenant, "client_id": ssotest.ClientID, "client_secret": ssotest.Secret,
		"admin_group_id": admins, "analyst_group_id": analysts, "viewer_group_id": viewers,
	}
}

func oidcConfig(idp *ssotest.Provider) map[string]any {
	return map[string]any{
		"issuer": idp.Issuer(), "client_id": ssotest.ClientID, "client_secret": ssotest.Secret,
		"group_claim": "realm_access.roles", "role_map": map[string]string{"boss": "admin", "staff": "viewer", "data": "analyst"},
	}
}

func (r *rig) configure(t *testing.T, provider string, config map[string]any) {
	t.Helper()
	if err := r.Admin.Do(t.Context(), http.MethodPost, "/auth/"+provider+"/config", config, nil); err != nil {
		t.Fatal(err)
	}
}

// ada is somebody in the groups.
func ada(groups ...string) ssotest.Person {
	return ssotest.Person{ID: "aaaaaaaa-0000-4000-8000-00000000ada0", Email: "Ada@Acme.Test", Groups: groups}
}

// browser is a person's browser, at an address of its own: it keeps cookies and
// shows each answer.
type browser struct {
	http *http.Client
	ip   string
}

func (r *rig) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	n := r.ips.Add(1)
	return &browser{http: client, ip: fmt.Sprintf("198.51.%d.%d", n/250, n%250+1)}
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   string
}

func (b *browser) do(t *testing.T, req *http.Request) reply {
	t.Helper()
	req.Header.Set("X-Forwarded-For", b.ip)
	resp, err := b.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(body)}
}

func (b *browser) get(t *testing.T, address string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b.do(t, req)
}

func (b *browser) page(t *testing.T, address string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	return b.do(t, req)
}

// want checks status and detail; an empty detail is not looked at.
func (r reply) want(t *testing.T, status int, detail string) reply {
	t.Helper()
	if got := r.detail(); r.status != status || detail != "" && got != detail {
		t.Fatalf("%d %q, want %d %q; body %s", r.status, got, status, detail, r.body)
	}
	return r
}

func (r reply) detail() string {
	var body struct {
		Detail any `json:"detail"`
	}
	if json.Unmarshal([]byte(r.body), &body) != nil {
		return ""
	}
	text, _ := body.Detail.(string)
	return text
}

func (r reply) location(t *testing.T) string {
	t.Helper()
	if r.status != http.StatusFound {
		t.Fatalf("status %d, want a redirect; body %s", r.status, r.body)
	}
	return r.header.Get("Location")
}

// toCallback goes to the provider and comes back with the address of the
// callback, not yet visited.
func (b *browser) toCallback(t *testing.T, r *rig, provider, query string) string {
	t.Helper()
	atProvider := b.get(t, r.Base+"/auth/"+provider+"/login?tenant_slug="+gatewaytest.Slug+query).location(t)
	return b.atProvider(t, r, atProvider)
}

// atProvider signs in at the provider, and returns where that sends the browser.
func (b *browser) atProvider(t *testing.T, r *rig, address string) string {
	t.Helper()
	back := b.get(t, address).location(t)
	if !strings.HasPrefix(back, r.Base+"/") {
		t.Fatalf("the provider sent the browser to %s", back)
	}
	return back
}

func (b *browser) signIn(t *testing.T, r *rig, provider string) reply {
	t.Helper()
	return b.get(t, b.toCallback(t, r, provider, ""))
}

// me is what the session says about its owner.
type me struct {
	ID       string `json:"id"`
	Email    string `json:"email"`
	Role     string `json:"role"`
	Active   bool   `json:"is_active"`
	Provider string `json:"auth_provider"`
}

func (b *browser) me(t *testing.T, r *rig) me {
	t.Helper()
	var out me
	answer := b.get(t, r.Base+"/auth/me").want(t, http.StatusOK, "")
	if err := json.Unmarshal([]byte(answer.body), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// event is an audit record as the API tells it.
type event struct {
	Name     string         `json:"event"`
	Metadata map[string]any `json:"metadata"`
}

// events returns the records whose names begin with prefix, newest first.
func (r *rig) events(t *testing.T, prefix string) []event {
	t.Helper()
	var out []event
	if err := r.Admin.Do(t.Context(), http.MethodGet, "/audit-logs/?limit=200&event_prefix="+url.QueryEscape(prefix), nil, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *rig) wantEvent(t *testing.T, name string, metadata map[string]any) {
	t.Helper()
	events := r.events(t, name)
	if len(events) == 0 {
		t.Fatalf("no %s was recorded", name)
	}
	for k, want := range metadata {
		if got := events[0].Metadata[k]; got != want {
			t.Errorf("%s: %s is %v, want %v", name, k, got, want)
		}
	}
}

// database opens the gateway's own database, to make time pass.
func (r *rig) database(t *testing.T) *sql.DB {
	t.Helper()
	driver, url := "sqlite", filepath.Join(r.DataDir, "gateway.db")+"?_pragma=busy_timeout(5000)"
	if at := r.Env["DATABASE_URL"]; strings.HasPrefix(at, "postgres") {
		driver, url = "pgx", at
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// onBothEngines runs a test on a gateway with each kind of database.
func onBothEngines(t *testing.T, test func(*testing.T, *rig)) {
	t.Run("sqlite", func(t *testing.T) { test(t, startEntra(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, startEntra(t, "DATABASE_URL="+postgresURL(t))) })
}

// postgresURL is a new database on the test server, dropped at the end.
func postgresURL(t *testing.T) string {
	t.Helper()
	server := os.Getenv("MCPGW_TEST_POSTGRES")
	switch {
	case server == "" && testing.Short():
		t.Skip("-short leaves PostgreSQL out")
	case server == "":
		t.Fatal("MCPGW_TEST_POSTGRES is not set; make test starts a server, -short leaves this out")
	}
	admin, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	name := "sso_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// lastSync moves the last sync of every user into the past.
func (r *rig) lastSync(t *testing.T, ago time.Duration) {
	t.Helper()
	r.exec(t, "UPDATE users SET last_sync_at = $1 WHERE auth_provider <> 'local'", time.Now().Add(-ago).UnixMicro())
}

func (r *rig) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := r.database(t).ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := r.database(t).QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
