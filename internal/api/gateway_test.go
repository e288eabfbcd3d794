package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/api"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/page"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

const (
	base     = "https://gw.example"
	password = "correct horse battery"
)

// passwordHash is computed once: hashing is slow on purpose.
var passwordHash = sync.OnceValue(func() string {
	hash, err := seal.NewPasswords(1).Hash(context.Background(), password)
	if err != nil {
		panic(err)
	}
	return hash
})

// clock is a hand-driven clock.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// gateway is the management API over real HTTP and a real database.
type gateway struct {
	*httptest.Server
	store   *store.DB
	clock   *clock
	dialect *fakeDialect
	issuer  *auth.Issuer
	ring    *seal.Ring
	auth    *auth.Authenticator
	// authMCP is what the MCP door asks.
	authMCP func(r *http.Request, slug string) (identity.Principal, error)
	acme    org
	rival   org
}

// org is a tenant with a person of each role.
type org struct {
	tenant                 store.Tenant
	admin, analyst, viewer person
}

// person is a user with an access token.
type person struct {
	store.User
	token string
}

type option func(*setup)

type setup struct {
	url  string // of the database, SQLite in a temporary folder unless set
	api  api.Config
	auth auth.Config
}

func start(t testing.TB, options ...option) *gateway {
	t.Helper()
	g := &gateway{clock: &clock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}, dialect: &fakeDialect{}}
	s := g.defaults(t)
	for _, o := range options {
		o(&s)
	}
	g.store = must(store.Open(t.Context(), s.url, store.Options{Now: g.clock.now}))(t)
	t.Cleanup(func() { check(t, g.store.Close()) })
	check(t, g.store.Migrate(t.Context()))
	g.issuer = g.newIssuer(t, secret("current"), nil)
	g.serve(t, s)
	g.acme, g.rival = g.newOrg(t, "acme"), g.newOrg(t, "rival")
	return g
}

// defaults is a set-up in which everything works.
func (g *gateway) defaults(t testing.TB) setup {
	t.Helper()
	limits := limit.New(limit.Config{Source: limit.NewMemory(0), Now: g.clock.now})
	return setup{
		url: "sqlite:///" + filepath.Join(t.TempDir(), "gateway.db"),
		auth: auth.Config{
			URLs: auth.URLs{Base: base}, Log: discardLog(), Now: g.clock.now, AllowQueryKeys: true,
			SessionIdle: 8 * time.Hour, SessionMax: 24 * time.Hour, Passwords: seal.NewPasswords(2),
			Keys: must(seal.NewHasher(secret("current"), nil))(t), Limits: limits,
		},
		api: api.Config{
			Log: discardLog(), Now: g.clock.now, Version: "test", Base: base, Limits: limits,
			Ring: must(seal.NewRing(secret("encryption"), nil))(t),
			Databases: api.Databases{
				Dialects: []database.Dialect{g.dialect},
				Env: func(slug string) database.Env {
					return database.Env{Slug: slug, Dialer: egress.NewDialer(egress.Policy{}, 0)}
				},
				Drop: g.dialect.drop, Functions: g.dialect.list,
			},
		},
	}
}

func (g *gateway) newIssuer(t testing.TB, current string, old []string) *auth.Issuer {
	t.Helper()
	return must(auth.NewIssuer(auth.IssuerConfig{
		Algorithm: "HS256", Keys: must(seal.SigningKeys(current, old))(t), Life: 15 * time.Minute, Now: g.clock.now,
	}))(t)
}

// serve starts the API on the store.
func (g *gateway) serve(t testing.TB, s setup) {
	t.Helper()
	log := startAudit(t, g)
	s.auth.Store, s.auth.Issuer, s.auth.Audit = g.store, g.issuer, log
	authenticator := must(auth.New(s.auth))(t)
	g.auth = authenticator
	g.authMCP = func(r *http.Request, slug string) (identity.Principal, error) {
		return authenticator.Authenticate(r.Context(), r, slug)
	}
	g.ring = s.api.Ring
	s.api.Store, s.api.Auth, s.api.Audit, s.api.Keys = g.store, authenticator, log, s.auth.Keys
	s.api.Passwords, s.api.Catalog = s.auth.Passwords, gate.NewCatalog(g.tools(), g.store)
	s.api.Pages = must(page.New(""))(t)
	s.api.SSO = must(auth.NewSSO(auth.SSOConfig{Store: g.store, Ring: s.api.Ring, Audit: log, URLs: s.auth.URLs, Log: discardLog(), Now: g.clock.now}))(t)
	management := must(api.New(s.api))(t)
	mux := httpx.NewMux()
	management.Mount(mux)
	g.Server = httptest.NewServer(httpx.NewFront(httpx.FrontConfig{Next: mux, Log: discardLog(), Proxies: httpx.Proxies{TrustPeer: true}}))
	t.Cleanup(g.Close)
}

// startAudit runs the audit log until the end of the test.
func startAudit(t testing.TB, g *gateway) *audit.Log {
	log := audit.New(audit.Config{Store: g.store, Now: g.clock.now})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- log.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return log
}

// tools are a custom tool with a slash in its name, and the two tools of every
// connection.
func (g *gateway) tools() []tool.Provider {
	nothing := func(context.Context, tool.Env, json.RawMessage) (tool.Action, error) { return tool.Action{}, nil }
	custom := tool.Static{
		{Name: "get_current_time", Kind: tool.KindUtility, Description: "Time.", Schema: json.RawMessage(`{"type":"object"}`), MinRole: identity.Viewer, Event: "tool.get_current_time", Prepare: nothing},
		{Name: "reports/monthly", Kind: tool.KindCustom, Description: "Monthly report.", Schema: json.RawMessage(`{"type":"object"}`), MinRole: identity.Analyst, Event: "tool.reports/monthly", Prepare: nothing},
	}
	return []tool.Provider{custom, connectionTools{g}}
}

type connectionTools struct{ g *gateway }

func (p connectionTools) Tools(ctx context.Context, t identity.TenantID) ([]tool.Tool, error) {
	connections, err := p.g.store.Tenant(t).Connections(ctx, identity.Admin, store.Page{})
	var tools []tool.Tool
	for _, c := range connections {
		tools = append(tools, tool.Tool{
			Name: "execute_sql_" + c.Name + "_" + c.ID[:8], Kind: tool.KindExecute, Schema: json.RawMessage(`{"type":"object"}`),
			MinRole: identity.Analyst, Floor: c.MinRole, Identity: c.ID + ":execute", Connection: c.ID, ConnectionName: c.Name, Event: "tool.execute_sql",
		})
	}
	return tools, err
}

func (g *gateway) newOrg(t testing.TB, slug string) org {
	t.Helper()
	tenant, admin, err := g.store.CreateTenant(t.Context(), store.NewTenant{
		Name: strings.ToUpper(slug), Slug: slug, AdminEmail: "admin@" + slug + ".example", AdminPassword: passwordHash(),
	}, func(store.Tenant, store.User) []audit.Event { return []audit.Event{{Name: "tenant.created"}} })
	check(t, err)
	o := org{tenant: tenant, admin: person{User: admin}}
	check(t, g.store.Tenant(tenant.ID).Write(t.Context(), func(tx *store.Tx) error {
		tx.Record(audit.Event{Name: "user.created"})
		var err error
		if o.analyst.User, err = tx.CreateUser(t.Context(), newUser(identity.Analyst, slug)); err != nil {
			return err
		}
		o.viewer.User, err = tx.CreateUser(t.Context(), newUser(identity.Viewer, slug))
		return err
	}))
	for _, p := range []*person{&o.admin, &o.analyst, &o.viewer} {
		p.token = g.mint(t, tenant, p.User)
	}
	return o
}

func newUser(role identity.Role, slug string) store.NewUser {
	return store.NewUser{Email: role.String() + "@" + slug + ".example", PasswordHash: passwordHash(), Role: role}
}

// mint returns an access token without the cost of a password.
func (g *gateway) mint(t testing.TB, tenant store.Tenant, u store.User) string {
	t.Helper()
	return must(g.issuer.Mint(auth.Grant{
		Issuer: base, Audience: []string{base + "/api/v1", base + "/t/" + tenant.Slug + "/mcp"},
		Tenant: tenant.ID, Slug: tenant.Slug, User: u.ID, Email: u.Email, Role: u.Role, Epoch: u.Epoch,
	}))(t)
}

// request is one call of the API. Body is JSON text; a path without a slash
// at its end stays as it is.
type request struct {
	method, path string
	token        string // sent as Bearer
	body         string
	header       map[string]string
	ip           string // the client's address, through a proxy
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (g *gateway) do(t testing.TB, q request) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), q.method, g.URL+q.path, strings.NewReader(q.body))
	check(t, err)
	if q.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.token != "" {
		r.Header.Set("Authorization", "Bearer "+q.token)
	}
	if q.ip != "" {
		r.Header.Set("X-Forwarded-For", q.ip)
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	check(t, err)
	defer response.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(response.Body)
	check(t, err)
	return reply{response.StatusCode, response.Header, string(body)}
}

// want checks status and, unless empty, the detail text.
func (r reply) want(t testing.TB, status int, detail string) reply {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d; body %s", r.status, status, r.body)
	}
	if detail == "" {
		return r
	}
	var got struct{ Detail json.RawMessage }
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		t.Errorf("body %q: %v", r.body, err)
	}
	if want := must(json.Marshal(detail))(t); string(got.Detail) != string(want) {
		t.Errorf("detail %s, want %s", got.Detail, want)
	}
	return r
}

// problem checks a 422: the place and type of its first entry.
func (r reply) problem(t testing.TB, kind string, loc ...string) reply {
	t.Helper()
	r.want(t, http.StatusUnprocessableEntity, "")
	var got struct{ Detail []httpx.Problem }
	if err := json.Unmarshal([]byte(r.body), &got); err != nil || len(got.Detail) == 0 {
		t.Fatalf("body %q: %v", r.body, err)
	}
	if got.Detail[0].Type != kind || !cmp.Equal(got.Detail[0].Loc, loc) {
		t.Errorf("problem %s at %v, want %s at %v", got.Detail[0].Type, got.Detail[0].Loc, kind, loc)
	}
	return r
}

// decode reads a successful answer.
func decode[T any](t testing.TB, r reply) T {
	t.Helper()
	var v T
	if r.status >= 300 {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("body %q: %v", r.body, err)
	}
	return v
}

// object is any JSON object.
type object map[string]any

func (o object) text(name string) string { return fmt.Sprint(o[name]) }

// members returns the sorted member names, for shape checks.
func (o object) has(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, ok := o[name]; !ok {
			t.Errorf("no member %q in %v", name, o)
		}
	}
}

// events returns the tenant's audit records with this name, newest first.
func (g *gateway) events(t testing.TB, tenant identity.TenantID, name string) []object {
	t.Helper()
	records, err := g.store.Tenant(tenant).AuditRecords(t.Context(), []string{name}, store.Page{})
	check(t, err)
	found := []object{}
	for _, r := range records {
		if r.Event == name {
			metadata := object{}
			check(t, json.Unmarshal(r.Metadata, &metadata))
			metadata["ip_address"], metadata["user_id"] = r.IP, string(r.User)
			found = append(found, metadata)
		}
	}
	return found
}

func secret(name string) string { return strings.Repeat(name+"-secret-", 6) }

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return v
	}
}

// rotate starts another replica on the same database whose current secret is
// another one; an empty old drops the former.
func (g *gateway) rotate(t *testing.T, current, old string) *gateway {
	t.Helper()
	var olds []string
	if old != "" {
		olds = []string{secret(old)}
	}
	replica := &gateway{clock: g.clock, dialect: g.dialect, store: g.store}
	s := g.defaults(t)
	s.auth.Keys = must(seal.NewHasher(secret(current), olds))(t)
	replica.issuer = g.newIssuer(t, secret(current), olds)
	replica.serve(t, s)
	return replica
}
