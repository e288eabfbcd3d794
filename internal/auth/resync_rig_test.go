package auth

import (
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/sso"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/oidc"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/ssotest"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// sharedClock is what the instances of a rig go by. looks tells each look at it that
// somebody waits for.
type sharedClock struct {
	mu    sync.Mutex
	now   time.Time
	looks chan struct{}
}

func (c *sharedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case c.looks <- struct{}{}:
	default:
	}
	return c.now
}

func (c *sharedClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// instance is one of several gateways on the same database.
type instance struct {
	*SSO
	store *store.DB
	clock *sharedClock
}

// rig is two instances and the identity provider of their tenant, which gives
// each refresh token for one use.
type rig struct {
	idp    *ssotest.Provider
	tenant store.Tenant
	a, b   instance
}

const ssoGrace = time.Hour

func onBothEngines(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Run("sqlite", func(t *testing.T) {
		address := "sqlite:///" + filepath.Join(t.TempDir(), "gateway.db")
		test(t, startRig(t, address))
	})
	t.Run("postgres", func(t *testing.T) { test(t, startRig(t, postgresURL(t))) })
}

func startRig(t *testing.T, address string) *rig {
	t.Helper()
	r := &rig{idp: ssotest.StartTLS(t)}
	r.idp.GiveRefreshTokens()
	ring, err := seal.NewRing(strings.Repeat("k", 43), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.a = r.instance(t, address, ring)
	if err := r.a.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.b = r.a // SQLite is for one process
	if strings.HasPrefix(address, "postgres") {
		r.b = r.instance(t, address, ring)
	} else {
		r.b.SSO = r.signOn(t, r.a.store, ring, r.a.clock)
	}
	r.createTenant(t, ring)
	return r
}

func (r *rig) instance(t *testing.T, address string, ring *seal.Ring) instance {
	t.Helper()
	c := &sharedClock{now: time.Now(), looks: make(chan struct{})}
	// With one connection, a question that held it would stop everything else.
	db, err := store.Open(t.Context(), address, store.Options{Now: c.Now, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return instance{r.signOn(t, db, ring, c), db, c}
}

func (r *rig) signOn(t *testing.T, db *store.DB, ring *seal.Ring, c *sharedClock) *SSO {
	t.Helper()
	s, err := NewSSO(SSOConfig{
		Store: db, Ring: ring, Now: c.Now, Log: slog.New(slog.DiscardHandler), URLs: URLs{Base: "https://gateway.test"},
		Kinds: []sso.Kind{oidc.New(oidc.Config{Client: &http.Client{Transport: r.idp.Transport()}, Now: time.Now})},
		Grace: ssoGrace, Fresh: 15 * time.Minute, States: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (r *rig) createTenant(t *testing.T, ring *seal.Ring) {
	t.Helper()
	ctx := t.Context()
	var err error
	r.tenant, _, err = r.a.store.CreateTenant(ctx, store.NewTenant{Name: "Acme", Slug: "acme", AdminEmail: "admin@acme.test"},
		func(store.Tenant, store.User) []audit.Event { return []audit.Event{{Name: "tenant.created"}} })
	if err != nil {
		t.Fatal(err)
	}
	r.change(t, func(tx *store.Tx) error {
		c := store.OIDCConfig{
			Issuer: r.idp.Issuer(), ClientID: ssotest.ClientID, DisplayName: "Test", Scopes: "openid email",
			GroupClaim: "groups", RoleMap: map[string]identity.Role{"staff": identity.Viewer, "boss": identity.Admin},
		}
		_, err := tx.SaveOIDCConfig(ctx, c, func(id string) (string, error) {
			return ring.Seal(ssotest.Secret, SecretPlace(r.tenant.ID, store.OIDCTable, id)), nil
		})
		return err
	})
}

// change is made by an administrator.
func (r *rig) change(t *testing.T, fn func(tx *store.Tx) error) {
	t.Helper()
	err := r.a.store.Tenant(r.tenant.ID).Write(t.Context(), func(tx *store.Tx) error {
		tx.Record(audit.Event{Name: "test.changed"})
		return fn(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func person(name string, groups ...string) ssotest.Person {
	return ssotest.Person{ID: name, Email: strings.ReplaceAll(name, " ", "-") + "@acme.test", Claims: map[string]any{"groups": groups}}
}

// signedIn is a person who signed in some time ago.
func (r *rig) signedIn(t *testing.T, p ssotest.Person) store.User {
	t.Helper()
	r.idp.SignInAs(p)
	leg := Leg{Tenant: r.tenant, Provider: store.OIDCAccount, State: rand.Text(), Row: store.OAuthState{Hash: rand.Text(), Kind: KindUI}}
	r.a.Prepare(r.tenant.ID, &leg.Row)
	address, err := r.a.Begin(t.Context(), leg)
	if err != nil {
		t.Fatal(err)
	}
	u, err := r.a.Finish(t.Context(), leg, r.codeOf(t, address))
	if err != nil {
		t.Fatal(err)
	}
	r.pass(20 * time.Minute)
	return r.user(t, u)
}

// codeOf signs in at the provider, and returns the code that it sends back.
func (r *rig) codeOf(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := r.idp.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	back, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("the provider answered %s", answer.Status)
	}
	return back.Query().Get("code")
}

func (r *rig) user(t *testing.T, u store.User) store.User {
	t.Helper()
	u, err := r.a.store.Tenant(r.tenant.ID).User(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// pass lets time pass on both instances.
func (r *rig) pass(d time.Duration) {
	r.a.clock.pass(d)
	if r.b.clock != r.a.clock {
		r.b.clock.pass(d)
	}
}

// asked counts the questions to the provider that do makes.
func (r *rig) asked(do func()) int {
	before := r.idp.Calls(ssotest.Token)
	do()
	return r.idp.Calls(ssotest.Token) - before
}

// onBoth runs do twenty times at once, on both instances, and returns how often
// each fault came back; "" is none.
func (r *rig) onBoth(do func(in instance) error) map[string]int {
	var callers sync.WaitGroup
	var mu sync.Mutex
	out := map[string]int{}
	for i := range 20 {
		callers.Go(func() {
			text := publicText(do([]instance{r.a, r.b}[i%2]))
			mu.Lock()
			defer mu.Unlock()
			out[text]++
		})
	}
	callers.Wait()
	return out
}

func publicText(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Public
}

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
	name := "mcpgw_auth_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/" + name
	return address.String()
}
