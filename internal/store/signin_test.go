package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func soon() time.Time { return time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond) }

func past() time.Time { return time.Now().Add(-time.Minute) }

func mustState(t *testing.T, o org, hash string, expires time.Time) store.OAuthState {
	t.Helper()
	s := store.OAuthState{
		Hash: hash, Tenant: o.ID, Kind: "mcp", ClientID: "c1", RedirectURI: "http://localhost:1/cb", ClientState: "theirs",
		CodeChallenge: "challenge", Scope: "mcp", Resource: "r", CookieHash: "cookie", PKCEVerifier: "v", Nonce: "n", ExpiresAt: expires,
	}
	if err := o.scope.CreateOAuthState(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// winners runs take many times at once and counts those that got the thing.
func winners(t *testing.T, take func(ctx context.Context) (won bool, err error)) int {
	t.Helper()
	const tries = 10
	outcome := make(chan bool, tries)
	var wg sync.WaitGroup
	for range tries {
		wg.Go(func() {
			won, err := take(t.Context())
			if err != nil {
				t.Error(err)
			}
			outcome <- won
		})
	}
	wg.Wait()
	close(outcome)
	n := 0
	for won := range outcome {
		if won {
			n++
		}
	}
	return n
}

// unlessMissing is the outcome of taking a thing that is gone for the second
// comer.
func unlessMissing(err error) (bool, error) {
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

func TestOAuthStates(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o, other := mustOrg(t, d, "acme"), mustOrg(t, d, "other")
		want := mustState(t, o, "s1", soon())
		mustState(t, o, "old", past())
		got, err := d.OAuthState(ctx, "s1")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("state: %v (-want +got):\n%s", err, diff)
		}
		if _, err := other.scope.TakeOAuthState(ctx, "s1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("another tenant took it: %v", err)
		}
		if n := winners(t, func(ctx context.Context) (bool, error) {
			_, err := o.scope.TakeOAuthState(ctx, "s1")
			return unlessMissing(err)
		}); n != 1 {
			t.Errorf("%d winners", n)
		}
		for _, hash := range []string{"s1", "old", "unknown"} {
			_, read := d.OAuthState(ctx, hash)
			_, taken := o.scope.TakeOAuthState(ctx, hash)
			for _, err := range []error{read, taken} {
				if !fault.Is(err, fault.NotFound) || fault.Of(err).Public != "Invalid or expired OAuth2 state" {
					t.Errorf("%s: %v", hash, err)
				}
			}
		}
	})
}

func TestOAuthClients(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o, other := mustOrg(t, d, "acme"), mustOrg(t, d, "other")
		want := store.OAuthClient{
			ClientID: "c1", Tenant: o.ID, Name: "Claude", RedirectURIs: []string{"http://localhost/cb"},
			Metadata: []byte(`{"scope":"mcp"}`), Kind: store.RegisteredClient,
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error { want.CreatedAt = tx.Now(); return tx.SaveOAuthClient(ctx, want) })
		check := func(when string) {
			t.Helper()
			got, err := o.scope.OAuthClient(ctx, "c1")
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", when, err, diff)
			}
		}
		check("registered")
		want.Name, want.RedirectURIs = "Claude 2", []string{"https://claude.ai/cb", "http://localhost/cb"}
		mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.SaveOAuthClient(ctx, want) })
		check("saved again")
		mustWrite(t, o.scope, func(tx *store.Tx) error { want.LastUsedAt = tx.Now(); return tx.UseOAuthClient(ctx, "c1") })
		check("used")
		if _, err := other.scope.OAuthClient(ctx, "c1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("another tenant's client: %v", err)
		}
	})
}

// TestDeleteOAuthClient: what the client was given ends with it, and nothing
// else does.
func TestDeleteOAuthClient(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o, other := mustOrg(t, d, "acme"), mustOrg(t, d, "other")
		others := newToken(o, "t2", "f2", soon())
		others.ClientID = "c2"
		for _, scope := range []store.Scope{o.scope, other.scope} {
			mustWrite(t, scope, func(tx *store.Tx) error {
				return errors.Join(
					tx.SaveOAuthClient(ctx, store.OAuthClient{ClientID: "c1", Kind: store.PreregisteredClient}),
					tx.SaveOAuthClient(ctx, store.OAuthClient{ClientID: "c2", Kind: store.RegisteredClient}),
				)
			})
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			return errors.Join(
				tx.CreateOAuthCode(ctx, newCode(o, "code", "f0", soon())),
				tx.CreateRefreshToken(ctx, newToken(o, "t1", "f1", soon())),
				tx.CreateRefreshToken(ctx, others),
			)
		})
		remove := func(scope store.Scope, id string) (n int64, err error) {
			err = scope.Write(ctx, func(tx *store.Tx) error {
				tx.Record(audit.Event{Name: "oauth.client_deleted"})
				n, err = tx.DeleteOAuthClient(ctx, id)
				return err
			})
			return n, err
		}
		if n, err := remove(o.scope, "c1"); n != 1 || err != nil {
			t.Errorf("ended %d tokens, %v", n, err)
		}
		if _, err := remove(o.scope, "c1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleted again: %v", err)
		}
		for family, want := range map[string]bool{"f1": false, "f2": true} {
			if _, alive, err := d.LiveByFamily(ctx, o.ID, o.viewer.ID, family); alive != want || err != nil {
				t.Errorf("family %s alive: %v, %v", family, alive, err)
			}
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			if _, replayed, err := tx.TakeOAuthCode(ctx, "code"); !replayed || err != nil {
				t.Errorf("the client's code is still good: %v", err)
			}
			if err := tx.UseOAuthClient(ctx, "c1"); !fault.Is(err, fault.NotFound) {
				t.Errorf("a deleted client is used: %v", err)
			}
			return nil
		})
		for name, tt := range map[string]struct {
			scope store.Scope
			want  []string
		}{"acme": {o.scope, []string{"c2"}}, "other": {other.scope, []string{"c1", "c2"}}} {
			var got []string
			clients, err := tt.scope.OAuthClients(ctx)
			for _, c := range clients {
				got = append(got, c.ClientID)
			}
			if !slices.Equal(got, tt.want) || err != nil {
				t.Errorf("clients of %s: %v, %v", name, got, err)
			}
		}
	})
}

func newCode(o org, hash, family string, expires time.Time) store.OAuthCode {
	return store.OAuthCode{
		Hash: hash, Tenant: o.ID, User: o.viewer.ID, ClientID: "c1", RedirectURI: "http://localhost:1/cb", CodeChallenge: "x",
		ChallengeMethod: "S256", Scope: "mcp", Resource: "r", Family: family, ExpiresAt: expires,
	}
}

func newToken(o org, hash, family string, expires time.Time) store.RefreshToken {
	return store.RefreshToken{
		Tenant: o.ID, User: o.viewer.ID, ClientID: "c1", Family: family, Hash: hash, HashKey: "k1", Scope: "mcp", Resource: "r", ExpiresAt: expires,
	}
}

func TestOAuthCodes(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o, other := mustOrg(t, d, "acme"), mustOrg(t, d, "other")
		want := newCode(o, "code", "f1", soon())
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			return errors.Join(tx.CreateOAuthCode(ctx, want), tx.CreateOAuthCode(ctx, newCode(o, "old", "f2", past())))
		})
		take := func(s store.Scope, hash string) (code store.OAuthCode, replayed bool, err error) {
			err = write(ctx, s, func(tx *store.Tx) (err error) {
				code, replayed, err = tx.TakeOAuthCode(ctx, hash)
				return err
			})
			return code, replayed, err
		}
		if _, _, err := take(other.scope, "code"); !fault.Is(err, fault.NotFound) {
			t.Errorf("another tenant took it: %v", err)
		}
		if n := winners(t, func(context.Context) (bool, error) { _, replayed, err := take(o.scope, "code"); return !replayed, err }); n != 1 {
			t.Errorf("%d winners", n)
		}
		got, replayed, err := take(o.scope, "code")
		want.UsedAt = got.UsedAt
		if diff := cmp.Diff(want, got); diff != "" || !replayed || err != nil {
			t.Errorf("replay: %v, %v (-want +got):\n%s", replayed, err, diff)
		}
		for _, hash := range []string{"old", "unknown"} {
			if _, _, err := take(o.scope, hash); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", hash, err)
			}
		}
	})
}

func TestRefreshTokens(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o, other := mustOrg(t, d, "acme"), mustOrg(t, d, "other")
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			return errors.Join(tx.CreateRefreshToken(ctx, newToken(o, "t1", "f1", soon())), tx.CreateRefreshToken(ctx, newToken(o, "old", "f2", past())))
		})
		take := func(s store.Scope, hashes ...string) (token store.RefreshToken, replayed bool, err error) {
			err = write(ctx, s, func(tx *store.Tx) (err error) {
				token, replayed, err = tx.TakeRefreshToken(ctx, hashes)
				return err
			})
			return token, replayed, err
		}
		if _, _, err := take(other.scope, "t1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("another tenant took it: %v", err)
		}
		if n := winners(t, func(context.Context) (bool, error) {
			_, replayed, err := take(o.scope, "current", "t1")
			return !replayed, err
		}); n != 1 {
			t.Errorf("%d winners", n)
		}
		alive := func() bool {
			t.Helper()
			l, alive, err := d.LiveByFamily(ctx, o.ID, o.viewer.ID, "f1")
			if err != nil || l.Email != o.viewer.Email {
				t.Errorf("live = %+v, %v", l, err)
			}
			return alive
		}
		if !alive() {
			t.Error("a rotated family is dead")
		}
		token, replayed, err := take(o.scope, "t1")
		if !replayed || err != nil || token.Family != "f1" || token.User != o.viewer.ID {
			t.Errorf("replay: %+v %v %v", token, replayed, err)
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			if err := tx.CreateRefreshToken(ctx, newToken(o, "t2", "f1", soon())); err != nil {
				return err
			}
			n, err := tx.EndFamily(ctx, "f1")
			if n != 2 {
				t.Errorf("ended %d tokens", n)
			}
			return err
		})
		if alive() {
			t.Error("an ended family lives")
		}
		for _, hashes := range [][]string{{"t1"}, {"t2"}, {"old"}, {"unknown"}, nil} {
			if _, _, err := take(o.scope, hashes...); !fault.Is(err, fault.NotFound) || fault.Of(err).Public != "Invalid or expired refresh token" {
				t.Errorf("%s: %v", hashes, err)
			}
		}
		if r, err := o.scope.RefreshToken(ctx, []string{"x", "t2"}); err != nil || r.RevokedAt.IsZero() {
			t.Errorf("read = %+v, %v", r, err)
		}
	})
}

// TestWhatEndsAUsersAccess checks contract 2.4, "Ends a session".
func TestWhatEndsAUsersAccess(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, tx *store.Tx, o org) error{
		"password": func(ctx context.Context, tx *store.Tx, o org) error {
			return tx.SetUserPassword(ctx, o.viewer.ID, "h2", "")
		},
		"disabled": func(ctx context.Context, tx *store.Tx, o org) error {
			return tx.DisableUser(ctx, o.viewer.ID, store.ByAdmin)
		},
		"deleted": func(ctx context.Context, tx *store.Tx, o org) error { return tx.DeleteUser(ctx, o.viewer.ID) },
	} {
		t.Run(name, func(t *testing.T) {
			onBothEngines(t, func(t *testing.T, d *store.DB) {
				ctx := t.Context()
				o := mustOrg(t, d, "acme")
				mustWrite(t, o.scope, func(tx *store.Tx) error {
					return errors.Join(tx.CreateRefreshToken(ctx, newToken(o, "t1", "f1", soon())), tx.CreateOAuthCode(ctx, newCode(o, "code", "f2", soon())))
				})
				mustWrite(t, o.scope, func(tx *store.Tx) error { return end(ctx, tx, o) })
				if _, alive, _ := d.LiveByFamily(ctx, o.ID, o.viewer.ID, "f1"); alive {
					t.Error("token family lives")
				}
				if s, err := d.LiveBySessionHash(ctx, o.session.Hash); err == nil && s.Session.RevokedAt.IsZero() {
					t.Error("session lives")
				}
				err := write(ctx, o.scope, func(tx *store.Tx) error {
					_, used, err := tx.TakeOAuthCode(ctx, "code")
					if err == nil && !used {
						t.Error("code lives")
					}
					return err
				})
				if err != nil && !fault.Is(err, fault.NotFound) {
					t.Errorf("code: %v", err)
				}
			})
		})
	}
}

func TestSSOCodes(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			return errors.Join(tx.CreateSSOCode(ctx, o.viewer.ID, "c", soon()), tx.CreateSSOCode(ctx, o.viewer.ID, "old", past()))
		})
		if n := winners(t, func(ctx context.Context) (bool, error) {
			tenant, user, err := d.TakeSSOCode(ctx, "c")
			if err == nil && (tenant != o.ID || user != o.viewer.ID) {
				t.Errorf("code of %s %s", tenant, user)
			}
			return unlessMissing(err)
		}); n != 1 {
			t.Errorf("%d winners", n)
		}
		if _, _, err := d.TakeSSOCode(ctx, "old"); !fault.Is(err, fault.NotFound) {
			t.Errorf("expired: %v", err)
		}
	})
}

// TestProviderTokens holds contract 5.3: a user has one refresh token of their
// provider, which goes with them.
func TestProviderTokens(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o, rival := mustOrg(t, d, "acme"), mustOrg(t, d, "rival")
		set := func(sealed string) {
			t.Helper()
			err := o.scope.Write(ctx, func(tx *store.Tx) error { return tx.SetSSORefreshToken(ctx, o.viewer.ID, sealed) })
			if err != nil {
				t.Fatal(err)
			}
		}
		want := func(s store.Scope, sealed string) {
			t.Helper()
			if got, err := s.SSORefreshToken(ctx, o.viewer.ID); got != sealed || err != nil {
				t.Errorf("%q, %v; want %q", got, err, sealed)
			}
		}
		want(o.scope, "")
		set("one")
		set("two")
		want(o.scope, "two")
		want(rival.scope, "")
		set("")
		want(o.scope, "")
		set("three")
		mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.DeleteUser(ctx, o.viewer.ID) })
		want(o.scope, "")
	})
}

func sealWith(ring *seal.Ring, o org, table, text string) store.SealSecret {
	return func(id string) (string, error) {
		return ring.Seal(text, seal.Place{Tenant: string(o.ID), Table: table, Row: id}), nil
	}
}

func mustRing(t *testing.T, current string, old ...string) *seal.Ring {
	t.Helper()
	ring, err := seal.NewRing(current, old)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestSSOConfigs(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o, other := mustOrg(t, d, "acme"), mustOrg(t, d, "other")
		ring := mustRing(t, "key")
		entra := store.EntraConfig{EntraTenant: "et", ClientID: "c", AdminGroup: "g1", PasswordLogin: true}
		oidc := store.OIDCConfig{
			Issuer: "https://idp.example", ClientID: "c", DisplayName: "IdP", Scopes: "openid", GroupClaim: "groups",
			RoleMap: map[string]identity.Role{"admins": identity.Admin},
		}
		save := func(secret string) error {
			var sealEntra, sealOIDC store.SealSecret
			if secret != "" {
				sealEntra, sealOIDC = sealWith(ring, o, store.EntraTable, secret), sealWith(ring, o, store.OIDCTable, secret)
			}
			return write(ctx, o.scope, func(tx *store.Tx) error {
				_, errEntra := tx.SaveEntraConfig(ctx, entra, sealEntra)
				_, errOIDC := tx.SaveOIDCConfig(ctx, oidc, sealOIDC)
				return errors.Join(errEntra, errOIDC)
			})
		}
		if err := save(""); fault.Of(err).Field != "client_secret" {
			t.Errorf("first configuration without a secret: %v", err)
		}
		check := func(secret string) {
			t.Helper()
			gotEntra, errEntra := o.scope.EntraConfig(ctx)
			gotOIDC, errOIDC := o.scope.OIDCConfig(ctx)
			if err := errors.Join(errEntra, errOIDC); err != nil {
				t.Fatal(err)
			}
			for table, at := range map[string][2]string{store.EntraTable: {gotEntra.ID, gotEntra.SealedSecret}, store.OIDCTable: {gotOIDC.ID, gotOIDC.SealedSecret}} {
				if got, err := ring.Open(at[1], seal.Place{Tenant: string(o.ID), Table: table, Row: at[0]}); got != secret || err != nil {
					t.Errorf("%s: secret %q, %v; want %q", table, got, err, secret)
				}
			}
			wantEntra, wantOIDC := entra, oidc
			wantEntra.ID, wantEntra.SealedSecret, wantOIDC.ID, wantOIDC.SealedSecret = gotEntra.ID, gotEntra.SealedSecret, gotOIDC.ID, gotOIDC.SealedSecret
			if diff := cmp.Diff(wantEntra, gotEntra) + cmp.Diff(wantOIDC, gotOIDC); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		}
		for _, secret := range []string{"first", "second"} {
			if err := save(secret); err != nil {
				t.Fatal(err)
			}
			check(secret)
		}
		entra.AdminGroup, oidc.DisplayName = "", "Other"
		if err := save(""); err != nil { // keeps the secret
			t.Fatal(err)
		}
		check("second")
		remove := func(s store.Scope) error {
			return write(ctx, s, func(tx *store.Tx) error { return errors.Join(tx.DeleteEntraConfig(ctx), tx.DeleteOIDCConfig(ctx)) })
		}
		if err := remove(other.scope); !fault.Is(err, fault.NotFound) {
			t.Errorf("another tenant: %v", err)
		}
		if err := remove(o.scope); err != nil {
			t.Error(err)
		}
		_, errEntra := o.scope.EntraConfig(ctx)
		_, errOIDC := o.scope.OIDCConfig(ctx)
		for _, err := range []error{errEntra, errOIDC, remove(o.scope)} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("after removal: %v", err)
			}
		}
	})
}

func TestRewrap(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		ctx := t.Context()
		d := mustOpen(t, url)
		if err := d.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		before, after := mustRing(t, "old"), mustRing(t, "new", "old")
		o := mustOrg(t, d, "acme")
		mustExec(t, url, "UPDATE db_connections SET is_active = FALSE, encrypted_conn_str = ''") // removed long ago
		var ids []string
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			for i := range 5 {
				n := newConnection(fmt.Sprint("c", i))
				n.Seal = sealWith(before, o, store.ConnectionsTable, "text")
				c, err := tx.CreateConnection(ctx, n)
				if err != nil {
					return err
				}
				ids = append(ids, c.ID)
			}
			_, errEntra := tx.SaveEntraConfig(ctx, store.EntraConfig{}, sealWith(before, o, store.EntraTable, "text"))
			_, errOIDC := tx.SaveOIDCConfig(ctx, store.OIDCConfig{}, sealWith(before, o, store.OIDCTable, "text"))
			token := before.Seal("text", seal.Place{Tenant: string(o.ID), Table: store.SSORefreshTokensTable, Row: string(o.viewer.ID)})
			return errors.Join(errEntra, errOIDC, tx.SetSSORefreshToken(ctx, o.viewer.ID, token))
		})
		mustExec(t, url, "UPDATE db_connections SET encrypted_conn_str = $1 WHERE id = $2",
			before.Seal("text", seal.Place{Tenant: "elsewhere"}), ids[0])
		for _, want := range []int64{7, 0} {
			if n, err := d.Rewrap(ctx, after); n != want || !errors.Is(err, seal.ErrOpen) {
				t.Errorf("rewrapped %d, %v; want %d and the moved value named", n, err, want)
			}
		}
		newest := mustRing(t, "new")
		for _, id := range ids[1:] {
			c, err := o.scope.Connection(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := newest.Open(c.Sealed, seal.Place{Tenant: string(o.ID), Table: store.ConnectionsTable, Row: id}); text != "text" || err != nil {
				t.Errorf("%s: %q, %v", id, text, err)
			}
		}
	})
}

func TestSweep(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		ctx := t.Context()
		now := time.Now()
		d, err := store.Open(ctx, url, store.Options{Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close() //nolint:errcheck // end of the test
		if err := d.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		o := mustOrg(t, d, "acme") // with a session of one hour
		mustState(t, o, "s", soon())
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			return errors.Join(
				tx.CreateOAuthCode(ctx, newCode(o, "code", "f1", soon())),
				tx.CreateRefreshToken(ctx, newToken(o, "t1", "f1", now.Add(100*24*time.Hour))),
				tx.CreateSSOCode(ctx, o.viewer.ID, "c", soon()),
				tx.SaveOAuthClient(ctx, store.OAuthClient{ClientID: "c1", Kind: store.RegisteredClient}),
				tx.SaveOAuthClient(ctx, store.OAuthClient{ClientID: "unused", Kind: store.RegisteredClient}),
				tx.SaveOAuthClient(ctx, store.OAuthClient{ClientID: "the operator's", Kind: store.PreregisteredClient}),
			)
		})
		start := now
		for _, step := range []struct {
			after time.Duration
			want  int64
		}{{0, 0}, {2 * time.Hour, 2}, {26 * time.Hour, 2}, {91 * 24 * time.Hour, 1}, {102 * 24 * time.Hour, 2}, {200 * 24 * time.Hour, 0}} {
			now = start.Add(step.after)
			if n, err := d.Sweep(ctx); n != step.want || err != nil {
				t.Errorf("after %v: %d removed, %v; want %d", step.after, n, err, step.want)
			}
		}
	})
}
