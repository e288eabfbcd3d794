package oauth

import (
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// scopeMCP is the one scope: use the tools with the user's own role (contract
// 4.2).
const scopeMCP = auth.ScopeMCP

// serverMetadata describes a tenant's authorization server (RFC 8414).
type serverMetadata struct {
	Issuer                string   `json:"issuer"`
	Authorization         string   `json:"authorization_endpoint"`
	Token                 string   `json:"token_endpoint"`
	Registration          string   `json:"registration_endpoint"`
	Revocation            string   `json:"revocation_endpoint"`
	ResponseTypes         []string `json:"response_types_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods []string `json:"revocation_endpoint_auth_methods_supported"`
	Scopes                []string `json:"scopes_supported"`
	// IssuerInResponse promises iss in every authorization response (RFC 9207).
	IssuerInResponse bool `json:"authorization_response_iss_parameter_supported"`
	// Documents says that a client_id may be the URL of a metadata document.
	Documents bool `json:"client_id_metadata_document_supported"`
}

// resourceMetadata describes an MCP endpoint of a tenant (RFC 9728).
type resourceMetadata struct {
	Resource      string   `json:"resource"`
	Servers       []string `json:"authorization_servers"`
	Scopes        []string `json:"scopes_supported"`
	BearerMethods []string `json:"bearer_methods_supported"`
}

// discovery adds the documents of contract 4.2. They are made of BASE_URL
// alone (contract 15.2 A19).
func (s *Server) discovery(mux *httpx.Mux) {
	for _, path := range []string{
		"/.well-known/oauth-authorization-server/t/{slug}",
		"/t/{slug}/.well-known/oauth-authorization-server",
		"/.well-known/openid-configuration/t/{slug}",
		"/t/{slug}/.well-known/openid-configuration",
	} {
		mux.Handle("GET "+path, s.document(func(slug string) any { return s.serverMetadata(slug) }))
	}
	for path, endpoint := range map[string]string{
		"/.well-known/oauth-protected-resource/t/{slug}/mcp":     "",
		"/.well-known/oauth-protected-resource/t/{slug}/mcp/sse": "/sse",
		"/t/{slug}/.well-known/oauth-protected-resource":         "/sse",
	} {
		mux.Handle("GET "+path, s.document(func(slug string) any { return s.resourceMetadata(slug, endpoint) }))
	}
}

func (s *Server) document(of func(slug string) any) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		tenant, err := s.Store.TenantBySlug(r.Context(), r.PathValue("slug"))
		if err != nil {
			return err
		}
		return httpx.Write(w, http.StatusOK, of(tenant.Slug))
	}
}

func (s *Server) serverMetadata(slug string) serverMetadata {
	issuer := s.urls.Tenant(slug)
	return serverMetadata{
		Issuer: issuer, Authorization: issuer + "/oauth/authorize", Token: issuer + "/oauth/token",
		Registration: issuer + "/oauth/register", Revocation: issuer + "/oauth/revoke",
		ResponseTypes: []string{"code"}, GrantTypes: []string{grantCode, grantRefresh}, ChallengeMethods: []string{methodS256},
		TokenAuthMethods: []string{authNone}, RevocationAuthMethods: []string{authNone}, Scopes: []string{scopeMCP},
		IssuerInResponse: true, Documents: true,
	}
}

func (s *Server) resourceMetadata(slug, endpoint string) resourceMetadata {
	return resourceMetadata{
		Resource: s.urls.MCP(slug) + endpoint, Servers: []string{s.urls.Tenant(slug)},
		Scopes: []string{scopeMCP}, BearerMethods: []string{"header"},
	}
}

// audience returns the resource that a token is asked for (RFC 8707): one of
// the tenant's two MCP resources, fallback when none is named. Of several, all
// must be the tenant's, and the first counts.
func (s *Server) audience(slug string, asked []string, fallback string) (string, error) {
	chosen := ""
	for _, uri := range asked {
		if uri == "" {
			continue
		}
		if uri != s.urls.MCP(slug) && uri != s.urls.MCP(slug)+"/sse" {
			return "", refuse(codeInvalidTarget, "resource is not an MCP endpoint of this organisation")
		}
		if chosen == "" {
			chosen = uri
		}
	}
	if chosen == "" {
		return fallback, nil
	}
	return chosen, nil
}
