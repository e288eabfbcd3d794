package sso_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/ssotest"
)

// bob is somebody with roles in a claim.
func bob(roles ...string) ssotest.Person {
	return ssotest.Person{ID: "42", Email: "bob@acme.test", Claims: map[string]any{"realm_access": map[string]any{"roles": roles}}}
}

func TestOIDCSignIn(t *testing.T) {
	r := startOIDC(t)
	r.idp.SignInAs(bob("staff", "data"))
	b := r.browser(t)
	b.http.Transport = r.idp.Transport()
	b.signIn(t, r, "oidc").location(t)
	if got := b.me(t, r); got.Role != "analyst" || got.Provider != "oidc" || got.Email != "bob@acme.test" {
		t.Errorf("signed in as %+v", got)
	}
	r.wantEvent(t, "user.created", map[string]any{"auth_provider": "oidc", "role": "analyst"})
	tokens := b.signInMCP(t, r, "oidc")
	if got := r.tools(t, tokens); !strings.Contains(got, "get_current_time") {
		t.Errorf("tools: %s", got)
	}
	r.wantEvent(t, "oauth.entra_login", map[string]any{"provider": "oidc"})
	r.idp.SignInAs(bob("boss"))
	b.refresh(t, r, tokens.Refresh).pair(t) // no refresh token of the provider: the role holds
	if got := b.me(t, r).Role; got != "analyst" {
		t.Errorf("role %q", got)
	}
}

func TestOIDCIdentities(t *testing.T) {
	r := startOIDC(t)
	with := func(change func(*ssotest.Person)) ssotest.Person {
		p := bob("staff")
		change(&p)
		return p
	}
	const unverified, none = "The identity provider has not verified this e-mail address", "Not in any authorised group"
	for name, tt := range map[string]struct {
		person ssotest.Person
		status int
		detail string
	}{
		"one role as a text":    {with(func(p *ssotest.Person) { p.Claims["realm_access"] = map[string]any{"roles": "boss"} }), 302, ""},
		"claim with dots":       {with(func(p *ssotest.Person) { p.Claims = map[string]any{"realm_access.roles": []string{"boss"}} }), 302, ""},
		"verified":              {with(func(p *ssotest.Person) { p.Claims["email_verified"] = true }), 302, ""},
		"unverified":            {with(func(p *ssotest.Person) { p.Claims["email_verified"] = false }), 403, unverified},
		"unverified as a text":  {with(func(p *ssotest.Person) { p.Claims["email_verified"] = "false" }), 403, unverified},
		"no mapped role":        {bob("visitor"), 403, none},
		"no roles":              {bob(), 403, none},
		"claim of another kind": {with(func(p *ssotest.Person) { p.Claims["realm_access"] = []any{1, nil} }), 403, none},
		"roles that are no texts": {with(func(p *ssotest.Person) {
			p.Claims["realm_access"] = map[string]any{"roles": []any{1, map[string]any{}}}
		}), 403, none},
		"no subject":               {with(func(p *ssotest.Person) { p.Claims["sub"] = "" }), 502, "OIDC profile missing user identifier"},
		"roles in the profile":     {ssotest.Person{Email: "c@acme.test", Info: map[string]any{"realm_access": map[string]any{"roles": []string{"boss"}}}}, 302, ""},
		"e-mail in the profile":    {with(func(p *ssotest.Person) { p.Email, p.Info = "", map[string]any{"email": "d@acme.test"} }), 302, ""},
		"profile of somebody else": {ssotest.Person{Email: "e@acme.test", Info: map[string]any{"sub": "1", "realm_access": map[string]any{"roles": []string{"boss"}}}}, 502, "OIDC profile missing user identifier"},
		"unverified in the profile": {with(func(p *ssotest.Person) {
			p.Email, p.Info = "", map[string]any{"email": "f@acme.test", "email_verified": false}
		}), 403, unverified},
		"no e-mail at all": {with(func(p *ssotest.Person) { p.Email = "" }), 502, "Identity provider returned no e-mail address"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.person.ID = name; tt.person.Email == "bob@acme.test" {
				tt.person.Email = strings.ReplaceAll(name, " ", ".") + "@acme.test"
			}
			r.idp.SignInAs(tt.person)
			b := r.browser(t)
			b.http.Transport = r.idp.Transport()
			b.signIn(t, r, "oidc").want(t, tt.status, tt.detail)
		})
	}
}

// TestOIDCFaults holds what differs from Entra: the document decides where
// things are, and must be of the issuer.
func TestOIDCFaults(t *testing.T) {
	r := startOIDC(t)
	r.idp.SignInAs(bob("staff"))
	login := r.Base + "/auth/oidc/login?tenant_slug=acme"
	document := func(issuer, at string) http.HandlerFunc {
		return text(`{"issuer":"` + issuer + `","authorization_endpoint":"` + at + `/a","token_endpoint":"` + at + `/t","jwks_uri":"` + at + `/k"}`)
	}
	for name, answer := range map[string]http.HandlerFunc{
		"down": ssotest.Status(500), "nonsense": ssotest.Garbage,
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1/", http.StatusFound)
		},
		"too much":     text(fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":"https://idp.example/a","token_endpoint":"https://idp.example/t","jwks_uri":"https://idp.example/k","x":%s}`, r.idp.Issuer(), dense(100_000))),
		"other issuer": document(r.idp.Issuer()+"/", "https://idp.example"),
		"plain http":   document(r.idp.Issuer(), "http://idp.example"),
		"endless":      func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2<<20)) }, //nolint:errcheck // cut off
	} {
		r.idp.Override(ssotest.Discovery, answer)
		if got := r.browser(t).get(t, login); got.status != 502 || got.detail() != "Identity provider is unavailable" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	r.idp.Override(ssotest.Discovery, nil)
	for name, tt := range map[string]struct {
		tamper func(map[string]any)
		token  http.HandlerFunc
		want   string
	}{
		"nonce":    {func(c map[string]any) { c["nonce"] = "other" }, nil, "Identity provider returned an invalid id_token"},
		"issuer":   {func(c map[string]any) { c["iss"] = r.idp.Issuer() + "/" }, nil, "Identity provider returned an invalid id_token"},
		"no token": {nil, text(`{}`), "No access token in OIDC response"},
	} {
		r.idp.Tamper(tt.tamper)
		r.idp.Override(ssotest.Token, tt.token)
		b := r.browser(t)
		b.http.Transport = r.idp.Transport()
		if got := b.signIn(t, r, "oidc"); got.status != 502 || got.detail() != tt.want {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// TestOIDCEgress holds that issuers are dialled under the egress policy
// (contract 5.3).
func TestOIDCEgress(t *testing.T) {
	r := &rig{idp: ssotest.StartTLS(t)}
	r.Gateway = gatewaytest.Start(t, gatewaytest.Options{Env: map[string]string{"TRUST_PROXY_HEADERS": "true", "EGRESS_DENY": "127.0.0.0/8"}})
	r.configure(t, "oidc", oidcConfig(r.idp))
	r.browser(t).get(t, r.Base+"/auth/oidc/login?tenant_slug=acme").want(t, 502, "Identity provider is unavailable")
	if n := r.idp.Calls(ssotest.Discovery); n != 0 {
		t.Errorf("%d requests reached a denied address", n)
	}
}

// TestOIDCRefresh holds contract 5.3, On refresh: the provider's refresh token
// is used where it gave one, and each new one after that.
func TestOIDCRefresh(t *testing.T) {
	r := startOIDC(t)
	r.idp.GiveRefreshTokens()
	r.idp.SignInAs(bob("staff"))
	b := r.browser(t)
	b.http.Transport = r.idp.Transport()
	tokens := b.signInMCP(t, r, "oidc")
	b.signIn(t, r, "oidc").location(t)
	for _, role := range []string{"boss", "data", "staff"} {
		r.idp.SignInAs(bob(role))
		tokens = b.refresh(t, r, tokens.Refresh).pair(t)
		want := map[string]string{"boss": "admin", "data": "analyst", "staff": "viewer"}[role]
		if got := b.me(t, r).Role; got != want {
			t.Errorf("role %q after a refresh, want %q", got, want)
		}
	}
	if n := r.count(t, "SELECT count(*) FROM sso_refresh_tokens WHERE sealed_token LIKE 'v1.%'"); n != 1 {
		t.Errorf("%d sealed tokens", n)
	}
	r.idp.Override(ssotest.Token, ssotest.Status(500))
	tokens = b.refresh(t, r, tokens.Refresh).pair(t)
	r.lastSync(t, 2*time.Hour)
	b.refresh(t, r, tokens.Refresh).want(t, 503, "Group membership could not be verified — try again later")
	r.idp.Override(ssotest.Token, nil)

	r.idp.SignInAs(bob("visitor"))
	b.refresh(t, r, tokens.Refresh).want(t, 403, "User is no longer a member of any authorised group")

	r.idp.SignInAs(bob("staff"))
	tokens = b.signInMCP(t, r, "oidc")
	r.idp.Remove("42")
	b.refresh(t, r, tokens.Refresh).want(t, 403, "OIDC sign-in has ended — please re-authenticate")
}

// TestSameSubjectElsewhere holds that a subject means nothing without its
// issuer: after a change of provider nobody inherits an account.
func TestSameSubjectElsewhere(t *testing.T) {
	r := startOIDC(t)
	r.idp.SignInAs(bob("boss"))
	b := r.browser(t)
	b.http.Transport = r.idp.Transport()
	b.signIn(t, r, "oidc").location(t)
	first := b.me(t, r).ID
	r.idp.GiveRefreshTokens()
	tokens := b.signInMCP(t, r, "oidc")

	r.idp = ssotest.StartTLS(t)
	r.configure(t, "oidc", oidcConfig(r.idp))
	b.refresh(t, r, tokens.Refresh).want(t, 403, "OIDC sign-in has ended — please re-authenticate")
	if n := r.idp.Calls(ssotest.Token); n != 0 {
		t.Error("the former provider's refresh token was sent to the new one")
	}
	eve := bob("staff")
	eve.Email = "eve@acme.test"
	r.idp.SignInAs(eve)
	other := r.browser(t)
	other.http.Transport = r.idp.Transport()
	other.signIn(t, r, "oidc").location(t)
	if got := other.me(t, r); got.ID == first || got.Role != "viewer" {
		t.Errorf("inherited %+v", got)
	}
}

// TestConfiguration holds contract 5.1 and 5.3 at their edges.
func TestConfiguration(t *testing.T) {
	r := startEntra(t)
	const secret = "client_secret is required when creating a new SSO configuration"
	b := r.browser(t)
	post := func(token, provider, body string) reply {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.Base+"/auth/"+provider+"/config", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		return b.do(t, req)
	}
	admin, analyst := r.Admin.Credential, r.Analyst.Credential
	post(analyst, "entra", "{}").want(t, 403, "Required role: ['admin']")
	for provider, bodies := range map[string][]string{
		"entra": {
			`{}`, `{"entra_tenant_id":"","client_id":"c"}`, `{"entra_tenant_id":"common","client_id":"c"}`, `{"entra_tenant_id":" Organizations ","client_id":"c"}`,
			`{"entra_tenant_id":"../other","client_id":"c"}`, `{"entra_tenant_id":"a/b","client_id":"c"}`,
			`{"entra_tenant_id":"t","client_id":" "}`, `{"entra_tenant_id":"t","client_id":"` + strings.Repeat("c", 256) + `"}`,
		},
		"oidc": {
			`{"issuer":"http://idp.example","client_id":"c","client_secret":"s"}`, `{"issuer":"idp","client_id":"c","client_secret":"s"}`,
			`{"issuer":"https://u:p@idp.example","client_id":"c","client_secret":"s"}`, `{"issuer":"https://idp.example?x","client_id":"c","client_secret":"s"}`,
			`{"issuer":"https://idp.example","client_id":"c","client_secret":"s","role_map":{"g":"owner"}}`,
			`{"issuer":"https://idp.example","client_id":"c","client_secret":"s","role_map":{" ":"admin"}}`,
			`{"issuer":"https://idp.example","client_id":"c","client_secret":"s","scopes":"profile"}`,
		},
	} {
		for _, body := range bodies {
			post(admin, provider, body).want(t, 422, "")
		}
	}
	if got := post(admin, "oidc", `{"issuer":"https://idp.example","client_id":"c","client_secret":""}`); got.status != 422 || !strings.Contains(got.body, secret) {
		t.Errorf("%d %s", got.status, got.body)
	}

	// A kept secret goes to nobody but the issuer that it was given for.
	post(admin, "oidc", `{"issuer":"https://idp.example","client_id":"c","client_secret":"s"}`).want(t, 200, "")
	if got := post(admin, "oidc", `{"issuer":"https://thief.example","client_id":"c"}`); got.status != 422 || !strings.Contains(got.body, "client_secret is required when the issuer changes") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if err := r.Admin.Do(t.Context(), http.MethodDelete, "/auth/oidc/config", nil, nil); err != nil {
		t.Fatal(err)
	}

	want := `{"entra_tenant_id":"t","client_id":"c","admin_group_id":"a","analyst_group_id":null,"viewer_group_id":null,"password_login":true}`
	for _, kept := range []string{"", `,"client_secret":null`, `,"client_secret":""`} {
		if got := post(admin, "entra", `{"entra_tenant_id":"t","client_id":"c","admin_group_id":" a "`+kept+`}`).want(t, 200, ""); got.body != want {
			t.Errorf("got  %s\nwant %s", got.body, want)
		}
	}
	events := r.events(t, "sso.config_updated")
	if len(events) != 5 || len(events[0].Metadata["fields_changed"].([]any)) != 0 || len(events[1].Metadata["fields_changed"].([]any)) != 0 {
		t.Errorf("events %v", events)
	}
	post(admin, "entra", `{"entra_tenant_id":"`+ssotest.Tenant+`","client_id":"`+ssotest.ClientID+`","viewer_group_id":"`+viewers+`"}`).want(t, 200, "")
	r.idp.SignInAs(ada(viewers))
	r.browser(t).signIn(t, r, "entra").location(t) // with the secret that was kept

	var out map[string]any
	for provider, missing := range map[string]string{"oidc": "No OIDC config found", "entra": ""} {
		err := r.Admin.Do(t.Context(), http.MethodGet, "/auth/"+provider+"/config", nil, &out)
		if missing != "" && (err == nil || !strings.Contains(err.Error(), missing)) {
			t.Errorf("%s: %v", provider, err)
		}
	}
	if _, there := out["client_secret"]; there {
		t.Error("the secret is shown")
	}
	if n := r.count(t, "SELECT count(*) FROM tenant_entra_configs WHERE encrypted_client_secret LIKE '%"+url.QueryEscape(ssotest.Secret)+"%'"); n != 0 {
		t.Error("the secret is stored in clear")
	}
	var gone struct {
		Detail string `json:"detail"`
	}
	if err := r.Admin.Do(t.Context(), http.MethodDelete, "/auth/entra/config", nil, &gone); err != nil || gone.Detail != "Entra ID configuration removed" {
		t.Errorf("%+v, %v", gone, err)
	}
	r.wantEvent(t, "sso.config_deleted", map[string]any{"provider": "entra"})
	if err := r.Admin.Do(t.Context(), http.MethodDelete, "/auth/entra/config", nil, nil); err == nil || !strings.Contains(err.Error(), "No Entra ID config found") {
		t.Error(err)
	}
}
