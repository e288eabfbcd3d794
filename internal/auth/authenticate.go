package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// The refusals of contract 2.2 and 4.7.
func errNotAuthenticated() error { return fault.New(fault.Unauthenticated, "Not authenticated") }
func errNothingSent() error      { return fault.New(fault.Unauthenticated, "Authentication required") }
func errInvalidKey() error {
	return fault.New(fault.Unauthenticated, "Invalid or revoked API key")
}
func errUserGone() error {
	return fault.New(fault.Unauthenticated, "User not found or inactive")
}
func errTenantDisabled() error { return fault.New(fault.Forbidden, "Tenant is disabled") }
func errForeignTenant() error {
	return fault.New(fault.Forbidden, "Token not valid for this tenant")
}
func errCrossSite(cause error) error {
	return fault.Wrap(fault.Forbidden, cause, "Cross-site request refused")
}

// ErrInsufficientScope is the cause when a token is good, but was not granted
// what the request needs (RFC 6750, section 3.1): the client is to ask for
// [ScopeMCP] as well, not to start over.
var ErrInsufficientScope = errors.New("scope " + ScopeMCP + " was not granted")

// ScopeMCP is the scope of the MCP endpoints (contract 4.2).
const ScopeMCP = "mcp"

func errScope() error {
	return fault.Wrap(fault.Forbidden, ErrInsufficientScope, "Token lacks the scope "+ScopeMCP)
}

// errInvalidToken hides why: the cause is for the log.
func errInvalidToken(cause error) error {
	return fault.Wrap(fault.Unauthenticated, cause, "Invalid token")
}

// Management authenticates a request to the management API (contract 2.1,
// 2.2). The browser's session cookie counts when no other credential was sent,
// and only from the gateway's own pages; it may be replaced on w.
func (a *Authenticator) Management(w http.ResponseWriter, r *http.Request) (identity.Principal, error) {
	ctx := r.Context()
	c := credentialOf(r, a.cfg.AllowQueryKeys)
	switch {
	case c.isKey():
		return a.byKey(ctx, c.value)
	case c.carrier != carriedNowhere:
		return a.byToken(ctx, c.value, a.forManagement)
	}
	token := a.cookie(r)
	if token == "" {
		return identity.Principal{}, errNotAuthenticated()
	}
	if err := a.csrf.Check(r); err != nil {
		return identity.Principal{}, errCrossSite(err)
	}
	return a.byCookie(ctx, w, token)
}

// Authenticate authenticates a request to the MCP endpoints of the tenant slug
// (contract 2.1, 4.7). An empty slug means the deprecated endpoints, where the
// tenant is the credential's own and a token may come as ?token=.
func (a *Authenticator) Authenticate(ctx context.Context, r *http.Request, slug string) (identity.Principal, error) {
	c := credentialOf(r, a.cfg.AllowQueryKeys)
	if slug == "" && c.carrier == carriedNowhere && a.cfg.AllowQueryKeys {
		c = queryToken(r)
	}
	p, err := a.mcpCredential(ctx, c)
	if slug == "" || err == nil && p.Slug == slug {
		return p, err
	}
	// Off the hot path: that a tenant is unknown is told before anything else.
	if _, unknown := a.cfg.Store.TenantBySlug(ctx, slug); unknown != nil {
		return identity.Principal{}, unknown
	}
	if err == nil {
		err = errForeignTenant()
	}
	return identity.Principal{}, err
}

func (a *Authenticator) mcpCredential(ctx context.Context, c credential) (identity.Principal, error) {
	switch {
	case c.isKey():
		return a.byKey(ctx, c.value)
	case c.carrier != carriedNowhere:
		return a.byToken(ctx, c.value, a.forMCP)
	default:
		return identity.Principal{}, errNothingSent()
	}
}

// forManagement refuses tokens that were not made for the management API.
// Those that a desktop client got through OAuth were not (contract 15.2 A12).
func (a *Authenticator) forManagement(c *claims) error {
	if c.Issuer != a.cfg.URLs.Base || !slices.Contains(c.Audience, a.cfg.URLs.Management()) {
		return errInvalidToken(errMade)
	}
	return nil
}

// forMCP refuses tokens that were not made for the MCP endpoints of their own
// tenant, and those of OAuth that were granted something else. A sign-in of our
// own has no scopes.
func (a *Authenticator) forMCP(c *claims) error {
	switch {
	case c.Issuer != a.cfg.URLs.Base && c.Issuer != a.cfg.URLs.Tenant(c.Slug), !a.namesMCP(c):
		return errInvalidToken(errMade)
	case c.Client != "" && !slices.Contains(strings.Fields(c.Scope), ScopeMCP):
		return errScope()
	}
	return nil
}

// namesMCP reports whether the audience is the tenant's MCP server. Both of
// its resources name one server (contract 4.2).
func (a *Authenticator) namesMCP(c *claims) bool {
	resource := a.cfg.URLs.MCP(c.Slug)
	return slices.ContainsFunc(c.Audience, func(audience string) bool {
		rest, ok := strings.CutPrefix(audience, resource)
		return ok && (rest == "" || rest == "/sse")
	})
}
