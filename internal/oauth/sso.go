package oauth

import (
	"context"
	"net/url"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// SSO is sign-in through a tenant's identity providers (contract 5), as the
// sign-in page uses it. The transaction's own state is the state of the leg to
// the provider too: it is secret, single-use and bound to the browser.
type SSO interface {
	// Offer says how people of the tenant may sign in.
	Offer(ctx context.Context, t store.Tenant) (Offer, error)
	// Begin returns where to send the browser.
	Begin(ctx context.Context, t store.Tenant, provider, state string) (string, error)
	// Finish turns a provider's answer (its query parameters) into a user. A
	// Forbidden fault is told to the client as access_denied.
	Finish(ctx context.Context, t store.Tenant, provider, state string, answer url.Values) (store.User, error)
	// Renew brings the user's role up to date before a refresh token is used
	// (contract 5.5). A fault refuses the refresh.
	Renew(ctx context.Context, t store.Tenant, u store.User) error
}

// Offer is the ways to sign in to a tenant.
type Offer struct {
	Password  bool
	Providers []Provider
}

// Provider is a button on the sign-in page.
type Provider struct {
	Kind string // "entra" or "oidc"
	Name string
}

// noSSO is a gateway without identity providers.
type noSSO struct{}

func (noSSO) Offer(context.Context, store.Tenant) (Offer, error) { return Offer{Password: true}, nil }

func (noSSO) Begin(_ context.Context, _ store.Tenant, provider, _ string) (string, error) {
	return "", fault.New(fault.Invalid, "Tenant has not configured "+displayName(provider)+" SSO")
}

func (noSSO) Finish(_ context.Context, _ store.Tenant, provider, _ string, _ url.Values) (store.User, error) {
	return store.User{}, fault.New(fault.Invalid, displayName(provider)+" config missing")
}

func (noSSO) Renew(context.Context, store.Tenant, store.User) error { return nil }

func displayName(provider string) string {
	if provider == "oidc" {
		return "OIDC"
	}
	return "Entra ID"
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
		to, err := s.SSO.Begin(v.ctx(), t.tenant, provider, t.state)
		return away{to}, err
	})
}

// callback is where a provider sends the browser back to.
func (s *Server) callback(provider string) func(*visit) error {
	return func(v *visit) error {
		p, values, err := parse(v.r.URL.RawQuery)
		if err != nil {
			return err
		}
		return s.advance(v, p["state"], func(v *visit, t *transaction) (outcome, error) {
			return s.finishSSO(v, t, provider, values)
		})
	}
}

// finishSSO signs in as the user whom the provider names.
func (s *Server) finishSSO(v *visit, t *transaction, provider string, answer url.Values) (outcome, error) {
	if refused := answer.Get("error"); refused != "" {
		return nil, fault.New(fault.Invalid, "Sign-in was refused by the identity provider: "+printable(refused))
	}
	user, err := s.SSO.Finish(v.ctx(), t.tenant, provider, t.state, answer)
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
