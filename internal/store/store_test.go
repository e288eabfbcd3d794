package store_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func TestCreateTenant(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		o := mustOrg(t, d, "acme")
		got, err := d.TenantBySlug(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		want := store.Tenant{
			ID: o.Tenant.ID, Name: "ACME", Slug: "acme", Active: true, RedirectHosts: []string{},
			CreatedAt: o.Tenant.CreatedAt, Config: 2, // raised by the connection
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tenant (-want +got):\n%s", diff)
		}
		if age := time.Since(got.CreatedAt); age < 0 || age > time.Minute || got.CreatedAt.Location() != time.UTC {
			t.Errorf("created at %v", got.CreatedAt)
		}
		if o.admin.Role != identity.Admin || !o.admin.Active || o.admin.Provider != store.LocalAccount {
			t.Errorf("admin = %+v", o.admin)
		}
		if n, err := d.CountTenants(t.Context()); err != nil || n != 1 {
			t.Errorf("CountTenants = %d, %v", n, err)
		}
	})
}

// TestSlugThatNobodyHas holds that a URL can name any bytes: what no engine
// can hold is a tenant that is not there.
func TestSlugThatNobodyHas(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		for slug, want := range map[string]string{
			"nobody": "Tenant 'nobody' not found", "a\xff": "Tenant 'a\uFFFD' not found", "a\x00": "Tenant 'a\uFFFD' not found",
		} {
			_, err := d.TenantBySlug(t.Context(), slug)
			if f := fault.Of(err); f.Kind != fault.NotFound || f.Public != want {
				t.Errorf("%q: %v", slug, err)
			}
		}
	})
}

func TestTakenValuesAreConflicts(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		acme, other := mustOrg(t, d, "acme"), mustOrg(t, d, "other")
		create := func(name, slug string) error {
			_, _, err := d.CreateTenant(ctx, store.NewTenant{Name: name, Slug: slug, AdminEmail: "a@b.example"}, created)
			return err
		}
		sso := store.NewUser{Email: "s1@acme.example", Provider: store.EntraAccount, Subject: "oid", Role: identity.Viewer}
		mustWrite(t, acme.scope, func(tx *store.Tx) error { _, err := tx.CreateUser(ctx, sso); return err })
		for name, c := range map[string]struct {
			do            func() error
			field, public string
		}{
			"tenant slug": {func() error { return create("New", "acme") }, "slug", "Slug already taken"},
			"tenant name": {func() error { return create("ACME", "new") }, "name", "Name already taken"},
			"rename": {func() error {
				return write(ctx, acme.scope, func(tx *store.Tx) error { return tx.RenameTenant(ctx, other.Name) })
			}, "name", "Name already taken"},
			"e-mail": {func() error {
				return write(ctx, acme.scope, func(tx *store.Tx) error {
					_, err := tx.CreateUser(ctx, store.NewUser{Email: acme.admin.Email, Role: identity.Viewer})
					return err
				})
			}, "email", "Email already registered in this tenant"},
			"new e-mail": {func() error {
				return write(ctx, acme.scope, func(tx *store.Tx) error { return tx.SetUserEmail(ctx, acme.viewer.ID, acme.admin.Email) })
			}, "email", "Email already registered in this tenant"},
			"subject": {func() error {
				return write(ctx, acme.scope, func(tx *store.Tx) error {
					again := sso
					again.Email = "s2@acme.example"
					_, err := tx.CreateUser(ctx, again)
					return err
				})
			}, "subject", "This identity already has an account in this tenant"},
			"key name": {func() error {
				return write(ctx, acme.scope, func(tx *store.Tx) error {
					_, err := tx.CreateAPIKey(ctx, store.NewAPIKey{User: acme.viewer.ID, Name: "laptop", Hash: "h2"})
					return err
				})
			}, "name", "An active API key named 'laptop' already exists"},
		} {
			err := c.do()
			if f := fault.Of(err); !fault.Is(err, fault.Conflict) || f.Field != c.field || f.Public != c.public {
				t.Errorf("%s: %v (field %q), want Conflict %q on %q", name, err, fault.Of(err).Field, c.public, c.field)
			}
		}
		if n, err := d.CountTenants(ctx); err != nil || n != 2 {
			t.Errorf("a refused tenant left something: %d tenants, %v", n, err)
		}
	})
}

func TestWriteIsAllOrNothing(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		errOwn := errors.New("changed my mind")
		rename := func(tx *store.Tx) error { return tx.RenameTenant(ctx, "Renamed") }
		for name, fn := range map[string]func(tx *store.Tx) error{
			"error":          func(tx *store.Tx) error { tx.Record(event("x.y")); return errors.Join(rename(tx), errOwn) },
			"nothing said":   rename,
			"bad event name": func(tx *store.Tx) error { tx.Record(event("")); return rename(tx) },
			"bad metadata": func(tx *store.Tx) error {
				e := event("x.y")
				e.Metadata = map[string]any{"f": func() {}}
				tx.Record(e)
				return rename(tx)
			},
			"later conflict": func(tx *store.Tx) error {
				tx.Record(event("x.y"))
				return errors.Join(rename(tx), tx.SetUserEmail(ctx, o.viewer.ID, o.admin.Email))
			},
		} {
			before := len(mustAudit(t, o.scope))
			if err := o.scope.Write(ctx, fn); err == nil {
				t.Errorf("%s: no error", name)
			}
			got, err := o.scope.Tenant(ctx)
			if err != nil || got.Name != "ACME" {
				t.Errorf("%s: tenant %q, %v", name, got.Name, err)
			}
			if after := len(mustAudit(t, o.scope)); after != before {
				t.Errorf("%s: %d audit records became %d", name, before, after)
			}
		}
		if err := o.scope.Write(ctx, func(*store.Tx) error { return errOwn }); !errors.Is(err, errOwn) {
			t.Errorf("own error is lost: %v", err)
		}
		if err := o.scope.Write(ctx, func(*store.Tx) error { return nil }); err != nil {
			t.Errorf("empty write: %v", err)
		}
	})
}

// TestWriteSurvivesItsCaller ends writes in the middle: the one writer of
// SQLite must be free for the next.
func TestWriteSurvivesItsCaller(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		o := mustOrg(t, d, "acme")
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is lost")
				}
			}()
			mustWrite(t, o.scope, func(*store.Tx) error { panic("bug in a handler") })
		}()
		ctx, cancel := context.WithCancel(t.Context())
		err := write(ctx, o.scope, func(tx *store.Tx) error {
			cancel()
			return tx.RenameTenant(ctx, "Half")
		})
		if !fault.Is(err, fault.Canceled) {
			t.Errorf("caller went away: %v", err)
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.RenameTenant(t.Context(), "Whole") })
		if got, err := o.scope.Tenant(t.Context()); err != nil || got.Name != "Whole" {
			t.Errorf("tenant %q, %v", got.Name, err)
		}
	})
}

func TestUsers(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		users, err := o.scope.Users(ctx, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]store.User{o.admin, o.viewer}, users); diff != "" {
			t.Errorf("users (-want +got):\n%s", diff)
		}
		page, err := o.scope.Users(ctx, store.Page{Skip: 1, Limit: 1})
		if err != nil || len(page) != 1 || page[0].ID != o.viewer.ID {
			t.Errorf("second page = %+v, %v", page, err)
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			return errors.Join(tx.SetUserRole(ctx, o.viewer.ID, identity.Analyst), tx.SetUserLoggedIn(ctx, o.viewer.ID), tx.SetUserSynced(ctx, o.viewer.ID),
				tx.SetUserPassword(ctx, o.viewer.ID, "hash2", o.session.ID), tx.DisableUser(ctx, o.viewer.ID, store.BySync))
		})
		want := o.viewer
		want.Role, want.PasswordHash, want.Active, want.DisabledBy, want.Epoch = identity.Analyst, "hash2", false, store.BySync, 3
		got, err := o.scope.User(ctx, o.viewer.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.User{}, "LastLoginAt", "LastSyncAt")); diff != "" {
			t.Errorf("user (-want +got):\n%s", diff)
		}
		if got.LastLoginAt.IsZero() || got.LastSyncAt.IsZero() {
			t.Errorf("marks are not set: %+v", got)
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.EnableUser(ctx, o.viewer.ID) })
		if got, err = o.scope.UserByEmail(ctx, o.viewer.Email); err != nil || !got.Active || got.DisabledBy != "" {
			t.Errorf("enabled user = %+v, %v", got, err)
		}
		for _, c := range []struct{ old, want string }{{"stale", "hash2"}, {"hash2", "hash3"}} {
			if err := o.scope.RehashPassword(ctx, o.viewer.ID, c.old, "hash3"); err != nil {
				t.Fatal(err)
			}
			if got, _ := o.scope.User(ctx, o.viewer.ID); got.PasswordHash != c.want {
				t.Errorf("rehash from %q: %q, want %q", c.old, got.PasswordHash, c.want)
			}
		}
	})
}

func TestDeletedUserTakesEverythingAlongButAudit(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			e := event("login.success")
			e.User, e.UserEmail = o.viewer.ID, o.viewer.Email
			tx.Record(e)
			return nil
		})
		mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.DeleteUser(ctx, o.viewer.ID) })
		if _, err := d.LiveByKeyHash(ctx, []string{o.key.Hash}); !fault.Is(err, fault.NotFound) {
			t.Errorf("key: %v", err)
		}
		if _, err := d.LiveBySessionHash(ctx, o.session.Hash); !fault.Is(err, fault.NotFound) {
			t.Errorf("session: %v", err)
		}
		records, err := o.scope.AuditRecords(ctx, []string{"login"}, store.Page{})
		if err != nil || len(records) != 1 || records[0].User != "" || records[0].UserEmail != o.viewer.Email {
			t.Errorf("audit = %+v, %v", records, err)
		}
		if _, err := verifyChain(ctx, d, o.ID); err != nil {
			t.Errorf("chain after deletion: %v", err)
		}
	})
}

func TestLoginCandidates(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		acme, other := mustOrg(t, d, "acme"), mustOrg(t, d, "other")
		mustWrite(t, other.scope, func(tx *store.Tx) error {
			_, err := tx.CreateUser(ctx, store.NewUser{Email: acme.admin.Email, PasswordHash: "theirs", Role: identity.Viewer})
			return errors.Join(err, tx.SetTenantActive(ctx, false))
		})
		for name, c := range map[string]struct {
			email, slug string
			want        []string
		}{
			"everywhere": {acme.admin.Email, "", []string{"acme/hash/true", "other/theirs/false"}},
			"one tenant": {acme.admin.Email, "other", []string{"other/theirs/false"}},
			"no tenant":  {acme.admin.Email, "nowhere", nil},
			"nobody":     {"nobody@acme.example", "", nil},
		} {
			found, err := d.LoginCandidates(ctx, c.email, c.slug)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				active := "/false"
				if f.TenantActive {
					active = "/true"
				}
				got = append(got, f.TenantSlug+"/"+f.PasswordHash+active)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

// TestLoginCandidatesCannotBeCrowdedOut holds contract 15.2 A16: no number of
// later accounts keeps the first one from being tried.
func TestLoginCandidatesCannotBeCrowdedOut(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		victim := mustOrg(t, d, "victim")
		for i := range 12 {
			crowd := mustOrg(t, d, "a"+strconv.Itoa(i))
			mustWrite(t, crowd.scope, func(tx *store.Tx) error {
				_, err := tx.CreateUser(t.Context(), store.NewUser{Email: victim.admin.Email, PasswordHash: "theirs", Role: identity.Viewer})
				return err
			})
		}
		found, err := d.LoginCandidates(t.Context(), victim.admin.Email, "")
		if err != nil || len(found) == 0 || found[0].ID != victim.admin.ID {
			t.Errorf("the first of %d candidates is not the first account: %v", len(found), err)
		}
	})
}

func TestConnections(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		var secret store.Connection
		mustWrite(t, o.scope, func(tx *store.Tx) (err error) {
			n := newConnection("Secret")
			n.MinRole, n.LastTest = identity.Admin, []byte(`{"ok":true}`)
			secret, err = tx.CreateConnection(ctx, n)
			return err
		})
		if secret.Sealed != "sealed for "+secret.ID || string(secret.LastTest) != `{"ok":true}` {
			t.Errorf("created %+v", secret)
		}
		names := func(r identity.Role) (names []string) {
			list, err := o.scope.Connections(ctx, r, store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range list {
				names = append(names, c.Name)
			}
			return names
		}
		for r, want := range map[identity.Role][]string{
			identity.None: nil, identity.Viewer: {"Sales-DB"}, identity.Analyst: {"Sales-DB"}, identity.Admin: {"Sales-DB", "Secret"},
		} {
			if diff := cmp.Diff(want, names(r)); diff != "" {
				t.Errorf("%v sees (-want +got):\n%s", r, diff)
			}
		}
		secret.Name, secret.Description, secret.MinRole = "Open", "text", identity.Viewer
		mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.UpdateConnection(ctx, secret) })
		got, err := o.scope.Connection(ctx, secret.ID)
		if diff := cmp.Diff(secret, got, cmpopts.IgnoreFields(store.Connection{}, "UpdatedAt")); diff != "" || err != nil {
			t.Errorf("updated: %v (-want +got):\n%s", err, diff)
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.RemoveConnection(ctx, secret.ID) })
		gone := map[string]error{
			"remove again": write(ctx, o.scope, func(tx *store.Tx) error { return tx.RemoveConnection(ctx, secret.ID) }),
			"update":       write(ctx, o.scope, func(tx *store.Tx) error { return tx.UpdateConnection(ctx, secret) }),
			"test":         o.scope.SetConnectionTest(ctx, secret.ID, []byte(`{}`)),
		}
		_, gone["read"] = o.scope.Connection(ctx, secret.ID)
		for name, err := range gone {
			if !fault.Is(err, fault.NotFound) || fault.Of(err).Public != "Connection not found" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if tenant, err := o.scope.Tenant(ctx); err != nil || tenant.Config != 5 {
			t.Errorf("configuration version %d, %v; want 5: create twice, update, remove", tenant.Config, err)
		}
	})
}

func TestOverrides(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		change := func(r identity.Role) (previous identity.Role) {
			t.Helper()
			mustWrite(t, o.scope, func(tx *store.Tx) (err error) {
				if r == identity.None {
					previous, err = tx.ResetOverride(ctx, "get_current_time")
				} else {
					previous, err = tx.SetOverride(ctx, "get_current_time", r)
				}
				return err
			})
			return previous
		}
		for i, step := range []struct{ set, previous identity.Role }{
			{identity.Admin, identity.None}, {identity.Analyst, identity.Admin}, {identity.None, identity.Analyst}, {identity.None, identity.None},
		} {
			if got := change(step.set); got != step.previous {
				t.Errorf("step %d: previous %v, want %v", i, got, step.previous)
			}
			want := map[string]identity.Role{}
			if step.set != identity.None {
				want["get_current_time"] = step.set
			}
			got, err := d.Overrides(ctx, o.ID)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("step %d: %v (-want +got):\n%s", i, err, diff)
			}
		}
		if tenant, err := o.scope.Tenant(ctx); err != nil || tenant.Config != 6 {
			t.Errorf("configuration version %d, %v", tenant.Config, err)
		}
	})
}

func TestCryptoKeys(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		for range 2 {
			if err := errors.Join(d.RememberKey(ctx, "encrypt", "k1"), d.RememberKey(ctx, "encrypt", "k2")); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.ForgetKey(ctx, "encrypt", "k1"); err != nil {
			t.Fatal(err)
		}
		keys, err := d.CryptoKeys(ctx)
		want := []store.CryptoKey{{Purpose: "encrypt", ID: "k2"}}
		if diff := cmp.Diff(want, keys, cmpopts.IgnoreFields(store.CryptoKey{}, "CreatedAt")); diff != "" || err != nil {
			t.Errorf("keys: %v (-want +got):\n%s", err, diff)
		}
	})
}
