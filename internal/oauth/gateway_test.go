package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	gateway "github.com/mcp-gateway/mcp-gateway"
	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

// TestSDKSignsIn lets the official Go SDK's client find its way from the
// tenant's URL alone: challenge, discovery, registration, browser, tokens, MCP
// (contract 4.1). It runs against the whole gateway.
func TestSDKSignsIn(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for _, endpoint := range []string{"/mcp", "/mcp/sse"} {
		t.Run(endpoint, func(t *testing.T) {
			handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
				DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
					ClientName: "SDK", RedirectURIs: []string{loopback}, GrantTypes: []string{"authorization_code", "refresh_token"},
					TokenEndpointAuthMethod: "none",
				}},
				RedirectURL:              loopback,
				AuthorizationCodeFetcher: person(t),
			})
			if err != nil {
				t.Fatal(err)
			}
			mustListTools(t, g, endpoint, handler)
		})
	}
	log, err := g.Admin.Audit(t.Context(), "oauth")
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, entry := range log {
		events = append(events, entry.Event)
	}
	slices.Sort(events)
	if want := []string{"oauth.client_registered", "oauth.consent_granted", "oauth.login", "oauth.token_issued"}; !slices.Equal(slices.Compact(events), want) {
		t.Errorf("records %v, want %v", events, want)
	}
}

// mustListTools connects with the SDK's client, which signs in as it needs to.
func mustListTools(t *testing.T, g *gatewaytest.Gateway, endpoint string, handler auth.OAuthHandler) {
	t.Helper()
	transport := &sdk.StreamableClientTransport{Endpoint: g.Base + "/t/" + gatewaytest.Slug + endpoint, OAuthHandler: handler}
	session, err := sdk.NewClient(&sdk.Implementation{Name: "probe", Version: "1"}, nil).Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close() //nolint:errcheck // end of the test
	list, err := session.ListTools(t.Context(), nil)
	if err != nil || !slices.ContainsFunc(list.Tools, func(tool *sdk.Tool) bool { return tool.Name == "get_current_time" }) {
		t.Errorf("tools: %v, %v", list, err)
	}
}

// TestSDKWithPreregisteredClient lets the same client sign in with a client_id
// that the operator made while the gateway was running, and takes it away.
func TestSDKWithPreregisteredClient(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	id := regexp.MustCompile(`client_id +(\w+)`).FindStringSubmatch(operate(t, g, "client", "create", "--tenant", gatewaytest.Slug,
		"--name", "Desk", "--redirect-uri", "https://claude.ai/api/mcp/auth_callback", "--redirect-uri", loopback))[1]
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		PreregisteredClient: &oauthex.ClientCredentials{ClientID: id}, RedirectURL: loopback, AuthorizationCodeFetcher: person(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	mustListTools(t, g, "/mcp", handler)
	source, err := handler.TokenSource(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token, err := source.Token()
	if err != nil {
		t.Fatal(err)
	}
	if list := operate(t, g, "client", "list", "--tenant", gatewaytest.Slug); !regexp.MustCompile(id + ` +preregistered +Desk +20.*auth_callback ` + loopback).MatchString(list) {
		t.Errorf("list:\n%s", list)
	}
	operate(t, g, "client", "delete", "--tenant", gatewaytest.Slug, "--client-id", id)
	mustEnd(t, g.Anonymous.As(token.AccessToken))
	if list := operate(t, g, "client", "list", "--tenant", gatewaytest.Slug); strings.Contains(list, id) {
		t.Errorf("list after the deletion:\n%s", list)
	}
	operate(t, g, "audit", "verify")
}

// mustEnd waits until the credential is refused: on SQLite a write of another
// process may take a second to be seen.
func mustEnd(t *testing.T, c *client.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		_, err := c.Tools(ctx, gatewaytest.Slug)
		if answer := (*client.Error)(nil); errors.As(err, &answer) && answer.Status == http.StatusUnauthorized {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("still accepted: %v", err)
		}
	}
}

// operate runs a command of the program beside the gateway.
func operate(t *testing.T, g *gatewaytest.Gateway, args ...string) string {
	t.Helper()
	var out strings.Builder
	if err := gateway.Run(t.Context(), args, func(name string) string { return g.Env[name] }, &out); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out.String())
	}
	return out.String()
}

// person signs in as the analyst on the page behind an authorization URL.
func person(t *testing.T) auth.AuthorizationCodeFetcher {
	b := &browser{rig: new(rig), ip: "192.0.2.1", http: mustBrowser(t)}
	return func(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
		page := b.get(t, args.URL)
		m := stateField.FindStringSubmatch(page.body)
		if m == nil {
			t.Fatalf("no page: %d %s", page.status, page.body)
		}
		login := strings.Replace(args.URL[:strings.IndexByte(args.URL, '?')], "/authorize", "/login", 1)
		landed := b.post(t, login, url.Values{"state": {m[1]}, "email": {"analyst@acme.test"}, "password": {gatewaytest.Password}}).landed(t)
		return &auth.AuthorizationResult{Code: landed.Get("code"), State: landed.Get("state"), Iss: landed.Get("iss")}, nil
	}
}

// TestTokensOfTheGateway checks that refresh tokens and codes are no
// credentials, and that MCP tokens open the tenant's own endpoints only
// (contract 15.2 A12).
func TestTokensOfTheGateway(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	b := &browser{rig: &rig{addr: g.Base, base: g.Base}, ip: "192.0.2.1", http: mustBrowser(t)}
	client := b.register(t, loopback)
	form := signIn(b.authorize(t, authorization(client)))
	form.Set("email", "admin@acme.test")
	form.Set("password", gatewaytest.Password)
	p := pairOf(t, client, b.token(t, redemption(client, b.post(t, "/t/acme/oauth/login", form).landed(t).Get("code"))))
	for _, path := range []string{
		"/auth/me", "/auth/sessions", "/tenants/me", "/tenants/users", "/connections/", "/tools/", "/api-keys", "/audit-logs/", "/api/v1/tenants/users",
	} {
		if a := b.bearer(t, path, p.access); a.status != http.StatusUnauthorized || a.json(t)["detail"] != "Invalid token" {
			t.Errorf("%s with an admin's MCP token: %d %s", path, a.status, a.body)
		}
		if a := b.bearer(t, path, p.refresh); a.status != http.StatusUnauthorized {
			t.Errorf("%s with a refresh token: %d", path, a.status)
		}
	}
	if tools, err := g.Anonymous.As(p.access).Tools(t.Context(), gatewaytest.Slug); err != nil || len(tools) == 0 {
		t.Errorf("tools: %v, %v", tools, err)
	}
	if _, err := g.Anonymous.As(p.refresh).Tools(t.Context(), gatewaytest.Slug); err == nil {
		t.Error("a refresh token opens MCP")
	}
	b.post(t, "/t/acme/oauth/revoke", url.Values{"token": {p.refresh}})
	if _, err := g.Anonymous.As(p.access).Tools(t.Context(), gatewaytest.Slug); err == nil {
		t.Error("an access token outlives its family")
	}
}

// TestDefaultRedirects holds the default of OAUTH_REDIRECT_HOSTS, on the whole
// gateway: pages of known clients, not their hosts. A host that the operator
// lists alone is allowed with every path.
func TestDefaultRedirects(t *testing.T) {
	standard := gatewaytest.Start(t, gatewaytest.Options{})
	own := gatewaytest.Start(t, gatewaytest.Options{Env: map[string]string{"OAUTH_REDIRECT_HOSTS": "claude.ai, portal.example/cb"}})
	for _, tt := range []struct {
		g    *gatewaytest.Gateway
		uri  string
		want int
	}{
		{standard, "https://claude.ai/api/mcp/auth_callback", http.StatusCreated},
		{standard, "https://chatgpt.com/connector/oauth/abc123", http.StatusCreated},
		{standard, "https://www.cursor.com/agents/mcp/oauth/callback", http.StatusCreated},
		{standard, "https://claude.ai/elsewhere", http.StatusBadRequest},
		{standard, "https://chatgpt.com/", http.StatusBadRequest},
		{standard, "https://vscode.dev/redirect?url=https://evil.example", http.StatusBadRequest},
		{own, "https://claude.ai/elsewhere", http.StatusCreated},
		{own, "https://portal.example/cb", http.StatusCreated},
		{own, "https://portal.example/other", http.StatusBadRequest},
		{own, "https://vscode.dev/redirect", http.StatusBadRequest},
	} {
		b := &browser{rig: &rig{addr: tt.g.Base, base: tt.g.Base}, ip: "192.0.2.1", http: mustBrowser(t)}
		a := b.send(t, http.MethodPost, "/t/acme/oauth/register", jsonType, `{"redirect_uris":["`+tt.uri+`"]}`)
		if a.status != tt.want {
			t.Errorf("%s: %d %s", tt.uri, a.status, a.body)
		}
	}
}

// redisURL is the test server, on which every gateway has keys of its own.
func redisURL(t *testing.T) string {
	t.Helper()
	server := os.Getenv("MCPGW_TEST_REDIS")
	switch {
	case server == "" && testing.Short():
		t.Skip("-short leaves Redis out")
	case server == "":
		t.Fatal("MCPGW_TEST_REDIS is not set; make test starts a server, -short leaves this out")
	}
	return server
}

// TestGuessesFromOneAddress: the pages of the gateway and those of MCP clients
// count as one for an address and an account. It runs with the limits of each
// store.
func TestGuessesFromOneAddress(t *testing.T) {
	for store, env := range map[string]map[string]string{
		"memory":     {},
		"PostgreSQL": {"DATABASE_URL": postgresURL(t), "WEB_CONCURRENCY": "2"},
		"Redis":      {"REDIS_URL": redisURL(t)},
	} {
		t.Run(store, func(t *testing.T) {
			env["TRUST_PROXY_HEADERS"] = "true"
			g := gatewaytest.Start(t, gatewaytest.Options{Env: env})
			b := &browser{rig: &rig{addr: g.Base, base: g.Base}, ip: "192.0.2.1", http: mustBrowser(t)}
			client := b.register(t, loopback)
			const guess = `{"email":"viewer@acme.test","password":"wrong","tenant_slug":"acme"}`
			for range 10 {
				if a := b.send(t, http.MethodPost, "/auth/login", jsonType, guess); a.status != http.StatusUnauthorized {
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			form := signIn(b.authorize(t, authorization(client)))
			form.Set("password", gatewaytest.Password)
			for email, want := range map[string]int{"viewer@acme.test": http.StatusTooManyRequests, "analyst@acme.test": http.StatusFound} {
				form.Set("email", email)
				if a := b.post(t, "/t/acme/oauth/login", form); a.status != want {
					t.Errorf("%s from the same address: %d %s", email, a.status, a.body)
				}
				form.Set("state", b.authorize(t, authorization(client)))
			}
			elsewhere := &browser{rig: b.rig, ip: "192.0.2.2", http: mustBrowser(t)}
			form = signIn(elsewhere.authorize(t, authorization(client)))
			form.Set("email", "viewer@acme.test")
			form.Set("password", gatewaytest.Password)
			if a := elsewhere.post(t, "/t/acme/oauth/login", form); a.status != http.StatusFound {
				t.Errorf("the owner elsewhere: %d %s", a.status, a.body)
			}
		})
	}
}
