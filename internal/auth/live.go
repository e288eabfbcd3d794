package auth

import (
	"context"
	"errors"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// How Principal.Auth names the ways in (contract 10).
const (
	authToken   = "token"
	authSession = "session"
	authKey     = "api_key:"
	authOAuth   = "oauth:"

	// AuthOperator names a command of who runs the gateway, in audit records.
	AuthOperator = "operator"
)

// Causes of "Invalid token", for the log.
var (
	errEpoch = errors.New("older than the user's last sign-out everywhere")
	errEnded = errors.New("session or token ended")
	errMade  = errors.New("token was made for something else")
)

// admit is the one decision about a live user (contract 2.2).
func admit(l store.Live) error {
	switch {
	case !l.Active:
		return errUserGone()
	case !l.TenantActive:
		return errTenantDisabled()
	default:
		return nil
	}
}

// with fills in what was read for this very request.
func with(p identity.Principal, l store.Live) identity.Principal {
	p.Tenant, p.Slug, p.User, p.Email, p.Role, p.Config = l.Tenant, l.Slug, l.User, l.Email, l.Role, l.Config
	return p
}

// byKey checks an API key with one query (contract 2.4).
func (a *Authenticator) byKey(ctx context.Context, raw string) (identity.Principal, error) {
	if !wellFormedKey(raw) {
		return identity.Principal{}, errInvalidKey()
	}
	hashes := a.cfg.Keys.Hashes(raw)
	l, err := a.cfg.Store.LiveByKeyHash(ctx, hashes)
	switch {
	case fault.Is(err, fault.NotFound):
		return identity.Principal{}, errInvalidKey()
	case err != nil:
		return identity.Principal{}, err
	}
	p, err := a.keyPrincipal(l.Key, l.Live)
	if err != nil {
		return identity.Principal{}, err
	}
	a.noteUse(ctx, l.Key)
	if l.Key.Hash != hashes[0] {
		a.moveKey(ctx, l.Key, raw)
	}
	return p, nil
}

// keyPrincipal is the owner with the rights that the key leaves.
func (a *Authenticator) keyPrincipal(k store.APIKey, l store.Live) (identity.Principal, error) {
	if k.Ended(a.cfg.Now()) {
		return identity.Principal{}, errInvalidKey()
	}
	if err := admit(l); err != nil {
		return identity.Principal{}, err
	}
	p := with(identity.Principal{Auth: authKey + k.Prefix, Credential: k.ID}, l)
	if k.MaxRole != identity.None {
		p.Role = min(p.Role, k.MaxRole)
	}
	return p, nil
}

// noteUse and moveKey do not decide about the request, so that their failures
// are only logged.
func (a *Authenticator) noteUse(ctx context.Context, k store.APIKey) {
	if err := a.cfg.Store.TouchAPIKey(ctx, k); err != nil {
		a.cfg.Log.WarnContext(ctx, "use of an API key not noted", "key", k.Prefix, "err", err)
	}
}

// moveKey stores the hash of a key under the current secret (contract 2.4, Key
// rotation).
func (a *Authenticator) moveKey(ctx context.Context, k store.APIKey, raw string) {
	hash, id := a.cfg.Keys.Hash(raw)
	if err := a.cfg.Store.RehashAPIKey(ctx, k, hash, id); err != nil {
		a.cfg.Log.WarnContext(ctx, "API key not moved to the current secret", "key", k.Prefix, "err", err)
	}
}

// byToken checks a JWT: signature and claims first, then the live user and
// what the token hangs on, with one query.
func (a *Authenticator) byToken(ctx context.Context, raw string, fits func(*claims) error) (identity.Principal, error) {
	c, err := a.cfg.Issuer.verify(raw)
	if err != nil {
		return identity.Principal{}, errInvalidToken(err)
	}
	if err := fits(c); err != nil {
		return identity.Principal{}, err
	}
	l, err := a.liveToken(ctx, c)
	if err != nil {
		return identity.Principal{}, err
	}
	p := identity.Principal{Auth: authToken, Credential: c.Session}
	if c.Client != "" {
		p.Auth = authOAuth + c.Client
	}
	return with(p, l), nil
}

// liveToken reads the user behind a token that is good in itself. One that
// names a session or a token family also needs that to be alive.
func (a *Authenticator) liveToken(ctx context.Context, c *claims) (store.Live, error) {
	var l store.Live
	var err error
	switch {
	case c.Client != "":
		l, err = a.liveFamily(ctx, c)
	case c.Session != "":
		l, err = a.liveSession(ctx, c)
	default:
		l, err = a.cfg.Store.Live(ctx, identity.TenantID(c.Tenant), identity.UserID(c.User))
	}
	switch {
	case fault.Is(err, fault.NotFound):
		return l, errUserGone()
	case err != nil:
		return l, err
	}
	if err := admit(l); err != nil {
		return l, err
	}
	if l.Epoch != c.Epoch {
		return l, errInvalidToken(errEpoch)
	}
	return l, nil
}

// liveSession reads the user together with the session of the token. A session
// that is gone although the user is there has ended.
func (a *Authenticator) liveSession(ctx context.Context, c *claims) (store.Live, error) {
	tenant, user := identity.TenantID(c.Tenant), identity.UserID(c.User)
	s, err := a.cfg.Store.LiveBySessionID(ctx, tenant, user, c.Session)
	switch {
	case fault.Is(err, fault.NotFound):
		if l, err := a.cfg.Store.Live(ctx, tenant, user); err != nil {
			return l, err
		}
		return s.Live, errInvalidToken(errEnded)
	case err != nil:
		return s.Live, err
	}
	// Disabling a user ends the sessions too; what is told is the first cause.
	if s.Active && s.Session.Ended(a.cfg.Now(), a.cfg.SessionIdle) {
		return s.Live, errInvalidToken(errEnded)
	}
	a.touchSession(ctx, s.Session)
	return s.Live, nil
}

// liveFamily reads the user together with the state of the token family, so
// that revoking a family ends its access tokens at once.
func (a *Authenticator) liveFamily(ctx context.Context, c *claims) (store.Live, error) {
	l, alive, err := a.cfg.Store.LiveByFamily(ctx, identity.TenantID(c.Tenant), identity.UserID(c.User), c.Session)
	// Disabling a user ends the families too; what is told is the first cause.
	if err == nil && l.Active && !alive {
		err = errInvalidToken(errEnded)
	}
	return l, err
}
