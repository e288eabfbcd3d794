package sso_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestReturnTo holds that a sign-in ends on a page of the gateway, whatever was
// asked for (contract 5.2).
func TestReturnTo(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	for asked, want := range map[string]string{
		"/admin/":                             "/admin/",
		"/admin/connections":                  "/admin/connections",
		"/admin/audit?event=login#last":       "/admin/audit?event=login#last",
		"":                                    "/admin/",
		"/admin":                              "/admin/",
		"/auth/logout":                        "/admin/",
		"https://evil.example/admin/":         "/admin/",
		"//evil.example/admin/":               "/admin/",
		"/admin//evil.example":                "/admin/",
		"/admin/../auth/me":                   "/admin/",
		"/admin/%2e%2e/auth/me":               "/admin/",
		`/admin/\evil.example`:                "/admin/",
		`\/admin/`:                            "/admin/",
		"/admin/%0d%0aSet-Cookie:a=b":         "/admin/%0d%0aSet-Cookie:a=b",
		"javascript:alert(1)":                 "/admin/",
		"/adminer/":                           "/admin/",
		"/admin/\r\nX: y":                     "/admin/",
		"/admin/" + strings.Repeat("a", 2000): "/admin/",
	} {
		b := r.browser(t)
		answer := b.get(t, b.toCallback(t, r, "entra", "&return_to="+url.QueryEscape(asked)))
		if to := answer.location(t); to != want {
			t.Errorf("%q leads to %q, want %q", asked, to, want)
		}
	}
}

var scriptNonce = regexp.MustCompile(`script-src 'nonce-([A-Z0-9]+)'`)

// TestPopup holds contract 5.2, result for another page.
func TestPopup(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(analysts))
	b := r.browser(t)
	const nonce = `"</script><b>'&`
	start := b.get(t, r.Base+"/auth/entra/login?tenant_slug=acme&nonce="+url.QueryEscape(nonce))
	if start.header.Get("Cross-Origin-Opener-Policy") != "unsafe-none" {
		t.Error("the redirect cuts the pop-up off from its opener")
	}
	page := b.get(t, b.atProvider(t, r, start.location(t)))
	csp := page.header.Get("Content-Security-Policy")
	allowed := scriptNonce.FindStringSubmatch(csp)
	if page.status != 200 || allowed == nil || strings.Contains(csp, "unsafe") || page.header.Get("Cross-Origin-Opener-Policy") != "unsafe-none" {
		t.Fatalf("%d, policy %q, header %v", page.status, csp, page.header)
	}
	if strings.Count(page.body, "<script") != 1 || !strings.Contains(page.body, `<script nonce="`+allowed[1]+`">`) {
		t.Errorf("the page's script is not the one that the policy allows: %s", page.body)
	}
	message := regexp.MustCompile(`postMessage\(\{type: "sso-code", code: ("[^"]*"), nonce: ("(?:[^"\\]|\\.)*")\}, ("[^"]*")\)`).FindStringSubmatch(page.body)
	if message == nil {
		t.Fatalf("no message in %s", page.body)
	}
	var code, echoed, origin string
	for i, into := range []*string{&code, &echoed, &origin} {
		if err := json.Unmarshal([]byte(message[i+1]), into); err != nil {
			t.Fatalf("%s: %v", message[i+1], err)
		}
	}
	if echoed != nonce || origin != r.Base || !strings.Contains(page.body, "<code>"+html.EscapeString(code)+"</code>") {
		t.Errorf("message of %q for %q", echoed, origin)
	}
	for _, c := range page.header.Values("Set-Cookie") {
		if strings.HasPrefix(c, "mgw_session=") {
			t.Error("the pop-up opened a browser session")
		}
	}
	r.wantEvent(t, "login.success", map[string]any{"method": "entra"})

	var token struct {
		Access string `json:"access_token"`
		Type   string `json:"token_type"`
	}
	exchange := r.Base + "/auth/entra/exchange?code=" + url.QueryEscape(code)
	answer := r.browser(t).get(t, exchange).want(t, 200, "")
	if err := json.Unmarshal([]byte(answer.body), &token); err != nil || token.Type != "bearer" {
		t.Fatal(answer.body, err)
	}
	r.browser(t).get(t, exchange).want(t, 400, "Invalid or expired SSO code")
	var who me
	client := r.Anonymous.As(token.Access)
	if err := client.Do(t.Context(), http.MethodGet, "/auth/me", nil, &who); err != nil || who.Role != "analyst" {
		t.Errorf("%+v, %v", who, err)
	}
	if _, err := client.Tools(t.Context(), "acme"); err == nil {
		t.Error("a token for the management API opened MCP")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.Base+"/auth/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(&http.Cookie{Name: "mgw_session", Value: code})
	r.browser(t).do(t, req).want(t, 401, "Invalid token") // a code is no cookie
	if err := client.Do(t.Context(), http.MethodPost, "/auth/logout", nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := client.Do(t.Context(), http.MethodGet, "/auth/me", nil, nil); err == nil {
		t.Error("the token outlived its sign-in")
	}
	if strings.Contains(r.Log(), code) {
		t.Error("the code is in the log")
	}
}

// TestCodeEnds holds the 120 seconds, the length of the nonce, and that a
// disabled user's code is worthless.
func TestCodeEnds(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(analysts))
	b := r.browser(t)
	b.get(t, r.Base+"/auth/entra/login?tenant_slug=acme&nonce="+strings.Repeat("n", 129)).want(t, 422, "")
	code := func() string {
		page := b.get(t, b.toCallback(t, r, "entra", "&nonce="+strings.Repeat("ü", 128)))
		found := regexp.MustCompile(`<code>([^<]+)</code>`).FindStringSubmatch(page.body)
		if found == nil {
			t.Fatal(page.body)
		}
		return found[1]
	}
	late := code()
	if until := time.UnixMicro(int64(r.count(t, "SELECT max(expires_at) FROM sso_codes"))); time.Until(until) > 120*time.Second {
		t.Errorf("a code counts until %v", until)
	}
	r.exec(t, "UPDATE sso_codes SET expires_at = 1")
	b.get(t, r.Base+"/auth/entra/exchange?code="+late).want(t, 400, "Invalid or expired SSO code")
	closed := code()
	r.patchUser(t, r.userID(t, "ada@acme.test"), map[string]any{"is_active": false})
	b.get(t, r.Base+"/auth/entra/exchange?code="+closed).want(t, 401, "User not found or inactive")
}

func (r *rig) userID(t *testing.T, email string) (id string) {
	t.Helper()
	if err := r.database(t).QueryRowContext(t.Context(), "SELECT id FROM users WHERE email = $1", email).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestDoubledParameters: an answer with a parameter twice is refused, whoever
// reads it, and does not use the sign-in up (RFC 6749, section 3.1).
func TestDoubledParameters(t *testing.T) {
	r := startEntra(t)
	r.idp.SignInAs(ada(viewers))
	for flow, start := range map[string]func(*browser) string{
		"pages": func(b *browser) string { return b.toCallback(t, r, "entra", "") },
		"MCP":   func(b *browser) string { return b.toMCPCallback(t, r, r.register(t), "entra") },
	} {
		b := r.browser(t)
		callback := start(b)
		own, err := url.Parse(callback)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"state", "code", "error", "iss", "session_state"} {
			for _, add := range []string{
				"&" + url.Values{name: {"a", "b"}}.Encode(),
				"&" + url.Values{name: {own.Query().Get(name), own.Query().Get(name)}}.Encode(),
			} {
				if got := b.get(t, callback+add).want(t, 400, ""); !strings.Contains(got.body, "Parameter sent more than once: "+name) {
					t.Errorf("%s, %s: %s", flow, add, got.body)
				}
			}
			if page := b.page(t, callback+"&"+name+"=a&"+name+"=b"); page.status != 400 || !strings.Contains(page.header.Get("Content-Type"), "text/html") {
				t.Errorf("%s, %s: a person sees %d %s", flow, name, page.status, page.body)
			}
			b = r.browserWith(t, b) // the next address, before the limit of this one
		}
		b.get(t, callback+"&a;b=c").want(t, 400, "")
		if got := b.get(t, callback); got.status != 302 {
			t.Errorf("%s: the sign-in is used up: %d %s", flow, got.status, got.body)
		}
	}
	if n := r.count(t, "SELECT count(*) FROM audit_logs WHERE event = 'login.failure' AND metadata LIKE '%sent more than once: state%'"); n != 3 {
		t.Errorf("%d refusals of the pages are on record, want 3", n)
	}
}

// browserWith is the same browser at another address.
func (r *rig) browserWith(t *testing.T, b *browser) *browser {
	return &browser{http: b.http, ip: r.browser(t).ip}
}

// TestProviders holds that GET /auth/providers tells what is there.
func TestProviders(t *testing.T) {
	r := startEntra(t)
	b := r.browser(t)
	want := func(body string) {
		t.Helper()
		if got := b.get(t, r.Base+"/auth/providers?tenant_slug=acme").want(t, 200, ""); got.body != body {
			t.Errorf("got  %s\nwant %s", got.body, body)
		}
	}
	entra := `{"type":"entra","name":"Microsoft Entra ID","login_url":"` + r.Base + `/auth/entra/login?tenant_slug=acme"}`
	want(`{"password":true,"providers":[` + entra + `]}`)
	r.configure(t, "oidc", map[string]any{
		"issuer": "https://login.okta.example/oauth2", "client_id": "c", "client_secret": "s", "role_map": map[string]string{"a": "admin"}, "password_login": false,
	})
	oidc := `{"type":"oidc","name":"login.okta.example","login_url":"` + r.Base + `/auth/oidc/login?tenant_slug=acme"}`
	want(`{"password":false,"providers":[` + entra + `,` + oidc + `]}`)
	if _, err := r.Anonymous.Login(t.Context(), "acme", "admin@acme.test", "correct-horse-battery"); err != nil {
		t.Errorf("the administrator's way in is closed: %v", err)
	}
	b.get(t, r.Base+"/auth/providers?tenant_slug=nobody").want(t, 404, "Tenant 'nobody' not found")
}
