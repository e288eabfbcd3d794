package auth

import "strings"

// URLs are the gateway's names in tokens (contract 2.3, 4.2). They come from
// BASE_URL alone, never from a request (contract 15.2 A19).
type URLs struct {
	Base string // BASE_URL without trailing slash
}

// Management is the audience of the management API.
func (u URLs) Management() string { return u.Base + "/api/v1" }

// Tenant is the issuer of a tenant's OAuth tokens.
func (u URLs) Tenant(slug string) string { return u.Base + "/t/" + slug }

// MCP is the resource of a tenant's MCP endpoints.
func (u URLs) MCP(slug string) string { return u.Tenant(slug) + "/mcp" }

// Origin is the scheme and host of the gateway's own pages.
func (u URLs) Origin() string {
	scheme, rest, _ := strings.Cut(u.Base, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// Path is the path that the gateway lies under, "" at the root of its host.
func (u URLs) Path() string { return strings.TrimPrefix(u.Base, u.Origin()) }

func (u URLs) secure() bool { return strings.HasPrefix(u.Base, "https://") }
