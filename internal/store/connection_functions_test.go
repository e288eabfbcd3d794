package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func allow(ctx context.Context, o org, signature, hash string) error {
	return write(ctx, o.scope, func(tx *store.Tx) error {
		return tx.AllowFunction(ctx, store.AllowedFunction{Connection: o.conn.ID, Signature: signature, Hash: hash}, o.admin.ID)
	})
}

func mustFunctions(t *testing.T, o org) []store.AllowedFunction {
	t.Helper()
	list, err := o.scope.AllowedFunctions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestAllowedFunctions holds the life of the list: each change is a new state
// of the connection and of the tenant's configuration.
func TestAllowedFunctions(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		state := func() (time.Time, int64) {
			t.Helper()
			c, err := o.scope.Connection(ctx, o.conn.ID)
			if err != nil {
				t.Fatal(err)
			}
			live, err := d.Live(ctx, o.ID, o.admin.ID)
			if err != nil {
				t.Fatal(err)
			}
			return c.UpdatedAt, live.Config
		}
		changes := func(what string, change func() error) {
			t.Helper()
			at, config := state()
			if err := change(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if nowAt, now := state(); !nowAt.After(at) || now <= config {
				t.Errorf("%s: updated %v → %v, configuration %d → %d", what, at, nowAt, config, now)
			}
		}
		changes("allow", func() error { return allow(ctx, o, "public.f(text)", "h1") })
		changes("allow the edited one", func() error { return allow(ctx, o, "public.f(text)", "h2") })
		list := mustFunctions(t, o)
		if len(list) != 1 || list[0].Hash != "h2" || list[0].AllowedBy != o.admin.Email || list[0].Connection != o.conn.ID || list[0].AllowedAt.IsZero() {
			t.Errorf("list %+v", list)
		}
		changes("remove", func() error {
			return write(ctx, o.scope, func(tx *store.Tx) error {
				hash, err := tx.RemoveFunction(ctx, o.conn.ID, "public.f(text)")
				if hash != "h2" {
					t.Errorf("removed hash %q", hash)
				}
				return err
			})
		})
		err := write(ctx, o.scope, func(tx *store.Tx) error {
			_, err := tx.RemoveFunction(ctx, o.conn.ID, "public.f(text)")
			return err
		})
		if !fault.Is(err, fault.NotFound) || fault.Of(err).Public != "Function not found" {
			t.Errorf("second removal: %v", err)
		}
		if err := allow(ctx, o, "public.g()", "h"); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.RemoveConnection(ctx, o.conn.ID) })
		if left := mustFunctions(t, o); len(left) != 0 {
			t.Errorf("the removed connection left %+v", left)
		}
		if err := allow(ctx, o, "public.g()", "h"); !fault.Is(err, fault.NotFound) {
			t.Errorf("on a removed connection: %v", err)
		}
	})
}

func TestAllowedFunctionsAreBounded(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		for name, f := range map[string][2]string{
			"no signature": {"", "h"}, "long signature": {strings.Repeat("é", store.MaxFunctionSignature/2) + "x", "h"},
			"no hash": {"public.f()", ""}, "long hash": {"public.f()", strings.Repeat("h", store.MaxFunctionHash+1)},
		} {
			if err := allow(ctx, o, f[0], f[1]); !fault.Is(err, fault.Unprocessable) {
				t.Errorf("%s: %v", name, err)
			}
		}
		longest := strings.Repeat("é", store.MaxFunctionSignature/2)
		if err := allow(ctx, o, longest, strings.Repeat("h", store.MaxFunctionHash)); err != nil {
			t.Errorf("longest: %v", err)
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			for i := range store.MaxAllowedFunctions - 1 {
				f := store.AllowedFunction{Connection: o.conn.ID, Signature: fmt.Sprint("public.f", i, "()"), Hash: "h"}
				if err := tx.AllowFunction(ctx, f, o.admin.ID); err != nil {
					return err
				}
			}
			return nil
		})
		if err := allow(ctx, o, "public.more()", "h"); !fault.Is(err, fault.Invalid) {
			t.Errorf("one too many: %v", err)
		}
		if err := allow(ctx, o, longest, "h2"); err != nil {
			t.Errorf("a new definition of a listed one: %v", err)
		}
	})
}

// TestRulesSurviveTheirAdmin keeps the list when the account is deleted.
func TestRulesSurviveTheirAdmin(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		mustWrite(t, o.scope, func(tx *store.Tx) error {
			second, err := tx.CreateUser(ctx, store.NewUser{Email: "second@acme.example", PasswordHash: "x", Role: identity.Admin})
			if err != nil {
				return err
			}
			if err := tx.AllowFunction(ctx, store.AllowedFunction{Connection: o.conn.ID, Signature: "f()", Hash: "h"}, second.ID); err != nil {
				return err
			}
			return tx.DeleteUser(ctx, second.ID)
		})
		if list := mustFunctions(t, o); len(list) != 1 || list[0].AllowedBy != "" {
			t.Errorf("list %+v", list)
		}
	})
}

// TestEveryChangeIsANewState changes a connection while the clock stands still
// or runs behind another instance's: pools are told apart by UpdatedAt.
func TestEveryChangeIsANewState(t *testing.T) {
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
		seen := map[time.Time]bool{o.conn.UpdatedAt: true}
		for i := range 6 {
			if i == 3 {
				now = now.Add(-time.Minute)
			}
			change := func() error { return allow(ctx, o, "public.f()", fmt.Sprint("h", i)) }
			if i%2 == 1 {
				change = func() error {
					return write(ctx, o.scope, func(tx *store.Tx) error { return tx.UpdateConnection(ctx, o.conn) })
				}
			}
			if err := change(); err != nil {
				t.Fatal(err)
			}
			c, err := o.scope.Connection(ctx, o.conn.ID)
			if err != nil || seen[c.UpdatedAt] {
				t.Errorf("change %d: updated %v again, %v", i, c.UpdatedAt, err)
			}
			seen[c.UpdatedAt] = true
		}
	})
}
