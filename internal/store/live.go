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

// Live is what decides about a caller, read for every request (contract 2.2).
type Live struct {
	Tenant       identity.TenantID
	Slug         string
	TenantActive bool
	Config       int64 // see identity.Principal.Config
	User         identity.UserID
	Email        string
	Role         identity.Role
	Active       bool
	Epoch        int64
	Provider     string
	LastSyncAt   time.Time
}

// LiveKey is an API key with its live owner.
type LiveKey struct {
	Key APIKey
	Live
}

// LiveSession is a browser session with its live owner.
type LiveSession struct {
	Session Session
	Live
}

// Live reads the state of a user. A user that is gone is NotFound.
func (d *DB) Live(ctx context.Context, tenant identity.TenantID, user identity.UserID) (Live, error) {
	return lookUp(d, &d.recentUsers, string(tenant)+"/"+string(user), func() (Live, error) { return d.live(ctx, tenant, user) })
}

func (d *DB) live(ctx context.Context, tenant identity.TenantID, user identity.UserID) (Live, error) {
	r, err := d.reads.LiveUser(ctx, db.LiveUserParams{TenantID: string(tenant), ID: string(user)})
	if err != nil {
		return Live{}, d.found("live user", err, userMissing)
	}
	return liveOf(string(tenant), string(user), r), nil
}

func liveOf(tenant, user string, r db.LiveUserRow) Live {
	return Live{
		Tenant: identity.TenantID(tenant), Slug: r.Slug, TenantActive: r.TenantActive, Config: r.ConfigVersion,
		User: identity.UserID(user), Email: r.Email, Role: role(r.Role), Active: r.IsActive,
		Epoch: r.SessionEpoch, Provider: r.AuthProvider, LastSyncAt: moment(r.LastSyncAt),
	}
}

// hashesPerLook is how many hashes one query compares: the current key and
// three old ones, which is one query for every key ring but a neglected one.
const hashesPerLook = 4

// LiveByKeyHash finds an API key under any of the hashes that its raw text has
// under the current and the old secrets, together with its owner. Revoked and
// expired keys are returned: the caller decides.
func (d *DB) LiveByKeyHash(ctx context.Context, hashes []string) (LiveKey, error) {
	if len(hashes) == 0 {
		return LiveKey{}, fault.New(fault.NotFound, keyMissing)
	}
	return lookUp(d, &d.recentKeys, hashes[0], func() (LiveKey, error) { return d.liveByKeyHash(ctx, hashes) })
}

func (d *DB) liveByKeyHash(ctx context.Context, hashes []string) (LiveKey, error) {
	for len(hashes) > 0 {
		look := hashes[:min(len(hashes), hashesPerLook)]
		hashes = hashes[len(look):]
		at := func(i int) string { return look[min(i, len(look)-1)] }
		r, err := d.reads.LiveKey(ctx, db.LiveKeyParams{HashedKey: at(0), HashedKey_2: at(1), HashedKey_3: at(2), HashedKey_4: at(3)})
		switch {
		case err == nil:
			return liveKeyOf(r), nil
		case !errors.Is(err, sql.ErrNoRows):
			return LiveKey{}, d.fault("live key", err)
		}
	}
	return LiveKey{}, fault.New(fault.NotFound, keyMissing)
}

func liveKeyOf(r db.LiveKeyRow) LiveKey {
	return LiveKey{
		Key: keyOf(db.ApiKey{
			ID: r.ID, TenantID: r.TenantID, UserID: r.UserID, Name: r.Name, Prefix: r.Prefix, HashedKey: r.HashedKey,
			HashKeyID: r.HashKeyID, MaxRole: r.MaxRole, CreatedAt: r.CreatedAt, LastUsedAt: r.LastUsedAt,
			RevokedAt: r.RevokedAt, ExpiresAt: r.ExpiresAt, ParentID: r.ParentID,
		}),
		Live: liveOf(r.TenantID, r.UserID, db.LiveUserRow{
			Email: r.Email, Role: r.Role, IsActive: r.IsActive, SessionEpoch: r.SessionEpoch, AuthProvider: r.AuthProvider,
			LastSyncAt: r.LastSyncAt, Slug: r.Slug, TenantActive: r.TenantActive, ConfigVersion: r.ConfigVersion,
		}),
	}
}

// LiveBySessionHash finds a browser session by the hash of its token, together
// with its owner. Ended sessions are returned: the caller decides.
func (d *DB) LiveBySessionHash(ctx context.Context, hash string) (LiveSession, error) {
	r, err := d.reads.LiveSession(ctx, hash)
	if err != nil {
		return LiveSession{}, d.found("live session", err, sessionMissing)
	}
	return liveSessionOf(r), nil
}

// LiveBySessionID is Live for a token that names its session: the session's
// state comes in the same query.
func (d *DB) LiveBySessionID(ctx context.Context, tenant identity.TenantID, user identity.UserID, id string) (LiveSession, error) {
	key := string(tenant) + "/" + string(user) + "/" + id
	return lookUp(d, &d.recentSession, key, func() (LiveSession, error) { return d.liveBySessionID(ctx, tenant, user, id) })
}

func (d *DB) liveBySessionID(ctx context.Context, tenant identity.TenantID, user identity.UserID, id string) (LiveSession, error) {
	r, err := d.reads.LiveSessionByID(ctx, db.LiveSessionByIDParams{TenantID: string(tenant), UserID: string(user), ID: id})
	if err != nil {
		return LiveSession{}, d.found("live session by id", err, sessionMissing)
	}
	return liveSessionOf(db.LiveSessionRow(r)), nil
}

func liveSessionOf(r db.LiveSessionRow) LiveSession {
	return LiveSession{
		Session: sessionOf(db.Session{
			ID: r.ID, TenantID: r.TenantID, UserID: r.UserID, HashedToken: r.HashedToken, IpAddress: r.IpAddress,
			UserAgent: r.UserAgent, CreatedAt: r.CreatedAt, LastSeenAt: r.LastSeenAt, ExpiresAt: r.ExpiresAt, RevokedAt: r.RevokedAt,
		}),
		Live: liveOf(r.TenantID, r.UserID, db.LiveUserRow{
			Email: r.Email, Role: r.Role, IsActive: r.IsActive, SessionEpoch: r.SessionEpoch, AuthProvider: r.AuthProvider,
			LastSyncAt: r.LastSyncAt, Slug: r.Slug, TenantActive: r.TenantActive, ConfigVersion: r.ConfigVersion,
		}),
	}
}
