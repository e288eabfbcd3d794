package store

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// APIKey is a stored key: a hash, never the key.
type APIKey struct {
	ID         string
	Tenant     identity.TenantID
	User       identity.UserID
	Name       string
	Prefix     string
	Hash       string
	HashKey    string        // id of the secret that keyed the hash
	MaxRole    identity.Role // None when not capped
	CreatedAt  time.Time
	LastUsedAt time.Time
	RevokedAt  time.Time
	ExpiresAt  time.Time
}

// Ended reports whether the key is revoked or expired at a time.
func (k APIKey) Ended(at time.Time) bool {
	return !k.RevokedAt.IsZero() || (!k.ExpiresAt.IsZero() && !at.Before(k.ExpiresAt))
}

const keyMissing = "API key not found"

func keyOf(r db.ApiKey) APIKey {
	return APIKey{
		ID: r.ID, Tenant: identity.TenantID(r.TenantID), User: identity.UserID(r.UserID), Name: r.Name, Prefix: r.Prefix,
		Hash: r.HashedKey, HashKey: r.HashKeyID, MaxRole: role(r.MaxRole), CreatedAt: moment(r.CreatedAt),
		LastUsedAt: moment(r.LastUsedAt), RevokedAt: moment(r.RevokedAt), ExpiresAt: moment(r.ExpiresAt),
	}
}

// NewAPIKey is a key to be.
type NewAPIKey struct {
	User      identity.UserID
	Name      string
	Prefix    string
	Hash      string
	HashKey   string
	MaxRole   identity.Role // None for no cap
	ExpiresAt time.Time     // zero for no end
}

// APIKeys lists a user's keys, newest first, ended ones included.
func (s Scope) APIKeys(ctx context.Context, user identity.UserID, page Page) ([]APIKey, error) {
	limit, offset := page.bounds()
	rows, err := s.db.reads.ListAPIKeys(ctx, db.ListAPIKeysParams{TenantID: s.tenant, UserID: string(user), Limit: limit, Offset: offset})
	if err != nil {
		return nil, s.db.fault("list keys", err)
	}
	keys := make([]APIKey, 0, len(rows))
	for _, r := range rows {
		keys = append(keys, keyOf(r))
	}
	return keys, nil
}

// APIKey reads one key of a user.
func (s Scope) APIKey(ctx context.Context, user identity.UserID, id string) (APIKey, error) {
	row, err := s.db.reads.GetAPIKey(ctx, db.GetAPIKeyParams{TenantID: s.tenant, UserID: string(user), ID: id})
	return keyOf(row), s.db.found("key", err, keyMissing)
}

// CreateAPIKey stores a key. An ended key of the same user and name is
// replaced; an active one is a Conflict with Field "name" (contract 3.6).
func (tx *Tx) CreateAPIKey(ctx context.Context, n NewAPIKey) (APIKey, error) {
	tx.changed = true
	err := tx.q.DeleteEndedNamesakes(ctx, db.DeleteEndedNamesakesParams{
		TenantID: tx.tenant, UserID: string(n.User), Name: n.Name, ExpiresAt: micros(tx.now),
	})
	if err != nil {
		return APIKey{}, tx.db.fault("delete ended namesakes", err)
	}
	id, err := tx.q.InsertAPIKey(ctx, db.InsertAPIKeyParams{
		ID: newID(), TenantID: tx.tenant, UserID: string(n.User), Name: n.Name, Prefix: n.Prefix, HashedKey: n.Hash,
		HashKeyID: n.HashKey, MaxRole: n.MaxRole.String(), CreatedAt: micros(tx.now), ExpiresAt: micros(n.ExpiresAt),
	})
	err = tx.db.found("insert key", err, keyMissing)
	if fault.Is(err, fault.NotFound) {
		return APIKey{}, taken("name", "An active API key named '"+n.Name+"' already exists")
	}
	if err != nil {
		return APIKey{}, err
	}
	row, err := tx.q.GetAPIKey(ctx, db.GetAPIKeyParams{TenantID: tx.tenant, UserID: string(n.User), ID: id})
	return keyOf(row), tx.db.found("key", err, keyMissing)
}

// RevokeAPIKey ends a key of a user for good. One that is revoked already is
// returned unchanged, with revoked false.
func (tx *Tx) RevokeAPIKey(ctx context.Context, user identity.UserID, id string) (key APIKey, revoked bool, err error) {
	n, err := tx.q.RevokeAPIKey(ctx, db.RevokeAPIKeyParams{TenantID: tx.tenant, UserID: string(user), ID: id, RevokedAt: micros(tx.now)})
	if err != nil {
		return APIKey{}, false, tx.db.fault("revoke key", err)
	}
	tx.changed = tx.changed || n > 0
	row, err := tx.q.GetAPIKey(ctx, db.GetAPIKeyParams{TenantID: tx.tenant, UserID: string(user), ID: id})
	return keyOf(row), n > 0, tx.db.found("key", err, keyMissing)
}

// touchEvery is how often a mark of use is written at most (contract 2.4).
const touchEvery = time.Minute

// TouchAPIKey notes that the key is used now, at most once a minute. It costs
// nothing when the key as read was touched within the minute.
func (d *DB) TouchAPIKey(ctx context.Context, k APIKey) error {
	now := d.now()
	if now.Sub(k.LastUsedAt) < touchEvery {
		return nil
	}
	defer d.wrote()
	err := db.New(d.write).TouchAPIKey(ctx, db.TouchAPIKeyParams{
		TenantID: string(k.Tenant), ID: k.ID, LastUsedAt: micros(now), LastUsedAt_2: micros(now.Add(-touchEvery)),
	})
	return d.fault("touch key", err)
}

// RehashAPIKey stores the hash of the same key under the current secret.
func (d *DB) RehashAPIKey(ctx context.Context, k APIKey, hash, hashKey string) error {
	defer d.wrote()
	err := db.New(d.write).RehashAPIKey(ctx, db.RehashAPIKeyParams{
		TenantID: string(k.Tenant), ID: k.ID, HashedKey: k.Hash, HashedKey_2: hash, HashKeyID: hashKey,
	})
	return d.fault("rehash key", err)
}
