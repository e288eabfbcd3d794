package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/runes"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/sso"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// The kinds of sign-in that are a row of oauth_states.
const (
	KindMCP = "mcp" // a client's, in front of the sign-in page
	KindUI  = "ui"  // of the gateway's own pages
)

// SSOConfig is what an SSO is made of.
type SSOConfig struct {
	Store  *store.DB
	Ring   *seal.Ring
	Kinds  []sso.Kind
	Audit  Recorder
	URLs   URLs
	Log    *slog.Logger
	Now    func() time.Time
	Grace  time.Duration // ENTRA_GRACE_MINUTES
	Fresh  time.Duration // ACCESS_TOKEN_EXPIRE_MINUTES
	States time.Duration // OAUTH_STATE_TTL_MINUTES
}

// SSO is sign-in through a tenant's identity providers (contract 5).
type SSO struct {
	cfg   SSOConfig
	kinds map[string]sso.Kind

	resync resync
}

// NewSSO returns the sign-in of all tenants.
func NewSSO(cfg SSOConfig) (*SSO, error) {
	if cfg.Store == nil || cfg.Ring == nil {
		return nil, errors.New("auth: store and key ring are needed")
	}
	s := &SSO{cfg: cfg, kinds: map[string]sso.Kind{}}
	for _, k := range cfg.Kinds {
		s.kinds[k.Name()] = k
	}
	return s, nil
}

// Offer is the ways to sign in to a tenant.
type Offer struct {
	Password  bool
	Providers []OfferedProvider
}

// OfferedProvider is one button.
type OfferedProvider struct {
	Kind string // "entra" or "oidc"
	Name string // for people
}

// Offer says how people of the tenant may sign in (contract 4.6, Password
// form).
func (s *SSO) Offer(ctx context.Context, tenant identity.TenantID) (Offer, error) {
	offer, scope := Offer{Password: true}, s.cfg.Store.Tenant(tenant)
	entra, err := scope.EntraConfig(ctx)
	switch {
	case err == nil:
		offer.Password = entra.PasswordLogin
		offer.Providers = append(offer.Providers, OfferedProvider{store.EntraAccount, "Microsoft Entra ID"})
	case !fault.Is(err, fault.NotFound):
		return Offer{}, err
	}
	oidc, err := scope.OIDCConfig(ctx)
	switch {
	case err == nil:
		offer.Password = offer.Password && oidc.PasswordLogin
		offer.Providers = append(offer.Providers, OfferedProvider{store.OIDCAccount, oidc.DisplayName})
	case !fault.Is(err, fault.NotFound):
		return Offer{}, err
	}
	return offer, nil
}

// LoginURL is where a person begins to sign in through a provider (contract
// 5.2, Entry link).
func (s *SSO) LoginURL(kind, slug string) string {
	return s.cfg.URLs.Base + "/auth/" + kind + "/login?tenant_slug=" + url.QueryEscape(slug)
}

// Leg is a person's way to a provider and back, and the row that remembers it.
type Leg struct {
	Tenant   store.Tenant
	Provider string
	State    string // the secret behind Row
	Row      store.OAuthState
	From     Client
}

// Prepare gives the row of a sign-in what its way to a provider needs. The
// row's hash must be set.
func (s *SSO) Prepare(tenant identity.TenantID, row *store.OAuthState) {
	row.Nonce = randomText()
	row.PKCEVerifier = s.cfg.Ring.Seal(randomText(), verifierPlace(tenant, row.Hash))
}

func verifierPlace(tenant identity.TenantID, hash string) seal.Place {
	return seal.Place{Tenant: string(tenant), Table: store.StatesTable, Row: hash}
}

// Begin returns where to send the browser.
func (s *SSO) Begin(ctx context.Context, l Leg) (string, error) {
	provider, err := s.open(ctx, l.Tenant.ID, l.Provider)
	if fault.Is(err, fault.NotFound) {
		return "", fault.Wrap(fault.Invalid, err, "Tenant has not configured "+s.label(l.Provider)+" SSO")
	}
	if err != nil {
		return "", err
	}
	leg, err := s.leg(l)
	if err != nil {
		return "", err
	}
	return provider.AuthURL(ctx, leg)
}

// Finish turns a provider's answer into the user that it stands for, who is
// made or brought up to date. A Forbidden fault is the person's own, and then
// the user is returned as far as it is known (contract 5.4).
func (s *SSO) Finish(ctx context.Context, l Leg, code string) (store.User, error) {
	provider, err := s.open(ctx, l.Tenant.ID, l.Provider)
	if fault.Is(err, fault.NotFound) {
		return store.User{}, fault.Wrap(fault.Invalid, err, s.label(l.Provider)+" config missing")
	}
	if err != nil {
		return store.User{}, err
	}
	leg, err := s.leg(l)
	if err != nil {
		return store.User{}, err
	}
	who, err := provider.Exchange(ctx, code, leg)
	if err != nil {
		return store.User{Email: strings.ToLower(who.Email)}, err
	}
	return s.provision(ctx, l, who)
}

// ProviderRefused is the fault of a sign-in that the provider refused (contract
// 5.4). The code is the provider's own.
func ProviderRefused(code string) error {
	return fault.New(fault.Invalid, "Sign-in was refused by the identity provider: "+printable(code))
}

// maxRepeated bounds what is repeated of a text that a request brings.
const maxRepeated = 100

// printable cuts a text to what RFC 6749 (4.1.2.1) allows in an error code.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, runes.First(s, maxRepeated))
}

// label is how texts for people name the kind of provider.
func (s *SSO) label(provider string) string {
	if k := s.kinds[provider]; k != nil {
		return k.Label()
	}
	return provider
}

func (s *SSO) leg(l Leg) (sso.Leg, error) {
	verifier, err := s.cfg.Ring.Open(l.Row.PKCEVerifier, verifierPlace(l.Tenant.ID, l.Row.Hash))
	callback := s.cfg.URLs.Base + "/auth/" + l.Provider + "/callback"
	if l.Row.Kind == KindMCP {
		callback = s.cfg.URLs.Tenant(l.Tenant.Slug) + "/oauth/" + l.Provider + "-callback"
	}
	return sso.Leg{Callback: callback, State: l.State, Verifier: verifier, Nonce: l.Row.Nonce}, err
}

// open returns the tenant's provider. One that is not configured is NotFound.
func (s *SSO) open(ctx context.Context, tenant identity.TenantID, provider string) (sso.Provider, error) {
	kind := s.kinds[provider]
	if kind == nil {
		return nil, fault.New(fault.NotFound, "Unknown identity provider")
	}
	read := s.entraSettings
	if provider == store.OIDCAccount {
		read = s.oidcSettings
	}
	settings, err := read(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return kind.Open(settings), nil
}

func (s *SSO) entraSettings(ctx context.Context, tenant identity.TenantID) (sso.Settings, error) {
	c, err := s.cfg.Store.Tenant(tenant).EntraConfig(ctx)
	if err != nil {
		return sso.Settings{}, err
	}
	roles := map[string]identity.Role{}
	for _, g := range []struct {
		id   string
		role identity.Role
	}{{c.ViewerGroup, identity.Viewer}, {c.AnalystGroup, identity.Analyst}, {c.AdminGroup, identity.Admin}} {
		if g.id != "" {
			roles[g.id] = g.role // one group for two roles gives the higher one
		}
	}
	secret, err := s.cfg.Ring.Open(c.SealedSecret, SecretPlace(tenant, store.EntraTable, c.ID))
	return sso.Settings{Directory: c.EntraTenant, ClientID: c.ClientID, ClientSecret: secret, Roles: roles}, err
}

func (s *SSO) oidcSettings(ctx context.Context, tenant identity.TenantID) (sso.Settings, error) {
	c, err := s.cfg.Store.Tenant(tenant).OIDCConfig(ctx)
	if err != nil {
		return sso.Settings{}, err
	}
	secret, err := s.cfg.Ring.Open(c.SealedSecret, SecretPlace(tenant, store.OIDCTable, c.ID))
	return sso.Settings{
		Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: secret, Scopes: strings.Fields(c.Scopes),
		GroupClaim: c.GroupClaim, Roles: c.RoleMap,
	}, err
}

// SecretPlace is where a sealed client secret belongs.
func SecretPlace(tenant identity.TenantID, table, id string) seal.Place {
	return seal.Place{Tenant: string(tenant), Table: table, Row: id}
}
