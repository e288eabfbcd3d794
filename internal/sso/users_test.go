package sso_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/ssotest"
)

// patchUser changes a user as the administrator.
func (r *rig) patchUser(t *testing.T, id string, change map[string]any) {
	t.Helper()
	if err := r.Admin.Do(t.Context(), http.MethodPatch, "/tenants/users/"+id, change, nil); err != nil {
		t.Fatal(err)
	}
}

// TestProvisioning holds contract 5.2, Provisioning: one person through a
// career, recognised by their id.
func TestProvisioning(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	first := r.browser(t)
	first.signIn(t, r, "entra").location(t)
	id := first.me(t, r).ID

	person := ada(admins)
	person.Email = "ada.lovelace@acme.test"
	r.idp.SignInAs(person)
	r.browser(t).signIn(t, r, "entra").location(t)
	if got, want := first.me(t, r), (me{id, "ada.lovelace@acme.test", "admin", true, "entra"}); got != want {
		t.Errorf("after a promotion the first session is %+v, want %+v", got, want)
	}
	r.wantEvent(t, "user.role_updated", map[string]any{"target_user_id": id, "new_role": "admin", "source": "sync"})

	r.idp.SignInAs(ada())
	b := r.browser(t)
	b.signIn(t, r, "entra").want(t, 403, "Not in any authorised group")
	r.wantEvent(t, "user.disabled", map[string]any{"target_user_id": id, "source": "sync"})
	r.wantEvent(t, "login.failure", map[string]any{"reason": "Not in any authorised group", "user_email": "ada.lovelace@acme.test"})
	first.get(t, r.Base+"/auth/me").want(t, 401, "User not found or inactive")
	page := b.page(t, b.toCallback(t, r, "entra", ""))
	if page.status != 403 || !strings.Contains(page.body, "Not a member of any authorized group") {
		t.Errorf("page of the refusal: %d %s", page.status, page.body)
	}

	r.idp.SignInAs(ada(analysts))
	b.signIn(t, r, "entra").location(t)
	if got := b.me(t, r); got.ID != id || got.Role != "analyst" {
		t.Errorf("came back as %+v", got)
	}
	r.wantEvent(t, "user.enabled", map[string]any{"target_user_id": id, "source": "sync"})

	r.patchUser(t, id, map[string]any{"is_active": false})
	b.signIn(t, r, "entra").want(t, 403, "Account disabled")
	r.wantEvent(t, "login.failure", map[string]any{"reason": "account_disabled"})
	r.idp.SignInAs(ada())
	b.signIn(t, r, "entra").want(t, 403, "Account disabled")
	r.idp.SignInAs(ada(admins))
	b.signIn(t, r, "entra").want(t, 403, "Account disabled") // an admin's disabling stands
	r.patchUser(t, id, map[string]any{"is_active": true})
	b.signIn(t, r, "entra").location(t)
}

// TestAdminDisablesWhomTheSyncDisabled holds that an administrator's disabling
// stands, whoever came first (contract 5.2, Provisioning).
func TestAdminDisablesWhomTheSyncDisabled(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	b := r.browser(t)
	b.signIn(t, r, "entra").location(t)
	id := b.me(t, r).ID
	r.idp.SignInAs(ada())
	b.signIn(t, r, "entra").want(t, 403, "Not in any authorised group")

	r.patchUser(t, id, map[string]any{"is_active": false})
	r.wantEvent(t, "user.disabled", map[string]any{"target_user_id": id, "source": "admin"})
	r.idp.SignInAs(ada(viewers))
	b.signIn(t, r, "entra").want(t, 403, "Account disabled")
}

// TestEmailClash holds contract 5.4 and 15.2 A16: an e-mail opens nobody
// else's account, in no tenant.
func TestEmailClash(t *testing.T) {
	const local = "A local account with this e-mail already exists in this organisation. Ask an administrator to remove or rename it."
	r := startEntra(t)
	person := ada(admins)
	person.Email = "Viewer@acme.test"
	r.idp.SignInAs(person)
	r.browser(t).signIn(t, r, "entra").want(t, 409, local)
	r.wantEvent(t, "login.failure", map[string]any{"reason": local})

	r.idp.SignInAs(ada(viewers))
	b := r.browser(t)
	b.signIn(t, r, "entra").location(t)
	person.Email = "admin@acme.test" // renamed at the provider
	r.idp.SignInAs(person)
	b.signIn(t, r, "entra").want(t, 409, local)
	if got := b.me(t, r); got.Email != "ada@acme.test" || got.Role != "viewer" {
		t.Errorf("the clash left %+v", got)
	}

	other := ssotest.Person{ID: "cccccccc-0000-4000-8000-000000000000", Email: "ada@acme.test", Groups: []string{viewers}}
	r.idp.SignInAs(other)
	r.browser(t).signIn(t, r, "entra").want(t, 409, "Another account with this e-mail already exists in this organisation. Ask an administrator to remove it.")

	if _, err := r.Anonymous.Register(t.Context(), "Rival", "rival", "ada@acme.test", gatewaytest.Password); err != nil {
		t.Fatal(err)
	}
	r.idp.SignInAs(ada(viewers))
	again := r.browser(t)
	again.signIn(t, r, "entra").location(t)
	if again.me(t, r).ID != b.me(t, r).ID {
		t.Error("registering the e-mail elsewhere changed who signs in")
	}
	if _, err := r.Anonymous.Login(t.Context(), "acme", "ada@acme.test", gatewaytest.Password); err == nil {
		t.Error("an SSO account opened with a password")
	}
}

// TestFirstSignInTwice holds that two tabs make one user.
func TestFirstSignInTwice(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		r.idp.SignInAs(ada(viewers))
		var tabs sync.WaitGroup
		for range 8 {
			b := r.browser(t)
			callback := b.toCallback(t, r, "entra", "")
			tabs.Go(func() {
				if got := b.get(t, callback); got.status != http.StatusFound {
					t.Errorf("%d %s", got.status, got.body)
				}
			})
		}
		tabs.Wait()
		if n := r.count(t, "SELECT count(*) FROM users WHERE auth_provider = 'entra'"); n != 1 {
			t.Errorf("%d users", n)
		}
	})
}
