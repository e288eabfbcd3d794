package entra_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/sso"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/entra"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/ssotest"
)

const group = "22222222-AAAA-4aaa-8aaa-222222222222"

// open returns the provider of a tenant at a new identity provider.
func open(t *testing.T, directory string) (sso.Provider, *ssotest.Provider) {
	t.Helper()
	idp := ssotest.Start(t)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	kind := entra.New(entra.Config{Authority: idp.URL + "/", Graph: idp.Graph(), Client: client, Now: time.Now})
	return kind.Open(sso.Settings{
		Directory: directory, ClientID: ssotest.ClientID, ClientSecret: ssotest.Secret, Roles: map[string]identity.Role{group: identity.Analyst},
	}), idp
}

func TestEntra(t *testing.T) {
	ssotest.Run(t, ssotest.Suite{
		Start: func(t *testing.T) (sso.Provider, *ssotest.Provider) { return open(t, ssotest.Tenant) },
		Staff: ssotest.Person{ID: "ada", Email: "ada@acme.test", Groups: []string{group}},
	})
}

// TestDirectories holds that a tenant may be named by its domain, and that the
// address for all tenants is none.
func TestDirectories(t *testing.T) {
	leg := sso.Leg{Callback: "https://gw.example/cb", State: "s", Nonce: "n", Verifier: "v"}
	for directory, want := range map[string]string{
		"acme.onmicrosoft.com": "No access token in Entra response", // it came as far as the code, which is made up
		"common":               "Identity provider is unavailable",
	} {
		p, _ := open(t, directory)
		if _, err := p.Exchange(t.Context(), "code", leg); err == nil || err.Error()[:len(want)] != want {
			t.Errorf("%s: %v", directory, err)
		}
	}
}
