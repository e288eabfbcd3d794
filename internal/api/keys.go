package api

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

type keyIn struct {
	Name      string     `json:"name" minLength:"1" maxLength:"100"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" nullable:"true" doc:"When the key ends; null for never."`
	MaxRole   *string    `json:"max_role,omitempty" nullable:"true" enum:"viewer,analyst,admin" doc:"The most that the key may do; null for all that its owner may."`
}

type newKeyOut struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Prefix    string         `json:"prefix"`
	RawKey    string         `json:"raw_key" doc:"Shown this once."`
	CreatedAt time.Time      `json:"created_at"`
	ExpiresAt *time.Time     `json:"expires_at"`
	MaxRole   *identity.Role `json:"max_role" nullable:"true"`
}

type keyOut struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Prefix     string         `json:"prefix"`
	CreatedAt  time.Time      `json:"created_at"`
	LastUsedAt *time.Time     `json:"last_used_at"`
	RevokedAt  *time.Time     `json:"revoked_at"`
	ExpiresAt  *time.Time     `json:"expires_at"`
	MaxRole    *identity.Role `json:"max_role" nullable:"true"`
}

func roleOrNull(r identity.Role) *identity.Role {
	if r == identity.None {
		return nil
	}
	return &r
}

func (s *server) createKey(ctx context.Context, c *call, in keyIn) (newKeyOut, error) {
	n, err := s.newKey(ctx, c, in)
	if err != nil {
		return newKeyOut{}, err
	}
	raw, prefix := auth.NewKey()
	n.Prefix = prefix
	n.Hash, n.HashKey = s.Keys.Hash(raw)
	var key store.APIKey
	err = c.scope().Write(ctx, func(tx *store.Tx) error {
		var err error
		key, err = tx.CreateAPIKey(ctx, n)
		tx.Record(c.event(c.route.event, map[string]any{"key_prefix": prefix, "key_name": n.Name}))
		return err
	})
	return newKeyOut{
		ID: key.ID, Name: key.Name, Prefix: prefix, RawKey: raw, CreatedAt: key.CreatedAt,
		ExpiresAt: orNull(key.ExpiresAt), MaxRole: roleOrNull(key.MaxRole),
	}, err
}

// newKey is the key that was asked for, no stronger than the key that asks: a
// key cannot mint a stronger one (contract 2.4, 15.2 A15).
func (s *server) newKey(ctx context.Context, c *call, in keyIn) (store.NewAPIKey, error) {
	n := store.NewAPIKey{User: c.who.User, Name: in.Name}
	if in.MaxRole != nil {
		n.MaxRole = parseRole(*in.MaxRole)
	}
	if in.ExpiresAt != nil {
		n.ExpiresAt = *in.ExpiresAt
		if !n.ExpiresAt.After(s.Now()) {
			return n, httpx.Invalid(httpx.BadValue(*in.ExpiresAt, "expires_at must be in the future", "body", "expires_at"))
		}
	}
	if !c.byKey() {
		return n, nil
	}
	maker, err := c.scope().APIKey(ctx, c.who.User, c.who.Credential)
	if err != nil {
		return n, err
	}
	if maker.MaxRole != identity.None && (n.MaxRole == identity.None || n.MaxRole > maker.MaxRole) {
		n.MaxRole = maker.MaxRole
	}
	if !maker.ExpiresAt.IsZero() && (n.ExpiresAt.IsZero() || n.ExpiresAt.After(maker.ExpiresAt)) {
		n.ExpiresAt = maker.ExpiresAt
	}
	return n, nil
}

func (s *server) listKeys(ctx context.Context, c *call) ([]keyOut, error) {
	page, err := c.page(listDefault, listCap)
	if err != nil {
		return nil, err
	}
	keys, err := c.scope().APIKeys(ctx, c.who.User, page)
	return list(keys, func(k store.APIKey) keyOut {
		return keyOut{
			ID: k.ID, Name: k.Name, Prefix: k.Prefix, CreatedAt: k.CreatedAt, LastUsedAt: orNull(k.LastUsedAt),
			RevokedAt: orNull(k.RevokedAt), ExpiresAt: orNull(k.ExpiresAt), MaxRole: roleOrNull(k.MaxRole),
		}
	}), err
}

func (s *server) revokeKey(ctx context.Context, c *call) (none, error) {
	return none{}, c.scope().Write(ctx, func(tx *store.Tx) error {
		key, revoked, err := tx.RevokeAPIKey(ctx, c.who.User, c.id())
		if revoked {
			tx.Record(c.event(c.route.event, map[string]any{"key_prefix": key.Prefix, "key_name": key.Name}))
		}
		return err
	})
}
