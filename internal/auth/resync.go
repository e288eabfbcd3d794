package auth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/sso"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

const (
	// askAgain is how long a provider is left alone about a person for whom it
	// had no answer, so that an outage does not slow every click down.
	askAgain = time.Minute
	// askFor bounds one question, all of its calls together.
	askFor = 30 * time.Second
	// maxUnanswered bounds the people who are left alone.
	maxUnanswered = 10_000
)

// The refusals of contract 5.5.
func errRemoved(label string) error {
	return fault.New(fault.Forbidden, label+" configuration removed — please re-authenticate")
}
func errSignedOut(label string, cause error) error {
	return fault.Wrap(fault.Forbidden, cause, label+" sign-in has ended — please re-authenticate")
}
func errLeft() error {
	return fault.New(fault.Forbidden, "User is no longer a member of any authorised group")
}
func errUnverified(cause error) error {
	return &fault.Error{
		Kind: fault.Unavailable, Public: "Group membership could not be verified — try again later", RetryAfter: askAgain, Cause: cause,
	}
}

// resync is what is going on about people's groups.
type resync struct {
	mu         sync.Mutex
	unanswered map[identity.UserID]unanswered
}

// unanswered is a question that left the user as it was.
type unanswered struct {
	at    time.Time
	cause error // nil when there is nobody to ask
}

// Renew brings a user, as the caller has read them, up to date with what the
// provider says now (contract 5.5), before a refresh token is used or a
// session goes on. A fault refuses that. Of several at once, on whatever
// instance, one asks: a provider that rotates its refresh tokens takes a second
// use of one for theft.
func (s *SSO) Renew(ctx context.Context, u store.User, from Client) error {
	if u.Provider == store.LocalAccount {
		return nil
	}
	owner := randomText()
	outcome, err := s.claim(ctx, u, owner)
	switch {
	case err != nil:
		return err
	case outcome != outcomeOwn:
		return s.share(ctx, u, outcome)
	}
	return s.ask(ctx, u, owner, from)
}

// ask asks, for this caller and for those who wait for it.
func (s *SSO) ask(ctx context.Context, u store.User, owner string, from Client) error {
	ctx = context.WithoutCancel(ctx)
	asking, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	outcome := outcomeFailed
	defer func() { s.finish(ctx, u, owner, outcome) }() // also when it panics
	var err error
	outcome, err = s.renew(asking, u, from)
	return err
}

// renew returns what others need to know of the answer, and what it means for
// the caller.
func (s *SSO) renew(ctx context.Context, u store.User, from Client) (outcome string, err error) {
	now, err := s.cfg.Store.Tenant(u.Tenant).User(ctx, u.ID)
	if err != nil {
		return outcomeFailed, err
	}
	if !now.Active || now.LastSyncAt.After(u.LastSyncAt) {
		return outcomeStored, asStored(now) // somebody else asked before the claim
	}
	provider, err := s.open(ctx, u.Tenant, u.Provider)
	if fault.Is(err, fault.NotFound) {
		return outcomeFailed, errRemoved(s.label(u.Provider))
	}
	if err != nil {
		return outcomeFailed, err
	}
	who, err := s.refresh(ctx, provider, now)
	switch {
	case errors.Is(err, sso.ErrEnded):
		return outcomeEnded, errSignedOut(s.label(u.Provider), err)
	case errors.Is(err, sso.ErrNoRefresh):
		s.resync.note(u.ID, unanswered{at: s.cfg.Now()})
		return outcomeStored, nil // the role of the last sign-in holds
	case err != nil:
		return outcomeUnanswered, s.withoutAnswer(ctx, now, err)
	}
	return s.apply(ctx, now, who, from)
}

// refresh asks the provider, with the refresh token that it gave if it did.
func (s *SSO) refresh(ctx context.Context, provider sso.Provider, u store.User) (sso.Identity, error) {
	r, ok := provider.(sso.Refresher)
	if !ok {
		return sso.Identity{}, sso.ErrNoRefresh
	}
	sealed, err := s.cfg.Store.Tenant(u.Tenant).SSORefreshToken(ctx, u.ID)
	if err != nil {
		return sso.Identity{}, err
	}
	if sealed == "" {
		return r.Refresh(ctx, u.Subject, "")
	}
	token, err := s.cfg.Ring.Open(sealed, refreshPlace(u))
	if err != nil {
		return sso.Identity{}, err
	}
	return r.Refresh(ctx, u.Subject, token)
}

func refreshPlace(u store.User) seal.Place {
	return seal.Place{Tenant: string(u.Tenant), Table: store.SSORefreshTokensTable, Row: string(u.ID)}
}

// keepRefresh stores the refresh token of an identity. Providers that rotate
// them give a new one each time; the others leave the old one in force.
func (s *SSO) keepRefresh(ctx context.Context, tx *store.Tx, u store.User, token string) error {
	if token == "" {
		return nil
	}
	return tx.SetSSORefreshToken(ctx, u.ID, s.cfg.Ring.Seal(token, refreshPlace(u)))
}

// withoutAnswer lets a role outlive an outage for a while.
func (s *SSO) withoutAnswer(ctx context.Context, u store.User, cause error) error {
	s.resync.note(u.ID, unanswered{at: s.cfg.Now(), cause: cause})
	if s.cfg.Now().Sub(u.LastSyncAt) > s.cfg.Grace {
		return errUnverified(cause)
	}
	s.cfg.Log.WarnContext(ctx, "groups not verified, role kept for now", "user", u.ID, "provider", u.Provider, "err", cause)
	return nil
}

// apply stores what the provider said.
func (s *SSO) apply(ctx context.Context, u store.User, who sso.Identity, from Client) (outcome string, err error) {
	var refused error
	err = s.cfg.Store.Tenant(u.Tenant).Write(ctx, func(tx *store.Tx) error {
		current, err := tx.User(ctx, u.ID)
		if err != nil {
			return err
		}
		if _, refused, err = syncUser(ctx, tx, current, who.Role, from); err != nil {
			return err
		}
		return s.keepRefresh(ctx, tx, u, who.Refresh)
	})
	switch {
	case err != nil:
		return outcomeFailed, err
	case refused != nil && who.Role == identity.None:
		return outcomeStored, errLeft()
	case refused != nil:
		return outcomeStored, refused
	}
	s.resync.answered(u.ID)
	return outcomeStored, nil
}

// keepFresh is Renew for a browser session whose user was last looked at
// longer than a token lives ago (contract 5.5).
func (s *SSO) keepFresh(ctx context.Context, live store.LiveSession) error {
	last, asked := s.resync.lately(live.User, s.cfg.Now())
	switch {
	case asked && last.cause != nil && s.cfg.Now().Sub(live.LastSyncAt) > s.cfg.Grace:
		return errUnverified(last.cause)
	case asked:
		return nil
	}
	u, err := s.cfg.Store.Tenant(live.Tenant).User(ctx, live.User)
	switch {
	case err != nil:
		return err
	case u.LastSyncAt.After(live.LastSyncAt):
		return asStored(u)
	}
	return s.Renew(ctx, u, Client{IP: live.Session.IP, UserAgent: live.Session.UserAgent})
}

// stale reports whether the session's user is to be looked at.
func (s *SSO) stale(live store.LiveSession) bool {
	return s != nil && live.Provider != store.LocalAccount && s.cfg.Now().Sub(live.LastSyncAt) > s.cfg.Fresh
}

func (r *resync) note(user identity.UserID, u unanswered) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unanswered == nil || len(r.unanswered) >= maxUnanswered {
		r.unanswered = map[identity.UserID]unanswered{}
	}
	r.unanswered[user] = u
}

func (r *resync) answered(user identity.UserID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.unanswered, user)
}

// lately returns the question that was asked less than askAgain ago.
func (r *resync) lately(user identity.UserID, now time.Time) (unanswered, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u, ok := r.unanswered[user]
	return u, ok && now.Sub(u.at) < askAgain
}
