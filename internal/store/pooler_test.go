package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/pgdirect/pgbouncertest"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// pooledURL is a new database by way of a PgBouncer of the mode, and the same
// database without it.
func pooledURL(t *testing.T, mode string) (pooled, straight string) {
	t.Helper()
	server := os.Getenv(serverURL)
	if server == "" {
		if testing.Short() {
			t.Skip("needs a PostgreSQL server in " + serverURL)
		}
		t.Fatal(serverURL + " is not set; make test starts a server, -short leaves this out")
	}
	straight, name, err := newPostgres(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dropPostgres(context.Background(), server, name); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(straight)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	u.Host = pgbouncertest.Start(t, pgbouncertest.Config{
		Server: u.Host, Mode: mode, Size: 40, Users: map[string]string{u.User.Username(): password},
	})
	return u.String(), straight
}

// TestBehindPooler starts three instances at once, which migrate, and has them
// used by many at a time.
func TestBehindPooler(t *testing.T) {
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			pooled, straight := pooledURL(t, mode)
			var instances sync.WaitGroup
			for instance := range 3 {
				d := mustOpen(t, pooled)
				instances.Go(func() {
					if err := d.Migrate(t.Context()); err != nil {
						t.Error(err)
						return
					}
					useStore(t, d, instance)
				})
			}
			instances.Wait()
			if n := stillLocked(t, straight); n != 0 {
				t.Errorf("%d advisory locks are left", n)
			}
		})
	}
}

// useStore writes and reads with twenty callers, each of whom must find its own.
func useStore(t *testing.T, d *store.DB, instance int) {
	var all sync.WaitGroup
	for caller := range 20 {
		all.Go(func() {
			slug := fmt.Sprintf("t-%d-%d", instance, caller)
			o := mustOrg(t, d, slug)
			for range 20 {
				found, err := d.TenantBySlug(t.Context(), slug)
				if err != nil || found.ID != o.ID {
					t.Errorf("tenant %s: %+v, %v", slug, found, err)
				}
				live, err := d.Live(t.Context(), o.ID, o.viewer.ID)
				if err != nil || live.Email != o.viewer.Email {
					t.Errorf("viewer of %s: %+v, %v", slug, live, err)
				}
			}
		})
	}
	all.Wait()
}

// stillLocked counts the advisory locks of the database.
func stillLocked(t *testing.T, url string) (n int) {
	t.Helper()
	pool, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	const count = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory' AND d.datname = current_database()"
	if err := pool.QueryRowContext(t.Context(), count).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBehindPoolerInStatementMode(t *testing.T) {
	pooled, _ := pooledURL(t, "statement")
	_, err := store.Open(t.Context(), pooled, store.Options{})
	if err == nil || !strings.Contains(fault.Of(err).Public, "pooler in statement mode") {
		t.Errorf("Open = %v, want words about statement mode", err)
	}
}

func TestBehindPoolerThatRefusesAnOption(t *testing.T) {
	pooled, _ := pooledURL(t, "transaction")
	_, err := store.Open(t.Context(), withQuery(pooled, "lock_timeout", "5s"), store.Options{})
	if err == nil || !strings.Contains(fault.Of(err).Public, "refuses an option") {
		t.Errorf("Open = %v, want words about the option", err)
	}
}

// TestRelayBehindPooler works where the session is kept, and says so where not.
func TestRelayBehindPooler(t *testing.T) {
	t.Run("session", func(t *testing.T) {
		pooled, _ := pooledURL(t, "session")
		d := mustMigrated(t, pooled)
		heard, _ := mustListen(t, mustRelay(t, d), "news")
		if err := mustRelay(t, d).Send(t.Context(), "news", "hello"); err != nil {
			t.Fatal(err)
		}
		if got := <-heard; got != "hello" {
			t.Errorf("heard %q", got)
		}
	})
	t.Run("transaction", func(t *testing.T) {
		pooled, _ := pooledURL(t, "transaction")
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := mustRelay(t, mustMigrated(t, pooled)).Listen(ctx, []string{"news"}, func() { t.Error("it listens") }, func(string, string) {})
		if err == nil || !strings.Contains(fault.Of(err).Public, "swallows notifications") {
			t.Errorf("Listen = %v, want words about the pooler", err)
		}
	})
}
