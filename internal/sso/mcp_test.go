package sso_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/sso/ssotest"
)

const (
	redirectURI = "http://127.0.0.1:33418/callback"
	verifier    = "a-code-verifier-of-more-than-forty-three-characters"
)

// post submits a form, as a page of the gateway does.
func (b *browser) post(t *testing.T, address string, form url.Values) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(t, req)
}

// register registers an MCP client.
func (r *rig) register(t *testing.T) string {
	t.Helper()
	var out struct {
		ClientID string `json:"client_id"`
	}
	err := r.Anonymous.Do(t.Context(), http.MethodPost, "/t/acme/oauth/register", map[string]any{"client_name": "Desk", "redirect_uris": []string{redirectURI}}, &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.ClientID
}

var stateField = regexp.MustCompile(`name="state" value="([^"]+)"`)

// toMCPCallback signs in for a client up to the callback, not yet visited.
func (b *browser) toMCPCallback(t *testing.T, r *rig, client, provider string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {redirectURI}, "state": {"xyz"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	page := b.get(t, r.Base+"/t/acme/oauth/authorize?"+q.Encode()).want(t, 200, "")
	state := stateField.FindStringSubmatch(page.body)
	if state == nil {
		t.Fatal(page.body)
	}
	away := b.post(t, r.Base+"/t/acme/oauth/sso", url.Values{"state": {state[1]}, "provider": {provider}})
	return b.atProvider(t, r, away.location(t))
}

// landed returns the parameters of an authorization response.
func (r reply) landed(t *testing.T) url.Values {
	t.Helper()
	u, err := url.Parse(r.location(t))
	if err != nil || !strings.HasPrefix(u.String(), redirectURI+"?") {
		t.Fatalf("sent to %v, %v", u, err)
	}
	return u.Query()
}

// pair is the answer of the token endpoint.
type pair struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func (r reply) pair(t *testing.T) (p pair) {
	t.Helper()
	r.want(t, 200, "")
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (b *browser) redeem(t *testing.T, r *rig, client, code string) reply {
	t.Helper()
	return b.post(t, r.Base+"/t/acme/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "client_id": {client}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
	})
}

func (b *browser) refresh(t *testing.T, r *rig, token string) reply {
	t.Helper()
	return b.post(t, r.Base+"/t/acme/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// signInMCP signs in for a new client.
func (b *browser) signInMCP(t *testing.T, r *rig, provider string) pair {
	t.Helper()
	client := r.register(t)
	landed := b.get(t, b.toMCPCallback(t, r, client, provider)).landed(t)
	if landed.Get("state") != "xyz" || landed.Get("iss") != r.Base+"/t/acme" {
		t.Errorf("authorization response %v", landed)
	}
	return b.redeem(t, r, client, landed.Get("code")).pair(t)
}

// tools is how many tools a token may use, by name.
func (r *rig) tools(t *testing.T, p pair) string {
	t.Helper()
	names, err := r.Anonymous.As(p.Access).Tools(t.Context(), "acme")
	if err != nil {
		return err.Error()
	}
	return strings.Join(names, " ")
}

func TestMCPSignIn(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	b := r.browser(t)
	tokens := b.signInMCP(t, r, "entra")
	if got := r.tools(t, tokens); !strings.Contains(got, "get_current_time") {
		t.Errorf("tools: %s", got)
	}
	r.wantEvent(t, "oauth.entra_login", map[string]any{"provider": "entra", "user_email": "ada@acme.test"})

	client := r.register(t)
	callback := b.toMCPCallback(t, r, client, "entra")
	b.get(t, strings.Replace(callback, "entra-callback", "oidc-callback", 1)).want(t, 400, "OIDC config missing")

	r.idp.SignInAs(ada())
	refused := b.get(t, b.toMCPCallback(t, r, client, "entra")).landed(t)
	if refused.Get("error") != "access_denied" || refused.Get("error_description") != "Not in any authorised group" {
		t.Errorf("refusal %v", refused)
	}
	r.wantEvent(t, "oauth.login_failure", map[string]any{"reason": "Not in any authorised group", "email": "ada@acme.test"})
}

// TestRefresh holds contract 5.5 at the token endpoint.
func TestRefresh(t *testing.T) {
	r := startEntra(t, "ENTRA_GRACE_MINUTES=60")
	r.idp.SignInAs(ada(viewers))
	b := r.browser(t)
	tokens := b.signInMCP(t, r, "entra")

	r.idp.SignInAs(ada(admins))
	tokens = b.refresh(t, r, tokens.Refresh).pair(t)
	r.wantEvent(t, "user.role_updated", map[string]any{"new_role": "admin", "source": "sync"})

	r.idp.Override(ssotest.Groups, ssotest.Status(503))
	tokens = b.refresh(t, r, tokens.Refresh).pair(t) // within the grace
	r.lastSync(t, 61*time.Minute)
	late := b.refresh(t, r, tokens.Refresh).want(t, 503, "Group membership could not be verified — try again later")
	if !strings.Contains(late.body, `"error":"temporarily_unavailable"`) || late.header.Get("Retry-After") == "" {
		t.Errorf("%v %s", late.header, late.body)
	}
	r.idp.Override(ssotest.Groups, nil)
	r.idp.Override(ssotest.Token, ssotest.Garbage)
	b.refresh(t, r, tokens.Refresh).want(t, 503, "")
	r.idp.Override(ssotest.Token, nil)
	tokens = b.refresh(t, r, tokens.Refresh).pair(t) // it was not used up

	r.idp.SignInAs(ada(others(3)...))
	gone := b.refresh(t, r, tokens.Refresh).want(t, 403, "User is no longer a member of any authorised group")
	if !strings.Contains(gone.body, `"error":"invalid_grant"`) {
		t.Error(gone.body)
	}
	r.wantEvent(t, "user.disabled", map[string]any{"source": "sync"})
	if got := r.tools(t, tokens); !strings.Contains(got, "401") {
		t.Errorf("the access token lived on: %s", got)
	}
	r.idp.SignInAs(ada(viewers))
	b.refresh(t, r, tokens.Refresh).want(t, 400, "Authentication error")
	r.signInAgain(t, b) // comes back with a group, on a new sign-in
	b.refresh(t, r, tokens.Refresh).want(t, 400, "Invalid or expired refresh token")
}

func (r *rig) signInAgain(t *testing.T, b *browser) {
	t.Helper()
	b.signIn(t, r, "entra").location(t)
}

// TestRefreshGone holds contract 5.5 when the person or the configuration is
// gone, and that no grace means none.
func TestRefreshGone(t *testing.T) {
	r := startEntra(t, "ENTRA_GRACE_MINUTES=0")
	r.idp.SignInAs(ada(viewers))
	b := r.browser(t)
	tokens := b.signInMCP(t, r, "entra")
	r.idp.Override(ssotest.Groups, ssotest.Status(401))
	b.refresh(t, r, tokens.Refresh).want(t, 503, "Group membership could not be verified — try again later")
	r.idp.Override(ssotest.Groups, nil)

	if err := r.Admin.Do(t.Context(), http.MethodDelete, "/auth/entra/config", nil, nil); err != nil {
		t.Fatal(err)
	}
	removed := b.refresh(t, r, tokens.Refresh).want(t, 403, "Entra ID configuration removed — please re-authenticate")
	if !strings.Contains(removed.body, `"error":"invalid_grant"`) {
		t.Error(removed.body)
	}
	r.configure(t, "entra", entraConfig())
	tokens = b.refresh(t, r, tokens.Refresh).pair(t)

	r.idp.Remove(ada().ID) // the account at the provider
	b.refresh(t, r, tokens.Refresh).want(t, 403, "User is no longer a member of any authorised group")
}

// TestSessionsFollow holds contract 5.5 for browser sessions.
func TestSessionsFollow(t *testing.T) {
	r := startEntra(t, "ACCESS_TOKEN_EXPIRE_MINUTES=15")
	r.idp.SignInAs(ada(viewers))
	b := r.browser(t)
	b.signIn(t, r, "entra").location(t)

	r.idp.SignInAs(ada(analysts))
	before := r.idp.Calls(ssotest.Groups)
	if got := b.me(t, r).Role; got != "viewer" || r.idp.Calls(ssotest.Groups) != before {
		t.Errorf("role %q before a token's life is over, %d questions", got, r.idp.Calls(ssotest.Groups)-before)
	}
	r.lastSync(t, 16*time.Minute)
	if got := b.me(t, r).Role; got != "analyst" {
		t.Errorf("role %q", got)
	}
	b.me(t, r)
	if n := r.idp.Calls(ssotest.Groups) - before; n != 1 {
		t.Errorf("asked %d times", n)
	}

	r.lastSync(t, 16*time.Minute)
	r.idp.Override(ssotest.Groups, ssotest.Status(500))
	for range 3 {
		b.me(t, r) // within the grace
	}
	if n := r.idp.Calls(ssotest.Groups) - before; n != 2 {
		t.Errorf("a provider that is down was asked %d times", n-1)
	}
	r.lastSync(t, 61*time.Minute)
	b.get(t, r.Base+"/auth/me").want(t, 503, "Group membership could not be verified — try again later")

	r.idp.Override(ssotest.Groups, nil)
	r.signInAgain(t, b)
	r.idp.SignInAs(ada())
	r.lastSync(t, 16*time.Minute)
	b.get(t, r.Base+"/auth/me").want(t, 403, "User is no longer a member of any authorised group")
	b.get(t, r.Base+"/auth/me").want(t, 401, "User not found or inactive")
}
