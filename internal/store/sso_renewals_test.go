package store_test

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// TestSSORenewals holds that of several who saw the same, one asks.
func TestSSORenewals(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o, rival := mustOrg(t, d, "acme"), mustOrg(t, d, "rival")
		user, ends := o.viewer.ID, soon()
		read := func() store.SSORenewal {
			t.Helper()
			r, err := o.scope.SSORenewal(ctx, user)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if got := read(); got != (store.SSORenewal{}) {
			t.Errorf("before the first question: %+v", got)
		}
		for _, when := range []string{"first", "second"} {
			seen := read().Owner
			if n := winners(t, func(ctx context.Context) (bool, error) {
				return o.scope.ClaimSSORenewal(ctx, user, seen, rand.Text(), ends)
			}); n != 1 {
				t.Errorf("%s question: %d winners", when, n)
			}
		}
		want := store.SSORenewal{Owner: read().Owner, EndsAt: ends}
		for _, step := range []struct{ owner, outcome string }{{"somebody else", ""}, {want.Owner, "done"}} {
			if err := o.scope.FinishSSORenewal(ctx, user, step.owner, "done"); err != nil {
				t.Fatal(err)
			}
			want.Outcome = step.outcome
			if diff := cmp.Diff(want, read()); diff != "" {
				t.Errorf("finished by %s (-want +got):\n%s", step.owner, diff)
			}
		}
		if won, err := o.scope.ClaimSSORenewal(ctx, user, want.Owner, "next", ends); !won || err != nil {
			t.Errorf("after an outcome: %v, %v", won, err)
		}
		if got := read(); got.Outcome != "" {
			t.Errorf("a new question has the outcome of the old one: %+v", got)
		}

		if got, err := rival.scope.SSORenewal(ctx, user); got != (store.SSORenewal{}) || err != nil {
			t.Errorf("another tenant sees %+v, %v", got, err)
		}
		if _, err := rival.scope.ClaimSSORenewal(ctx, user, "", "x", ends); !fault.Is(err, fault.NotFound) {
			t.Errorf("another tenant asks: %v", err)
		}
		mustWrite(t, o.scope, func(tx *store.Tx) error { return tx.DeleteUser(ctx, user) })
		if _, err := o.scope.ClaimSSORenewal(ctx, user, "", "x", ends); !fault.Is(err, fault.NotFound) {
			t.Errorf("a user who is gone: %v", err)
		}
	})
}
