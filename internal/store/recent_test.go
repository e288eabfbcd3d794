package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// lookUps are the questions that every request asks, answered with the
// viewer's role.
func lookUps(d *store.DB, o org) map[string]func(context.Context) (store.Live, error) {
	return map[string]func(context.Context) (store.Live, error){
		"user": func(ctx context.Context) (store.Live, error) { return d.Live(ctx, o.ID, o.viewer.ID) },
		"key": func(ctx context.Context) (store.Live, error) {
			k, err := d.LiveByKeyHash(ctx, []string{o.Slug + "-key"})
			return k.Live, err
		},
		"session": func(ctx context.Context) (store.Live, error) {
			s, err := d.LiveBySessionID(ctx, o.ID, o.viewer.ID, o.session.ID)
			return s.Live, err
		},
		"family": func(ctx context.Context) (store.Live, error) {
			l, _, err := d.LiveByFamily(ctx, o.ID, o.viewer.ID, "none")
			return l, err
		},
	}
}

// TestAChangeIsSeenByTheNextLookUp covers contract 15.2 P2.
func TestAChangeIsSeenByTheNextLookUp(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		o := mustOrg(t, d, "acme")
		for name, look := range lookUps(d, o) {
			for _, role := range []identity.Role{identity.Analyst, identity.Admin, identity.Viewer} {
				mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.SetUserRole(t.Context(), o.viewer.ID, role) })
				for range 2 {
					if l, err := look(t.Context()); err != nil || l.Role != role {
						t.Errorf("%s: role %v (%v), want %v", name, l.Role, err, role)
					}
				}
			}
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			_, err := tx.RevokeAPIKey(t.Context(), o.viewer.ID, "", o.key.ID)
			return err
		})
		if k, err := d.LiveByKeyHash(t.Context(), []string{"acme-key"}); err != nil || k.Key.RevokedAt.IsZero() {
			t.Errorf("a revoked key looks alive: %+v, %v", k.Key, err)
		}
	})
}

// TestAnotherProcessIsSeenSoon: two handles on one file are two processes to
// each other.
func TestAnotherProcessIsSeenSoon(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		d, other := mustOpen(t, url), mustOpen(t, url)
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		o := mustOrg(t, d, "acme")
		look := lookUps(d, o)["user"]
		if l, err := look(t.Context()); err != nil || l.Role != identity.Viewer {
			t.Fatalf("role %v, %v", l.Role, err)
		}
		mustWrite(t, other.Tenant(o.ID), func(tx *store.Tx) error { return tx.SetUserRole(t.Context(), o.viewer.ID, identity.Admin) })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for {
			l, err := look(ctx)
			if err != nil {
				t.Fatalf("the other process's write is not seen: %v", err)
			}
			if l.Role == identity.Admin {
				return
			}
		}
	})
}
