package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// unlimited takes the rate limits out of the way of a test that signs in often.
func unlimited(s *setup) {
	s.auth.Limits = limit.New(limit.Config{Source: limit.NewMemory(0), Now: countingClock()})
	s.api.Limits = s.auth.Limits
}

// countingClock is an hour later at each look.
func countingClock() func() time.Time {
	c := clock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	return func() time.Time { c.advance(time.Hour); return c.now() }
}

func login(email, pass, slug string) string {
	b, _ := json.Marshal(map[string]any{"email": email, "password": pass, "tenant_slug": slug}) //nolint:errcheck // strings encode
	return string(b)
}

func TestLogin(t *testing.T) {
	g := start(t)
	got := g.do(t, request{method: "POST", path: "/auth/login", body: login(" Admin@ACME.example ", password, "acme"), ip: "203.0.113.9"})
	token := decode[object](t, got)
	if token.text("token_type") != "bearer" || token["expires_in"] != 900.0 || got.header.Get("Set-Cookie") != "" {
		t.Errorf("answer %v, headers %v", token, got.header)
	}
	claims := object{}
	check(t, json.Unmarshal(must(base64.RawURLEncoding.DecodeString(strings.Split(token.text("access_token"), ".")[1]))(t), &claims))
	claims.has(t, "iss", "aud", "sub", "tenant_id", "tenant", "role", "email", "type", "sid", "iat", "exp", "jti")
	me := decode[object](t, g.do(t, request{method: "GET", path: "/auth/me", token: token.text("access_token")}))
	me.has(t, "id", "email", "role", "is_active", "auth_provider", "tenant")
	if tenant := me["tenant"].(map[string]any); me.text("email") != "admin@acme.example" || me.text("role") != "admin" || tenant["slug"] != "acme" || tenant["name"] != "ACME" {
		t.Errorf("me %v", me)
	}
	success := g.events(t, g.acme.tenant.ID, "login.success")
	if len(success) != 1 || success[0].text("method") != "password" || success[0].text("user_email") != "admin@acme.example" ||
		success[0].text("ip_address") != "203.0.113.9" || success[0].text("request_id") == "" || success[0].text("auth") != "token" {
		t.Errorf("login.success %v", success)
	}
}

// TestLoginFailures holds the answers to those who may not know why, and the
// record that does.
func TestLoginFailures(t *testing.T) {
	g := start(t, unlimited)
	sso := newUser(identity.Viewer, "acme")
	sso.Email, sso.PasswordHash, sso.Provider, sso.Subject = "sso@acme.example", "", store.EntraAccount, "oid"
	twin := newUser(identity.Viewer, "acme")
	twin.Email = "twin@both.example"
	for _, o := range []org{g.acme, g.rival} {
		check(t, g.store.Tenant(o.tenant.ID).Write(t.Context(), func(tx *store.Tx) error {
			tx.Record(audit.Event{Name: "user.created"})
			_, err := tx.CreateUser(t.Context(), twin)
			return err
		}))
	}
	check(t, g.store.Tenant(g.acme.tenant.ID).Write(t.Context(), func(tx *store.Tx) error {
		tx.Record(audit.Event{Name: "user.disabled"})
		if _, err := tx.CreateUser(t.Context(), sso); err != nil {
			return err
		}
		return tx.DisableUser(t.Context(), g.acme.viewer.ID, store.ByAdmin)
	}))
	const refused = "Invalid email or password"
	for _, tt := range []struct {
		name, email, password, slug string
		status                      int
		detail, reason              string
		tenant                      identity.TenantID
	}{
		{"unknown tenant", "admin@acme.example", password, "nowhere", 401, refused, "unknown_tenant", ""},
		{"unknown user", "nobody@acme.example", password, "acme", 401, refused, "unknown_user_or_no_password", g.acme.tenant.ID},
		{"unknown user anywhere", "nobody@acme.example", password, "", 401, refused, "unknown_user_or_no_password", ""},
		{"user of another tenant", "admin@rival.example", password, "acme", 401, refused, "unknown_user_or_no_password", g.acme.tenant.ID},
		{"SSO account", "sso@acme.example", password, "acme", 401, refused, "unknown_user_or_no_password", g.acme.tenant.ID},
		{"SSO account with empty password", "sso@acme.example", "", "acme", 401, refused, "unknown_user_or_no_password", g.acme.tenant.ID},
		{"wrong password", "admin@acme.example", "wrong", "acme", 401, refused, "wrong_password", g.acme.tenant.ID},
		{"wrong password without slug", "admin@acme.example", "wrong", "", 401, refused, "wrong_password", g.acme.tenant.ID},
		{"disabled, wrong password", "viewer@acme.example", "wrong", "acme", 401, refused, "wrong_password", g.acme.tenant.ID},
		{"disabled, right password", "viewer@acme.example", password, "acme", 403, "Account disabled", "account_disabled", g.acme.tenant.ID},
		{"two organisations", "twin@both.example", password, "", 400, "Several organisations match. Send tenant_slug.", "ambiguous_tenant", g.rival.tenant.ID},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(g.events(t, tt.tenant, "login.failure"))
			r := g.do(t, request{method: "POST", path: "/auth/login", body: login(tt.email, tt.password, tt.slug)}).want(t, tt.status, tt.detail)
			if tt.status == 401 && r.header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("WWW-Authenticate %q", r.header.Get("WWW-Authenticate"))
			}
			after := g.events(t, tt.tenant, "login.failure")
			if len(after) != before+1 || after[0].text("reason") != tt.reason || after[0].text("email") != tt.email {
				t.Errorf("recorded %v, want one more than %d with %s", after, before, tt.reason)
			}
		})
	}
	g.do(t, request{method: "POST", path: "/auth/login", body: login("twin@both.example", password, "rival")}).want(t, 200, "")
	g.do(t, request{method: "POST", path: "/auth/login", body: login("analyst@acme.example", password, "")}).want(t, 200, "")
}

// TestLoginRaisesOldHashes signs in with a hash of yesterday's parameters,
// twice: the first time replaces it.
func TestLoginRaisesOldHashes(t *testing.T) {
	g := start(t)
	salt := []byte("sixteen byte salt")
	b64 := base64.RawStdEncoding.EncodeToString
	old := newUser(identity.Viewer, "acme")
	old.Email = "old@acme.example"
	old.PasswordHash = "$argon2id$v=19$m=64,t=1,p=1$" + b64(salt) + "$" + b64(argon2.IDKey([]byte(password), salt, 1, 64, 1, 32))
	scope := g.store.Tenant(g.acme.tenant.ID)
	check(t, scope.Write(t.Context(), func(tx *store.Tx) error {
		tx.Record(audit.Event{Name: "user.created"})
		_, err := tx.CreateUser(t.Context(), old)
		return err
	}))
	for range 2 {
		g.do(t, request{method: "POST", path: "/auth/login", body: login(old.Email, password, "acme")}).want(t, 200, "")
		if u := must(scope.UserByEmail(t.Context(), old.Email))(t); u.PasswordHash == old.PasswordHash {
			t.Error("the old hash was kept")
		}
	}
}

func TestDisabledTenant(t *testing.T) {
	g := start(t)
	key := decode[object](t, g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.admin.token, body: `{"name":"k"}`}))
	check(t, g.store.Tenant(g.acme.tenant.ID).Write(t.Context(), func(tx *store.Tx) error {
		tx.Record(audit.Event{Name: "tenant.disabled"})
		return tx.SetTenantActive(t.Context(), false)
	}))
	for _, credential := range []string{g.acme.admin.token, key.text("raw_key")} {
		g.do(t, request{method: "GET", path: "/auth/me", token: credential}).want(t, 403, "Tenant is disabled")
	}
	g.do(t, request{method: "POST", path: "/auth/login", body: login("admin@acme.example", password, "acme")}).want(t, 403, "Tenant is disabled")
	if failure := g.events(t, g.acme.tenant.ID, "login.failure"); len(failure) != 1 || failure[0].text("reason") != "tenant_disabled" {
		t.Errorf("recorded %v", failure)
	}
}

// TestCredentials holds the refusals of contract 2.2 and the order of 2.1.
func TestCredentials(t *testing.T) {
	g := start(t)
	key := decode[object](t, g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.viewer.token, body: `{"name":"k"}`})).text("raw_key")
	grant := auth.Grant{
		Issuer: base, Audience: []string{base + "/api/v1"}, Tenant: g.acme.tenant.ID, Slug: "acme",
		User: g.acme.viewer.ID, Role: identity.Admin, Epoch: 1,
	}
	with := func(change func(*auth.Grant)) string {
		other := grant
		change(&other)
		return must(g.issuer.Mint(other))(t)
	}
	for _, tt := range []struct {
		name   string
		token  string
		header map[string]string
		query  string
		status int
		detail string
	}{
		{name: "nothing", status: 401, detail: "Not authenticated"},
		{name: "another cookie", header: map[string]string{"Cookie": "mgw_session=abc"}, status: 401, detail: "Not authenticated"},
		{name: "unknown session", header: map[string]string{"Cookie": "__Host-mgw_session=abc"}, status: 401, detail: "Invalid token"},
		{name: "garbage", token: "garbage", status: 401, detail: "Invalid token"},
		{name: "basic", header: map[string]string{"Authorization": "Basic Zm9v"}, status: 401, detail: "Invalid token"},
		{name: "unknown key", token: "mgw_AAAAAAAA_" + strings.Repeat("A", 43), status: 401, detail: "Invalid or revoked API key"},
		{name: "token as key", header: map[string]string{"X-API-Key": g.acme.viewer.token}, status: 401, detail: "Invalid or revoked API key"},
		{name: "bad token over good key", token: "garbage", header: map[string]string{"X-API-Key": key}, status: 401, detail: "Invalid token"},
		{name: "bad key over good query", header: map[string]string{"X-API-Key": "mgw_x"}, query: "?api_key=" + key, status: 401, detail: "Invalid or revoked API key"},
		{name: "OAuth token", token: with(func(o *auth.Grant) {
			o.Issuer, o.Audience, o.Client = base+"/t/acme", []string{base + "/t/acme/mcp"}, "client"
		}), status: 401, detail: "Invalid token"},
		{name: "foreign issuer", token: with(func(o *auth.Grant) { o.Issuer = "https://evil.example" }), status: 401, detail: "Invalid token"},
		{name: "foreign audience", token: with(func(o *auth.Grant) { o.Audience = []string{base + "/api/v2"} }), status: 401, detail: "Invalid token"},
		{name: "older epoch", token: with(func(o *auth.Grant) { o.Epoch = 0 }), status: 401, detail: "Invalid token"},
		{name: "user gone", token: with(func(o *auth.Grant) { o.User = "gone" }), status: 401, detail: "User not found or inactive"},
		{name: "user of another tenant", token: with(func(o *auth.Grant) { o.Tenant = g.rival.tenant.ID }), status: 401, detail: "User not found or inactive"},
		{name: "unknown session of a user", token: with(func(o *auth.Grant) { o.Session = "gone" }), status: 401, detail: "Invalid token"},
		{name: "role in the token is not believed", token: with(func(*auth.Grant) {}), query: "/../tenants/users", status: 403, detail: "Required role: ['admin']"},
		{name: "scheme in any case", header: map[string]string{"Authorization": "bEaReR " + g.acme.viewer.token}, status: 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := "/auth/me" + tt.query
			if rest, ok := strings.CutPrefix(tt.query, "/.."); ok {
				path = rest
			}
			r := g.do(t, request{method: "GET", path: path, token: tt.token, header: tt.header}).want(t, tt.status, tt.detail)
			if tt.status == 401 && r.header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("WWW-Authenticate %q", r.header.Get("WWW-Authenticate"))
			}
		})
	}
	g.clock.advance(15 * time.Minute)
	g.do(t, request{method: "GET", path: "/auth/me", token: g.acme.viewer.token}).want(t, 401, "Invalid token")
}

func TestQueryKeysSwitchedOff(t *testing.T) {
	g := start(t, func(s *setup) { s.auth.AllowQueryKeys = false })
	key := decode[object](t, g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.viewer.token, body: `{"name":"k"}`})).text("raw_key")
	g.do(t, request{method: "GET", path: "/auth/me?api_key=" + key}).want(t, 401, "Not authenticated")
}

func TestSecretRotation(t *testing.T) {
	g := start(t)
	raw := decode[object](t, g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.viewer.token, body: `{"name":"k"}`})).text("raw_key")
	current, old := g.rotate(t, "new", "current"), g.acme.viewer.token
	for _, credential := range []string{raw, old} {
		current.do(t, request{method: "GET", path: "/auth/me", token: credential}).want(t, 200, "")
	}
	dropped := g.rotate(t, "new", "")
	// The key was re-hashed on use, the token cannot be.
	dropped.do(t, request{method: "GET", path: "/auth/me", token: raw}).want(t, 200, "")
	dropped.do(t, request{method: "GET", path: "/auth/me", token: old}).want(t, 401, "Invalid token")
	other := g.rotate(t, "other", "")
	other.do(t, request{method: "GET", path: "/auth/me", token: raw}).want(t, 401, "Invalid or revoked API key")
}

// browser is a client with a cookie.
func signIn(t *testing.T, g *gateway, email, slug string) (cookie string, r reply) {
	t.Helper()
	r = g.do(t, request{method: "POST", path: "/auth/session", body: login(email, password, slug), header: map[string]string{"User-Agent": "Firefox"}})
	header := r.header.Get("Set-Cookie")
	cookie, _, _ = strings.Cut(header, ";")
	for _, part := range []string{"__Host-mgw_session=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(header, part) {
			t.Errorf("cookie %q lacks %s", header, part)
		}
	}
	return cookie, r
}

func TestBrowserSession(t *testing.T) {
	g := start(t)
	cookie, r := signIn(t, g, "viewer@acme.example", "acme")
	if me := decode[object](t, r); me.text("email") != "viewer@acme.example" {
		t.Errorf("me %v", me)
	}
	if success := g.events(t, g.acme.tenant.ID, "login.success"); len(success) != 1 || success[0].text("auth") != "session" {
		t.Errorf("recorded %v", success)
	}
	second, _ := signIn(t, g, "viewer@acme.example", "acme")
	if second == cookie {
		t.Error("two sign-ins share an id")
	}
	browser := func(method, path, body string, header ...string) reply {
		h := map[string]string{"Cookie": cookie}
		for i := 0; i < len(header); i += 2 {
			h[header[i]] = header[i+1]
		}
		return g.do(t, request{method: method, path: path, body: body, header: h})
	}
	browser("GET", "/auth/me", "").want(t, 200, "")
	browser("POST", "/api-keys", `{"name":"own page"}`, "Sec-Fetch-Site", "same-origin").want(t, 201, "")
	browser("POST", "/api-keys", `{"name":"by origin"}`, "Origin", base).want(t, 201, "")
	browser("POST", "/api-keys", `{"name":"no browser"}`).want(t, 201, "")
	browser("POST", "/api-keys", `{"name":"x"}`, "Sec-Fetch-Site", "cross-site").want(t, 403, "Cross-site request refused")
	browser("POST", "/api-keys", `{"name":"x"}`, "Sec-Fetch-Site", "same-site").want(t, 403, "Cross-site request refused")
	browser("POST", "/api-keys", `{"name":"x"}`, "Origin", "https://evil.example").want(t, 403, "Cross-site request refused")
	browser("GET", "/auth/me", "", "Authorization", "Bearer garbage").want(t, 401, "Invalid token")
	browser("GET", "/auth/me", "", "X-API-Key", "mgw_x").want(t, 401, "Invalid or revoked API key")

	sessions := decode[[]object](t, browser("GET", "/auth/sessions", ""))
	if len(sessions) != 2 || sessions[0]["current"] != true || sessions[1]["current"] != false || sessions[0].text("user_agent") != "Firefox" {
		t.Fatalf("sessions %v", sessions)
	}
	sessions[0].has(t, "id", "created_at", "last_seen_at", "expires_at", "ip_address", "user_agent", "current")
	other := sessions[1].text("id")
	g.do(t, request{method: "DELETE", path: "/auth/sessions/" + other, token: g.acme.admin.token}).want(t, 404, "Session not found")
	browser("DELETE", "/auth/sessions/"+other, "").want(t, 204, "")
	browser("DELETE", "/auth/sessions/"+other, "").want(t, 404, "Session not found")
	g.do(t, request{method: "GET", path: "/auth/me", header: map[string]string{"Cookie": second}}).want(t, 401, "Invalid token")

	out := browser("POST", "/auth/logout", "").want(t, 204, "")
	if cleared := out.header.Get("Set-Cookie"); !strings.Contains(cleared, "__Host-mgw_session=;") || !strings.Contains(cleared, "Max-Age=0") {
		t.Errorf("cookie not cleared: %q", cleared)
	}
	browser("GET", "/auth/me", "").want(t, 401, "Invalid token")
	if revoked := g.events(t, g.acme.tenant.ID, "oauth.token_revoked"); len(revoked) != 2 || revoked[0].text("reason") != "logout" || revoked[0].text("auth") != "session" {
		t.Errorf("recorded %v", revoked)
	}
}

func TestSignInIsNotForOtherSites(t *testing.T) {
	g := start(t)
	g.do(t, request{method: "POST", path: "/auth/session", body: login("viewer@acme.example", password, "acme"), header: map[string]string{"Sec-Fetch-Site": "cross-site"}}).
		want(t, 403, "Cross-site request refused")
}

func TestPlainHTTPCookie(t *testing.T) {
	g := start(t, func(s *setup) { s.auth.URLs = auth.URLs{Base: "http://localhost:8000"} })
	r := g.do(t, request{method: "POST", path: "/auth/session", body: login("viewer@acme.example", password, "acme")}).want(t, 200, "")
	if c := r.header.Get("Set-Cookie"); !strings.HasPrefix(c, "mgw_session=") || strings.Contains(c, "Secure") {
		t.Errorf("cookie %q", c)
	}
}

func TestSessionEnds(t *testing.T) {
	g := start(t)
	for name, tt := range map[string]struct {
		step, total time.Duration
	}{
		"idle":       {8 * time.Hour, 8 * time.Hour},
		"in use":     {4 * time.Hour, 24 * time.Hour},
		"used often": {30 * time.Second, 0}, // use marks are written once a minute only
	} {
		t.Run(name, func(t *testing.T) {
			cookie, _ := signIn(t, g, "analyst@acme.example", "acme")
			browse := request{method: "GET", path: "/auth/me", header: map[string]string{"Cookie": cookie}}
			for at := tt.step; at < tt.total; at += tt.step {
				g.clock.advance(tt.step)
				g.do(t, browse).want(t, 200, "")
			}
			if tt.total > 0 {
				g.clock.advance(tt.step)
				g.do(t, browse).want(t, 401, "Invalid token")
			}
		})
	}
}

// TestLoginTokenHangsOnItsSession proves that signing out ends a token that
// has not expired.
func TestLoginTokenHangsOnItsSession(t *testing.T) {
	g := start(t)
	token := decode[object](t, g.do(t, request{method: "POST", path: "/auth/login", body: login("viewer@acme.example", password, "acme")})).text("access_token")
	sessions := decode[[]object](t, g.do(t, request{method: "GET", path: "/auth/sessions", token: token}))
	if len(sessions) != 1 || sessions[0]["current"] != true {
		t.Errorf("sessions %v", sessions)
	}
	if p, err := g.authMCP(bearer(token), "acme"); err != nil || p.User != g.acme.viewer.ID || p.Auth != "token" {
		t.Errorf("MCP: %+v, %v", p, err)
	}
	g.do(t, request{method: "POST", path: "/auth/logout", token: token}).want(t, 204, "")
	g.do(t, request{method: "GET", path: "/auth/me", token: token}).want(t, 401, "Invalid token")
	if _, err := g.authMCP(bearer(token), "acme"); err == nil {
		t.Error("MCP accepts a token that was signed out")
	}
}

func TestPersonalRoutesRefuseKeys(t *testing.T) {
	g := start(t)
	key := decode[object](t, g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.viewer.token, body: `{"name":"k"}`})).text("raw_key")
	for _, route := range [][2]string{{"GET", "/auth/sessions"}, {"DELETE", "/auth/sessions/x"}, {"POST", "/auth/logout"}, {"POST", "/auth/password"}} {
		g.do(t, request{method: route[0], path: route[1], token: key}).want(t, 401, "Invalid token")
	}
}

func TestChangePassword(t *testing.T) {
	g := start(t, unlimited)
	const next = "another good password"
	token := decode[object](t, g.do(t, request{method: "POST", path: "/auth/login", body: login("viewer@acme.example", password, "acme")})).text("access_token")
	here, _ := signIn(t, g, "viewer@acme.example", "acme")
	there, _ := signIn(t, g, "viewer@acme.example", "acme")
	change := func(current, next string) reply {
		body, err := json.Marshal(object{"current_password": current, "new_password": next})
		check(t, err)
		return g.do(t, request{method: "POST", path: "/auth/password", body: string(body), header: map[string]string{"Cookie": here}})
	}
	change("wrong", next).want(t, 400, "Current password is incorrect")
	r := change(password, "tooshort123").problem(t, "string_too_short", "body", "new_password")
	if strings.Contains(r.body, "tooshort123") {
		t.Errorf("the answer repeats the password: %s", r.body)
	}
	change(password, strings.Repeat("é", 513)).problem(t, "string_too_long", "body", "new_password")
	change(password, next).want(t, 200, "Password changed")
	cookie := func(c string) map[string]string { return map[string]string{"Cookie": c} }
	g.do(t, request{method: "GET", path: "/auth/me", header: cookie(here)}).want(t, 200, "")
	g.do(t, request{method: "GET", path: "/auth/me", header: cookie(there)}).want(t, 401, "Invalid token")
	g.do(t, request{method: "GET", path: "/auth/me", token: token}).want(t, 401, "Invalid token")
	g.do(t, request{method: "POST", path: "/auth/login", body: login("viewer@acme.example", password, "acme")}).want(t, 401, "Invalid email or password")
	g.do(t, request{method: "POST", path: "/auth/login", body: login("viewer@acme.example", next, "acme")}).want(t, 200, "")
	if e := g.events(t, g.acme.tenant.ID, "user.password_changed"); len(e) != 1 || e[0].text("target_user_id") != string(g.acme.viewer.ID) {
		t.Errorf("recorded %v", e)
	}
}

// TestPasswordChangesAtOnce holds that only one of several changes wins: one
// that began before an admin's reset must not undo it.
func TestPasswordChangesAtOnce(t *testing.T) {
	g := start(t, unlimited)
	cookies, statuses := make([]string, 4), make([]int, 4)
	for i := range cookies {
		cookies[i], _ = signIn(t, g, "viewer@acme.example", "acme")
	}
	var changes sync.WaitGroup
	for i, cookie := range cookies {
		body := string(must(json.Marshal(object{"current_password": password, "new_password": strings.Repeat(strconv.Itoa(i), 20)}))(t))
		changes.Go(func() {
			statuses[i] = g.do(t, request{method: "POST", path: "/auth/password", body: body, header: map[string]string{"Cookie": cookie}}).status
		})
	}
	changes.Wait()
	slices.Sort(statuses)
	if statuses[0] != 200 || statuses[1] == 200 {
		t.Errorf("statuses %v", statuses)
	}
}

// TestSignInOvertakenByItsEnd holds that what ends a user's access also ends
// the sign-ins that have passed the password and are not stored yet.
func TestSignInOvertakenByItsEnd(t *testing.T) {
	for name, end := range map[string]string{"password": `{"password":"another good password"}`, "disabled": `{"is_active":false}`, "deleted": ""} {
		t.Run(name, func(t *testing.T) {
			g := start(t, unlimited)
			account := must(g.auth.CheckPassword(t.Context(), auth.Attempt{Email: "viewer@acme.example", Password: password, Slug: "acme"}))(t)
			path := "/tenants/users/" + string(account.ID)
			if end == "" {
				g.do(t, request{method: "DELETE", path: path, token: g.acme.admin.token}).want(t, 204, "")
			} else {
				g.do(t, request{method: "PATCH", path: path, token: g.acme.admin.token, body: end}).want(t, 200, "")
			}
			w := httptest.NewRecorder()
			_, err := g.auth.OpenBrowserSession(t.Context(), w, account, auth.Client{}, "password")
			if !fault.Is(err, fault.Unauthenticated) || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("opened a session: %v, cookie %q", err, w.Header().Get("Set-Cookie"))
			}
		})
	}
}

func TestProviders(t *testing.T) {
	g := start(t)
	got := g.do(t, request{method: "GET", path: "/auth/providers?tenant_slug=acme"}).want(t, 200, "")
	if got.body != `{"password":true,"providers":[]}` {
		t.Errorf("got %s", got.body)
	}
	g.do(t, request{method: "GET", path: "/auth/providers?tenant_slug=nowhere"}).want(t, 404, "Tenant 'nowhere' not found")
	g.do(t, request{method: "GET", path: "/auth/providers"}).problem(t, "missing", "query", "tenant_slug")
	g.do(t, request{method: "GET", path: "/auth/providers?tenant_slug=%00"}).problem(t, "value_error", "query", "tenant_slug")
}

// TestMCPCredentials holds contract 4.7 as far as it is not the door's own.
func TestMCPCredentials(t *testing.T) {
	g := start(t)
	key := decode[object](t, g.do(t, request{method: "POST", path: "/api-keys", token: g.acme.viewer.token, body: `{"name":"k"}`})).text("raw_key")
	mint := func(issuer, client string, audience ...string) string {
		grant := auth.Grant{
			Issuer: issuer, Audience: audience, Tenant: g.acme.tenant.ID, Slug: "acme", User: g.acme.viewer.ID, Epoch: 1, Client: client, Scope: "mcp",
		}
		if client != "" {
			grant.Session = "family"
		}
		return must(g.issuer.Mint(grant))(t)
	}
	check(t, g.store.Tenant(g.acme.tenant.ID).Write(t.Context(), func(tx *store.Tx) error {
		tx.Record(audit.Event{Name: "oauth.token_issued"})
		return tx.CreateRefreshToken(t.Context(), store.RefreshToken{
			User: g.acme.viewer.ID, ClientID: "c1", Family: "family", Hash: "h", ExpiresAt: tx.Now().Add(time.Hour),
		})
	}))
	oauth := mint(base+"/t/acme", "c1", base+"/t/acme/mcp/sse")
	for _, tt := range []struct {
		name, token, query, slug string
		want                     string // Principal.Auth, or the refusal
	}{
		{"login token", g.acme.viewer.token, "", "acme", "token"},
		{"OAuth token", oauth, "", "acme", "oauth:c1"},
		{"key", key, "", "acme", "api_key:" + key[:12]},
		{"key in the query", "", "?api_key=" + key, "acme", "api_key:" + key[:12]},
		{"no slug", oauth, "", "", "oauth:c1"},
		{"token in the query, no slug", "", "?token=" + oauth, "", "oauth:c1"},
		{"token in the query", "", "?token=" + oauth, "acme", "Authentication required"},
		{"nothing", "", "", "acme", "Authentication required"},
		{"nothing, no slug", "", "", "", "Authentication required"},
		{"nothing at an unknown tenant", "", "", "nowhere", "Tenant 'nowhere' not found"},
		{"good token at an unknown tenant", oauth, "", "nowhere", "Tenant 'nowhere' not found"},
		{"token of another tenant", oauth, "", "rival", "Token not valid for this tenant"},
		{"key of another tenant", key, "", "rival", "Token not valid for this tenant"},
		{"bad token", "x.y.z", "", "acme", "Invalid token"},
		{"bad key", "mgw_x", "", "acme", "Invalid or revoked API key"},
		{"SSO session token", mint(base, "", base+"/api/v1"), "", "acme", "Invalid token"},
		{"audience of a longer slug", mint(base+"/t/acme", "c1", base+"/t/acme/mcpx"), "", "acme", "Invalid token"},
		{"audience of another tenant", mint(base+"/t/acme", "c1", base+"/t/rival/mcp"), "", "rival", "Invalid token"},
		{"issuer of another tenant", mint(base+"/t/rival", "c1", base+"/t/acme/mcp"), "", "acme", "Invalid token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := bearer(tt.token)
			r.URL.RawQuery = strings.TrimPrefix(tt.query, "?")
			p, err := g.authMCP(r, tt.slug)
			got := p.Auth
			if err != nil {
				got, _, _ = strings.Cut(err.Error(), ":")
			}
			want := tt.want
			if err != nil {
				want, _, _ = strings.Cut(want, ":")
			}
			if got != want || (err != nil) != p.IsZero() {
				t.Errorf("got %q (%v), want %q", got, err, tt.want)
			}
		})
	}
}

// bearer is a request to the MCP door.
func bearer(token string) *http.Request {
	r, _ := http.NewRequest(http.MethodPost, "https://gw.example/t/acme/mcp", nil) //nolint:errcheck,noctx // a constant URL
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// TestRoleChangeRenewsTheSession holds contract 2.4: a browser gets a new
// session id when its rights change, and the old one is worth nothing.
func TestRoleChangeRenewsTheSession(t *testing.T) {
	g := start(t)
	cookie, _ := signIn(t, g, "viewer@acme.example", "acme")
	browse := func(cookie string) reply {
		return g.do(t, request{method: "GET", path: "/auth/me", header: map[string]string{"Cookie": cookie}})
	}
	if r := browse(cookie).want(t, 200, ""); r.header.Get("Set-Cookie") != "" {
		t.Error("the cookie changes without need")
	}
	g.do(t, request{method: "PATCH", path: "/tenants/users/" + string(g.acme.viewer.ID), token: g.acme.admin.token, body: `{"role":"analyst"}`}).want(t, 200, "")
	r := browse(cookie).want(t, 200, "")
	renewed, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	if me := decode[object](t, r); me.text("role") != "analyst" || renewed == "" || renewed == cookie {
		t.Fatalf("me %v, cookie %q", me, renewed)
	}
	browse(cookie).want(t, 401, "Invalid token")
	if r := browse(renewed).want(t, 200, ""); r.header.Get("Set-Cookie") != "" {
		t.Error("renewed twice")
	}
	browse(strings.Replace(renewed, ".analyst", ".admin", 1)).want(t, 401, "Invalid token")
}
