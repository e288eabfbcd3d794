package api

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

type loginIn struct {
	Email    string  `json:"email"`
	Password string  `json:"password"`
	Slug     *string `json:"tenant_slug,omitempty" nullable:"true" doc:"Needed when several organisations know this e-mail and password."`
}

func (in *loginIn) check() []httpx.Problem { return checkEmail(&in.Email, "email") }

func (in *loginIn) attempt(c *call) auth.Attempt {
	at := auth.Attempt{Email: in.Email, Password: in.Password, Client: c.client(), Cookies: c.r.Cookies()}
	if in.Slug != nil {
		at.Slug = *in.Slug
	}
	return at
}

type tokenOut struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in" doc:"Seconds."`
}

func (s *server) login(ctx context.Context, c *call, in loginIn) (tokenOut, error) {
	token, err := s.Auth.Login(ctx, in.attempt(c))
	if err != nil {
		return tokenOut{}, err
	}
	return tokenOut{AccessToken: token, TokenType: "bearer", ExpiresIn: int(s.Auth.TokenLife().Seconds())}, nil
}

func (s *server) signIn(ctx context.Context, c *call, in loginIn) (meOut, error) {
	p, err := s.Auth.SignIn(ctx, c.w, c.r, in.attempt(c))
	if err != nil {
		return meOut{}, err
	}
	return s.describe(ctx, p)
}

type meOut struct {
	ID       identity.UserID `json:"id"`
	Email    string          `json:"email"`
	Role     identity.Role   `json:"role" doc:"The live role, as far as the credential allows."`
	Active   bool            `json:"is_active"`
	Provider string          `json:"auth_provider"`
	Tenant   tenantRef       `json:"tenant"`
}

type tenantRef struct {
	ID   identity.TenantID `json:"id"`
	Name string            `json:"name"`
	Slug string            `json:"slug"`
}

func (s *server) me(ctx context.Context, c *call) (meOut, error) { return s.describe(ctx, c.who) }

func (s *server) describe(ctx context.Context, p identity.Principal) (meOut, error) {
	scope := s.Store.Tenant(p.Tenant)
	u, err := scope.User(ctx, p.User)
	if err != nil {
		return meOut{}, err
	}
	t, err := scope.Tenant(ctx)
	return meOut{
		ID: u.ID, Email: u.Email, Role: p.Role, Active: u.Active, Provider: u.Provider,
		Tenant: tenantRef{ID: t.ID, Name: t.Name, Slug: t.Slug},
	}, err
}

type sessionOut struct {
	ID         string    `json:"id"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	IP         string    `json:"ip_address"`
	UserAgent  string    `json:"user_agent"`
	Current    bool      `json:"current"`
}

func (s *server) listSessions(ctx context.Context, c *call) ([]sessionOut, error) {
	sessions, err := s.Auth.Sessions(ctx, c.who)
	return list(sessions, func(x store.Session) sessionOut {
		return sessionOut{
			ID: x.ID, CreatedAt: x.CreatedAt, LastSeenAt: x.LastSeenAt, ExpiresAt: x.ExpiresAt,
			IP: x.IP, UserAgent: x.UserAgent, Current: x.ID == c.who.Credential,
		}
	}), err
}

func (s *server) endSession(ctx context.Context, c *call) (none, error) {
	return none{}, s.Auth.EndSession(ctx, c.who, c.client(), c.id())
}

func (s *server) logout(ctx context.Context, c *call) (none, error) {
	return none{}, s.Auth.Logout(ctx, c.w, c.who, c.client())
}

type passwordIn struct {
	Current string `json:"current_password"`
	New     string `json:"new_password" minLength:"12"`
}

func (in *passwordIn) check() []httpx.Problem { return checkPassword(in.New, "new_password") }

type detailOut struct {
	Detail string `json:"detail"`
}

func (s *server) changePassword(ctx context.Context, c *call, in passwordIn) (detailOut, error) {
	return detailOut{"Password changed"}, s.Auth.ChangePassword(ctx, c.w, c.who, c.client(), in.Current, in.New)
}

type providersOut struct {
	Password  bool          `json:"password"`
	Providers []providerOut `json:"providers"`
}

type providerOut struct {
	Type     string `json:"type"`
	Name     string `json:"name"`
	LoginURL string `json:"login_url"`
}

func (s *server) listProviders(ctx context.Context, c *call) (providersOut, error) {
	slug, err := c.required("tenant_slug")
	if err != nil {
		return providersOut{}, err
	}
	tenant, err := s.Store.TenantBySlug(ctx, slug)
	if err != nil {
		return providersOut{}, err
	}
	offer, err := s.SSO.Offer(ctx, tenant.ID)
	return providersOut{Password: offer.Password, Providers: list(offer.Providers, func(p auth.OfferedProvider) providerOut {
		return providerOut{Type: p.Kind, Name: p.Name, LoginURL: s.SSO.LoginURL(p.Kind, slug)}
	})}, err
}
