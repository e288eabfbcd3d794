// Package oidc is sign-in through any OpenID Connect provider: Okta, Google,
// Keycloak and others (contract 5.3).
package oidc

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sso"
)

const label = "OIDC"

// Config is what the kind is made of. The client decides what may be dialled:
// administrators of tenants name the issuers.
type Config struct {
	Client *http.Client
	Now    func() time.Time
}

// Kind is OpenID Connect.
type Kind struct {
	cfg       Config
	directory *sso.Directory
}

// New returns the kind.
func New(cfg Config) *Kind {
	cfg.Client = sso.Bounded(cfg.Client)
	return &Kind{cfg, sso.NewDirectory(cfg.Client, cfg.Now)}
}

// Name implements sso.Kind.
func (*Kind) Name() string { return "oidc" }

// Label implements sso.Kind.
func (*Kind) Label() string { return label }

// Open implements sso.Kind.
func (k *Kind) Open(s sso.Settings) sso.Provider { return &provider{k, s} }

type provider struct {
	kind     *Kind
	settings sso.Settings
}

var (
	errIssuer   = errors.New("the discovery document is of another issuer")
	errInsecure = errors.New("an endpoint is not https")
)

func (p *provider) metadata(ctx context.Context) (*sso.Metadata, error) {
	return p.kind.directory.Lookup(ctx, strings.TrimSuffix(p.settings.Issuer, "/")+"/.well-known/openid-configuration", p.check)
}

// check holds the discovery document to the very same issuer (OpenID Connect
// Discovery 1.0, section 4.3).
func (p *provider) check(m *sso.Metadata) error {
	if m.Issuer != p.settings.Issuer {
		return errIssuer
	}
	for _, endpoint := range []string{m.AuthURL, m.TokenURL, m.KeysURL} {
		if !strings.HasPrefix(endpoint, "https://") {
			return errInsecure
		}
	}
	return nil
}

func (p *provider) flow(m *sso.Metadata) *sso.Flow {
	return &sso.Flow{
		Provider: label, Client: p.kind.cfg.Client, Now: p.kind.cfg.Now,
		ClientID: p.settings.ClientID, ClientSecret: p.settings.ClientSecret, Scopes: p.settings.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: m.AuthURL, TokenURL: m.TokenURL, AuthStyle: m.AuthStyle()},
	}
}

// AuthURL implements sso.Provider.
func (p *provider) AuthURL(ctx context.Context, leg sso.Leg) (string, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return "", err
	}
	return p.flow(m).AuthURL(leg), nil
}

// Exchange implements sso.Provider.
func (p *provider) Exchange(ctx context.Context, code string, leg sso.Leg) (sso.Identity, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return sso.Identity{}, err
	}
	tokens, err := p.flow(m).Exchange(ctx, m, code, leg)
	if err != nil {
		return sso.Identity{}, err
	}
	who, claims, err := p.identity(ctx, m, tokens)
	if err == nil && unverified(claims) {
		err = fault.New(fault.Forbidden, "The identity provider has not verified this e-mail address")
	}
	return who, err
}

// Refresh implements sso.Refresher. What another issuer gave is not sent to
// this one.
func (p *provider) Refresh(ctx context.Context, subject, token string) (sso.Identity, error) {
	switch {
	case !strings.HasPrefix(subject, p.settings.Issuer+"#"):
		return sso.Identity{}, sso.ErrEnded
	case token == "":
		return sso.Identity{}, sso.ErrNoRefresh
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return sso.Identity{}, err
	}
	tokens, err := p.flow(m).Refresh(ctx, m, token)
	if err != nil {
		return sso.Identity{}, err
	}
	who, _, err := p.identity(ctx, m, tokens)
	if err == nil && who.Subject != subject {
		err = sso.NoSubject(label)
	}
	return who, err
}

// identity reads the claims. Some providers put groups and e-mail only into
// the profile.
func (p *provider) identity(ctx context.Context, m *sso.Metadata, tokens sso.Tokens) (sso.Identity, sso.Claims, error) {
	claims := tokens.Claims
	if claims != nil && claims.Text("sub") == "" {
		return sso.Identity{}, nil, sso.NoSubject(label)
	}
	_, known := lookup(claims, p.settings.GroupClaim)
	if m.UserInfoURL != "" && (!known || claims.Text("email") == "") {
		profile, err := p.profile(ctx, m, tokens)
		if err != nil {
			return sso.Identity{}, nil, err
		}
		claims = merge(profile, claims)
	}
	sub := claims.Text("sub")
	if sub == "" {
		return sso.Identity{}, nil, sso.NoSubject(label)
	}
	return sso.Identity{
		Subject: m.Issuer + "#" + sub, Email: claims.Text("email"), Refresh: tokens.Refresh,
		Role: sso.Highest(p.settings.Roles, groups(claims, p.settings.GroupClaim)),
	}, claims, nil
}

// profile reads the UserInfo endpoint, which must speak of the same person
// (OpenID Connect Core 1.0, section 5.3.2).
func (p *provider) profile(ctx context.Context, m *sso.Metadata, tokens sso.Tokens) (sso.Claims, error) {
	if !strings.HasPrefix(m.UserInfoURL, "https://") {
		return nil, sso.Unreachable(errInsecure)
	}
	var profile sso.Claims
	if err := sso.GetJSON(ctx, p.kind.cfg.Client, m.UserInfoURL, tokens.Access, &profile); err != nil {
		return nil, sso.Unreachable(err)
	}
	if sub := tokens.Claims.Text("sub"); sub != "" && profile.Text("sub") != sub {
		return nil, sso.NoSubject(label)
	}
	return profile, nil
}
