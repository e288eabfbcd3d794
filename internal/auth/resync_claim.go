package auth

import (
	"context"
	"errors"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/sso"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// Instances share one database and the provider's refresh tokens in it. Who is
// to ask about a user is settled there, in single statements: nobody holds a
// connection while a provider thinks.

const (
	// claimFor is when a question is given up whose asker has vanished. It
	// outlasts askFor by what the clocks of two instances may differ.
	claimFor = askFor + 15*time.Second
	// finishFor bounds telling the others.
	finishFor = 5 * time.Second
	// Those who wait look again after these pauses, each twice the last.
	firstPause   = 20 * time.Millisecond
	longestPause = 500 * time.Millisecond
)

// What came of a question, for those who waited for it.
const (
	outcomeOwn        = ""           // none yet: the caller is to ask
	outcomeStored     = "stored"     // it is in the user's row
	outcomeEnded      = "ended"      // the provider has ended the sign-in
	outcomeUnanswered = "unanswered" // the provider is down
	outcomeFailed     = "failed"     // not the provider's, so that another may ask
)

// errElsewhere is the cause of an outage that another caller met.
var errElsewhere = errors.New("the provider gave another request no answer")

// claim waits until the user is the caller's to ask about, under the name of
// owner, or until somebody else's question has an outcome.
func (s *SSO) claim(ctx context.Context, u store.User, owner string) (outcome string, err error) {
	scope, pause := s.cfg.Store.Tenant(u.Tenant), firstPause
	// An outcome that was there before the caller came is not theirs.
	for waited := false; ; waited = true {
		seen, err := scope.SSORenewal(ctx, u.ID)
		switch {
		case err != nil:
			return outcomeOwn, err
		case seen.Outcome == outcomeOwn && s.cfg.Now().Before(seen.EndsAt):
			if err := sleep(ctx, pause); err != nil {
				return outcomeOwn, errUnverified(err)
			}
			pause = min(2*pause, longestPause)
			continue
		case waited && shared(seen.Outcome):
			return seen.Outcome, nil
		}
		won, err := scope.ClaimSSORenewal(ctx, u.ID, seen.Owner, owner, s.cfg.Now().Add(claimFor))
		if won || err != nil {
			return outcomeOwn, err
		}
	}
}

// shared reports whether an outcome says something about the user. Another
// version of the program may have outcomes of its own.
func shared(outcome string) bool {
	return outcome == outcomeStored || outcome == outcomeEnded || outcome == outcomeUnanswered
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// finish tells those who wait. If it cannot, they wait for the end of the
// claim; the caller has an answer anyway.
func (s *SSO) finish(ctx context.Context, u store.User, owner, outcome string) {
	ctx, cancel := context.WithTimeout(ctx, finishFor)
	defer cancel()
	if err := s.cfg.Store.Tenant(u.Tenant).FinishSSORenewal(ctx, u.ID, owner, outcome); err != nil {
		s.cfg.Log.WarnContext(ctx, "outcome of a sync not told to others", "user", u.ID, "err", err)
	}
}

// share is what an outcome means for somebody who waited for it, with the user
// as they are by now.
func (s *SSO) share(ctx context.Context, u store.User, outcome string) error {
	now, err := s.cfg.Store.Tenant(u.Tenant).User(ctx, u.ID)
	if err != nil {
		return err
	}
	refused := asStored(now)
	switch {
	case refused != nil, now.LastSyncAt.After(u.LastSyncAt):
		return refused
	case outcome == outcomeEnded:
		return errSignedOut(s.label(u.Provider), sso.ErrEnded)
	case outcome == outcomeUnanswered:
		return s.withoutAnswer(ctx, now, errElsewhere)
	}
	return nil
}

// asStored refuses a user whom the provider or an administrator has refused.
func asStored(u store.User) error {
	switch {
	case u.Active:
		return nil
	case u.DisabledBy == store.BySync:
		return errLeft()
	default:
		return errDisabled()
	}
}
