package oauth_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/oauth"
	"github.com/mcp-gateway/mcp-gateway/internal/page"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/sso"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/entra"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/oidc"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

const (
	password = "correct-horse-battery"
	verifier = "a-code-verifier-of-more-than-forty-three-characters"
	loopback = "http://127.0.0.1:33418/callback"
)

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

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

// rig is the authorization server over a real store, with a clock to turn, two
// organisations and an MCP endpoint that only authenticates.
type rig struct {
	base   string // BASE_URL
	addr   string // where it listens
	clock  *clock
	store  *store.DB
	server *oauth.Server
	auth   *auth.Authenticator
	acme   store.Tenant
	globex store.Tenant
	ann    store.User // a viewer of acme
	ips    atomic.Int64
}

// option changes how the server is built.
type option func(*oauth.Config)

// withBase sets another BASE_URL than the address of the listener.
func withBase(base string) option { return func(cfg *oauth.Config) { cfg.Base = base } }

// newRig starts the server on SQLite.
func newRig(t testing.TB, options ...option) *rig {
	t.Helper()
	return newRigOn(t, "sqlite:///"+filepath.Join(t.TempDir(), "gateway.db"), options...)
}

// onBothEngines runs a test on a store of each engine.
func onBothEngines(t *testing.T, test func(*testing.T, *rig)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newRig(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, newRigOn(t, postgresURL(t))) })
}

func newRigOn(t testing.TB, databaseURL string, options ...option) *rig {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := "http://" + listener.Addr().String()
	r := &rig{base: addr, addr: addr, clock: &clock{at: time.Now().Truncate(time.Second)}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	r.store = mustStore(t, databaseURL, r.clock)
	passwords := seal.NewPasswords(2)
	r.organisations(t, passwords)

	records := audit.New(audit.Config{Store: r.store, Stored: func(audit.Event) {}})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { records.Run(ctx) }) //nolint:errcheck // ends with ctx
	t.Cleanup(func() { stop(); running.Wait() })

	cfg := oauth.Config{
		Store: r.store, Audit: records, Log: log, Now: r.clock.now, Documents: http.DefaultClient, Base: r.base,
		Limits: limit.New(limit.Config{Source: limit.NewMemory(0), Now: r.clock.now}),
		Redirects: oauth.Redirects{
			Hosts: []string{
				"claude.ai/api/mcp/auth_callback", "claude.com/api/mcp/auth_callback", "chatgpt.com/connector_platform_oauth_redirect",
				"chatgpt.com/connector/oauth/*", "vscode.dev/redirect", "insiders.vscode.dev/redirect", "cursor.com/agents/mcp/oauth/callback",
				"whole.example",
			},
			Schemes: []string{"cursor", "vscode", "vscode-insiders", "claude"},
		},
		StateLife: 10 * time.Minute, CodeLife: 5 * time.Minute, RefreshLife: 30 * 24 * time.Hour,
	}
	for _, o := range options {
		o(&cfg)
	}
	r.base = cfg.Base
	r.keys(t, &cfg)
	r.auth, err = auth.New(auth.Config{
		Store: r.store, Issuer: cfg.Issuer, Keys: cfg.Keys, Passwords: passwords, Audit: records, Limits: cfg.Limits,
		URLs: auth.URLs{Base: cfg.Base}, Log: log, Now: r.clock.now, SessionIdle: time.Hour, SessionMax: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Auth = r.auth
	if cfg.Pages, err = page.New(""); err != nil {
		t.Fatal(err)
	}
	if cfg.SSO == nil {
		cfg.SSO = noProviders(t, cfg)
	}
	if r.server, err = oauth.New(cfg); err != nil {
		t.Fatal(err)
	}
	r.serve(t, listener, log)
	return r
}

// postgresURL makes a database on the server that MCPGW_TEST_POSTGRES names
// and drops it at the end of the test.
func postgresURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv("MCPGW_TEST_POSTGRES")
	if server == "" {
		if testing.Short() {
			t.Skip("needs a PostgreSQL server in MCPGW_TEST_POSTGRES")
		}
		t.Fatal("MCPGW_TEST_POSTGRES is not set; make test starts a server, -short leaves this out")
	}
	admin, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	name := "mcpgw_oauth_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer admin.Close() //nolint:errcheck // end of the test
		if _, err := admin.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// noProviders is sign-in through providers that nobody has set up.
func noProviders(t testing.TB, cfg oauth.Config) *auth.SSO {
	t.Helper()
	ring, err := seal.NewRing("a key to seal with, of enough characters", nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := auth.NewSSO(auth.SSOConfig{
		Store: cfg.Store, Ring: ring, Audit: cfg.Audit, URLs: auth.URLs{Base: cfg.Base}, Log: cfg.Log, Now: cfg.Now,
		Kinds: []sso.Kind{entra.New(entra.Config{Client: http.DefaultClient}), oidc.New(oidc.Config{Client: http.DefaultClient})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustStore(t testing.TB, databaseURL string, c *clock) *store.DB {
	t.Helper()
	d, err := store.Open(t.Context(), databaseURL, store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func (r *rig) organisations(t testing.TB, passwords *seal.Passwords) {
	t.Helper()
	hash, err := passwords.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	for slug, into := range map[string]*store.Tenant{"acme": &r.acme, "globex": &r.globex} {
		tenant, _, err := r.store.CreateTenant(t.Context(),
			store.NewTenant{Name: strings.ToUpper(slug), Slug: slug, AdminEmail: "admin@" + slug + ".test", AdminPassword: hash},
			func(store.Tenant, store.User) []audit.Event { return []audit.Event{{Name: "tenant.created"}} })
		if err != nil {
			t.Fatal(err)
		}
		*into = tenant
	}
	r.write(t, func(ctx context.Context, tx *store.Tx) (err error) {
		r.ann, err = tx.CreateUser(ctx, store.NewUser{Email: "ann@acme.test", PasswordHash: hash, Role: identity.Viewer})
		return err
	})
}

// write changes something in acme.
func (r *rig) write(t testing.TB, fn func(context.Context, *store.Tx) error) {
	t.Helper()
	err := r.store.Tenant(r.acme.ID).Write(t.Context(), func(tx *store.Tx) error {
		tx.Record(audit.Event{Name: "test.write"})
		return fn(t.Context(), tx)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// allowHosts sets acme's own redirect hosts.
func (r *rig) allowHosts(t testing.TB, hosts ...string) {
	t.Helper()
	r.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.SetRedirectHosts(ctx, hosts) })
}

func (r *rig) keys(t testing.TB, cfg *oauth.Config) {
	t.Helper()
	const secret = "0123456789abcdef0123456789abcdef"
	var err error
	if cfg.Keys, err = seal.NewHasher(secret, nil); err != nil {
		t.Fatal(err)
	}
	signing, err := seal.SigningKeys(secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Issuer, err = auth.NewIssuer(auth.IssuerConfig{Algorithm: "HS256", Keys: signing, Life: 15 * time.Minute, Now: r.clock.now})
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) serve(t testing.TB, listener net.Listener, log *slog.Logger) {
	mux := httpx.NewMux()
	r.server.Routes(mux)
	r.server.Pages.Mount(mux)
	mux.Handle("GET /t/{slug}/mcp", httpx.Handler(func(w http.ResponseWriter, req *http.Request) error {
		p, err := r.auth.Authenticate(req.Context(), req, req.PathValue("slug"))
		if err != nil {
			return err
		}
		return httpx.Write(w, http.StatusOK, map[string]string{"auth": p.Auth, "role": p.Role.String()})
	}))
	mux.Handle("GET /auth/me", httpx.Handler(func(w http.ResponseWriter, req *http.Request) error {
		_, err := r.auth.Management(w, req)
		return err
	}))
	ts := httptest.NewUnstartedServer(httpx.NewFront(httpx.FrontConfig{
		Next: mux, Log: log, Proxies: httpx.Proxies{TrustPeer: true}, Origins: []string{"https://app.example"},
	}))
	if err := ts.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	ts.Listener = listener
	ts.Start()
	t.Cleanup(ts.Close)
}

// audited returns the newest records of acme with the event, newest first.
func (r *rig) audited(t testing.TB, event string) []map[string]any {
	t.Helper()
	rows, err := r.store.Tenant(r.acme.ID).AuditRecords(t.Context(), []string{event}, store.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	for _, row := range rows {
		var m map[string]any
		if row.Event != event {
			continue
		}
		if err := json.Unmarshal(row.Metadata, &m); err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}
