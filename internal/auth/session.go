package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/runes"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// The names of the session cookie (contract 2.1). The __Host- prefix, which
// browsers accept on https only, keeps other hosts of the domain from setting it.
const (
	cookieSecure = "__Host-mgw_session"
	cookiePlain  = "mgw_session"
)

const methodPassword = "password"

// maxUserAgent bounds what of a browser's name is kept.
const maxUserAgent = 200

func (a *Authenticator) cookieName() string {
	if a.cfg.URLs.secure() {
		return cookieSecure
	}
	return cookiePlain
}

// cookie returns the session token of the request, "" for none.
func (a *Authenticator) cookie(r *http.Request) string {
	c, err := r.Cookie(a.cookieName())
	if err != nil {
		return ""
	}
	return c.Value
}

func (a *Authenticator) setCookie(w http.ResponseWriter, value string, life time.Duration) {
	age := int(life.Seconds())
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: a.cookieName(), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: a.cfg.URLs.secure(), SameSite: http.SameSiteLaxMode,
	})
}

// hashToken is how a token of 256 random bits is kept: such a token cannot be
// guessed, so its hash needs no secret and no salt.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// sessionToken is a new cookie value: 256 random bits, and the role at the
// time, so that a change of role is noticed. The whole value is hashed, so the
// role in it cannot be changed.
func sessionToken(role identity.Role) string { return randomText() + "." + role.String() }

// byCookie checks the token of a browser session (contract 2.4).
func (a *Authenticator) byCookie(ctx context.Context, w http.ResponseWriter, token string) (identity.Principal, error) {
	s, err := a.cfg.Store.LiveBySessionHash(ctx, hashToken(token))
	switch {
	case fault.Is(err, fault.NotFound):
		return identity.Principal{}, errInvalidToken(errEnded)
	case err != nil:
		return identity.Principal{}, err
	}
	if err := admit(s.Live); err != nil {
		return identity.Principal{}, err
	}
	if s.Session.Ended(a.cfg.Now(), a.cfg.SessionIdle) {
		return identity.Principal{}, errInvalidToken(errEnded)
	}
	if a.cfg.SSO.stale(s) {
		if s, err = a.refreshed(ctx, s); err != nil {
			return identity.Principal{}, err
		}
	}
	a.touchSession(ctx, s.Session)
	if !strings.HasSuffix(token, "."+s.Role.String()) {
		if err := a.renew(ctx, w, s); err != nil {
			return identity.Principal{}, err
		}
	}
	return with(identity.Principal{Auth: authSession, Credential: s.Session.ID}, s.Live), nil
}

// refreshed brings the session's user up to date with their identity provider,
// and reads what has become of both.
func (a *Authenticator) refreshed(ctx context.Context, s store.LiveSession) (store.LiveSession, error) {
	if err := a.cfg.SSO.keepFresh(ctx, s); err != nil {
		return s, err
	}
	s, err := a.cfg.Store.LiveBySessionHash(ctx, s.Session.Hash)
	if err != nil {
		return s, err
	}
	return s, admit(s.Live)
}

// renew gives the session a new id after a change of role (contract 2.4). Of
// requests at once, one renews; the others are served as they are.
func (a *Authenticator) renew(ctx context.Context, w http.ResponseWriter, s store.LiveSession) error {
	token := sessionToken(s.Role)
	err := a.cfg.Store.RenewSession(ctx, s.Session, hashToken(token))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		a.setCookie(w, token, s.Session.ExpiresAt.Sub(a.cfg.Now()))
	}
	return err
}

func (a *Authenticator) touchSession(ctx context.Context, s store.Session) {
	if err := a.cfg.Store.TouchSession(ctx, s); err != nil {
		a.cfg.Log.WarnContext(ctx, "use of a session not noted", "session", s.ID, "err", err)
	}
}

// newSession is a session to be opened.
type newSession struct {
	hash    string // of the text that it is found by
	method  string // how the person signed in, for login.success
	auth    string // what they call with from now on, as Principal.Auth says it
	expires time.Time
}

// openSession stores a sign-in.
func (a *Authenticator) openSession(ctx context.Context, u store.LoginCandidate, c Client, n newSession) (s store.Session, err error) {
	err = a.unlessOvertaken(ctx, u, c, func(tx *store.Tx) error {
		s, err = storeSignIn(ctx, tx, u, c, n)
		return err
	})
	return s, err
}

// unlessOvertaken runs what a sign-in leads to in a transaction, unless the
// user's access has ended since they proved themselves: whatever ends it finds
// only what is stored (contract 2.4, Ends a session).
func (a *Authenticator) unlessOvertaken(ctx context.Context, u store.LoginCandidate, c Client, fn func(*store.Tx) error) error {
	err := a.cfg.Store.Tenant(u.Tenant).Write(ctx, func(tx *store.Tx) error {
		if err := overtaken(ctx, tx, u); err != nil {
			return err
		}
		return fn(tx)
	})
	if refused, ok := errors.AsType[*Refused](err); ok {
		if err := a.recordRefused(ctx, Attempt{Email: u.Email, Client: c}, refused); err != nil {
			return err
		}
	}
	return err
}

// overtaken also locks the user, so that what comes later finds the sign-in.
func overtaken(ctx context.Context, tx *store.Tx, u store.LoginCandidate) error {
	refused := &Refused{Accounts: []store.LoginCandidate{u}, Fault: fault.Of(errUserGone())}
	now, err := tx.User(ctx, u.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		refused.Reason = ReasonUnknownUser
	case err != nil:
		return err
	case !now.Active:
		refused.Reason = ReasonAccountDisabled
	case now.Epoch != u.Epoch:
		refused.Reason = ReasonWrongPassword
	default:
		return nil
	}
	return refused
}

// storeSignIn stores a sign-in: its session, the time of it and the record,
// together.
func storeSignIn(ctx context.Context, tx *store.Tx, u store.LoginCandidate, c Client, n newSession) (store.Session, error) {
	if err := tx.SetUserLoggedIn(ctx, u.ID); err != nil {
		return store.Session{}, err
	}
	tx.Record(audit.Event{
		Name: "login.success", User: u.ID, UserEmail: u.Email, IP: c.IP, RequestID: c.RequestID, Auth: n.auth,
		Metadata: map[string]any{"method": n.method},
	})
	return tx.CreateSession(ctx, store.NewSession{
		User: u.ID, Hash: n.hash, IP: c.IP, UserAgent: runes.First(c.UserAgent, maxUserAgent), ExpiresAt: n.expires,
	})
}

// SignIn signs in with a password and opens a browser session (contract 2.4).
// The request must come from the gateway's own pages, so that nobody can be
// signed in as somebody else from another site.
func (a *Authenticator) SignIn(ctx context.Context, w http.ResponseWriter, r *http.Request, at Attempt) (identity.Principal, error) {
	if err := a.csrf.Check(r); err != nil {
		return identity.Principal{}, errCrossSite(err)
	}
	account, err := a.checkRecorded(ctx, at)
	if err != nil {
		return identity.Principal{}, err
	}
	p, err := a.OpenBrowserSession(ctx, w, account, at.Client, methodPassword)
	if err == nil {
		a.RememberDevice(w, account.User)
	}
	return p, err
}

// OpenBrowserSession gives the browser a new session for an account that has
// just proved itself; method says how, for the record.
func (a *Authenticator) OpenBrowserSession(ctx context.Context, w http.ResponseWriter, u store.LoginCandidate, c Client, method string) (identity.Principal, error) {
	token := sessionToken(u.Role)
	s, err := a.openSession(ctx, u, c, newSession{
		hash: hashToken(token), method: method, auth: authSession, expires: a.cfg.Now().Add(a.cfg.SessionMax),
	})
	if err != nil {
		return identity.Principal{}, err
	}
	a.setCookie(w, token, a.cfg.SessionMax)
	return identity.Principal{
		Tenant: u.Tenant, Slug: u.TenantSlug, User: u.ID, Email: u.Email, Role: u.Role,
		Auth: authSession, Credential: s.ID,
	}, nil
}

// Sessions lists the caller's own sign-ins that have not ended.
func (a *Authenticator) Sessions(ctx context.Context, p identity.Principal) ([]store.Session, error) {
	all, err := a.cfg.Store.Tenant(p.Tenant).Sessions(ctx, p.User)
	if err != nil {
		return nil, err
	}
	open := all[:0]
	for _, s := range all {
		if !s.Ended(a.cfg.Now(), a.cfg.SessionIdle) {
			open = append(open, s)
		}
	}
	return open, nil
}

// EndSession ends one of the caller's sign-ins at once, with its tokens.
func (a *Authenticator) EndSession(ctx context.Context, p identity.Principal, c Client, id string) error {
	return a.endSession(ctx, p, c, id, "session_ended")
}

// Logout ends the caller's own sign-in and clears the cookie. Ending what has
// ended meanwhile is no error.
func (a *Authenticator) Logout(ctx context.Context, w http.ResponseWriter, p identity.Principal, c Client) error {
	if p.Auth == authSession {
		a.setCookie(w, "", 0)
	}
	err := a.endSession(ctx, p, c, p.Credential, "logout")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func (a *Authenticator) endSession(ctx context.Context, p identity.Principal, c Client, id, reason string) error {
	return a.cfg.Store.Tenant(p.Tenant).Write(ctx, func(tx *store.Tx) error {
		tx.Record(audit.Event{
			Name: "oauth.token_revoked", IP: c.IP, RequestID: c.RequestID,
			Metadata: map[string]any{"client_id": nil, "reason": reason},
		}.By(p))
		return tx.EndSession(ctx, p.User, id)
	})
}

// ChangePassword sets the caller's own password. Everything else that is
// signed in as the caller ends (contract 2.4), and all devices are forgotten
// but the browser that the caller is in.
func (a *Authenticator) ChangePassword(ctx context.Context, w http.ResponseWriter, p identity.Principal, c Client, current, next string) error {
	u, err := a.cfg.Store.Tenant(p.Tenant).User(ctx, p.User)
	if err != nil {
		return err
	}
	if u.PasswordHash == "" {
		return ErrNoPassword()
	}
	ok, _, err := a.cfg.Passwords.Verify(ctx, current, u.PasswordHash)
	if err != nil {
		return err
	}
	if !ok {
		return errWrongPassword()
	}
	hash, err := a.cfg.Passwords.Hash(ctx, next)
	if err != nil {
		return err
	}
	changed, err := a.replacePassword(ctx, p, c, u, hash)
	if err == nil && p.Auth == authSession {
		a.RememberDevice(w, changed)
	}
	return err
}

// replacePassword stores a new hash, unless the password has changed since u was
// read.
func (a *Authenticator) replacePassword(ctx context.Context, p identity.Principal, c Client, u store.User, hash string) (changed store.User, err error) {
	err = a.cfg.Store.Tenant(p.Tenant).Write(ctx, func(tx *store.Tx) error {
		now, err := tx.User(ctx, p.User)
		if err != nil {
			return err
		}
		if now.Epoch != u.Epoch { // a reset came first, and stands
			return errWrongPassword()
		}
		tx.Record(audit.Event{
			Name: "user.password_changed", IP: c.IP, RequestID: c.RequestID,
			Metadata: map[string]any{"target_user_id": p.User, "by": p.User},
		}.By(p))
		if err := tx.SetUserPassword(ctx, p.User, hash, p.Credential); err != nil {
			return err
		}
		changed, err = tx.User(ctx, p.User)
		return err
	})
	return changed, err
}

func errWrongPassword() error { return fault.New(fault.Invalid, "Current password is incorrect") }

// ErrNoPassword refuses a password for an account that signs in through SSO.
func ErrNoPassword() error { return fault.New(fault.Invalid, "This account signs in through SSO") }
