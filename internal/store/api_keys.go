package store

import (
	"context"
	"slices"
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
	Parent     string // id of the key that made it, "" when a person did
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
		Parent: r.ParentID,
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
	Parent    string        // id of the key that makes it, "" when a person does
}

// within lowers the key's rights and life to those of the key that makes it.
func (n *NewAPIKey) within(parent APIKey) {
	if parent.MaxRole != identity.None && (n.MaxRole == identity.None || n.MaxRole > parent.MaxRole) {
		n.MaxRole = parent.MaxRole
	}
	if !parent.ExpiresAt.IsZero() && (n.ExpiresAt.IsZero() || n.ExpiresAt.After(parent.ExpiresAt)) {
		n.ExpiresAt = parent.ExpiresAt
	}
}

// APIKeys lists a user's keys, newest first, ended ones included. With a root
// it lists that key and those that were made with it, at any depth.
func (s Scope) APIKeys(ctx context.Context, user identity.UserID, root string, page Page) ([]APIKey, error) {
	limit, offset := page.bounds()
	var rows []db.ApiKey
	var err error
	if root == "" {
		rows, err = s.db.reads.ListAPIKeys(ctx, db.ListAPIKeysParams{TenantID: s.tenant, UserID: string(user), Limit: limit, Offset: offset})
	} else {
		rows, err = s.db.reads.ListAPIKeyFamily(ctx, db.ListAPIKeyFamilyParams{TenantID: s.tenant, UserID: string(user), ID: root, Limit: limit, Offset: offset})
	}
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
// replaced; an active one is a Conflict with Field "name" (contract 3.6). A key
// that is made with another one gets no more rights and no longer life than
// that one has (contract 2.4); a parent that has ended is NotFound.
func (tx *Tx) CreateAPIKey(ctx context.Context, n NewAPIKey) (APIKey, error) {
	tx.changed = true
	within := "" // whose ended namesakes are replaced, "" for the user's
	if n.Parent != "" {
		parent, err := tx.liveParent(ctx, n)
		if err != nil {
			return APIKey{}, err
		}
		if n.within(parent); parent.MaxRole != identity.None {
			within = parent.ID // a capped key changes nothing that it does not see
		}
	}
	err := tx.q.DeleteEndedNamesakes(ctx, db.DeleteEndedNamesakesParams{
		TenantID: tx.tenant, UserID: string(n.User), Name: n.Name, ExpiresAt: micros(tx.now), ParentID: within,
	})
	if err != nil {
		return APIKey{}, tx.db.fault("delete ended namesakes", err)
	}
	id, err := tx.q.InsertAPIKey(ctx, db.InsertAPIKeyParams{
		ID: newID(), TenantID: tx.tenant, UserID: string(n.User), Name: n.Name, Prefix: n.Prefix, HashedKey: n.Hash,
		HashKeyID: n.HashKey, MaxRole: n.MaxRole.String(), CreatedAt: micros(tx.now), ExpiresAt: micros(n.ExpiresAt),
		ParentID: n.Parent,
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

// liveParent reads the key that makes a key. The user is locked first: a
// revocation, which locks it too, then finds every key that was made before.
func (tx *Tx) liveParent(ctx context.Context, n NewAPIKey) (APIKey, error) {
	if _, err := tx.User(ctx, n.User); err != nil {
		return APIKey{}, err
	}
	row, err := tx.q.GetAPIKey(ctx, db.GetAPIKeyParams{TenantID: tx.tenant, UserID: string(n.User), ID: n.Parent})
	if err := tx.db.found("parent key", err, keyMissing); err != nil {
		return APIKey{}, err
	}
	parent := keyOf(row)
	if parent.Ended(tx.now) {
		return APIKey{}, fault.New(fault.NotFound, keyMissing)
	}
	return parent, nil
}

// RevokeAPIKey ends a key of a user and every key that was made with it, at
// any depth, for good. It returns the keys that it ended, the named one first;
// none when the key had ended with all of its own already. With a root, a key
// that is neither the root nor made with it is NotFound.
func (tx *Tx) RevokeAPIKey(ctx context.Context, user identity.UserID, root, id string) ([]APIKey, error) {
	if _, err := tx.User(ctx, user); err != nil {
		return nil, err
	}
	if err := tx.underRoot(ctx, user, root, id); err != nil {
		return nil, err
	}
	rows, err := tx.q.RevokeAPIKeyFamily(ctx, db.RevokeAPIKeyFamilyParams{TenantID: tx.tenant, UserID: string(user), ID: id, RevokedAt: micros(tx.now)})
	if err != nil {
		return nil, tx.db.fault("revoke key", err)
	}
	tx.changed = tx.changed || len(rows) > 0
	ended := make([]APIKey, 0, len(rows))
	for _, r := range rows {
		k := APIKey{ID: r.ID, Tenant: identity.TenantID(tx.tenant), User: user, Name: r.Name, Prefix: r.Prefix, RevokedAt: tx.now}
		if ended = append(ended, k); r.ID == id {
			last := len(ended) - 1
			ended[0], ended[last] = ended[last], ended[0]
		}
	}
	return ended, nil
}

// underRoot refuses a key that does not exist or was not made with root.
func (tx *Tx) underRoot(ctx context.Context, user identity.UserID, root, id string) error {
	makers, err := tx.q.ListAPIKeyMakers(ctx, db.ListAPIKeyMakersParams{TenantID: tx.tenant, UserID: string(user), ID: id})
	switch {
	case err != nil:
		return tx.db.fault("makers of key", err)
	case len(makers) == 0, root != "" && !slices.Contains(makers, root):
		return fault.New(fault.NotFound, keyMissing)
	default:
		return nil
	}
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
