package oauth_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDiscovery checks the documents of contract 4.2 at every path, and that
// nothing of a request gets into them (contract 15.2 A19).
func TestDiscovery(t *testing.T) {
	r := newRig(t, withBase("https://gw.example"))
	issuer := "https://gw.example/t/acme"
	server := map[string]any{
		"issuer": issuer, "authorization_endpoint": issuer + "/oauth/authorize", "token_endpoint": issuer + "/oauth/token",
		"registration_endpoint": issuer + "/oauth/register", "revocation_endpoint": issuer + "/oauth/revoke",
		"response_types_supported": []any{"code"}, "grant_types_supported": []any{"authorization_code", "refresh_token"},
		"code_challenge_methods_supported": []any{"S256"}, "token_endpoint_auth_methods_supported": []any{"none"},
		"revocation_endpoint_auth_methods_supported": []any{"none"}, "scopes_supported": []any{"mcp"},
		"authorization_response_iss_parameter_supported": true, "client_id_metadata_document_supported": true,
	}
	resource := func(uri string) map[string]any {
		return map[string]any{
			"resource": uri, "authorization_servers": []any{issuer}, "scopes_supported": []any{"mcp"}, "bearer_methods_supported": []any{"header"},
		}
	}
	for path, want := range map[string]map[string]any{
		"/.well-known/oauth-authorization-server/t/SLUG":       server,
		"/t/SLUG/.well-known/oauth-authorization-server":       server,
		"/.well-known/openid-configuration/t/SLUG":             server,
		"/t/SLUG/.well-known/openid-configuration":             server,
		"/.well-known/oauth-protected-resource/t/SLUG/mcp":     resource(issuer + "/mcp"),
		"/.well-known/oauth-protected-resource/t/SLUG/mcp/sse": resource(issuer + "/mcp/sse"),
		"/t/SLUG/.well-known/oauth-protected-resource":         resource(issuer + "/mcp/sse"),
	} {
		t.Run(path, func(t *testing.T) {
			req := func(slug string) answer {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.addr+slugged(path, slug), nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Host = "evil.example"
				req.Header.Set("X-Forwarded-Host", "evil.example")
				req.Header.Set("X-Forwarded-Proto", "gopher")
				req.Header.Set("Origin", "https://app.example")
				return r.browser(t).do(t, req)
			}
			a := req("acme")
			if diff := cmp.Diff(want, a.json(t)); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
			if a.header.Get("Access-Control-Allow-Origin") != "https://app.example" || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", a.header)
			}
			if a := req("nobody"); a.status != http.StatusNotFound || a.json(t)["detail"] != "Tenant 'nobody' not found" {
				t.Errorf("unknown organisation: %d %s", a.status, a.body)
			}
		})
	}
}
