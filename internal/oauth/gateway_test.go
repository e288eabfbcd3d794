package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

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
