package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestAuthorizeRefusals walks the error rows of contract 4.3. None redirects.
func TestAuthorizeRefusals(t *testing.T) {
	r := newRig(t)
	client := r.browser(t).register(t, loopback, "https://claude.ai/api/mcp/auth_callback")
	set := func(name string, values ...string) func(url.Values) {
		return func(q url.Values) { q[name] = values }
	}
	tests := []struct {
		name   string
		change func(url.Values)
		want   string
	}{
		{"no response_type", set("response_type"), "422 invalid_request: Missing parameter: response_type"},
		{"empty response_type", set("response_type", ""), "422 invalid_request: Missing parameter: response_type"},
		{"no client_id", set("client_id"), "422 invalid_request: Missing parameter: client_id"},
		{"no redirect_uri", set("redirect_uri"), "422 invalid_request: Missing parameter: redirect_uri"},
		{"no state", set("state"), "422 invalid_request: Missing parameter: state"},
		{"no challenge", set("code_challenge"), "422 invalid_request: Missing parameter: code_challenge"},
		{"implicit flow", set("response_type", "token"), "400 unsupported_response_type: Only response_type=code is supported"},
		{"plain", set("code_challenge_method", "plain"), "400 invalid_request: Only S256 code challenge method is supported"},
		{"S256 in another case", set("code_challenge_method", "s256"), "400 invalid_request: Only S256 code challenge method is supported"},
		{"short challenge", set("code_challenge", "abc"), "400 invalid_request: code_challenge must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~"},
		{"long challenge", set("code_challenge", strings.Repeat("a", 129)), "400 invalid_request: code_challenge must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~"},
		{"http elsewhere", set("redirect_uri", "http://evil.example/cb"), "400 invalid_request: redirect_uri must be a localhost URI"},
		{"http, name that begins so", set("redirect_uri", "http://localhost.evil.example/cb"), "400 invalid_request: redirect_uri must be a localhost URI"},
		{"https elsewhere", set("redirect_uri", "https://evil.example/cb"), "400 invalid_request: redirect_uri is not allowed"},
		{"https, host as user", set("redirect_uri", "https://claude.ai@evil.example/cb"), "400 invalid_request: redirect_uri is not allowed"},
		{"https, backslash", set("redirect_uri", `https://claude.ai\@evil.example/cb`), "400 invalid_request: redirect_uri is not allowed"},
		{"https, subdomain", set("redirect_uri", "https://claude.ai.evil.example/cb"), "400 invalid_request: redirect_uri is not allowed"},
		{"https, other port", set("redirect_uri", "https://claude.ai:8443/api/mcp/auth_callback"), "400 invalid_request: redirect_uri is not allowed"},
		{"fragment", set("redirect_uri", loopback+"#x"), "400 invalid_request: redirect_uri is not allowed"},
		{"user information", set("redirect_uri", "http://u:p@127.0.0.1:33418/callback"), "400 invalid_request: redirect_uri is not allowed"},
		{"script", set("redirect_uri", "javascript:alert(1)"), "400 invalid_request: redirect_uri is not allowed"},
		{"data", set("redirect_uri", "data:text/html,x"), "400 invalid_request: redirect_uri is not allowed"},
		{"no scheme", set("redirect_uri", "//127.0.0.1/callback"), "400 invalid_request: redirect_uri is not allowed"},
		{"line break", set("redirect_uri", loopback+"\r\nSet-Cookie: a=b"), "400 invalid_request: redirect_uri is not allowed"},
		{"long", set("redirect_uri", loopback+"?"+strings.Repeat("a", 2048)), "400 invalid_request: redirect_uri is not allowed"},
		{"other path", set("redirect_uri", "http://127.0.0.1:33418/other"), "400 invalid_request: redirect_uri is not registered for this client"},
		{"other query", set("redirect_uri", loopback+"?next=x"), "400 invalid_request: redirect_uri is not registered for this client"},
		{"other loopback name", set("redirect_uri", "http://localhost:33418/callback"), "400 invalid_request: redirect_uri is not registered for this client"},
		{"another page of a known host", set("redirect_uri", "https://claude.ai/elsewhere"), "400 invalid_request: redirect_uri is not allowed"},
		{"the right page with a query", set("redirect_uri", "https://claude.ai/api/mcp/auth_callback?to=x"), "400 invalid_request: redirect_uri is not allowed"},
		{"allowed host, not registered", set("redirect_uri", "https://whole.example/elsewhere"), "400 invalid_request: redirect_uri is not registered for this client"},
		{"unknown client", set("client_id", "nobody"), "400 invalid_client: Unknown client"},
		{"long client", set("client_id", strings.Repeat("c", 5000)), "400 invalid_client: Unknown client"},
		{"foreign resource", set("resource", "https://other.example/mcp"), "400 invalid_target: resource is not an MCP endpoint of this organisation"},
		{"resource of another tenant", set("resource", r.base+"/t/globex/mcp"), "400 invalid_target: resource is not an MCP endpoint of this organisation"},
		{"one of two resources foreign", set("resource", r.base+"/t/acme/mcp", "https://other.example/mcp"), "400 invalid_target: resource is not an MCP endpoint of this organisation"},
		{"long state", set("state", strings.Repeat("s", 2049)), "400 invalid_request: state is longer than 2048 characters"},
		{"state twice", set("state", "a", "b"), "400 invalid_request: Parameter sent more than once: state"},
		{"redirect_uri twice", set("redirect_uri", loopback, "https://evil.example"), "400 invalid_request: Parameter sent more than once: redirect_uri"},
		{"client_id twice", set("client_id", client, client), "400 invalid_request: Parameter sent more than once: client_id"},
		{"not UTF-8", set("state", "\xff"), "400 invalid_request: Parameters must be valid UTF-8 text"},
		{"NUL", set("state", "a\x00b"), "400 invalid_request: Parameters must be valid UTF-8 text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := authorization(client)
			tt.change(q)
			a := r.browser(t).get(t, "/t/acme/oauth/authorize?"+q.Encode())
			if got := a.refusal(t); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if a.header.Get("Location") != "" || len(a.header.Values("Set-Cookie")) != 0 {
				t.Errorf("it redirects or sets a cookie: %v", a.header)
			}
		})
	}
	t.Run("unknown organisation", func(t *testing.T) {
		a := r.browser(t).get(t, "/t/nobody/oauth/authorize?"+authorization(client).Encode())
		if got := a.refusal(t); got != "404 invalid_request: Tenant 'nobody' not found" {
			t.Error(got)
		}
	})
	t.Run("client of another organisation", func(t *testing.T) {
		a := r.browser(t).get(t, "/t/globex/oauth/authorize?"+authorization(client).Encode())
		if got := a.refusal(t); got != "400 invalid_client: Unknown client" {
			t.Error(got)
		}
	})
}

// TestAuthorizePage checks contract 4.6 and 15.1 on the page itself.
func TestAuthorizePage(t *testing.T) {
	r := newRig(t)
	b := r.browser(t)
	a := b.send(t, http.MethodPost, "/t/acme/oauth/register", "application/json",
		`{"client_name":"<script>alert(1)</script> & \"Co\"","redirect_uris":["`+loopback+`"]}`)
	q := authorization(a.json(t)["client_id"].(string))
	q.Set("state", `"><script>alert(2)</script>`)
	page := b.get(t, "/t/acme/oauth/authorize?"+q.Encode())
	for _, want := range []string{
		"&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;Co&#34;", "ACME", "unverified", "127.0.0.1",
		"List the tools that you may use", `<label for="email">`, `<label for="password">`, "Sign in and allow", ">Deny<", "UTC",
	} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page does not show %s", want)
		}
	}
	if strings.Contains(page.body, "<script") || strings.Contains(page.body, "style=") || strings.Contains(page.body, "alert(2)") {
		t.Errorf("the page holds script, inline style or the client's state:\n%s", page.body)
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'self'; img-src 'self'",
		"X-Frame-Options":         "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
	} {
		if got := page.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	cookie := page.header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "mgw_oauth_") || !strings.Contains(cookie, "; HttpOnly; SameSite=Lax") || strings.Contains(cookie, "Secure") {
		t.Errorf("cookie %q", cookie)
	}
	link := page.body[strings.Index(page.body, `href="`)+6:]
	style := b.get(t, link[:strings.IndexByte(link, '"')])
	if style.status != http.StatusOK || style.header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(style.header.Get("Cache-Control"), "immutable") {
		t.Errorf("style sheet: %d %v", style.status, style.header)
	}
}

// TestErrorsForPeopleAndPrograms checks that a browser gets a page with the
// same status and text (contract 1, Browser routes).
func TestErrorsForPeopleAndPrograms(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct {
		accept string
		html   bool
	}{
		{"", false}, {"*/*", false}, {"application/json", false}, {"application/json, text/html;q=0.5", false}, {"text/html;q=0", false},
		{"text/html;q=x", false}, {"text/html", true}, {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true},
	} {
		b := r.browser(t)
		b.accept = tt.accept
		a := b.get(t, "/t/acme/oauth/authorize")
		if html := strings.HasPrefix(a.header.Get("Content-Type"), "text/html"); html != tt.html || a.status != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d %s", tt.accept, a.status, a.header.Get("Content-Type"))
		}
		if !strings.Contains(a.body, "Missing parameter: response_type") {
			t.Errorf("%q: %s", tt.accept, a.body)
		}
	}
	b := r.browser(t)
	b.accept = "text/html"
	if a := b.token(t, url.Values{}); a.refusal(t) != "400 invalid_request: Missing parameter: grant_type" {
		t.Errorf("the token endpoint answers programs only: %s", a.body)
	}
}

func TestSecureCookie(t *testing.T) {
	r := newRig(t)
	secure := newRig(t, withBase("https://gw.example/prefix"))
	for _, tt := range []struct {
		rig  *rig
		want string
	}{{r, "mgw_oauth_"}, {secure, "__Host-mgw_oauth_"}} {
		b := tt.rig.browser(t)
		a := b.get(t, "/t/acme/oauth/authorize?"+authorization(b.register(t, loopback)).Encode())
		cookie := a.header.Get("Set-Cookie")
		if !strings.HasPrefix(cookie, tt.want) || !strings.Contains(cookie, "; Path=/;") {
			t.Errorf("cookie %q, want %s…", cookie, tt.want)
		}
		if strings.HasPrefix(tt.want, "__Host-") != strings.Contains(cookie, "; Secure") {
			t.Errorf("cookie %q", cookie)
		}
	}
}
