package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// OAuthCode is an authorization code, stored as a hash (contract 4.4).
type OAuthCode struct {
	Hash            string
	Tenant          identity.TenantID
	User            identity.UserID
	ClientID        string
	RedirectURI     string
	CodeChallenge   string
	ChallengeMethod string
	Scope           string
	Resource        string
	Family          string // of the tokens that the code leads to
	ExpiresAt       time.Time
	UsedAt          time.Time
}

// RefreshToken is a stored refresh token: a hash, never the token.
type RefreshToken struct {
	ID        string
	Tenant    identity.TenantID
	User      identity.UserID
	ClientID  string
	Family    string
	Hash      string
	HashKey   string // id of the secret that keyed the hash
	Scope     string
	Resource  string
	ExpiresAt time.Time
	UsedAt    time.Time
	RevokedAt time.Time
	CreatedAt time.Time
}

const (
	codeMissing    = "Invalid or expired authorization code"
	refreshMissing = "Invalid or expired refresh token"
)

func codeOf(r db.OauthAuthorizationCode) OAuthCode {
	return OAuthCode{
		Hash: r.CodeHash, Tenant: identity.TenantID(r.TenantID), User: identity.UserID(r.UserID), ClientID: r.ClientID,
		RedirectURI: r.RedirectUri, CodeChallenge: r.CodeChallenge, ChallengeMethod: r.CodeChallengeMethod, Scope: r.Scope,
		Resource: r.Resource, Family: r.FamilyID, ExpiresAt: moment(r.ExpiresAt), UsedAt: moment(r.UsedAt),
	}
}

func refreshOf(r db.OauthRefreshToken) RefreshToken {
	return RefreshToken{
		ID: r.ID, Tenant: identity.TenantID(r.TenantID), User: identity.UserID(r.UserID), ClientID: r.ClientID,
		Family: r.FamilyID, Hash: r.HashedToken, HashKey: r.HashKeyID, Scope: r.Scope, Resource: r.Resource,
		ExpiresAt: moment(r.ExpiresAt), UsedAt: moment(r.UsedAt), RevokedAt: moment(r.RevokedAt), CreatedAt: moment(r.CreatedAt),
	}
}

// CreateOAuthCode stores an authorization code.
func (tx *Tx) CreateOAuthCode(ctx context.Context, c OAuthCode) error {
	tx.changed = true
	err := tx.q.InsertOAuthCode(ctx, db.InsertOAuthCodeParams{
		CodeHash: c.Hash, TenantID: tx.tenant, UserID: string(c.User), ClientID: c.ClientID, RedirectUri: c.RedirectURI,
		CodeChallenge: c.CodeChallenge, CodeChallengeMethod: c.ChallengeMethod, Scope: c.Scope, Resource: c.Resource,
		FamilyID: c.Family, ExpiresAt: micros(c.ExpiresAt),
	})
	return tx.db.fault("insert code", err)
}

// TakeOAuthCode redeems a code. Of several at once one gets it; the others,
// and whoever comes later, get it with replayed set and must end its family
// (RFC 9700, section 2.1.1). An unknown or expired code is NotFound.
func (tx *Tx) TakeOAuthCode(ctx context.Context, hash string) (code OAuthCode, replayed bool, err error) {
	tx.changed = true
	row, err := tx.q.TakeOAuthCode(ctx, db.TakeOAuthCodeParams{TenantID: tx.tenant, CodeHash: hash, UsedAt: micros(tx.now)})
	if !errors.Is(err, sql.ErrNoRows) {
		return codeOf(row), false, tx.db.fault("take code", err)
	}
	row, err = tx.q.GetOAuthCode(ctx, db.GetOAuthCodeParams{TenantID: tx.tenant, CodeHash: hash})
	if err == nil && row.UsedAt == 0 {
		err = sql.ErrNoRows // expired before it was used
	}
	return codeOf(row), true, tx.db.found("used code", err, codeMissing)
}

// OAuthCode reads a code, used and expired ones included.
func (s Scope) OAuthCode(ctx context.Context, hash string) (OAuthCode, error) {
	row, err := s.db.reads.GetOAuthCode(ctx, db.GetOAuthCodeParams{TenantID: s.tenant, CodeHash: hash})
	return codeOf(row), s.db.found("code", err, codeMissing)
}

// ForeignOAuthCode reports whether a code is another tenant's.
func (s Scope) ForeignOAuthCode(ctx context.Context, hash string) (bool, error) {
	foreign, err := s.db.reads.ForeignOAuthCode(ctx, db.ForeignOAuthCodeParams{CodeHash: hash, TenantID: s.tenant})
	return foreign, s.db.fault("foreign code", err)
}

// CreateRefreshToken stores a refresh token. Its id and creation time are set
// here.
func (tx *Tx) CreateRefreshToken(ctx context.Context, n RefreshToken) error {
	tx.changed = true
	err := tx.q.InsertRefreshToken(ctx, db.InsertRefreshTokenParams{
		ID: newID(), TenantID: tx.tenant, UserID: string(n.User), ClientID: n.ClientID, FamilyID: n.Family,
		HashedToken: n.Hash, HashKeyID: n.HashKey, Scope: n.Scope, Resource: n.Resource,
		ExpiresAt: micros(n.ExpiresAt), CreatedAt: micros(tx.now),
	})
	return tx.db.fault("insert refresh token", err)
}

// RefreshToken finds a token under any of the hashes that it has under the
// accepted secrets, used, revoked and expired ones included: the caller
// decides.
func (s Scope) RefreshToken(ctx context.Context, hashes []string) (RefreshToken, error) {
	return s.db.refreshToken(ctx, s.db.reads, s.tenant, hashes)
}

func (d *DB) refreshToken(ctx context.Context, q *db.Queries, tenant string, hashes []string) (RefreshToken, error) {
	for _, hash := range hashes {
		row, err := q.GetRefreshToken(ctx, db.GetRefreshTokenParams{TenantID: tenant, HashedToken: hash})
		if !errors.Is(err, sql.ErrNoRows) {
			return refreshOf(row), d.fault("refresh token", err)
		}
	}
	return RefreshToken{}, fault.New(fault.NotFound, refreshMissing)
}

// TakeRefreshToken redeems a refresh token for its successor. Of several at
// once one gets it; the others, and whoever comes later, get it with replayed
// set and must end its family (RFC 9700, section 4.14.2). An unknown, expired
// or revoked token is NotFound.
func (tx *Tx) TakeRefreshToken(ctx context.Context, hashes []string) (token RefreshToken, replayed bool, err error) {
	tx.changed = true
	token, err = tx.db.refreshToken(ctx, tx.q, tx.tenant, hashes)
	if err != nil {
		return RefreshToken{}, false, err
	}
	row, err := tx.q.TakeRefreshToken(ctx, db.TakeRefreshTokenParams{TenantID: tx.tenant, HashedToken: token.Hash, UsedAt: micros(tx.now)})
	if !errors.Is(err, sql.ErrNoRows) {
		return refreshOf(row), false, tx.db.fault("take refresh token", err)
	}
	token, err = tx.db.refreshToken(ctx, tx.q, tx.tenant, []string{token.Hash})
	if err == nil && (token.UsedAt.IsZero() || !token.RevokedAt.IsZero()) {
		err = fault.New(fault.NotFound, refreshMissing)
	}
	return token, true, err
}

// EndFamily revokes all refresh tokens of a family, and with it the access
// tokens that name it. It says how many were still good.
func (tx *Tx) EndFamily(ctx context.Context, family string) (int64, error) {
	tx.changed = true
	n, err := untilNone(func() (int64, error) {
		return tx.q.RevokeFamily(ctx, db.RevokeFamilyParams{TenantID: tx.tenant, FamilyID: family, RevokedAt: micros(tx.now)})
	})
	return n, tx.db.fault("end token family", err)
}

// untilNone repeats a revoking statement until it finds nothing. Where
// transactions run side by side, a refresh slips a new token past a statement
// that waited for the old one.
func untilNone(revoke func() (int64, error)) (total int64, err error) {
	for {
		n, err := revoke()
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
}

// EndTokens revokes all token families of a user and uses its codes up.
func (tx *Tx) EndTokens(ctx context.Context, user identity.UserID) error {
	tx.changed = true
	_, err := tx.q.RevokeUserTokens(ctx, db.RevokeUserTokensParams{TenantID: tx.tenant, UserID: string(user), RevokedAt: micros(tx.now)})
	if err == nil {
		err = tx.q.UseUserCodes(ctx, db.UseUserCodesParams{TenantID: tx.tenant, UserID: string(user), UsedAt: micros(tx.now)})
	}
	return tx.db.fault("end tokens", err)
}

// LiveByFamily is Live for an access token that names its family; alive says
// that the family has not ended.
func (d *DB) LiveByFamily(ctx context.Context, tenant identity.TenantID, user identity.UserID, family string) (l Live, alive bool, err error) {
	key := string(tenant) + "/" + string(user) + "/" + family
	f, err := lookUp(d, &d.recentFamily, key, func() (liveFamily, error) { return d.liveByFamily(ctx, tenant, user, family) })
	return f.Live, f.alive, err
}

// liveFamily is a user with one token family.
type liveFamily struct {
	Live
	alive bool
}

func (d *DB) liveByFamily(ctx context.Context, tenant identity.TenantID, user identity.UserID, family string) (liveFamily, error) {
	r, err := d.reads.LiveFamily(ctx, db.LiveFamilyParams{TenantID: string(tenant), UserID: string(user), FamilyID: family})
	if err != nil {
		return liveFamily{}, d.found("live family", err, userMissing)
	}
	return liveFamily{liveOf(string(tenant), string(user), db.LiveUserRow{
		Email: r.Email, Role: r.Role, IsActive: r.IsActive, SessionEpoch: r.SessionEpoch, AuthProvider: r.AuthProvider,
		LastSyncAt: r.LastSyncAt, Slug: r.Slug, TenantActive: r.TenantActive, ConfigVersion: r.ConfigVersion,
	}), r.FamilyAlive}, nil
}
