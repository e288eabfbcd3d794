package auth

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/ssotest"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

const (
	textLeft       = "User is no longer a member of any authorised group"
	textEnded      = "OIDC sign-in has ended — please re-authenticate"
	textUnverified = "Group membership could not be verified — try again later"
	textDisabled   = "Account disabled"
)

// TestRenewAtOnce holds contract 5.5 for many requests of one user on several
// instances: each gets the provider's one answer.
func TestRenewAtOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		ways := map[string]func(t *testing.T, u store.User) func(in instance) error{
			"token": func(t *testing.T, u store.User) func(in instance) error {
				return func(in instance) error { return in.Renew(t.Context(), u, Client{}) }
			},
			"browser session": func(t *testing.T, u store.User) func(in instance) error {
				live, err := r.a.store.Live(t.Context(), u.Tenant, u.ID)
				if err != nil {
					t.Fatal(err)
				}
				return func(in instance) error { return in.keepFresh(t.Context(), store.LiveSession{Live: live}) }
			},
		}
		for way, through := range ways {
			t.Run(way, func(t *testing.T) { r.renewsAtOnce(t, way, through) })
		}
	})
}

func (r *rig) renewsAtOnce(t *testing.T, way string, through func(*testing.T, store.User) func(instance) error) {
	for name, c := range map[string]struct {
		groups []string
		want   map[string]int
		role   identity.Role
		active bool
	}{
		"promoted":     {[]string{"boss"}, map[string]int{"": 20}, identity.Admin, true},
		"without role": {nil, map[string]int{textLeft: 20}, identity.Viewer, false},
	} {
		u := r.signedIn(t, person(name+" by "+way, "staff"))
		renew := through(t, u)
		r.idp.SignInAs(person(name+" by "+way, c.groups...))
		var got map[string]int
		if n := r.asked(func() { got = r.onBoth(renew) }); n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if now := r.user(t, u); now.Role != c.role || now.Active != c.active {
			t.Errorf("%s: %v, active %v", name, now.Role, now.Active)
		}
	}
}

// TestRenewGoesOn holds that the token which a renewal leaves behind is good
// for the next, on the other instance.
func TestRenewGoesOn(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		u := r.signedIn(t, person("ada", "staff"))
		for _, in := range []instance{r.a, r.b, r.b, r.a} {
			if n := r.asked(func() {
				if err := in.Renew(t.Context(), r.user(t, u), Client{}); err != nil {
					t.Error(err)
				}
			}); n != 1 {
				t.Errorf("asked %d times", n)
			}
			r.pass(time.Minute)
		}
	})
}

func TestRenewWhenTheSignInHasEnded(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		u := r.signedIn(t, person("ada", "staff"))
		r.idp.Remove("ada")
		got := r.onBoth(func(in instance) error { return in.Renew(t.Context(), u, Client{}) })
		if diff := cmp.Diff(map[string]int{textEnded: 20}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRenewWithoutAnswer(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		u := r.signedIn(t, person("ada", "staff"))
		r.idp.Override(ssotest.Token, ssotest.Status(http.StatusServiceUnavailable))
		for _, step := range []struct {
			after time.Duration
			want  map[string]int
		}{{0, map[string]int{"": 20}}, {ssoGrace, map[string]int{textUnverified: 20}}} {
			r.pass(step.after)
			got := r.onBoth(func(in instance) error { return in.Renew(t.Context(), u, Client{}) })
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("after %v more (-want +got):\n%s", step.after, diff)
			}
		}
		r.idp.Override(ssotest.Token, nil)
		if err := r.b.Renew(t.Context(), u, Client{}); err != nil {
			t.Errorf("after the outage: %v", err)
		}
	})
}

// question is a Renew that waits for somebody: the provider or another
// question.
type question struct{ answer chan error }

func renewIn(ctx context.Context, in instance, u store.User) question {
	q := question{make(chan error, 1)}
	go func() { q.answer <- in.Renew(ctx, u, Client{}) }()
	return q
}

// waits returns once the instance has seen twice that it must wait.
func (q question) waits(t *testing.T, in instance) {
	t.Helper()
	for range 2 {
		select {
		case <-in.clock.looks:
		case err := <-q.answer:
			t.Fatalf("did not wait: %v", err)
		}
	}
}

// TestRenewWaits holds that whoever waited for a question gets its outcome,
// judged by the user as they are by then.
func TestRenewWaits(t *testing.T) {
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			w.Write([]byte(body)) //nolint:errcheck // the gateway sees what arrived
		}
	}
	ended, down := status(http.StatusBadRequest, `{"error":"invalid_grant"}`), status(http.StatusServiceUnavailable, "{}")
	onBothEngines(t, func(t *testing.T, r *rig) {
		for name, c := range map[string]struct {
			answer    http.HandlerFunc
			meanwhile func(tx *store.Tx, u store.User) error
			want      string
		}{
			"ended":            {ended, nil, textEnded},
			"down":             {down, nil, ""},
			"disabled":         {down, func(tx *store.Tx, u store.User) error { return tx.DisableUser(t.Context(), u.ID, store.ByAdmin) }, textDisabled},
			"refused meantime": {down, func(tx *store.Tx, u store.User) error { return tx.DisableUser(t.Context(), u.ID, store.BySync) }, textLeft},
			"synced meantime":  {ended, func(tx *store.Tx, u store.User) error { return tx.SetUserSynced(t.Context(), u.ID) }, ""},
		} {
			t.Run(name, func(t *testing.T) {
				u := r.signedIn(t, person(name, "staff"))
				reached, release := make(chan struct{}), make(chan struct{})
				r.idp.Override(ssotest.Token, func(w http.ResponseWriter, req *http.Request) {
					reached <- struct{}{}
					<-release
					c.answer(w, req)
				})
				defer r.idp.Override(ssotest.Token, nil)
				first := renewIn(t.Context(), r.a, u)
				<-reached
				second := renewIn(t.Context(), r.b, u)
				second.waits(t, r.b)
				if c.meanwhile != nil {
					r.change(t, func(tx *store.Tx) error { return c.meanwhile(tx, u) })
				}
				close(release)
				<-first.answer
				if got := publicText(<-second.answer); got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
				if last, asked := r.b.resync.lately(u.ID, r.b.clock.Now()); c.want == "" && c.meanwhile == nil && (!asked || last.cause == nil) {
					t.Error("the outage is news to the instance that waited")
				}
			})
		}
	})
}

// leftBehind is the claim of an instance that was killed.
func (r *rig) leftBehind(t *testing.T, u store.User) {
	t.Helper()
	won, err := r.a.store.Tenant(u.Tenant).ClaimSSORenewal(t.Context(), u.ID, "", "killed", r.b.clock.Now().Add(claimFor))
	if !won || err != nil {
		t.Fatal(won, err)
	}
}

func TestRenewAfterAKilledInstance(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		u := r.signedIn(t, person("ada", "staff"))
		r.leftBehind(t, u)
		if n := r.asked(func() {
			q := renewIn(t.Context(), r.b, u)
			q.waits(t, r.b)
			if n := r.idp.Calls(ssotest.Token); n != 1 {
				t.Errorf("asked %d times before the claim's end", n-1)
			}
			r.pass(claimFor)
			if err := <-q.answer; err != nil {
				t.Error(err)
			}
		}); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestRenewWaitsNoLongerThanItsCaller(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		u := r.signedIn(t, person("ada", "staff"))
		r.leftBehind(t, u)
		ctx, cancel := context.WithCancel(t.Context())
		q := renewIn(ctx, r.b, u)
		q.waits(t, r.b)
		cancel()
		if err := <-q.answer; err == nil {
			t.Error("went on without an answer")
		}
	})
}

// TestRenewSurvivesItsCaller holds that a provider's new refresh token is kept
// when the request that asked for it went away.
func TestRenewSurvivesItsCaller(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		u := r.signedIn(t, person("ada", "staff"))
		ctx, cancel := context.WithCancel(t.Context())
		reached, release := make(chan struct{}), make(chan struct{})
		r.idp.Tamper(func(map[string]any) {
			close(reached)
			<-release
		})
		q := renewIn(ctx, r.a, u)
		<-reached
		cancel()
		close(release)
		if err := <-q.answer; err != nil {
			t.Error(err)
		}
		r.idp.Tamper(nil)
		r.pass(time.Minute)
		if err := r.b.Renew(t.Context(), r.user(t, u), Client{}); err != nil {
			t.Errorf("the next: %v", err)
		}
	})
}
