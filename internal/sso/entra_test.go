package sso_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/sso/ssotest"
)

func TestEntraSignIn(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers, strings.ToLower(analysts)))
	b := newBrowser(t)

	start := b.get(t, r.Base+"/auth/entra/login?tenant_slug=acme").location(t)
	u, err := url.Parse(start)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/"+ssotest.Tenant+"/oauth2/v2.0/authorize" || q.Get("scope") != "openid profile email User.Read GroupMember.Read.All" ||
		q.Get("redirect_uri") != r.Base+"/auth/entra/callback" || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" {
		t.Errorf("sent to %s", start)
	}

	answer := b.get(t, b.client(t, r, start))
	if to := answer.location(t); to != "/admin/" {
		t.Errorf("sent to %q after the sign-in", to)
	}
	if got, want := b.me(t, r), (me{Email: "ada@acme.test", Role: "analyst", Active: true, Provider: "entra"}); got.ID == "" || got.Email != want.Email || got.Role != want.Role || got.Provider != want.Provider {
		t.Errorf("signed in as %+v, want %+v", got, want)
	}
	r.wantEvent(t, "user.created", map[string]any{"role": "analyst", "auth_provider": "entra"})
	r.wantEvent(t, "login.success", map[string]any{"method": "entra", "user_email": "ada@acme.test"})
	if strings.Contains(r.Log(), ssotest.Secret) {
		t.Error("the client secret is in the log")
	}
	for _, cookie := range answer.header.Values("Set-Cookie") {
		if strings.HasPrefix(cookie, "mgw_session=") && (!strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax")) {
			t.Errorf("cookie %s", cookie)
		}
	}
}
