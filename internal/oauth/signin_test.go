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

const errState = "400 invalid_request: Invalid or expired OAuth2 state"

// TestLoginStates checks that a state is good once, for its tenant, in its
// browser and for its time (contract 15.2 A11).
func TestLoginStates(t *testing.T) {
	r := newRig(t)
	client := r.browser(t).register(t, loopback)
	tests := []struct {
		name string
		try  func(t *testing.T, b *browser, state string) answer
	}{
		{"no state", func(t *testing.T, b *browser, _ string) answer { return b.post(t, "/t/acme/oauth/login", signIn("")) }},
		{"another state", func(t *testing.T, b *browser, state string) answer {
			return b.post(t, "/t/acme/oauth/login", signIn(strings.ToLower(state)+"x"))
		}},
		{"the client's own state", func(t *testing.T, b *browser, _ string) answer {
			return b.post(t, "/t/acme/oauth/login", signIn("xyz"))
		}},
		{"another browser", func(t *testing.T, _ *browser, state string) answer {
			return r.browser(t).post(t, "/t/acme/oauth/login", signIn(state))
		}},
		{"another organisation", func(t *testing.T, b *browser, state string) answer {
			return b.post(t, "/t/globex/oauth/login", signIn(state))
		}},
		{"used", func(t *testing.T, b *browser, state string) answer {
			b.post(t, "/t/acme/oauth/login", signIn(state)).landed(t)
			return b.post(t, "/t/acme/oauth/login", signIn(state))
		}},
		{"denied", func(t *testing.T, b *browser, state string) answer {
			b.post(t, "/t/acme/oauth/login", url.Values{"state": {state}, "action": {"deny"}}).landed(t)
			return b.post(t, "/t/acme/oauth/login", signIn(state))
		}},
		{"expired", func(t *testing.T, b *browser, state string) answer {
			r.clock.advance(10*time.Minute + time.Second)
			return b.post(t, "/t/acme/oauth/login", signIn(state))
		}},
		{"deny from another browser", func(t *testing.T, _ *browser, state string) answer {
			return r.browser(t).post(t, "/t/acme/oauth/login", url.Values{"state": {state}, "action": {"deny"}})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := r.browser(t)
			state := b.authorize(t, authorization(client))
			if got := tt.try(t, b, state).refusal(t); got != errState {
				t.Error(got)
			}
		})
	}
}

// TestTwoTabs checks that sign-ins of one browser do not disturb each other.
func TestTwoTabs(t *testing.T) {
	b := newRig(t).browser(t)
	client := b.register(t, loopback)
	first, second := b.authorize(t, authorization(client)), b.authorize(t, authorization(client))
	for _, state := range []string{second, first} {
		if code := b.post(t, "/t/acme/oauth/login", signIn(state)).landed(t).Get("code"); code == "" {
			t.Error("no code")
		}
	}
}

func TestLoginTexts(t *testing.T) {
	r := newRig(t)
	b := r.browser(t)
	client := b.register(t, loopback)
	state := b.authorize(t, authorization(client))
	for _, tt := range []struct{ email, password, want, reason string }{
		{"ann@acme.test", "wrong", "Invalid email or password", "wrong_password"},
		{"nobody@acme.test", password, "Invalid email or password", "unknown_user_or_no_password"},
		{"admin@globex.test", password, "Invalid email or password", "unknown_user_or_no_password"},
		{"not an address", password, "Invalid email or password", "unknown_user_or_no_password"},
		{"", "", "Invalid email or password", "unknown_user_or_no_password"},
	} {
		a := b.post(t, "/t/acme/oauth/login", url.Values{"state": {state}, "email": {tt.email}, "password": {tt.password}})
		if a.status != http.StatusOK || !strings.Contains(a.body, `role="alert" id="problem">`+tt.want) || stateField.FindStringSubmatch(a.body)[1] != state {
			t.Errorf("%q: %d %s", tt.email, a.status, a.body)
		}
		if !strings.Contains(a.body, "<title>Error: Sign in to ACME") {
			t.Errorf("%q: the title does not tell", tt.email)
		}
		if !strings.Contains(a.body, `value="`+tt.email+`"`) || strings.Contains(a.body, `value="`+password) {
			t.Errorf("%q: the e-mail is lost, or the password shown", tt.email)
		}
		record := r.audited(t, "oauth.login_failure")[0]
		if record["reason"] != tt.reason || record["client_id"] != client {
			t.Errorf("%q: record %v", tt.email, record)
		}
	}
	r.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.DisableUser(ctx, r.ann.ID, store.ByAdmin) })
	if a := b.post(t, "/t/acme/oauth/login", signIn(state)); a.status != http.StatusOK || !strings.Contains(a.body, ">Account disabled<") {
		t.Errorf("disabled: %d %s", a.status, a.body)
	}
	r.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.EnableUser(ctx, r.ann.ID) })
	if code := b.post(t, "/t/acme/oauth/login", signIn(state)).landed(t).Get("code"); code == "" {
		t.Error("the state is good until it is used")
	}
}

func TestDeny(t *testing.T) {
	b := newRig(t).browser(t)
	client := b.register(t, loopback)
	a := b.post(t, "/t/acme/oauth/login", url.Values{"state": {b.authorize(t, authorization(client))}, "action": {"deny"}})
	want := url.Values{"error": {"access_denied"}, "error_description": {"The request was denied"}, "state": {"xyz"}, "iss": {b.base + "/t/acme"}}
	if diff := cmp.Diff(want, a.landed(t)); diff != "" {
		t.Errorf("authorization response (-want +got):\n%s", diff)
	}
	if records := b.audited(t, "oauth.login_failure"); len(records) != 1 || records[0]["reason"] != "denied" {
		t.Errorf("records %v", records)
	}
}

// TestResponseEncoding checks that nothing of a request gets out of its place
// in the redirect (contract 4.4).
func TestResponseEncoding(t *testing.T) {
	r := newRig(t)
	uri := "http://127.0.0.1:33418/callback?keep=a%20b&x"
	client := r.browser(t).register(t, uri)
	for _, state := range []string{
		"a&code=evil&iss=evil", "x\r\nSet-Cookie: a=b", "x#fragment", "ünï", "100%", " ", strings.Repeat("s", 2048),
	} {
		r.clock.advance(time.Minute)
		b := r.browser(t)
		q := authorization(client)
		q.Set("redirect_uri", uri)
		q.Set("state", state)
		a := b.post(t, "/t/acme/oauth/login", signIn(b.authorize(t, q)))
		landed := a.landed(t)
		if !strings.HasPrefix(a.header.Get("Location"), uri+"&") || landed.Get("state") != state || landed.Get("keep") != "a b" ||
			len(landed["code"]) != 1 || landed.Get("iss") != b.base+"/t/acme" {
			t.Errorf("state %q: sent to %s", state, a.header.Get("Location"))
		}
		if cookies := a.header.Values("Set-Cookie"); len(cookies) != 2 || !strings.HasPrefix(cookies[0], "mgw_device_") || !strings.HasPrefix(cookies[1], "mgw_oauth_") {
			t.Errorf("state %q: cookies %v", state, a.header.Values("Set-Cookie"))
		}
	}
}

func TestLoginForms(t *testing.T) {
	r := newRig(t)
	client := r.browser(t).register(t, loopback)
	form := func(state string) string { return signIn(state).Encode() }
	for _, tt := range []struct{ name, contentType, want string }{
		{"JSON", jsonType, "400 invalid_request: Content-Type must be application/x-www-form-urlencoded"},
		{"text, as a cross-site form may send", "text/plain", "400 invalid_request: Content-Type must be application/x-www-form-urlencoded"},
		{"multipart", "multipart/form-data; boundary=x", "400 invalid_request: Content-Type must be application/x-www-form-urlencoded"},
	} {
		b := r.browser(t)
		a := b.send(t, http.MethodPost, "/t/acme/oauth/login", tt.contentType, form(b.authorize(t, authorization(client))))
		if got := a.refusal(t); got != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
	for _, tt := range []struct {
		name, add, want string
	}{
		{"twice", "&email=b@c.de", "400 invalid_request: Parameter sent more than once: email"},
		{"unknown action", "&action=maybe", "400 invalid_request: action must be allow or deny"},
		{"semicolon", "&a;b", "400 invalid_request: Malformed parameters"},
		{"large", "&pad=" + strings.Repeat("x", 64<<10), "413 invalid_request: Request body too large"},
		{"10 MB", "&pad=" + strings.Repeat("x", 10<<20), "413 invalid_request: Request body too large"},
	} {
		b := r.browser(t)
		a := b.send(t, http.MethodPost, "/t/acme/oauth/login", formType, form(b.authorize(t, authorization(client)))+tt.add)
		if got := a.refusal(t); got != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

// parallel runs fn n times at once.
func parallel(n int, fn func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(fn)
	}
	all.Wait()
}

// TestOneSubmissionWins posts the form from eight places of one browser.
func TestOneSubmissionWins(t *testing.T) { onBothEngines(t, oneSubmissionWins) }

func oneSubmissionWins(t *testing.T, r *rig) {
	b := r.browser(t)
	client := b.register(t, loopback)
	state := b.authorize(t, authorization(client))
	var mu sync.Mutex
	codes := map[string]int{}
	parallel(8, func() {
		a := b.post(t, "/t/acme/oauth/login", signIn(state))
		mu.Lock()
		defer mu.Unlock()
		if a.status == http.StatusFound {
			codes["code"]++
		} else {
			codes[a.refusal(t)]++
		}
	})
	if diff := cmp.Diff(map[string]int{"code": 1, errState: 7}, codes); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if n := len(b.audited(t, "oauth.consent_granted")); n != 1 {
		t.Errorf("%d consents on record", n)
	}
}

// TestClosedTenant checks contract 15.2 A23.
func TestClosedTenant(t *testing.T) {
	r := newRig(t)
	b := r.browser(t)
	p := b.tokens(t)
	state := b.authorize(t, authorization(p.client))
	r.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.SetTenantActive(ctx, false) })
	for name, a := range map[string]answer{
		"register":  b.send(t, http.MethodPost, "/t/acme/oauth/register", jsonType, `{"redirect_uris":["`+loopback+`"]}`),
		"authorize": b.get(t, "/t/acme/oauth/authorize?"+authorization(p.client).Encode()),
		"login":     b.post(t, "/t/acme/oauth/login", signIn(state)),
		"token":     b.token(t, renewal(p)),
	} {
		if got := a.refusal(t); got != "403 access_denied: Tenant is disabled" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if a := b.mcp(t, "acme", p.access); a.status != http.StatusForbidden {
		t.Errorf("MCP: %d %s", a.status, a.body)
	}
	if a := b.post(t, "/t/acme/oauth/revoke", url.Values{"token": {p.refresh}}); a.status != http.StatusOK {
		t.Errorf("revocation stays possible: %d %s", a.status, a.body)
	}
}

func TestLimits(t *testing.T) {
	r := newRig(t)
	for path, n := range map[string]int{"register": 10, "login": 10, "sso": 20, "token": 30, "revoke": 30} {
		b := r.browser(t)
		for i := range n {
			slug := []string{"acme", "globex"}[i%2]
			if a := b.post(t, "/t/"+slug+"/oauth/"+path, url.Values{}); a.status == http.StatusTooManyRequests {
				t.Fatalf("%s: refused after %d", path, i)
			}
		}
		for range 2 {
			a := b.post(t, "/t/acme/oauth/"+path, url.Values{})
			if got := a.refusal(t); !strings.HasSuffix(got, " per 1 minute") || a.status != http.StatusTooManyRequests ||
				a.header.Get("Retry-After") == "" || a.header.Get("RateLimit-Remaining") != "0" {
				t.Errorf("%s: %s, %v", path, got, a.header)
			}
		}
	}
	b := r.browser(t)
	for range 31 {
		b.get(t, "/t/acme/oauth/authorize")
	}
	if a := b.get(t, "/t/acme/oauth/authorize"); a.refusal(t) != "429 temporarily_unavailable: Rate limit exceeded: 30 per 1 minute" {
		t.Error(a.body)
	}
	for range 20 {
		b.get(t, "/t/acme/oauth/entra-callback")
	}
	if a := b.get(t, "/t/acme/oauth/oidc-callback"); a.status != http.StatusTooManyRequests {
		t.Errorf("the twin shares the bucket: %d", a.status)
	}
}

// TestAccountLimit checks that guesses at one account are counted over all
// addresses (contract 15.2 A17), and that this keeps a known browser from
// nothing.
func TestAccountLimit(t *testing.T) {
	r := newRig(t)
	client := r.browser(t).register(t, loopback)
	r.clock.advance(time.Minute)
	known, colleague := r.browser(t), r.browser(t)
	known.post(t, "/t/acme/oauth/login", signIn(known.authorize(t, authorization(client)))).landed(t)
	form := signIn(colleague.authorize(t, authorization(client)))
	form.Set("email", "admin@acme.test")
	colleague.post(t, "/t/acme/oauth/login", form).landed(t)
	r.clock.advance(time.Minute)
	for range 10 {
		b := r.browser(t)
		guess := url.Values{"state": {b.authorize(t, authorization(client))}, "email": {"ann@acme.test"}, "password": {"guess"}}
		for range 10 {
			if a := b.post(t, "/t/acme/oauth/login", guess); a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
	}
	for name, b := range map[string]*browser{"a new browser": r.browser(t), "the browser of another": colleague} {
		a := b.post(t, "/t/acme/oauth/login", signIn(b.authorize(t, authorization(client))))
		if got := a.refusal(t); got != "429 temporarily_unavailable: Rate limit exceeded: 100 per 1 minute" {
			t.Errorf("%s: %s", name, got)
		}
	}
	a := known.post(t, "/t/acme/oauth/login", signIn(known.authorize(t, authorization(client))))
	if code := a.landed(t).Get("code"); code == "" {
		t.Error("no code")
	}
}
