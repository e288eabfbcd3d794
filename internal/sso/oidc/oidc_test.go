package oidc_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/sso"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/oidc"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/ssotest"
)

func TestOIDC(t *testing.T) {
	ssotest.Run(t, ssotest.Suite{
		Start: func(t *testing.T) (sso.Provider, *ssotest.Provider) {
			idp := ssotest.StartTLS(t)
			client := &http.Client{
				Transport: idp.Transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			}
			return oidc.New(oidc.Config{Client: client, Now: time.Now}).Open(sso.Settings{
				Issuer: idp.Issuer(), ClientID: ssotest.ClientID, ClientSecret: ssotest.Secret, Scopes: []string{"openid", "email"},
				GroupClaim: "groups", Roles: map[string]identity.Role{"staff": identity.Analyst},
			}), idp
		},
		Staff: ssotest.Person{ID: "ada", Email: "ada@acme.test", Claims: map[string]any{"groups": []string{"staff"}}},
	})
}
