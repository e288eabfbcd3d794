package store_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
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
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	name := "mcpgw_store_" + hex.EncodeToString(random)
	admin, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
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

func mustOpen(t testing.TB, url string) *store.DB {
	t.Helper()
	d, err := store.Open(t.Context(), url, store.Options{})
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
