package oauth_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
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
		Limits:          limit.New(limit.NewMemory(0), r.clock.now),
		RedirectHosts:   []string{"claude.ai", "claude.com", "chatgpt.com", "vscode.dev", "insiders.vscode.dev", "cursor.com"},
		RedirectSchemes: []string{"cursor", "vscode", "vscode-insiders", "claude"},
		StateLife:       10 * time.Minute, CodeLife: 5 * time.Minute, RefreshLife: 30 * 24 * time.Hour,
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
		Kinds: []sso.Kind{entra.New(entra.Config{}), oidc.New(oidc.Config{})},
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

// browser is one person's browser, with cookies and an address of its own.
type browser struct {
	*rig
	http   *http.Client
	ip     string
	accept string
}

func (r *rig) browser(t testing.TB) *browser {
	t.Helper()
	n := r.ips.Add(1)
	return &browser{rig: r, ip: netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String(), http: mustBrowser(t)}
}

// mustBrowser keeps cookies and shows redirects instead of following them.
func mustBrowser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

// json decodes the body.
func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("status %d, not JSON: %s", a.status, a.body)
	}
	return m
}

// refusal is "status error: description", for comparing.
func (a answer) refusal(t testing.TB) string {
	t.Helper()
	m := a.json(t)
	if m["error_description"] != m["detail"] {
		t.Errorf("error_description %q, detail %q", m["error_description"], m["detail"])
	}
	return fmt.Sprintf("%d %v: %v", a.status, m["error"], m["detail"])
}

func (b *browser) do(t testing.TB, req *http.Request) answer {
	t.Helper()
	req.Header.Set("X-Forwarded-For", b.ip)
	if b.accept != "" {
		req.Header.Set("Accept", b.accept)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (b *browser) send(t testing.TB, method, path, contentType, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return b.do(t, req)
}

func (b *browser) get(t testing.TB, path string) answer {
	t.Helper()
	return b.send(t, http.MethodGet, path, "", "")
}

const formType = "application/x-www-form-urlencoded"

func (b *browser) post(t testing.TB, path string, form url.Values) answer {
	t.Helper()
	return b.send(t, http.MethodPost, path, formType, form.Encode())
}

// register makes a client of acme and returns its id.
func (b *browser) register(t testing.TB, uris ...string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"client_name": "Probe", "redirect_uris": uris})
	if err != nil {
		t.Fatal(err)
	}
	a := b.send(t, http.MethodPost, "/t/acme/oauth/register", "application/json", string(body))
	if a.status != http.StatusCreated {
		t.Fatalf("register: %d %s", a.status, a.body)
	}
	return a.json(t)["client_id"].(string)
}

// authorization is a good authorization request.
func authorization(clientID string) url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {loopback}, "state": {"xyz"},
		"code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}
}

var stateField = regexp.MustCompile(`name="state" value="([^"]+)"`)

// authorize opens the page and returns the state in its form.
func (b *browser) authorize(t testing.TB, q url.Values) string {
	t.Helper()
	a := b.get(t, "/t/acme/oauth/authorize?"+q.Encode())
	m := stateField.FindStringSubmatch(a.body)
	if a.status != http.StatusOK || m == nil {
		t.Fatalf("authorize: %d %s", a.status, a.body)
	}
	return m[1]
}

func slugged(path, slug string) string { return strings.Replace(path, "SLUG", slug, 1) }

func signIn(state string) url.Values {
	return url.Values{"state": {state}, "email": {"Ann@acme.test"}, "password": {password}}
}

// landed returns the query of the redirect back to the client.
func (a answer) landed(t testing.TB) url.Values {
	t.Helper()
	u, err := url.Parse(a.header.Get("Location"))
	if a.status != http.StatusFound || err != nil {
		t.Fatalf("no redirect: %d %s (%v)", a.status, a.body, err)
	}
	return u.Query()
}

// code signs Ann in and returns the code.
func (b *browser) code(t testing.TB, clientID string) string {
	t.Helper()
	state := b.authorize(t, authorization(clientID))
	return b.post(t, "/t/acme/oauth/login", signIn(state)).landed(t).Get("code")
}

func redemption(clientID, code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {loopback}, "client_id": {clientID},
	}
}

func (b *browser) token(t testing.TB, form url.Values) answer {
	t.Helper()
	return b.post(t, "/t/acme/oauth/token", form)
}

// pair is what a client holds after signing in.
type pair struct{ client, access, refresh string }

func (b *browser) tokens(t testing.TB) pair {
	t.Helper()
	client := b.register(t, loopback)
	return pairOf(t, client, b.token(t, redemption(client, b.code(t, client))))
}

func pairOf(t testing.TB, client string, a answer) pair {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("token: %d %s", a.status, a.body)
	}
	m := a.json(t)
	return pair{client, m["access_token"].(string), m["refresh_token"].(string)}
}

func renewal(p pair) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.refresh}, "client_id": {p.client}}
}

// claimsOf reads a JWT without checking it, as no client may.
func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// mcp calls the MCP endpoint of a tenant with a token.
func (b *browser) mcp(t testing.TB, slug, access string) answer {
	t.Helper()
	return b.bearer(t, "/t/"+slug+"/mcp", access)
}

func (b *browser) bearer(t testing.TB, path, access string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+access)
	return b.do(t, req)
}
