package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser is one person's browser, with cookies and an address of its own.
type browser struct {
	*rig
	http   *http.Client
	ip     string
	accept string
}

func (r *rig) browser(t testing.TB) *browser {
	t.Helper()
	n := r.ips.Add(1)
	return &browser{rig: r, ip: netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String(), http: mustBrowser(t)}
}

// mustBrowser keeps cookies and shows redirects instead of following them.
func mustBrowser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

// json decodes the body.
func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("status %d, not JSON: %s", a.status, a.body)
	}
	return m
}

// refusal is "status error: description", for comparing.
func (a answer) refusal(t testing.TB) string {
	t.Helper()
	m := a.json(t)
	if m["error_description"] != m["detail"] {
		t.Errorf("error_description %q, detail %q", m["error_description"], m["detail"])
	}
	return fmt.Sprintf("%d %v: %v", a.status, m["error"], m["detail"])
}

func (b *browser) do(t testing.TB, req *http.Request) answer {
	t.Helper()
	req.Header.Set("X-Forwarded-For", b.ip)
	if b.accept != "" {
		req.Header.Set("Accept", b.accept)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (b *browser) send(t testing.TB, method, path, contentType, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return b.do(t, req)
}

func (b *browser) get(t testing.TB, path string) answer {
	t.Helper()
	return b.send(t, http.MethodGet, path, "", "")
}

const formType = "application/x-www-form-urlencoded"

func (b *browser) post(t testing.TB, path string, form url.Values) answer {
	t.Helper()
	return b.send(t, http.MethodPost, path, formType, form.Encode())
}

// register makes a client of acme and returns its id.
func (b *browser) register(t testing.TB, uris ...string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"client_name": "Probe", "redirect_uris": uris})
	if err != nil {
		t.Fatal(err)
	}
	a := b.send(t, http.MethodPost, "/t/acme/oauth/register", "application/json", string(body))
	if a.status != http.StatusCreated {
		t.Fatalf("register: %d %s", a.status, a.body)
	}
	return a.json(t)["client_id"].(string)
}

// authorization is a good authorization request.
func authorization(clientID string) url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {loopback}, "state": {"xyz"},
		"code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}
}

var stateField = regexp.MustCompile(`name="state" value="([^"]+)"`)

// authorize opens the page and returns the state in its form.
func (b *browser) authorize(t testing.TB, q url.Values) string {
	t.Helper()
	a := b.get(t, "/t/acme/oauth/authorize?"+q.Encode())
	m := stateField.FindStringSubmatch(a.body)
	if a.status != http.StatusOK || m == nil {
		t.Fatalf("authorize: %d %s", a.status, a.body)
	}
	return m[1]
}

func slugged(path, slug string) string { return strings.Replace(path, "SLUG", slug, 1) }

func signIn(state string) url.Values {
	return url.Values{"state": {state}, "email": {"Ann@acme.test"}, "password": {password}}
}

// landed returns the query of the redirect back to the client.
func (a answer) landed(t testing.TB) url.Values {
	t.Helper()
	u, err := url.Parse(a.header.Get("Location"))
	if a.status != http.StatusFound || err != nil {
		t.Fatalf("no redirect: %d %s (%v)", a.status, a.body, err)
	}
	return u.Query()
}

// code signs Ann in and returns the code.
func (b *browser) code(t testing.TB, clientID string) string {
	t.Helper()
	state := b.authorize(t, authorization(clientID))
	return b.post(t, "/t/acme/oauth/login", signIn(state)).landed(t).Get("code")
}

func redemption(clientID, code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {loopback}, "client_id": {clientID},
	}
}

func (b *browser) token(t testing.TB, form url.Values) answer {
	t.Helper()
	return b.post(t, "/t/acme/oauth/token", form)
}

// pair is what a client holds after signing in.
type pair struct{ client, access, refresh string }

func (b *browser) tokens(t testing.TB) pair {
	t.Helper()
	client := b.register(t, loopback)
	return pairOf(t, client, b.token(t, redemption(client, b.code(t, client))))
}

func pairOf(t testing.TB, client string, a answer) pair {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("token: %d %s", a.status, a.body)
	}
	m := a.json(t)
	return pair{client, m["access_token"].(string), m["refresh_token"].(string)}
}

func renewal(p pair) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.refresh}, "client_id": {p.client}}
}

// claimsOf reads a JWT without checking it, as no client may.
func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// mcp calls the MCP endpoint of a tenant with a token.
func (b *browser) mcp(t testing.TB, slug, access string) answer {
	t.Helper()
	return b.bearer(t, "/t/"+slug+"/mcp", access)
}

func (b *browser) bearer(t testing.TB, path, access string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+access)
	return b.do(t, req)
}
