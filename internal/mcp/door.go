package mcp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// textNoCredential is what Authenticate says when a request carries no
// credential at all (contract 4.7).
const textNoCredential = "Authentication required"

// door is one kind of endpoint: how it words a challenge, and whether it is on
// its way out.
type door struct {
	resource   string // of the protected-resource metadata, below /t/{slug}/
	noneText   string // detail for a request without a credential
	deprecated bool
}

func tenantDoor(resource string) door { return door{resource: resource, noneText: textNoCredential} }

// deprecatedDoor is an endpoint without a tenant in its path.
func deprecatedDoor(noneText string) door { return door{noneText: noneText, deprecated: true} }

// visit is one HTTP request to an endpoint.
type visit struct {
	r         *http.Request
	door      door
	slug      string // "" at a deprecated door
	ip        string
	requestID string
}

// methods maps an HTTP method to what serves it. A returned fault becomes the
// response; a nil error means that the response has been written.
type methods map[string]func(http.ResponseWriter, *visit) error

func (m methods) allow() string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (h *Handler) endpoint(d door, m methods) http.Handler {
	allow := m.allow()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{r: r, door: d, slug: r.PathValue("slug"), requestID: httpx.RequestID(r.Context())}
		if addr := httpx.ClientIP(r); addr.IsValid() {
			v.ip = addr.String()
		}
		if d.deprecated { // RFC 9745, RFC 8594
			w.Header().Set("Deprecation", "@1748736000")
			w.Header().Set("Sunset", "Tue, 01 Jun 2027 00:00:00 GMT")
		}
		serve := m[r.Method]
		if serve == nil {
			serve = h.refuseMethod(allow)
		}
		if err := h.guard(w, v, serve); err != nil {
			h.fail(w, v, err)
		}
	})
}

// guard refuses browsers of other origins before anything else (contract 6.2):
// a page anywhere could otherwise talk to a gateway on its visitor's machine.
func (h *Handler) guard(w http.ResponseWriter, v *visit, serve func(http.ResponseWriter, *visit) error) error {
	if origin := v.r.Header.Get("Origin"); origin != "" && !h.origins[origin] {
		return fault.New(fault.Forbidden, "Origin not allowed")
	}
	return serve(w, v)
}

// refuseMethod answers 405, but a caller without a credential learns first
// that one is needed: clients probe with GET.
func (h *Handler) refuseMethod(allow string) func(http.ResponseWriter, *visit) error {
	return func(w http.ResponseWriter, v *visit) error {
		if _, err := h.authenticate(v); err != nil {
			return err
		}
		w.Header().Set("Allow", allow)
		return httpx.WriteJSON(w, http.StatusMethodNotAllowed, []byte(`{"detail":"Method Not Allowed"}`))
	}
}

// authenticate finds out who the visitor is, afresh for each message.
func (h *Handler) authenticate(v *visit) (identity.Principal, error) {
	return h.authenticateRequest(v.r.Context(), v.r, v.slug)
}

// authenticateRequest never lets a principal of another tenant through, nor
// nobody, whatever the authenticator says.
func (h *Handler) authenticateRequest(ctx context.Context, r *http.Request, slug string) (identity.Principal, error) {
	p, err := h.cfg.Auth.Authenticate(ctx, r, slug)
	switch {
	case err != nil:
		return identity.Principal{}, err
	case p.IsZero():
		return identity.Principal{}, fault.New(fault.Unauthenticated, textNoCredential)
	case slug != "" && p.Slug != slug:
		return identity.Principal{}, fault.New(fault.Forbidden, "Token not valid for this tenant")
	}
	return p, nil
}

// fail answers a fault, with the challenge of contract 4.7 where another
// credential would help.
func (h *Handler) fail(w http.ResponseWriter, v *visit, err error) {
	f := fault.Of(err)
	switch {
	case errors.Is(err, auth.ErrInsufficientScope):
		h.challenge(w, v, "insufficient_scope", f.Public)
	case f.Kind != fault.Unauthenticated:
	case f.Public == textNoCredential:
		h.challenge(w, v, "", "")
		err = fault.Wrap(f.Kind, f.Cause, v.door.noneText)
	default:
		h.challenge(w, v, "invalid_token", f.Public)
	}
	httpx.WriteError(w, v.r, err)
}

// challenge sets WWW-Authenticate (RFC 6750, RFC 9728, contract 4.7). The URL
// comes from configuration, never from the request. There is no code for a
// caller without a credential; insufficient_scope makes an MCP client ask for
// the scope that is named beside those that it has.
func (h *Handler) challenge(w http.ResponseWriter, v *visit, code, detail string) {
	out := `Bearer realm="` + serverName + `"`
	if !v.door.deprecated {
		out = `Bearer resource_metadata="` + h.cfg.BaseURL + `/.well-known/oauth-protected-resource/t/` + url.PathEscape(v.slug) + `/` + v.door.resource + `", scope="` + auth.ScopeMCP + `"`
	}
	if code != "" {
		out += `, error="` + code + `", error_description="` + strings.NewReplacer(`"`, `'`, `\`, `/`).Replace(detail) + `"`
	}
	w.Header().Set("WWW-Authenticate", out)
}
