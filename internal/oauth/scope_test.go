package oauth_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdkauth "github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"

	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
)

// TestScopeChallenge: a token whose grant does not hold the scope of the MCP
// endpoints is answered with the challenge that makes a client step up (RFC
// 6750, section 3.1). Every grant of ours holds it, so such tokens are made
// here, with the gateway's own key.
func TestScopeChallenge(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	b := &browser{rig: &rig{addr: g.Base, base: g.Base}, ip: "192.0.2.1", http: mustBrowser(t)}
	_, withScope := signedIn(t, g, b)
	metadata := func(resource string) string {
		return `Bearer resource_metadata="` + g.Base + `/.well-known/oauth-protected-resource/t/acme/` + resource + `", scope="mcp"`
	}
	const refused = `, error="insufficient_scope", error_description="Token lacks the scope mcp"`
	for _, tt := range []struct {
		name, scope, path string
		status            int
		challenge         string
	}{
		{"no scope", "", "/t/acme/mcp", 403, metadata("mcp") + refused},
		{"no scope, SSE", "", "/t/acme/mcp/sse", 403, metadata("mcp/sse") + refused},
		{"no scope, deprecated", "", "/mcp/sse", 403, `Bearer realm="mcp-gateway"` + refused},
		{"another scope", "mcpx admin", "/t/acme/mcp", 403, metadata("mcp") + refused},
		{"among others", "admin mcp", "/t/acme/mcp", 405, ""},
		{"unknown tenant first", "", "/t/nobody/mcp", 404, ""},
	} {
		a := b.bearer(t, tt.path, withScope(tt.scope))
		if got := a.header.Get("WWW-Authenticate"); a.status != tt.status || got != tt.challenge {
			t.Errorf("%s: %d %s\nwant %d %s", tt.name, a.status, got, tt.status, tt.challenge)
		}
	}
	if _, err := g.Admin.Tools(t.Context(), gatewaytest.Slug); err != nil {
		t.Errorf("a sign-in of our own, which has no scopes: %v", err)
	}
	if a := b.post(t, "/t/acme/oauth/revoke", map[string][]string{"token": {withScope("")}}); a.status != http.StatusOK {
		t.Errorf("revocation does not need the scope: %d %s", a.status, a.body)
	}
}

// TestSDKStepsUp: the official Go SDK's client understands the challenge, and
// comes back with a token that has the scope.
func TestSDKStepsUp(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	b := &browser{rig: &rig{addr: g.Base, base: g.Base}, ip: "192.0.2.1", http: mustBrowser(t)}
	client, withScope := signedIn(t, g, b)
	asked := 0
	sign := person(t)
	handler, err := sdkauth.NewAuthorizationCodeHandler(&sdkauth.AuthorizationCodeHandlerConfig{
		PreregisteredClient: &oauthex.ClientCredentials{ClientID: client}, RedirectURL: loopback,
		InitialTokenSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: withScope("")}),
		AuthorizationCodeFetcher: func(ctx context.Context, args *sdkauth.AuthorizationArgs) (*sdkauth.AuthorizationResult, error) {
			asked++
			return sign(ctx, args)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mustListTools(t, g, "/mcp", handler)
	if asked != 1 {
		t.Errorf("the person was asked %d times", asked)
	}
}

// signedIn signs the administrator in with a new client, and returns what makes
// that sign-in's access token with another scope.
func signedIn(t *testing.T, g *gatewaytest.Gateway, b *browser) (client string, withScope func(string) string) {
	t.Helper()
	client = b.register(t, loopback)
	form := signIn(b.authorize(t, authorization(client)))
	form.Set("email", "admin@acme.test")
	form.Set("password", gatewaytest.Password)
	p := pairOf(t, client, b.token(t, redemption(client, b.post(t, "/t/acme/oauth/login", form).landed(t).Get("code"))))
	issuer := issuerOf(t, g)
	grant, ok := issuer.Granted(p.access)
	if !ok {
		t.Fatal("the gateway's token does not verify under its key")
	}
	return client, func(scope string) string {
		grant.Scope = scope
		token, err := issuer.Mint(grant)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
}

// issuerOf signs with the key that the gateway generated.
func issuerOf(t *testing.T, g *gatewaytest.Gateway) *auth.Issuer {
	t.Helper()
	secret, err := os.ReadFile(filepath.Join(g.DataDir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.SigningKeys(strings.TrimSpace(string(secret)), nil)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := auth.NewIssuer(auth.IssuerConfig{Algorithm: "HS256", Keys: keys, Life: time.Minute, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}
