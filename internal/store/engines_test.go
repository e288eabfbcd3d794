package store_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// onBothEngines runs a test against an empty, migrated database of each
// engine.
func onBothEngines(t *testing.T, test func(t *testing.T, d *store.DB)) {
	t.Helper()
	onBothURLs(t, func(t *testing.T, url string) {
		d := mustOpen(t, url)
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, d)
	})
}

// onBothURLs runs a test with the URL of a new, empty database of each engine.
func onBothURLs(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, sqliteURL(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, postgresURL(t)) })
}

func sqliteURL(t testing.TB) string {
	t.Helper()
	return "sqlite:///" + filepath.Join(t.TempDir(), "with space & %41#", "gateway.db")
}

// The server that tests may use, and the database that TestMain made on it.
const (
	serverURL   = "MCPGW_TEST_POSTGRES"
	databaseURL = "MCPGW_TEST_STORE_DATABASE"
)

// postgresURL makes a schema in the test run's database, which is a database
// of its own as far as the store can see, and much faster to make.
func postgresURL(t testing.TB) string {
	t.Helper()
	run := os.Getenv(databaseURL)
	if run == "" {
		if testing.Short() {
			t.Skip("needs a PostgreSQL server in " + serverURL)
		}
		t.Fatal(serverURL + " is not set; make test starts a server, -short leaves this out")
	}
	name := randomName()
	mustExec(t, run, "CREATE SCHEMA "+name)
	t.Cleanup(func() { mustExec(t, run, "DROP SCHEMA "+name+" CASCADE") })
	// The server outlives the test, so nothing is gained by waiting for its disk.
	return withQuery(withQuery(run, "search_path", name), "synchronous_commit", "off")
}

// newPostgres makes a database on the server and returns its URL and name.
func newPostgres(ctx context.Context, server string) (url, name string, err error) {
	name = randomName()
	if err := execOn(ctx, server, "CREATE DATABASE "+name); err != nil {
		return "", "", err
	}
	return withPath(server, "/"+name), name, nil
}

func dropPostgres(ctx context.Context, server, name string) error {
	return execOn(ctx, server, "DROP DATABASE "+name+" WITH (FORCE)")
}

func randomName() string {
	random := make([]byte, 8)
	rand.Read(random) //nolint:errcheck // never fails
	return "mcpgw_store_" + hex.EncodeToString(random)
}

func withPath(address, path string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	u.Path = path
	return u.String()
}

func withQuery(address, key, value string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// mustExec runs SQL beside the store, as an operator or another version of the
// program would.
func mustExec(t testing.TB, url, text string, args ...any) {
	t.Helper()
	if err := execOn(context.Background(), url, text, args...); err != nil {
		t.Fatal(err)
	}
}

func execOn(ctx context.Context, address, text string, args ...any) error {
	driver, dsn := "pgx", address
	if path, ok := strings.CutPrefix(address, "sqlite:///"); ok {
		driver, dsn = "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, text, args...)
	return errors.Join(err, pool.Close())
}

func mustOpen(t testing.TB, url string) *store.DB {
	t.Helper()
	return mustOpenWith(t, url, store.Options{Signer: mustSigner(firstKey)})
}

// The keys that tests sign audit chains with.
const (
	firstKey  = "first-9f8e7d6c5b4a39281706f5e4d3c2b1a0"
	secondKey = "second-0a1b2c3d4e5f60718293a4b5c6d7e8f9"
)

func mustSigner(current string, old ...string) *seal.Signer {
	s, err := seal.NewSigner(current, old)
	if err != nil {
		panic(err)
	}
	return s
}

func mustOpenWith(t testing.TB, url string, opts store.Options) *store.DB {
	t.Helper()
	d, err := store.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

// org is a tenant with one user of each role, a connection, a key and a
// session.
type org struct {
	store.Tenant
	admin, viewer store.User
	conn          store.Connection
	key           store.APIKey
	session       store.Session
	scope         store.Scope
}

func mustOrg(t testing.TB, d *store.DB, slug string) org {
	t.Helper()
	ctx := t.Context()
	tenant, admin, err := d.CreateTenant(ctx,
		store.NewTenant{Name: strings.ToUpper(slug), Slug: slug, AdminEmail: "admin@" + slug + ".example", AdminPassword: "hash"},
		func(n store.Tenant, u store.User) []audit.Event {
			return []audit.Event{{Name: "tenant.created", User: u.ID, UserEmail: u.Email}}
		})
	if err != nil {
		t.Fatal(err)
	}
	o := org{Tenant: tenant, admin: admin, scope: d.Tenant(tenant.ID)}
	mustWrite(t, o.scope, func(tx *store.Tx) (err error) {
		o.viewer, err = tx.CreateUser(ctx, store.NewUser{Email: "viewer@" + slug + ".example", PasswordHash: "hash", Role: identity.Viewer})
		if err != nil {
			return err
		}
		o.conn, err = tx.CreateConnection(ctx, newConnection("Sales-DB"))
		if err != nil {
			return err
		}
		o.key, err = tx.CreateAPIKey(ctx, store.NewAPIKey{User: o.viewer.ID, Name: "laptop", Prefix: "mgw_abcdefgh", Hash: slug + "-key", HashKey: "k1"})
		if err != nil {
			return err
		}
		o.session, err = tx.CreateSession(ctx, store.NewSession{User: o.viewer.ID, Hash: slug + "-session", ExpiresAt: tx.Now().Add(time.Hour)})
		return err
	})
	return o
}

func newConnection(name string) store.NewConnection {
	return store.NewConnection{
		Name: name, Type: "postgres", MinRole: identity.Viewer, LLMPolicy: "rows",
		Seal: func(id string) (string, error) { return "sealed for " + id, nil },
	}
}

// mustWrite runs fn in a Write with some audit event.
func mustWrite(t testing.TB, s store.Scope, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := write(t.Context(), s, fn); err != nil {
		t.Fatal(err)
	}
}

func write(ctx context.Context, s store.Scope, fn func(tx *store.Tx) error) error {
	return s.Write(ctx, func(tx *store.Tx) error {
		tx.Record(audit.Event{Name: "test.write"})
		return fn(tx)
	})
}

// verifyChain returns how many records a tenant's chain holds, and what is
// wrong with it.
func verifyChain(ctx context.Context, d *store.DB, t identity.TenantID) (int64, error) {
	chain, err := d.VerifyAudit(ctx, t, nil)
	return chain.Records, errors.Join(err, chain.Err())
}
