package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/oauth"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// provider is an identity provider of acme that says what the test wants.
type provider struct {
	offer  auth.Offer
	user   store.User
	finish error
	renew  error
	asked  string // the code that it was given

	meanwhile func() // what happens while it is asked
}

func (p *provider) Offer(context.Context, identity.TenantID) (auth.Offer, error) { return p.offer, nil }

func (p *provider) Prepare(identity.TenantID, *store.OAuthState) {}

func (p *provider) Begin(_ context.Context, l auth.Leg) (string, error) {
	return "https://idp.example/" + l.Provider + "?state=" + url.QueryEscape(l.State), nil
}

func (p *provider) Finish(_ context.Context, _ auth.Leg, code string) (store.User, error) {
	p.asked = code
	if p.meanwhile != nil {
		p.meanwhile()
	}
	return p.user, p.finish
}

func (p *provider) Renew(context.Context, store.User, auth.Client) error { return p.renew }

func newSSORig(t *testing.T) (*rig, *provider) {
	t.Helper()
	p := &provider{offer: auth.Offer{Password: true, Providers: []auth.OfferedProvider{{Kind: "entra", Name: "Microsoft"}, {Kind: "oidc", Name: "Okta"}}}}
	r := newRig(t, func(cfg *oauth.Config) { cfg.SSO = p })
	p.user = r.ann
	return r, p
}

func TestSSO(t *testing.T) {
	r, p := newSSORig(t)
	b := r.browser(t)
	client := b.register(t, loopback)
	page := b.get(t, "/t/acme/oauth/authorize?"+authorization(client).Encode())
	for _, want := range []string{"Sign in with Microsoft and allow", "Sign in with Okta and allow", "Sign in and allow"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	state := b.authorize(t, authorization(client))
	away := b.post(t, "/t/acme/oauth/sso", url.Values{"state": {state}, "provider": {"oidc"}})
	if to := away.header.Get("Location"); away.status != http.StatusFound || to != "https://idp.example/oidc?state="+url.QueryEscape(state) {
		t.Fatalf("%d %s", away.status, to)
	}
	callback := "/t/acme/oauth/oidc-callback?code=c1&state=" + url.QueryEscape(state)
	if got := r.browser(t).get(t, callback).refusal(t); got != errState {
		t.Errorf("callback in another browser: %s", got)
	}
	landed := b.get(t, callback).landed(t)
	if p.asked != "c1" || landed.Get("state") != "xyz" {
		t.Errorf("provider saw %v, the client %v", p.asked, landed)
	}
	pairOf(t, client, b.token(t, redemption(client, landed.Get("code"))))
	if got := b.get(t, callback).refusal(t); got != errState {
		t.Errorf("callback again: %s", got)
	}
	if records := r.audited(t, "oauth.entra_login"); len(records) != 1 || records[0]["provider"] != "oidc" || records[0]["user_email"] != "ann@acme.test" {
		t.Errorf("records %v", records)
	}
}

// TestGrantNeedsItsUser holds that what ends a user's access also ends their
// sign-ins that are not stored yet.
func TestGrantNeedsItsUser(t *testing.T) {
	r, p := newSSORig(t)
	b := r.browser(t)
	client := b.register(t, loopback)
	for name, end := range map[string]func(context.Context, *store.Tx) error{
		"password": func(ctx context.Context, tx *store.Tx) error { return tx.SetUserPassword(ctx, r.ann.ID, "hash", "") },
		"disabled": func(ctx context.Context, tx *store.Tx) error { return tx.DisableUser(ctx, r.ann.ID, store.ByAdmin) },
	} {
		p.meanwhile = func() { r.write(t, end) }
		state := url.QueryEscape(b.authorize(t, authorization(client)))
		if got := b.get(t, "/t/acme/oauth/oidc-callback?code=c&state="+state).refusal(t); got != "400 access_denied: Authentication error" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestSSORefusals(t *testing.T) {
	r, p := newSSORig(t)
	client := r.browser(t).register(t, loopback)
	for _, tt := range []struct {
		name, query, want string
		finish            error
	}{
		{"the provider says no", "&error=access_denied", "400 invalid_request: Sign-in was refused by the identity provider: access_denied", nil},
		{"the provider says nonsense", "&error=" + url.QueryEscape("<b>\r\n"), "400 invalid_request: Sign-in was refused by the identity provider: <b>", nil},
		{"configuration gone", "&code=c", "400 invalid_request: Entra ID config missing", fault.New(fault.Invalid, "Entra ID config missing")},
		{"provider down", "&code=c", "502 server_error: Identity provider is unavailable", fault.New(fault.BadGateway, "Identity provider is unavailable")},
		{"twice", "&code=c&code=d", "400 invalid_request: Parameter sent more than once: code", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.finish = tt.finish
			b := r.browser(t)
			state := b.authorize(t, authorization(client))
			if got := b.get(t, "/t/acme/oauth/entra-callback?state="+url.QueryEscape(state)+tt.query).refusal(t); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	t.Run("no group", func(t *testing.T) {
		p.finish = fault.New(fault.Forbidden, "Not in any authorised group")
		b := r.browser(t)
		landed := b.get(t, "/t/acme/oauth/entra-callback?code=c&state="+url.QueryEscape(b.authorize(t, authorization(client)))).landed(t)
		want := url.Values{"error": {"access_denied"}, "error_description": {"Not in any authorised group"}, "state": {"xyz"}, "iss": {r.base + "/t/acme"}}
		if diff := cmp.Diff(want, landed); diff != "" {
			t.Errorf("authorization response (-want +got):\n%s", diff)
		}
	})
	if n := len(r.audited(t, "oauth.login_failure")); n != 6 {
		t.Errorf("%d records of refusals", n)
	}
}

// TestPasswordsOff checks contract 4.6: the page then refuses passwords too.
func TestPasswordsOff(t *testing.T) {
	r, p := newSSORig(t)
	p.offer.Password = false
	b := r.browser(t)
	client := b.register(t, loopback)
	state := b.authorize(t, authorization(client))
	a := b.post(t, "/t/acme/oauth/login", signIn(state))
	if a.status != http.StatusOK || strings.Contains(a.body, `type="password"`) || !strings.Contains(a.body, "signs in through its identity provider") {
		t.Errorf("%d %s", a.status, a.body)
	}
	b.post(t, "/t/acme/oauth/login", url.Values{"state": {state}, "action": {"deny"}}).landed(t)
}

// TestRenew checks that the provider is asked before a refresh token is used
// up (contract 5.5).
func TestRenew(t *testing.T) {
	r, p := newSSORig(t)
	b := r.browser(t)
	tokens := b.tokens(t)
	for _, tt := range []struct {
		renew error
		want  string
	}{
		{fault.New(fault.Unavailable, "Group membership could not be verified — try again later"), "503 temporarily_unavailable: Group membership could not be verified — try again later"},
		{fault.New(fault.Forbidden, "Entra ID configuration removed — please re-authenticate"), "403 invalid_grant: Entra ID configuration removed — please re-authenticate"},
	} {
		p.renew = tt.renew
		if got := b.token(t, renewal(tokens)).refusal(t); got != tt.want {
			t.Error(got)
		}
	}
	p.renew = nil
	r.clock.advance(time.Minute)
	if a := b.token(t, renewal(tokens)); a.status != http.StatusOK {
		t.Errorf("the token was lost on the way: %d %s", a.status, a.body)
	}
}

func TestNoSSO(t *testing.T) {
	b := newRig(t).browser(t)
	client := b.register(t, loopback)
	for provider, want := range map[string]string{
		"entra": "400 invalid_request: Tenant has not configured Entra ID SSO", "oidc": "400 invalid_request: Tenant has not configured OIDC SSO",
		"": "400 invalid_request: provider must be entra or oidc",
	} {
		if got := b.post(t, "/t/acme/oauth/sso", url.Values{"state": {b.authorize(t, authorization(client))}, "provider": {provider}}).refusal(t); got != want {
			t.Errorf("%q: %s", provider, got)
		}
	}
	if got := b.post(t, "/t/acme/oauth/sso", url.Values{"provider": {"entra"}}).refusal(t); got != errState {
		t.Error(got)
	}
	for path, want := range map[string]string{"entra": "Entra ID config missing", "oidc": "OIDC config missing"} {
		state := url.QueryEscape(b.authorize(t, authorization(client)))
		if got := b.get(t, "/t/acme/oauth/"+path+"-callback?code=c&state="+state).refusal(t); got != "400 invalid_request: "+want {
			t.Errorf("%s: %s", path, got)
		}
	}
}
