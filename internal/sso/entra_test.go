package sso_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/sso/ssotest"
)

func TestEntraSignIn(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers, strings.ToLower(analysts)))
	b := r.browser(t)

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

	answer := b.get(t, b.atProvider(t, r, start))
	if to := answer.location(t); to != "/admin/" {
		t.Errorf("sent to %q after the sign-in", to)
	}
	got := b.me(t, r)
	if want := (me{got.ID, "ada@acme.test", "analyst", true, "entra"}); got != want || got.ID == "" {
		t.Errorf("signed in as %+v, want %+v", got, want)
	}
	r.wantEvent(t, "user.created", map[string]any{"role": "analyst", "auth_provider": "entra", "target_user_id": got.ID})
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

// TestGroups holds the role mapping over pages of groups, at Graph whatever
// the token says (contract 5.2).
func TestGroups(t *testing.T) {
	r := startEntra(t)
	r.idp.PageSize(50)
	for name, tt := range map[string]struct {
		groups []string
		role   string // "" when refused
		status int
	}{
		"highest wins":         {[]string{viewers, admins, analysts}, "admin", 302},
		"one":                  {[]string{viewers}, "viewer", 302},
		"among 250":            {append(others(249), admins), "admin", 302},
		"the last that counts": {append(others(999), viewers), "viewer", 302},
		"beyond what is read":  {append(others(1000), viewers), "", 502},
		"found before":         {append([]string{analysts}, others(2000)...), "analyst", 302},
		"none":                 {nil, "", 403},
		"only others":          {others(3), "", 403},
	} {
		t.Run(name, func(t *testing.T) {
			person := ada(tt.groups...)
			person.ID, person.Email = "oid "+name, strings.ReplaceAll(name, " ", "-")+"@acme.test"
			// What Entra writes when there are too many: an overage claim.
			person.Claims = map[string]any{
				"groups": []string{admins}, "_claim_names": map[string]string{"groups": "src1"},
				"_claim_sources": map[string]any{"src1": map[string]string{"endpoint": "https://graph.windows.net/x/users/y/getMemberObjects"}},
			}
			r.idp.SignInAs(person)
			b := r.browser(t)
			if got := b.signIn(t, r, "entra"); got.status != tt.status {
				t.Fatalf("status %d, want %d: %s", got.status, tt.status, got.body)
			}
			if tt.role == "" {
				b.get(t, r.Base+"/auth/me").want(t, 401, "Not authenticated")
				return
			}
			if got := b.me(t, r).Role; got != tt.role {
				t.Errorf("role %q, want %q", got, tt.role)
			}
		})
	}
	r.wantEvent(t, "login.failure", nil)
}

func others(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("99999999-aaaa-4aaa-8aaa-%012d", i)
	}
	return ids
}

// TestNextLink holds that the token of a person goes to Graph only.
func TestNextLink(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	reached := false
	elsewhere := ssotest.Start(t)
	elsewhere.Override(ssotest.Groups, func(http.ResponseWriter, *http.Request) { reached = true })
	r.idp.Override(ssotest.Groups, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"value":[],"@odata.nextLink":%q}`, elsewhere.Graph()+"/me/transitiveMemberOf")
	})
	r.browser(t).signIn(t, r, "entra").want(t, 502, "Identity provider is unavailable")
	if reached {
		t.Error("the token was sent to another host")
	}
}

// TestProviderFaults holds contract 5.4 for a provider that misbehaves.
func TestProviderFaults(t *testing.T) {
	r := startEntra(t)
	const down, noToken, badToken, nobody = "Identity provider is unavailable", "No access token in Entra response",
		"Identity provider returned an invalid id_token", "Entra profile missing user identifier"
	claim := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) { c[name] = value }
	}
	for name, tt := range map[string]struct {
		endpoint string
		answer   http.HandlerFunc
		tamper   func(map[string]any)
		want     string
	}{
		"token endpoint is down":        {ssotest.Token, ssotest.Status(503), nil, down},
		"token endpoint limits":         {ssotest.Token, ssotest.Status(429), nil, down},
		"token endpoint refuses":        {ssotest.Token, ssotest.Status(400), nil, noToken},
		"token endpoint says nonsense":  {ssotest.Token, ssotest.Garbage, nil, noToken},
		"no access token":               {ssotest.Token, text(`{"id_token":"x"}`), nil, noToken},
		"no id_token":                   {ssotest.Token, text(`{"access_token":"x","token_type":"Bearer"}`), nil, badToken},
		"id_token is nonsense":          {ssotest.Token, text(`{"access_token":"x","token_type":"Bearer","id_token":"a.b.c"}`), nil, badToken},
		"id_token is a number":          {ssotest.Token, text(`{"access_token":"x","token_type":"Bearer","id_token":7}`), nil, badToken},
		"id_token without a signature":  {ssotest.Token, text(`{"access_token":"x","token_type":"Bearer","id_token":"eyJhbGciOiJub25lIn0.e30."}`), nil, badToken},
		"other audience":                {"", nil, claim("aud", "somebody-else"), badToken},
		"other party":                   {"", nil, claim("azp", "somebody-else"), badToken},
		"other issuer":                  {"", nil, claim("iss", "https://login.microsoftonline.com/common/v2.0"), badToken},
		"other nonce":                   {"", nil, claim("nonce", "replayed"), badToken},
		"no nonce":                      {"", nil, func(c map[string]any) { delete(c, "nonce") }, badToken},
		"expired":                       {"", nil, claim("exp", 1_600_000_000), badToken},
		"other access token":            {"", nil, claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), badToken},
		"no oid":                        {"", nil, func(c map[string]any) { delete(c, "oid") }, nobody},
		"oid of somebody else":          {"", nil, claim("oid", "bbbbbbbb-0000-4000-8000-000000000000"), nobody},
		"oid is no text":                {"", nil, claim("oid", 7), nobody},
		"Graph is down":                 {ssotest.Me, ssotest.Status(500), nil, down},
		"Graph says nonsense":           {ssotest.Me, ssotest.Garbage, nil, down},
		"Graph knows nobody":            {ssotest.Me, text(`{}`), nil, nobody},
		"Graph forbids groups":          {ssotest.Groups, ssotest.Status(403), nil, down},
		"Graph says nonsense of groups": {ssotest.Groups, ssotest.Garbage, nil, down},
		"token endpoint says too much":  {ssotest.Token, text(`{"access_token":"x","token_type":"Bearer","x":` + dense(100_000) + `}`), nil, down},
		"Graph says too much":           {ssotest.Me, text(`{"id":"` + ada().ID + `","mail":"ada@acme.test","x":` + dense(100_000) + `}`), nil, down},
		"Graph says it too deep":        {ssotest.Me, text(`{"id":"` + ada().ID + `","mail":"ada@acme.test","x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`), nil, down},
		"Graph knows too many groups":   {ssotest.Groups, text(`{"value":` + dense(100_000) + `}`), nil, down},
		"too many claims":               {"", nil, claim("x", make([]bool, 50_000)), badToken},
		"no e-mail":                     {ssotest.Me, text(`{"id":"` + ada().ID + `","mail":null,"userPrincipalName":"ada"}`), nil, "Identity provider returned no e-mail address"},
	} {
		t.Run(name, func(t *testing.T) {
			r.idp.SignInAs(ada(viewers))
			b := r.browser(t)
			callback := b.toCallback(t, r, "entra", "")
			r.idp.Override(tt.endpoint, tt.answer)
			r.idp.Tamper(tt.tamper)
			defer func() { r.idp.Override(tt.endpoint, nil); r.idp.Tamper(nil) }()
			b.get(t, callback).want(t, http.StatusBadGateway, tt.want)
			r.wantEvent(t, "login.failure", map[string]any{"reason": tt.want})
			b.get(t, r.Base+"/auth/me").want(t, http.StatusUnauthorized, "Not authenticated")
		})
	}
	if n := r.count(t, "SELECT count(*) FROM users WHERE auth_provider <> 'local'"); n != 0 {
		t.Errorf("%d users were made", n)
	}
}

// TestTooManyKeys: nor is more read of a provider's keys than they can be.
func TestTooManyKeys(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	r.idp.Override(ssotest.Keys, text(`{"keys":`+dense(100_000)+`}`))
	r.browser(t).signIn(t, r, "entra").want(t, 502, "Identity provider is unavailable")
	r.idp.Override(ssotest.Keys, nil)
	r.browser(t).signIn(t, r, "entra").location(t)
}

// dense is a list of n empty objects.
func dense(n int) string { return "[" + strings.Repeat("{},", n-1) + "{}]" }

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(body)) //nolint:errcheck // the caller sees what arrived
	}
}

// TestDiscoveryFaults holds what is wrong before a token is looked at.
func TestDiscoveryFaults(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"down": ssotest.Status(500), "nonsense": ssotest.Garbage, "empty": text(`{}`),
		"too long":     text(`{"issuer":"http://idp.example/v2.0","jwks_uri":"http://idp.example/` + strings.Repeat("k", 64<<10) + `"}`),
		"other tenant": text(`{"issuer":"http://idp.example/other/v2.0","jwks_uri":"http://idp.example/keys"}`),
		"all tenants":  text(`{"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0","jwks_uri":"http://idp.example/keys"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startEntra(t)
			r.idp.SignInAs(ada(viewers))
			r.idp.Override(ssotest.Discovery, answer)
			r.browser(t).signIn(t, r, "entra").want(t, 502, "Identity provider is unavailable")
			r.idp.Override(ssotest.Discovery, nil)
			r.browser(t).signIn(t, r, "entra").location(t)
		})
	}
}

// TestSlowProvider holds that a provider that never answers costs one sign-in
// ten seconds, and nobody else any.
func TestSlowProvider(t *testing.T) {
	if testing.Short() {
		t.Skip("waits out the 10 s that a provider has: make test runs it")
	}
	t.Parallel()
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	b := r.browser(t)
	callback := b.toCallback(t, r, "entra", "")
	r.idp.Override(ssotest.Groups, ssotest.Hang)
	b.get(t, callback).want(t, 502, "Identity provider is unavailable")
}

// TestKeyRotation holds that new keys are found, once per unknown key, and that
// a key nobody published signs nothing.
func TestKeyRotation(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	for range 3 {
		r.browser(t).signIn(t, r, "entra").location(t)
	}
	if n := r.idp.Calls(ssotest.Keys); n != 1 {
		t.Errorf("keys were fetched %d times for three sign-ins", n)
	}
	r.idp.Rotate(true)
	r.idp.Withdraw()
	r.browser(t).signIn(t, r, "entra").location(t)
	if n := r.idp.Calls(ssotest.Keys); n != 2 {
		t.Errorf("keys were fetched %d times, want once more for the new key", n)
	}
	r.idp.Rotate(false)
	r.browser(t).signIn(t, r, "entra").want(t, 502, "Identity provider returned an invalid id_token")
	if n := r.idp.Calls(ssotest.Keys); n != 3 {
		t.Errorf("keys were fetched %d times, want once more for the unknown key", n)
	}
	r.idp.Override(ssotest.Keys, ssotest.Status(500))
	r.browser(t).signIn(t, r, "entra").want(t, 502, "Identity provider is unavailable")
}

// TestCallbacks holds the binding of a sign-in to its state, browser and
// provider (contract 4.4, 15.2 A11, A22).
func TestCallbacks(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	const state = "Invalid or expired OAuth2 state"

	t.Run("missing", func(t *testing.T) {
		for _, query := range []string{"", "?state=x", "?code=x", "?error=x"} {
			r.browser(t).get(t, r.Base+"/auth/entra/callback"+query).want(t, 422, "")
		}
	})
	t.Run("unknown", func(t *testing.T) {
		r.browser(t).get(t, r.Base+"/auth/entra/callback?code=x&state=y").want(t, 400, state)
		if n := r.count(t, "SELECT count(*) FROM audit_logs WHERE tenant_id = '' AND event = 'login.failure'"); n != 1 {
			t.Errorf("%d records", n)
		}
	})
	t.Run("another browser", func(t *testing.T) {
		b := r.browser(t)
		callback := b.toCallback(t, r, "entra", "")
		r.browser(t).get(t, callback).want(t, 400, state)
		b.get(t, callback).location(t) // which has not used it up
	})
	t.Run("replay", func(t *testing.T) {
		b := r.browser(t)
		callback := b.toCallback(t, r, "entra", "")
		b.get(t, callback).location(t)
		b.get(t, callback).want(t, 400, state)
	})
	t.Run("another provider's callback", func(t *testing.T) {
		b := r.browser(t)
		callback := b.toCallback(t, r, "entra", "")
		b.get(t, strings.Replace(callback, "/auth/entra/", "/auth/oidc/", 1)).want(t, 400, state)
		b.get(t, strings.Replace(callback, "/auth/entra/callback", "/t/acme/oauth/entra-callback", 1)).want(t, 400, state)
	})
	t.Run("expired", func(t *testing.T) {
		b := r.browser(t)
		callback := b.toCallback(t, r, "entra", "")
		r.exec(t, "UPDATE oauth_states SET expires_at = 1")
		b.get(t, callback).want(t, 400, state)
	})
	t.Run("refused by the provider", func(t *testing.T) {
		b := r.browser(t)
		u, err := url.Parse(b.toCallback(t, r, "entra", ""))
		if err != nil {
			t.Fatal(err)
		}
		q := url.Values{"state": u.Query()["state"], "error": {"access_denied<script>\r\n\""}, "error_description": {"no"}}
		b.get(t, r.Base+"/auth/entra/callback?"+q.Encode()).want(t, 400, "Sign-in was refused by the identity provider: access_denied<script>")
		r.wantEvent(t, "login.failure", map[string]any{"reason": "Sign-in was refused by the identity provider: access_denied<script>"})
	})
}

// TestCallbacksAtOnce holds that one of many wins, and that only that one
// reaches the provider.
func TestCallbacksAtOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		r.idp.SignInAs(ada(viewers))
		b := r.browser(t)
		b.oneWins(t, r, b.toCallback(t, r, "entra", ""))
	})
}

// TestMCPCallbacksAtOnce holds the same for the sign-in of an MCP client.
func TestMCPCallbacksAtOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		r.idp.SignInAs(ada(viewers))
		b := r.browser(t)
		callback := b.toMCPCallback(t, r, r.register(t), "entra")
		r.browser(t).get(t, callback).want(t, 400, "Invalid or expired OAuth2 state")
		b.oneWins(t, r, callback)
	})
}

// oneWins visits the callback twenty times at once.
func (b *browser) oneWins(t *testing.T, r *rig, callback string) {
	t.Helper()
	before := r.idp.Calls(ssotest.Token)
	statuses := make([]int, 20)
	var visits sync.WaitGroup
	for i := range statuses {
		visits.Go(func() { statuses[i] = b.get(t, callback).status })
	}
	visits.Wait()
	slices.Sort(statuses)
	if statuses[0] != 302 || statuses[1] != 400 || statuses[19] != 400 {
		t.Errorf("statuses %v", statuses)
	}
	if n := r.idp.Calls(ssotest.Token) - before; n != 1 {
		t.Errorf("the code went to the provider %d times", n)
	}
}

// TestConfigurationGone holds contract 5.4, configuration removed meanwhile.
func TestConfigurationGone(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	b := r.browser(t)
	callback := b.toCallback(t, r, "entra", "")
	if err := r.Admin.Do(t.Context(), http.MethodDelete, "/auth/entra/config", nil, nil); err != nil {
		t.Fatal(err)
	}
	b.get(t, callback).want(t, 400, "Entra ID config missing")
	b.get(t, r.Base+"/auth/entra/login?tenant_slug=acme").want(t, 400, "Tenant has not configured Entra ID SSO")
	b.get(t, r.Base+"/auth/oidc/login?tenant_slug=acme").want(t, 400, "Tenant has not configured OIDC SSO")
	b.get(t, r.Base+"/auth/entra/login?tenant_slug=nobody").want(t, 404, "Tenant 'nobody' not found")
	b.get(t, r.Base+"/auth/entra/login").want(t, 422, "")
	page := b.page(t, r.Base+"/auth/entra/login?tenant_slug=acme")
	for _, want := range []string{"Tenant has not configured Entra ID SSO", "Entra ID not configured for this tenant"} {
		if page.status != 400 || !strings.Contains(page.body, want) || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
			t.Errorf("no %q on the page: %d %s", want, page.status, page.body)
		}
	}
}

// TestDisabledTenant holds contract 15.2 A23.
func TestDisabledTenant(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	b := r.browser(t)
	callback := b.toCallback(t, r, "entra", "")
	r.exec(t, "UPDATE tenants SET is_active = FALSE")
	b.get(t, r.Base+"/auth/entra/login?tenant_slug=acme").want(t, 403, "Tenant is disabled")
	b.get(t, callback).want(t, 403, "Tenant is disabled")
}

// TestRates holds contract 14: the OIDC twin shares each bucket.
func TestRates(t *testing.T) {
	r := startEntra(t)
	b := r.browser(t)
	for _, route := range []string{"login?tenant_slug=nobody", "callback?code=x&state=y", "exchange?code=x"} {
		var last reply
		for i := range 21 {
			last = b.get(t, r.Base+"/auth/"+[]string{"entra", "oidc"}[i%2]+"/"+route)
		}
		last.want(t, 429, "Rate limit exceeded: 20 per 1 minute")
		if last.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", route)
		}
	}
}
