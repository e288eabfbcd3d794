package oauth_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

const jsonType = "application/json"

func TestRegister(t *testing.T) {
	r := newRig(t)
	a := r.browser(t).send(t, http.MethodPost, "/t/acme/oauth/register", jsonType+"; charset=utf-8",
		`{"redirect_uris":["`+loopback+`","cursor://anysphere.cursor-mcp/oauth/callback"],"grant_types":["authorization_code","urn:ietf:params:oauth:grant-type:jwt-bearer"],
		"token_endpoint_auth_method":"none","application_type":"native","scope":"mcp offline_access","client_uri":"https://x.example","logo_uri":"https://x.example/l.png","contacts":["a@b.c"]}`)
	if a.status != http.StatusCreated || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	got := a.json(t)
	if id, ok := got["client_id"].(string); !ok || len(id) < 20 {
		t.Errorf("client_id %v", got["client_id"])
	}
	want := map[string]any{
		"client_id": got["client_id"], "client_name": "mcp-client", "redirect_uris": []any{loopback, "cursor://anysphere.cursor-mcp/oauth/callback"},
		"grant_types": []any{"authorization_code"}, "response_types": []any{"code"}, "token_endpoint_auth_method": "none",
		"client_id_issued_at": float64(r.clock.now().Unix()),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if records := r.audited(t, "oauth.client_registered"); len(records) != 1 || records[0]["client_id"] != got["client_id"] {
		t.Errorf("records %v", records)
	}
}

func TestRegisterRefusals(t *testing.T) {
	r := newRig(t)
	uri := `"redirect_uris":["` + loopback + `"]`
	many := `"` + strings.Repeat(loopback+`","`, 10) + loopback + `"`
	tests := []struct{ name, body, want string }{
		{"nothing", ``, "400 invalid_client_metadata: Malformed JSON"},
		{"not JSON", `{`, "400 invalid_client_metadata: Malformed JSON"},
		{"a list", `[]`, "400 invalid_client_metadata: Wrong type at /"},
		{"two values", `{} {}`, "400 invalid_client_metadata: Malformed JSON"},
		{"a member twice", `{` + uri + `,` + uri + `}`, "400 invalid_client_metadata: Duplicate member"},
		{"not UTF-8", "{\"client_name\":\"\xff\"," + uri + "}", "400 invalid_client_metadata: Malformed JSON"},
		{"no URIs", `{}`, "400 invalid_redirect_uri: redirect_uris must hold 1 to 10 URIs"},
		{"too many values", `{` + uri + `,"x":[` + strings.Repeat("{},", 1000) + `0]}`, "400 invalid_client_metadata: Metadata refused: too many JSON values"},
		{"nested too deeply", `{` + uri + `,"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, "400 invalid_client_metadata: Metadata refused: nested deeper than 128 levels"},
		{"empty URIs", `{"redirect_uris":[]}`, "400 invalid_redirect_uri: redirect_uris must hold 1 to 10 URIs"},
		{"eleven URIs", `{"redirect_uris":[` + many + `]}`, "400 invalid_redirect_uri: redirect_uris must hold 1 to 10 URIs"},
		{"a text for URIs", `{"redirect_uris":"` + loopback + `"}`, "400 invalid_redirect_uri: Wrong type at /redirect_uris"},
		{"a number among URIs", `{"redirect_uris":[1]}`, "400 invalid_redirect_uri: Wrong type at /redirect_uris/0"},
		{"http elsewhere", `{"redirect_uris":["http://evil.example/cb"]}`, "400 invalid_redirect_uri: redirect_uri must be a localhost URI: http://evil.example/cb"},
		{"https elsewhere", `{"redirect_uris":["` + loopback + `","https://evil.example/cb"]}`, "400 invalid_redirect_uri: redirect_uri is not allowed: https://evil.example/cb"},
		{"script", `{"redirect_uris":["javascript:alert(1)"]}`, "400 invalid_redirect_uri: redirect_uri is not allowed: javascript:alert(1)"},
		{"file", `{"redirect_uris":["file:///etc/passwd"]}`, "400 invalid_redirect_uri: redirect_uri is not allowed: file:///etc/passwd"},
		{"fragment", `{"redirect_uris":["` + loopback + `#f"]}`, "400 invalid_redirect_uri: redirect_uri is not allowed: " + loopback + "#f"},
		{"empty URI", `{"redirect_uris":[""]}`, "400 invalid_redirect_uri: redirect_uri is not allowed: "},
		{"line break", `{"redirect_uris":["http://localhost/\r\nX: y"]}`, "400 invalid_redirect_uri: redirect_uri is not allowed: http://localhost/??X: y"},
		{"long name", `{"client_name":"` + strings.Repeat("ä", 201) + `",` + uri + `}`, "400 invalid_client_metadata: client_name is longer than 200 characters"},
		{"name with a line break", `{"client_name":"a\r\nb",` + uri + `}`, "400 invalid_client_metadata: client_name holds control characters"},
		{"name that turns around", `{"client_name":"a\u202eb",` + uri + `}`, "400 invalid_client_metadata: client_name holds control characters"},
		{"name is a number", `{"client_name":1,` + uri + `}`, "400 invalid_client_metadata: Wrong type at /client_name"},
		{"with a secret", `{"token_endpoint_auth_method":"client_secret_basic",` + uri + `}`, "400 invalid_client_metadata: token_endpoint_auth_method must be none"},
		{"no code grant", `{"grant_types":["client_credentials"],` + uri + `}`, "400 invalid_client_metadata: grant_types must hold authorization_code"},
		{"implicit", `{"response_types":["token"],` + uri + `}`, "400 invalid_client_metadata: response_types must hold code"},
		{"too large", `{"client_name":"` + strings.Repeat("a", 64<<10) + `"}`, "413 invalid_request: Request body too large"},
		{"10 MB", `{"client_name":"` + strings.Repeat("a", 10<<20) + `"}`, "413 invalid_request: Request body too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := r.browser(t).send(t, http.MethodPost, "/t/acme/oauth/register", jsonType, tt.body)
			if got := a.refusal(t); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	t.Run("a form", func(t *testing.T) {
		a := r.browser(t).send(t, http.MethodPost, "/t/acme/oauth/register", formType, "client_name=x")
		if got := a.refusal(t); got != "400 invalid_client_metadata: Content-Type must be application/json" {
			t.Error(got)
		}
	})
	if records := r.audited(t, "oauth.client_registered"); len(records) != 0 {
		t.Errorf("registered: %v", records)
	}
}

// TestLargeClients is the table of redirect URIs that the large clients use,
// and what becomes of them: the port of a loopback URI may differ at each
// sign-in, everything else is fixed.
func TestLargeClients(t *testing.T) {
	r := newRig(t)
	tests := []struct {
		client   string
		register []string
		use      string
		refused  bool
	}{
		{"claude.ai, Claude Desktop, mobile", []string{"https://claude.ai/api/mcp/auth_callback"}, "https://claude.ai/api/mcp/auth_callback", false},
		{"Claude on claude.com", []string{"https://claude.com/api/mcp/auth_callback"}, "https://claude.com/api/mcp/auth_callback", false},
		{"Claude Code", []string{"http://localhost/callback", "http://127.0.0.1/callback"}, "http://localhost:54212/callback", false},
		{"Claude Code, 127.0.0.1", []string{"http://localhost/callback", "http://127.0.0.1/callback"}, "http://127.0.0.1:8123/callback", false},
		{"ChatGPT", []string{"https://chatgpt.com/connector_platform_oauth_redirect"}, "https://chatgpt.com/connector_platform_oauth_redirect", false},
		{"ChatGPT, per connector", []string{"https://chatgpt.com/connector/oauth/abc123"}, "https://chatgpt.com/connector/oauth/abc123", false},
		{"VS Code, loopback", []string{"http://127.0.0.1:33418/", "https://vscode.dev/redirect"}, "http://127.0.0.1:49152/", false},
		{"VS Code, loopback without path", []string{"http://127.0.0.1:33418"}, "http://127.0.0.1:33418/", false},
		{"VS Code, web", []string{"http://127.0.0.1:33418/", "https://vscode.dev/redirect"}, "https://vscode.dev/redirect", false},
		{"VS Code Insiders", []string{"https://insiders.vscode.dev/redirect"}, "https://insiders.vscode.dev/redirect", false},
		{"Cursor, loopback", []string{"http://localhost:8787/callback"}, "http://localhost:8787/callback", false},
		{"Cursor, web", []string{"https://www.cursor.com/agents/mcp/oauth/callback"}, "https://www.cursor.com/agents/mcp/oauth/callback", false},
		{"Cursor, older", []string{"cursor://anysphere.cursor-mcp/oauth/callback"}, "cursor://anysphere.cursor-mcp/oauth/callback", false},
		{"Codex, Zed, Gemini CLI", []string{"http://[::1]:0/callback"}, "http://[::1]:40001/callback", false},
		{"mcp-remote", []string{"http://localhost:3335/oauth/callback"}, "http://localhost:49150/oauth/callback", false},
		{"Antigravity: its host is not on the list", []string{"https://antigravity.google/oauth-callback"}, "", true},
		{"another page of a known host", []string{"https://claude.ai/elsewhere"}, "", true},
		{"another page beside the right one", []string{"https://claude.ai/api/mcp/auth_callback", "https://claude.ai/logout?to=x"}, "", true},
		{"an unknown scheme", []string{"evil://callback"}, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.client, func(t *testing.T) {
			r.clock.advance(time.Minute) // one account signs in all the time
			b := r.browser(t)
			body := fmt.Sprintf(`{"redirect_uris":["%s"]}`, strings.Join(tt.register, `","`))
			a := b.send(t, http.MethodPost, "/t/acme/oauth/register", jsonType, body)
			if tt.refused {
				if a.status != http.StatusBadRequest || a.json(t)["error"] != "invalid_redirect_uri" {
					t.Errorf("%d %s", a.status, a.body)
				}
				return
			}
			q := authorization(a.json(t)["client_id"].(string))
			q.Set("redirect_uri", tt.use)
			landed := b.post(t, "/t/acme/oauth/login", signIn(b.authorize(t, q)))
			if to := landed.header.Get("Location"); !strings.HasPrefix(to, tt.use+"?code=") {
				t.Errorf("sent to %q", to)
			}
		})
	}
}

// TestTenantRedirectHosts checks that an organisation can allow a host of its
// own, for itself.
func TestTenantRedirectHosts(t *testing.T) {
	r := newRig(t)
	r.allowHosts(t, "antigravity.google", "localhost:9443")
	for path, want := range map[string]int{"acme": http.StatusCreated, "globex": http.StatusBadRequest} {
		for _, uri := range []string{"https://antigravity.google/oauth-callback", "https://localhost:9443/cb"} {
			a := r.browser(t).send(t, http.MethodPost, "/t/"+path+"/oauth/register", jsonType, `{"redirect_uris":["`+uri+`"]}`)
			if a.status != want {
				t.Errorf("%s at %s: %d %s", uri, path, a.status, a.body)
			}
		}
	}
}

// TestRegisteredUnderOlderRules: a client keeps what it registered, but the
// rules of today decide where people are sent. What it holds already goes on.
func TestRegisteredUnderOlderRules(t *testing.T) {
	r := newRig(t)
	const elsewhere = "https://claude.ai/elsewhere"
	c := store.OAuthClient{ClientID: "older", Name: "Older", RedirectURIs: []string{loopback, elsewhere}, Kind: store.RegisteredClient}
	r.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.SaveOAuthClient(ctx, c) })
	b := r.browser(t)
	q := authorization(c.ClientID)
	q.Set("redirect_uri", elsewhere)
	if got := b.get(t, "/t/acme/oauth/authorize?"+q.Encode()).refusal(t); got != "400 invalid_request: redirect_uri is not allowed" {
		t.Error(got)
	}
	code := b.post(t, "/t/acme/oauth/login", signIn(b.authorize(t, authorization(c.ClientID)))).landed(t).Get("code")
	p := pairOf(t, c.ClientID, b.token(t, redemption(c.ClientID, code)))
	if a := b.token(t, renewal(p)); a.status != http.StatusOK {
		t.Errorf("its other redirect URI does not do: %d %s", a.status, a.body)
	}
	r.allowHosts(t, "claude.ai") // an organisation may list the whole host for itself
	b.authorize(t, q)
}
