package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

const (
	errCode    = "400 invalid_grant: Invalid or expired authorization code"
	errRefresh = "400 invalid_grant: Invalid or expired refresh token"
	errAuth    = "400 invalid_grant: Authentication error"
)

// TestCodeRefusals walks the token endpoint's rows of contract 4.3.
func TestCodeRefusals(t *testing.T) {
	r := newRig(t)
	client := r.browser(t).register(t, loopback)
	other := r.browser(t).register(t, loopback)
	set := func(name string, values ...string) func(url.Values) {
		return func(form url.Values) { form[name] = values }
	}
	tests := []struct {
		name   string
		change func(url.Values)
		want   string
	}{
		{"no grant_type", set("grant_type"), "400 invalid_request: Missing parameter: grant_type"},
		{"password grant", set("grant_type", "password"), "400 unsupported_grant_type: Unsupported grant_type"},
		{"client credentials", set("grant_type", "client_credentials"), "400 unsupported_grant_type: Unsupported grant_type"},
		{"no code", set("code"), "400 invalid_request: Missing parameter: code"},
		{"no verifier", set("code_verifier"), "400 invalid_request: Missing parameter: code_verifier"},
		{"no redirect_uri", set("redirect_uri"), "400 invalid_request: Missing parameter: redirect_uri"},
		{"no client_id", set("client_id"), "400 invalid_request: Missing parameter: client_id"},
		{"code twice", set("code", "a", "b"), "400 invalid_request: Parameter sent more than once: code"},
		{"unknown code", set("code", strings.Repeat("x", 43)), errCode},
		{"long code", set("code", strings.Repeat("x", 60000)), errCode},
		{"other verifier", set("code_verifier", strings.Repeat("v", 43)), "400 invalid_grant: PKCE verification failed"},
		{"challenge as verifier", set("code_verifier", challengeOf(verifier)), "400 invalid_grant: PKCE verification failed"},
		{"short verifier", set("code_verifier", "short"), "400 invalid_grant: PKCE verification failed"},
		{"other redirect_uri", set("redirect_uri", loopback+"/"), "400 invalid_grant: redirect_uri mismatch"},
		{"other port", set("redirect_uri", "http://127.0.0.1:1/callback"), "400 invalid_grant: redirect_uri mismatch"},
		{"other client", set("client_id", other), errAuth},
		{"unknown client", set("client_id", "nobody"), errAuth},
		{"long client", set("client_id", strings.Repeat("c", 5000)), "400 invalid_request: client_id is too long"},
		{"foreign resource", set("resource", "https://other.example"), "400 invalid_target: resource is not an MCP endpoint of this organisation"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.clock.advance(time.Minute)
			b := r.browser(t)
			form := redemption(client, b.code(t, client))
			tt.change(form)
			before := len(r.audited(t, "oauth.token_refused"))
			if got := b.token(t, form).refusal(t); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if after := len(r.audited(t, "oauth.token_refused")); after != before+1 {
				t.Errorf("%d records of the refusal", after-before)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		r.clock.advance(time.Minute)
		b := r.browser(t)
		code := b.code(t, client)
		r.clock.advance(5*time.Minute + time.Second)
		if got := b.token(t, redemption(client, code)).refusal(t); got != errCode {
			t.Error(got)
		}
	})
	t.Run("another organisation", func(t *testing.T) {
		b := r.browser(t)
		form := redemption(client, b.code(t, client))
		if got := b.post(t, "/t/globex/oauth/token", form).refusal(t); got != errAuth {
			t.Error(got)
		}
		if a := b.token(t, form); a.status != http.StatusOK {
			t.Errorf("the code was lost on the way: %d %s", a.status, a.body)
		}
	})
	t.Run("JSON", func(t *testing.T) {
		a := r.browser(t).send(t, http.MethodPost, "/t/acme/oauth/token", jsonType, `{"grant_type":"authorization_code"}`)
		if got := a.refusal(t); got != "400 invalid_request: Content-Type must be application/x-www-form-urlencoded" {
			t.Error(got)
		}
	})
	t.Run("a wrong verifier uses the code up", func(t *testing.T) {
		r.clock.advance(time.Minute)
		b := r.browser(t)
		form := redemption(client, b.code(t, client))
		good := form.Get("code_verifier")
		form.Set("code_verifier", strings.Repeat("v", 43))
		b.token(t, form)
		form.Set("code_verifier", good)
		if got := b.token(t, form).refusal(t); got != errCode {
			t.Error(got)
		}
	})
}

// TestAudience checks that a token is for the resource that was asked for, and
// works at both of the tenant's endpoints (contract 4.2).
func TestAudience(t *testing.T) {
	r := newRig(t)
	for _, resources := range [][]string{nil, {""}, {r.base + "/t/acme/mcp"}, {r.base + "/t/acme/mcp/sse"}, {r.base + "/t/acme/mcp/sse", r.base + "/t/acme/mcp"}} {
		b := r.browser(t)
		client := b.register(t, loopback)
		q := authorization(client)
		if resources != nil {
			q["resource"] = resources
		}
		form := redemption(client, b.post(t, "/t/acme/oauth/login", signIn(b.authorize(t, q))).landed(t).Get("code"))
		p := pairOf(t, client, b.token(t, form))
		want := r.base + "/t/acme/mcp"
		if len(resources) > 0 && resources[0] != "" {
			want = resources[0]
		}
		if got := claimsOf(t, p.access); got["aud"] != want || got["iss"] != r.base+"/t/acme" || got["client_id"] != client || got["scope"] != "mcp" || got["type"] != "access" {
			t.Errorf("%v: claims %v", resources, got)
		}
		if a := b.mcp(t, "acme", p.access); a.status != http.StatusOK {
			t.Errorf("%v: %d %s", resources, a.status, a.body)
		}
	}
}

// TestCodeReplay checks that a second use is refused and ends what the first
// one gave, access token included (contract 4.4).
func TestCodeReplay(t *testing.T) {
	b := newRig(t).browser(t)
	client := b.register(t, loopback)
	form := redemption(client, b.code(t, client))
	p := pairOf(t, client, b.token(t, form))
	if got := b.token(t, form).refusal(t); got != errCode {
		t.Error(got)
	}
	b.mustBeDead(t, p)
	if records := b.audited(t, "oauth.token_refused"); len(records) == 0 || records[len(records)-1]["reason"] != "replay" {
		t.Errorf("records %v", records)
	}
	if n := len(b.audited(t, "oauth.token_revoked")); n != 1 {
		t.Errorf("%d revocations on record", n)
	}
}

func (b *browser) mustBeDead(t testing.TB, p pair) {
	t.Helper()
	if a := b.mcp(t, "acme", p.access); a.status != http.StatusUnauthorized || a.json(t)["detail"] != "Invalid token" {
		t.Errorf("access token lives: %d %s", a.status, a.body)
	}
	if got := b.token(t, renewal(p)).refusal(t); got != errRefresh {
		t.Errorf("refresh token: %s", got)
	}
}

// TestOneRedemptionWins redeems a code, and then a refresh token, twenty times
// at once (contract 15.2 A13).
func TestOneRedemptionWins(t *testing.T) { onBothEngines(t, oneRedemptionWins) }

func oneRedemptionWins(t *testing.T, r *rig) {
	b := r.browser(t)
	client := b.register(t, loopback)
	for _, grant := range []string{"code", "refresh token"} {
		t.Run(grant, func(t *testing.T) {
			r.clock.advance(time.Minute)
			form, refused := redemption(client, b.code(t, client)), errCode
			if grant == "refresh token" {
				form, refused = renewal(pairOf(t, client, b.token(t, form))), errRefresh
			}
			var mu sync.Mutex
			var won pair
			answers := map[string]int{}
			parallel(20, func() {
				a := b.token(t, form)
				mu.Lock()
				defer mu.Unlock()
				if a.status == http.StatusOK {
					won = pairOf(t, client, a)
					answers["tokens"]++
				} else {
					answers[a.refusal(t)]++
				}
			})
			if diff := cmp.Diff(map[string]int{"tokens": 1, refused: 19}, answers); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			r.clock.advance(time.Minute)
			b.mustBeDead(t, won)
		})
	}
}

func TestRefresh(t *testing.T) {
	r := newRig(t)
	b := r.browser(t)
	p := b.tokens(t)
	r.clock.advance(20 * time.Minute)
	if a := b.mcp(t, "acme", p.access); a.status != http.StatusUnauthorized {
		t.Errorf("an old access token works: %d", a.status)
	}
	form := renewal(p)
	form.Del("client_id") // optional
	form.Set("scope", "mcp admin")
	form.Set("resource", r.base+"/t/acme/mcp")
	a := b.token(t, form)
	next := pairOf(t, p.client, a)
	if a.json(t)["scope"] != "mcp" || next.refresh == p.refresh {
		t.Errorf("answer %s", a.body)
	}
	if got := b.token(t, renewal(p)).refusal(t); got != errRefresh {
		t.Errorf("replay: %s", got)
	}
	b.mustBeDead(t, next)
}

func TestRefreshRefusals(t *testing.T) {
	r := newRig(t)
	other := r.browser(t).register(t, loopback)
	set := func(name string, values ...string) func(url.Values) {
		return func(form url.Values) { form[name] = values }
	}
	for _, tt := range []struct {
		name   string
		change func(url.Values)
		want   string
	}{
		{"none", set("refresh_token"), "400 invalid_request: Missing parameter: refresh_token"},
		{"unknown", set("refresh_token", "mgw_rt_"+strings.Repeat("x", 43)), errRefresh},
		{"other client", set("client_id", other), errAuth},
		{"foreign resource", set("resource", r.base+"/t/globex/mcp"), "400 invalid_target: resource is not an MCP endpoint of this organisation"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r.clock.advance(time.Minute)
			b := r.browser(t)
			p := b.tokens(t)
			form := renewal(p)
			tt.change(form)
			if got := b.token(t, form).refusal(t); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if a := b.token(t, renewal(p)); a.status != http.StatusOK {
				t.Errorf("the token was lost on the way: %d %s", a.status, a.body)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		r.clock.advance(time.Minute)
		b := r.browser(t)
		p := b.tokens(t)
		r.clock.advance(30*24*time.Hour + time.Second)
		if got := b.token(t, renewal(p)).refusal(t); got != errRefresh {
			t.Error(got)
		}
	})
	t.Run("another organisation", func(t *testing.T) {
		b := r.browser(t)
		if got := b.post(t, "/t/globex/oauth/token", renewal(b.tokens(t))).refusal(t); got != errRefresh {
			t.Error(got)
		}
	})
}

// TestWhatEndsTokens checks that what ends a user's access ends codes, access
// and refresh tokens at once (contract 2.4).
func TestWhatEndsTokens(t *testing.T) {
	for name, tt := range map[string]struct {
		end           func(r *rig) func(context.Context, *store.Tx) error
		code, refresh string
		mcp           string
	}{
		"disabled": {func(r *rig) func(context.Context, *store.Tx) error {
			return func(ctx context.Context, tx *store.Tx) error { return tx.DisableUser(ctx, r.ann.ID, store.ByAdmin) }
		}, errAuth, errAuth, "User not found or inactive"},
		"deleted": {func(r *rig) func(context.Context, *store.Tx) error {
			return func(ctx context.Context, tx *store.Tx) error { return tx.DeleteUser(ctx, r.ann.ID) }
		}, errCode, errRefresh, "User not found or inactive"},
		"password changed": {func(r *rig) func(context.Context, *store.Tx) error {
			return func(ctx context.Context, tx *store.Tx) error { return tx.SetUserPassword(ctx, r.ann.ID, "hash", "") }
		}, errCode, errRefresh, "Invalid token"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			b := r.browser(t)
			p := b.tokens(t)
			form := redemption(p.client, b.code(t, p.client))
			r.write(t, tt.end(r))
			if got := b.token(t, form).refusal(t); got != tt.code {
				t.Errorf("code: %s", got)
			}
			if got := b.token(t, renewal(p)).refusal(t); got != tt.refresh {
				t.Errorf("refresh token: %s", got)
			}
			if a := b.mcp(t, "acme", p.access); a.status != http.StatusUnauthorized || a.json(t)["detail"] != tt.mcp {
				t.Errorf("access token: %d %s", a.status, a.body)
			}
		})
	}
}

func TestRevoke(t *testing.T) {
	r := newRig(t)
	b := r.browser(t)
	for _, kind := range []string{"refresh", "access"} {
		p := b.tokens(t)
		token := map[string]string{"refresh": p.refresh, "access": p.access}[kind]
		for name, form := range map[string]url.Values{
			"another client": {"token": {token}, "client_id": {"other"}},
			"unknown":        {"token": {"mgw_rt_unknown"}, "token_type_hint": {"refresh_token"}},
		} {
			if a := b.post(t, "/t/acme/oauth/revoke", form); a.status != http.StatusOK || a.body != "" {
				t.Errorf("%s, %s: %d %s", kind, name, a.status, a.body)
			}
		}
		if a := b.post(t, "/t/globex/oauth/revoke", url.Values{"token": {token}}); a.status != http.StatusOK {
			t.Errorf("%s elsewhere: %d", kind, a.status)
		}
		if a := b.mcp(t, "acme", p.access); a.status != http.StatusOK {
			t.Errorf("%s: ended by a stranger", kind)
		}
		if a := b.post(t, "/t/acme/oauth/revoke", url.Values{"token": {token}, "token_type_hint": {kind + "_token"}, "client_id": {p.client}}); a.status != http.StatusOK || a.body != "" {
			t.Errorf("%s: %d %s", kind, a.status, a.body)
		}
		b.mustBeDead(t, p)
		if a := b.post(t, "/t/acme/oauth/revoke", url.Values{"token": {token}}); a.status != http.StatusOK {
			t.Errorf("%s again: %d", kind, a.status)
		}
		r.clock.advance(time.Minute)
	}
	if got := b.post(t, "/t/acme/oauth/revoke", url.Values{}).refusal(t); got != "400 invalid_request: Missing parameter: token" {
		t.Error(got)
	}
}

// TestClean checks that what has expired goes, and only that: a client stays
// as long as somebody signs in with it or holds its tokens (contract 4.4).
func TestClean(t *testing.T) {
	r := newRig(t)
	b := r.browser(t)
	held, used, unused := b.tokens(t), b.register(t, loopback), b.register(t, loopback)
	for range 4 { // 100 days
		r.clock.advance(25 * 24 * time.Hour)
		held = pairOf(t, held.client, b.token(t, renewal(held)))
		b.code(t, used)
		if err := r.server.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.get(t, "/t/acme/oauth/authorize?"+authorization(unused).Encode()).refusal(t); got != "400 invalid_client: Unknown client" {
		t.Errorf("unused client: %s", got)
	}
	for _, client := range []string{held.client, used} {
		b.authorize(t, authorization(client))
	}
	if a := b.mcp(t, "acme", held.access); a.status != http.StatusOK {
		t.Errorf("the tokens in use are gone: %d %s", a.status, a.body)
	}
}
