package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func TestLive(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		want := store.Live{
			Tenant: o.ID, Slug: "acme", TenantActive: true, Config: 2, User: o.viewer.ID, Email: o.viewer.Email,
			Role: identity.Viewer, Active: true, Epoch: 1, Provider: store.LocalAccount,
		}
		check := func(when string) {
			t.Helper()
			byID, err := d.Live(ctx, o.ID, o.viewer.ID)
			if err != nil {
				t.Fatal(err)
			}
			byKey, err := d.LiveByKeyHash(ctx, []string{"1", "2", "3", "4", "5", o.key.Hash})
			if err != nil {
				t.Fatal(err)
			}
			bySession, err := d.LiveBySessionHash(ctx, o.session.Hash)
			if err != nil {
				t.Fatal(err)
			}
			bySessionID, err := d.LiveBySessionID(ctx, o.ID, o.viewer.ID, o.session.ID)
			if err != nil {
				t.Fatal(err)
			}
			for how, got := range map[string]store.Live{"id": byID, "key": byKey.Live, "session": bySession.Live, "session id": bySessionID.Live} {
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, by %s (-want +got):\n%s", when, how, diff)
				}
			}
			if byKey.Key.ID != o.key.ID || bySession.Session.ID != o.session.ID {
				t.Errorf("%s: key %s, session %s", when, byKey.Key.ID, bySession.Session.ID)
			}
		}
		check("at first")
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			return errors.Join(tx.SetUserRole(ctx, o.viewer.ID, identity.Admin), tx.DisableUser(ctx, o.viewer.ID, store.ByAdmin), tx.SetTenantActive(ctx, false))
		})
		want.Role, want.Active, want.Epoch, want.TenantActive, want.Config = identity.Admin, false, 2, false, 3
		check("after a change")
		for name, hashes := range map[string][]string{"none": nil, "empty": {""}, "unknown": {"a", "b"}} {
			if _, err := d.LiveByKeyHash(ctx, hashes); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s hashes: %v", name, err)
			}
		}
	})
}

func TestAPIKeys(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		create := func(name, hash string, expires time.Time) (k store.APIKey, err error) {
			err = write(ctx, o.scope, func(tx *store.Tx) (err error) {
				k, err = tx.CreateAPIKey(ctx, store.NewAPIKey{User: o.viewer.ID, Name: name, Hash: hash, HashKey: "k1", MaxRole: identity.Analyst, ExpiresAt: expires})
				return err
			})
			return k, err
		}
		expired, err := create("ci", "h-old", time.Now().Add(-time.Hour))
		if err != nil || !expired.Ended(time.Now()) || expired.MaxRole != identity.Analyst {
			t.Fatalf("expired key %+v, %v", expired, err)
		}
		if _, err := create("ci", "h-new", time.Time{}); err != nil {
			t.Errorf("expired namesake is not replaced: %v", err)
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			ended, err := tx.RevokeAPIKey(ctx, o.viewer.ID, "", o.key.ID)
			if len(ended) != 1 || ended[0].RevokedAt.IsZero() {
				t.Errorf("ended %+v", ended)
			}
			return err
		})
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			if ended, err := tx.RevokeAPIKey(ctx, o.viewer.ID, "", o.key.ID); len(ended) != 0 || err != nil {
				t.Errorf("second revocation: %v, %v", ended, err)
			}
			if _, err := tx.RevokeAPIKey(ctx, o.admin.ID, "", o.key.ID); !fault.Is(err, fault.NotFound) {
				t.Errorf("another user's key: %v", err)
			}
			return nil
		})
		keys, err := o.scope.APIKeys(ctx, o.viewer.ID, "", store.Page{})
		if err != nil || len(keys) != 2 || keys[0].Hash != "h-new" || keys[1].ID != o.key.ID {
			t.Errorf("keys = %+v, %v; want the new one, then the revoked one", keys, err)
		}
		if _, err := create("laptop", "h-laptop", time.Time{}); err != nil {
			t.Errorf("revoked namesake is not replaced: %v", err)
		}
	})
}

func TestMarksOfUseAreThrottled(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		ctx := t.Context()
		now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		d, err := store.Open(ctx, url, store.Options{Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close() //nolint:errcheck // end of the test
		if err := d.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		o := mustOrg(t, d, "acme")
		read := func() store.LiveKey {
			t.Helper()
			k, err := d.LiveByKeyHash(ctx, []string{o.key.Hash})
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		start := now
		for _, step := range []struct {
			after time.Duration
			want  time.Duration
		}{{0, 0}, {59 * time.Second, 0}, {60 * time.Second, 60 * time.Second}, {90 * time.Second, 60 * time.Second}} {
			now = start.Add(step.after)
			if err := d.TouchAPIKey(ctx, read().Key); err != nil {
				t.Fatal(err)
			}
			if got := read().Key.LastUsedAt; !got.Equal(start.Add(step.want)) {
				t.Errorf("after %v: last used %v, want %v", step.after, got, start.Add(step.want))
			}
		}
		now = start.Add(time.Hour)
		if err := d.TouchSession(ctx, o.session); err != nil {
			t.Fatal(err)
		}
		s, err := d.LiveBySessionHash(ctx, o.session.Hash)
		if err != nil || !s.Session.LastSeenAt.Equal(now) {
			t.Errorf("session seen %v, %v", s.Session.LastSeenAt, err)
		}
		if err := d.RehashAPIKey(ctx, o.key, "fresh", "k2"); err != nil {
			t.Fatal(err)
		}
		if k, err := d.LiveByKeyHash(ctx, []string{"fresh"}); err != nil || k.Key.HashKey != "k2" {
			t.Errorf("rehashed key = %+v, %v", k.Key, err)
		}
	})
}

// TestSessionOfAnOddBrowser holds that a User-Agent, which may be any bytes,
// does not keep its sender from signing in.
func TestSessionOfAnOddBrowser(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		o := mustOrg(t, d, "acme")
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			_, err := tx.CreateSession(t.Context(), store.NewSession{
				User: o.admin.ID, Hash: "odd", UserAgent: "caf\xe9", ExpiresAt: tx.Now().Add(time.Hour),
			})
			return err
		})
		s, err := d.LiveBySessionHash(t.Context(), "odd")
		if err != nil || s.Session.UserAgent != "caf\uFFFD" {
			t.Errorf("session of %q, %v", s.Session.UserAgent, err)
		}
	})
}

func TestSessions(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		var second store.Session
		mustWrite(t, o.scope, func(tx *store.Tx) (err error) {
			second, err = tx.CreateSession(ctx, store.NewSession{User: o.viewer.ID, Hash: "second", IP: "192.0.2.1", UserAgent: "curl", ExpiresAt: tx.Now().Add(time.Hour)})
			if err != nil {
				return err
			}
			_, err = tx.CreateSession(ctx, store.NewSession{User: o.viewer.ID, Hash: "expired", ExpiresAt: tx.Now().Add(-time.Second)})
			return err
		})
		list, err := o.scope.Sessions(ctx, o.viewer.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]store.Session{o.session, second}, list); diff != "" {
			t.Errorf("sessions (-want +got):\n%s", diff)
		}
		if err := d.RenewSession(ctx, second, "renewed"); err != nil {
			t.Fatal(err)
		}
		if err := d.RenewSession(ctx, second, "twice"); !fault.Is(err, fault.NotFound) {
			t.Errorf("second renewal: %v", err)
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.EndSessions(ctx, o.viewer.ID, o.session.ID) })
		renewed, err := d.LiveBySessionHash(ctx, "renewed")
		if err != nil || !renewed.Session.Ended(time.Now(), time.Hour) {
			t.Errorf("ended session = %+v, %v", renewed.Session, err)
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.EndSession(ctx, o.viewer.ID, o.session.ID) })
		if err := write(ctx, o.scope, func(tx *store.Tx) error { return tx.EndSession(ctx, o.viewer.ID, o.session.ID) }); !fault.Is(err, fault.NotFound) {
			t.Errorf("second end: %v", err)
		}
	})
}
