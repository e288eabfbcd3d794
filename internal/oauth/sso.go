package oauth

import (
	"context"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// SSO is sign-in through a tenant's identity providers (contract 5), as the
// sign-in page uses it; *auth.SSO is one. The transaction's own state is the
// state of the leg to the provider too: it is secret, single-use and bound to
// the browser.
type SSO interface {
	// Offer says how people of the tenant may sign in.
	Offer(ctx context.Context, tenant identity.TenantID) (auth.Offer, error)
	// Prepare gives the row of a transaction what its leg will need.
	Prepare(tenant identity.TenantID, row *store.OAuthState)
	// Begin returns where to send the browser.
	Begin(ctx context.Context, leg auth.Leg) (string, error)
	// Finish turns a provider's code into a user. A Forbidden fault is told to
	// the client as access_denied.
	Finish(ctx context.Context, leg auth.Leg, code string) (store.User, error)
	// Renew brings the user's role up to date before a refresh token is used
	// (contract 5.5). A fault refuses the refresh.
	Renew(ctx context.Context, u store.User, from auth.Client) error
}

func (v *visit) leg(t *transaction, provider string) auth.Leg {
	return auth.Leg{Tenant: t.tenant, Provider: provider, State: t.state, Row: t.OAuthState, From: v.from}
}

// startSSO is a provider's button on the sign-in page.
func (s *Server) startSSO(v *visit) error {
	form, _, err := readForm(v.w, v.r)
	if err != nil {
		return err
	}
	return s.advance(v, form["state"], func(v *visit, t *transaction) (outcome, error) {
		provider := form["provider"]
		if provider != "entra" && provider != "oidc" {
			return nil, refuse(codeInvalidRequest, "provider must be entra or oidc")
		}
		to, err := s.SSO.Begin(v.ctx(), v.leg(t, provider))
		return away{to}, err
	})
}

// callback is where a provider sends the browser back to. The answer uses the
// transaction up whatever it says: of many callbacks at once, one reaches the
// provider.
func (s *Server) callback(provider string) func(*visit) error {
	return func(v *visit) error {
		p, _, err := parse(v.r.URL.RawQuery)
		if err != nil {
			return err
		}
		needed := "code"
		if p["error"] != "" {
			needed = "error"
		}
		if err := p.require(fault.Unprocessable, "state", needed); err != nil {
			return err
		}
		return s.advance(v, p["state"], func(v *visit, t *transaction) (outcome, error) {
			if err := s.useState(v.ctx(), t); err != nil {
				return nil, err
			}
			return s.finishSSO(v, t, provider, p)
		})
	}
}

// finishSSO signs in as the user whom the provider names.
func (s *Server) finishSSO(v *visit, t *transaction, provider string, answer params) (outcome, error) {
	if answer["error"] != "" {
		return nil, auth.ProviderRefused(answer["error"])
	}
	user, err := s.SSO.Finish(v.ctx(), v.leg(t, provider), answer["code"])
	switch {
	case fault.Is(err, fault.Forbidden):
		return denied{fault.Of(err).Public, s.loginFailure(v, t, user.Email, fault.Of(err).Public)}, nil
	case err != nil:
		return nil, err
	}
	event := v.event("oauth.entra_login", map[string]any{"client_id": t.ClientID, "provider": provider})
	event.User, event.UserEmail = user.ID, user.Email
	return signedIn{user, event}, nil
}
