// Package sso signs people in through identity providers that speak OpenID
// Connect (contract 5). [Flow] is the one path on which a code becomes checked
// claims; a kind of provider only says where its endpoints are and which role
// the claims give.
package sso

import (
	"context"
	"errors"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// Kind is a kind of identity provider.
type Kind interface {
	// Name is how users, routes and records name the kind.
	Name() string
	// Label is how texts for people name it.
	Label() string
	// Open returns the provider of one tenant. It asks nobody.
	Open(Settings) Provider
}

// Settings are a tenant's connection to its identity provider, with the client
// secret in clear. They are never logged and never kept.
type Settings struct {
	Directory    string // Entra: the tenant at Microsoft
	Issuer       string // OIDC: the issuer
	ClientID     string
	ClientSecret string
	Scopes       []string
	GroupClaim   string
	Roles        map[string]identity.Role // what a group gives
}

// Provider signs people in. What it can do beyond that are interfaces of their
// own, found by type assertion.
type Provider interface {
	// AuthURL returns where the person signs in.
	AuthURL(ctx context.Context, leg Leg) (string, error)
	// Exchange turns the code that came back into the person behind it.
	Exchange(ctx context.Context, code string, leg Leg) (Identity, error)
}

// Refresher reads the role of a person who is not there.
type Refresher interface {
	// Refresh takes the refresh token of the last sign-in, "" where the
	// provider gave none.
	Refresh(ctx context.Context, subject, token string) (Identity, error)
}

// What a Refresher may find beside a role and an outage.
var (
	// ErrNoRefresh says that there is nothing to ask with.
	ErrNoRefresh = errors.New("the provider gave no refresh token")
	// ErrEnded says that the provider no longer honours its refresh token.
	ErrEnded = errors.New("the provider has ended the sign-in")
)

// Leg is one way to a provider and back.
type Leg struct {
	Callback string // the redirect URI
	State    string
	Verifier string // PKCE (RFC 7636)
	Nonce    string // OpenID Connect Core 1.0, section 3.1.2.1
}

// Identity is a person as their provider knows them.
type Identity struct {
	Subject string        // never reused and never renamed, unlike the e-mail
	Email   string        // as the provider writes it
	Role    identity.Role // None when no group of the person gives one
	Refresh string        // the provider's refresh token, if it gave one
}

// Highest returns the highest role that the groups give.
func Highest(roles map[string]identity.Role, groups []string) identity.Role {
	best := identity.None
	for _, group := range groups {
		best = max(best, roles[strings.TrimSpace(group)])
	}
	return best
}

// The faults of contract 5.4.

// Unreachable says that a provider does not answer, or not as one.
func Unreachable(cause error) error {
	return fault.Wrap(fault.BadGateway, cause, "Identity provider is unavailable")
}

func errIDToken(cause error) error {
	return fault.Wrap(fault.BadGateway, cause, "Identity provider returned an invalid id_token")
}

// NoSubject says that a provider did not tell who signed in.
func NoSubject(provider string) error {
	return fault.New(fault.BadGateway, provider+" profile missing user identifier")
}

func errNoToken(provider string, cause error) error {
	return fault.Wrap(fault.BadGateway, cause, "No access token in "+provider+" response")
}
