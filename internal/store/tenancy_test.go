package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// TestOtherTenantsRowsDoNotExist tries every door to a single row with an id
// of another tenant.
func TestOtherTenantsRowsDoNotExist(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		acme, mine := mustOrg(t, d, "acme"), mustOrg(t, d, "mine")
		mustWrite(t, acme.scope, func(tx *store.Tx) error {
			return tx.AllowFunction(t.Context(), store.AllowedFunction{Connection: acme.conn.ID, Signature: "public.f()", Hash: "h"}, acme.admin.ID)
		})
		for name, try := range rowDoors(acme, mine) {
			if err := try(t.Context()); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v, want NotFound", name, err)
			}
		}
		ctx := t.Context()
		if err := mine.scope.RehashPassword(ctx, acme.viewer.ID, "hash", "stolen"); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, mine.scope, func(tx *store.Tx) error { return tx.EndSessions(ctx, acme.viewer.ID, "") })
		unchanged(t, d, acme)
		for name, n := range otherLists(t, acme, mine) {
			if n != 0 {
				t.Errorf("%s shows %d rows of another tenant", name, n)
			}
		}
	})
}

// rowDoors are all calls that name one row, made in mine with ids of acme.
func rowDoors(acme, mine org) map[string]func(ctx context.Context) error {
	change := func(fn func(ctx context.Context, tx *store.Tx) error) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			return write(ctx, mine.scope, func(tx *store.Tx) error { return fn(ctx, tx) })
		}
	}
	user := acme.viewer.ID
	return map[string]func(ctx context.Context) error{
		"User":          func(ctx context.Context) error { _, err := mine.scope.User(ctx, user); return err },
		"UserByEmail":   func(ctx context.Context) error { _, err := mine.scope.UserByEmail(ctx, acme.viewer.Email); return err },
		"UserBySubject": func(ctx context.Context) error { _, err := mine.scope.UserBySubject(ctx, "local", ""); return err },
		"Connection":    func(ctx context.Context) error { _, err := mine.scope.Connection(ctx, acme.conn.ID); return err },
		"SetConnectionTest": func(ctx context.Context) error {
			return mine.scope.SetConnectionTest(ctx, acme.conn.ID, []byte("{}"))
		},
		"APIKey":  func(ctx context.Context) error { _, err := mine.scope.APIKey(ctx, user, acme.key.ID); return err },
		"tx.User": change(func(ctx context.Context, tx *store.Tx) error { _, err := tx.User(ctx, user); return err }),
		"SetUserRole": change(func(ctx context.Context, tx *store.Tx) error {
			return tx.SetUserRole(ctx, user, identity.Admin)
		}),
		"SetUserEmail":    change(func(ctx context.Context, tx *store.Tx) error { return tx.SetUserEmail(ctx, user, "x@y.example") }),
		"DisableUser":     change(func(ctx context.Context, tx *store.Tx) error { return tx.DisableUser(ctx, user, store.ByAdmin) }),
		"EnableUser":      change(func(ctx context.Context, tx *store.Tx) error { return tx.EnableUser(ctx, user) }),
		"SetUserPassword": change(func(ctx context.Context, tx *store.Tx) error { return tx.SetUserPassword(ctx, user, "h", "") }),
		"SetUserLoggedIn": change(func(ctx context.Context, tx *store.Tx) error { return tx.SetUserLoggedIn(ctx, user) }),
		"SetUserSynced":   change(func(ctx context.Context, tx *store.Tx) error { return tx.SetUserSynced(ctx, user) }),
		"DeleteUser":      change(func(ctx context.Context, tx *store.Tx) error { return tx.DeleteUser(ctx, user) }),
		"tx.Connection": change(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Connection(ctx, acme.conn.ID)
			return err
		}),
		"UpdateConnection": change(func(ctx context.Context, tx *store.Tx) error { return tx.UpdateConnection(ctx, acme.conn) }),
		"RemoveConnection": change(func(ctx context.Context, tx *store.Tx) error { return tx.RemoveConnection(ctx, acme.conn.ID) }),
		"RevokeAPIKey": change(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.RevokeAPIKey(ctx, mine.viewer.ID, "", acme.key.ID)
			return err
		}),
		"AllowFunction": change(func(ctx context.Context, tx *store.Tx) error {
			return tx.AllowFunction(ctx, store.AllowedFunction{Connection: acme.conn.ID, Signature: "public.g()", Hash: "h"}, mine.admin.ID)
		}),
		"RemoveFunction": change(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.RemoveFunction(ctx, acme.conn.ID, "public.f()")
			return err
		}),
		"EndSession": change(func(ctx context.Context, tx *store.Tx) error { return tx.EndSession(ctx, user, acme.session.ID) }),
	}
}

// unchanged checks that nothing of an org was touched.
func unchanged(t *testing.T, d *store.DB, o org) {
	t.Helper()
	ctx := t.Context()
	user, err := o.scope.User(ctx, o.viewer.ID)
	if err != nil || user != o.viewer {
		t.Errorf("user = %+v, %v", user, err)
	}
	conn, err := o.scope.Connection(ctx, o.conn.ID)
	if err != nil || conn.Sealed != o.conn.Sealed || conn.LastTest != nil {
		t.Errorf("connection = %+v, %v", conn, err)
	}
	functions, err := o.scope.AllowedFunctions(ctx)
	if err != nil || len(functions) != 1 || functions[0].Hash != "h" {
		t.Errorf("functions = %+v, %v", functions, err)
	}
	key, err := d.LiveByKeyHash(ctx, []string{o.key.Hash})
	if err != nil || !key.Key.RevokedAt.IsZero() {
		t.Errorf("key = %+v, %v", key, err)
	}
	session, err := d.LiveBySessionHash(ctx, o.session.Hash)
	if err != nil || !session.Session.RevokedAt.IsZero() {
		t.Errorf("session = %+v, %v", session, err)
	}
}

// otherLists counts what lists of mine show of acme's user.
func otherLists(t *testing.T, acme, mine org) map[string]int {
	t.Helper()
	ctx := t.Context()
	keys, err := mine.scope.APIKeys(ctx, acme.viewer.ID, "", store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := mine.scope.Sessions(ctx, acme.viewer.ID)
	if err != nil {
		t.Fatal(err)
	}
	connections, err := mine.scope.Connections(ctx, identity.Admin, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	users, err := mine.scope.Users(ctx, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	functions, err := mine.scope.AllowedFunctions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]int{"AllowedFunctions": len(functions), "APIKeys": len(keys), "Sessions": len(sessions), "Connections": len(connections) - 1, "Users": len(users) - 2}
}

// TestRowsCannotCrossTenants makes the database itself refuse a row whose
// parent belongs to another tenant.
func TestRowsCannotCrossTenants(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		acme, mine := mustOrg(t, d, "acme"), mustOrg(t, d, "mine")
		for name, fn := range map[string]func(tx *store.Tx) error{
			"key": func(tx *store.Tx) error {
				_, err := tx.CreateAPIKey(ctx, store.NewAPIKey{User: acme.viewer.ID, Name: "x", Hash: "x"})
				return err
			},
			"session": func(tx *store.Tx) error {
				_, err := tx.CreateSession(ctx, store.NewSession{User: acme.viewer.ID, Hash: "x"})
				return err
			},
		} {
			if err := write(ctx, mine.scope, fn); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s of another tenant's user: %v", name, err)
			}
		}
	})
}

func TestConcurrentCreationHasOneWinner(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		for name, create := range map[string]func(i int) error{
			"tenant": func(i int) error {
				_, _, err := d.CreateTenant(ctx, store.NewTenant{Name: fmt.Sprint("N", i), Slug: "same", AdminEmail: "a@b.example"}, created)
				return err
			},
			"user": func(int) error {
				return write(ctx, o.scope, func(tx *store.Tx) error {
					_, err := tx.CreateUser(ctx, store.NewUser{Email: "same@acme.example", Role: identity.Viewer})
					return err
				})
			},
			"key": func(i int) error {
				return write(ctx, o.scope, func(tx *store.Tx) error {
					_, err := tx.CreateAPIKey(ctx, store.NewAPIKey{User: o.viewer.ID, Name: "same", Hash: fmt.Sprint("h", i)})
					return err
				})
			},
		} {
			const tries = 8
			outcome := make(chan error, tries)
			var wg sync.WaitGroup
			for i := range tries {
				wg.Go(func() { outcome <- create(i) })
			}
			wg.Wait()
			close(outcome)
			won := 0
			for err := range outcome {
				if err == nil {
					won++
				} else if !fault.Is(err, fault.Conflict) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if won != 1 {
				t.Errorf("%s: %d winners", name, won)
			}
		}
	})
}
