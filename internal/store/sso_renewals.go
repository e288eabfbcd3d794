package store

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// SSORenewal is the last question about a user to their identity provider, of
// whatever instance. The zero value is none.
type SSORenewal struct {
	Owner   string // of the one who asks
	EndsAt  time.Time
	Outcome string // as the owner put it, "" as long as there is none
}

// SSORenewal reads the last question about a user.
func (s Scope) SSORenewal(ctx context.Context, user identity.UserID) (SSORenewal, error) {
	r, err := s.db.reads.GetSSORenewal(ctx, db.GetSSORenewalParams{TenantID: s.tenant, UserID: string(user)})
	if err = s.db.found("sso renewal", err, ""); fault.Is(err, fault.NotFound) {
		return SSORenewal{}, nil
	}
	return SSORenewal{Owner: r.Owner, EndsAt: moment(r.EndsAt), Outcome: r.Outcome}, err
}

// ClaimSSORenewal puts a question that has no outcome yet in the place of the
// one that was seen there, and reports whether it did: of several that saw the
// same, one does. It gives nobody anything and needs no record.
func (s Scope) ClaimSSORenewal(ctx context.Context, user identity.UserID, seen, owner string, endsAt time.Time) (bool, error) {
	n, err := db.New(s.db.write).ClaimSSORenewal(ctx, db.ClaimSSORenewalParams{
		TenantID: s.tenant, UserID: string(user), Owner: owner, EndsAt: micros(endsAt), Owner_2: seen,
	})
	if err = s.db.fault("claim sso renewal", err); fault.Is(err, fault.Invalid) {
		// A row without its parent is all that the database can refuse.
		return false, fault.Wrap(fault.NotFound, err, userMissing)
	}
	return n > 0, err
}

// FinishSSORenewal tells those who wait what came of a question, if it is
// still the last one.
func (s Scope) FinishSSORenewal(ctx context.Context, user identity.UserID, owner, outcome string) error {
	err := db.New(s.db.write).FinishSSORenewal(ctx, db.FinishSSORenewalParams{
		TenantID: s.tenant, UserID: string(user), Owner: owner, Outcome: outcome,
	})
	return s.db.fault("finish sso renewal", err)
}
