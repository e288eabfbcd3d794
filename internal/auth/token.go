package auth

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
)

// typeAccess is the only token type there is (contract 2.3). Refresh tokens,
// codes and keys are no JWTs.
const typeAccess = "access"

// Grant is what an access token says (contract 2.3). The role and the e-mail
// in it are for display: who the caller is allowed to be is read from the
// store on every request.
type Grant struct {
	Issuer   string
	Audience []string
	Tenant   identity.TenantID
	Slug     string
	User     identity.UserID
	Email    string
	Role     identity.Role
	Epoch    int64  // the user's session epoch: a newer one voids the token
	Scope    string // granted scopes, OAuth only
	Session  string // session or token family
	Client   string // OAuth client, "" for a sign-in of our own
}

// claims is the JWT body.
type claims struct {
	Issuer   string       `json:"iss"`
	Audience jwt.Audience `json:"aud"`
	User     string       `json:"sub"`
	Tenant   string       `json:"tenant_id"`
	Slug     string       `json:"tenant"`
	Role     string       `json:"role"`
	Email    string       `json:"email"`
	Scope    string       `json:"scope,omitempty"`
	Type     string       `json:"type"`
	Session  string       `json:"sid,omitempty"`
	Client   string       `json:"client_id,omitempty"`
	Epoch    int64        `json:"session_epoch"`
	IssuedAt int64        `json:"iat"`
	Expires  int64        `json:"exp"`
	ID       string       `json:"jti"`
}

// Issuer mints and checks access tokens.
type Issuer struct {
	algorithm jose.SignatureAlgorithm
	signer    jose.Signer
	keys      map[string][]byte
	life      time.Duration
	now       func() time.Time
	verified  verified
}

// IssuerConfig is what an Issuer is made of. Keys holds the current key
// first; the others only verify.
type IssuerConfig struct {
	Algorithm string // HS256, HS384 or HS512
	Keys      []seal.Key
	Life      time.Duration
	Now       func() time.Time
}

// NewIssuer returns an issuer.
func NewIssuer(cfg IssuerConfig) (*Issuer, error) {
	if len(cfg.Keys) == 0 {
		return nil, errors.New("auth: no signing key")
	}
	algorithm := jose.SignatureAlgorithm(cfg.Algorithm)
	if !slices.Contains([]jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512}, algorithm) {
		return nil, fmt.Errorf("auth: unknown token algorithm %q", cfg.Algorithm)
	}
	current := cfg.Keys[0]
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: algorithm, Key: current.Secret},
		(&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", current.ID))
	if err != nil {
		return nil, fmt.Errorf("auth: signer: %w", err)
	}
	keys := make(map[string][]byte, len(cfg.Keys))
	for _, k := range cfg.Keys {
		keys[k.ID] = k.Secret
	}
	return &Issuer{algorithm: algorithm, signer: signer, keys: keys, life: cfg.Life, now: cfg.Now}, nil
}

// Life is how long a minted token is valid.
func (i *Issuer) Life() time.Duration { return i.life }

// Mint returns a signed access token for the grant.
func (i *Issuer) Mint(g Grant) (string, error) {
	now := i.now()
	token, err := jwt.Signed(i.signer).Claims(claims{
		Issuer: g.Issuer, Audience: g.Audience,
		User: string(g.User), Tenant: string(g.Tenant), Slug: g.Slug,
		Role: g.Role.String(), Email: g.Email,
		Scope: g.Scope, Type: typeAccess, Session: g.Session, Client: g.Client, Epoch: g.Epoch,
		IssuedAt: now.Unix(), Expires: now.Add(i.life).Unix(), ID: uuid.NewString(),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("auth: sign token: %w", err)
	}
	return token, nil
}

// errToken says why a token is refused; callers learn only "Invalid token".
var errToken = errors.New("token")

// verify returns the claims of a token that one of our keys signed and that
// has not expired. Who it was made for is for the caller to check.
func (i *Issuer) verify(raw string) (*claims, error) {
	key := sha256.Sum256([]byte(raw))
	c := i.verified.get(key)
	if c == nil {
		var err error
		if c, err = i.parse(raw); err != nil {
			return nil, err
		}
		i.verified.put(key, c)
	}
	if c.Expires <= i.now().Unix() {
		return nil, fmt.Errorf("%w: expired", errToken)
	}
	return c, nil
}

// parse checks the signature and what a token must say.
func (i *Issuer) parse(raw string) (*claims, error) {
	// The allow-list of one algorithm is what keeps "none" and key confusion
	// out (RFC 8725, section 3.1).
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{i.algorithm})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errToken, err)
	}
	key, ok := i.keys[token.Headers[0].KeyID]
	if !ok {
		return nil, fmt.Errorf("%w: unknown key", errToken)
	}
	var c claims
	if err := token.Claims(key, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", errToken, err)
	}
	switch {
	case c.Type != typeAccess:
		return nil, fmt.Errorf("%w: type", errToken)
	case c.User == "" || c.Tenant == "":
		return nil, fmt.Errorf("%w: subject", errToken)
	}
	return &c, nil
}

// Granted returns what a good token says. Whether its user, session or family
// lives is not asked.
func (i *Issuer) Granted(raw string) (g Grant, ok bool) {
	c, err := i.verify(raw)
	if err != nil {
		return Grant{}, false
	}
	role, err := identity.ParseRole(c.Role)
	return Grant{
		Issuer: c.Issuer, Audience: c.Audience, Tenant: identity.TenantID(c.Tenant), Slug: c.Slug,
		User: identity.UserID(c.User), Email: c.Email, Role: role, Epoch: c.Epoch,
		Scope: c.Scope, Session: c.Session, Client: c.Client,
	}, err == nil
}
