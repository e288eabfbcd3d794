package api

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
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
	ParentID  *string        `json:"parent_id" doc:"The key that this one was made with and ends with; null when a person made it."`
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
	ParentID   *string        `json:"parent_id" doc:"The key that this one was made with and ends with; null when a person made it."`
}

func roleOrNull(r identity.Role) *identity.Role {
	if r == identity.None {
		return nil
	}
	return &r
}

func (s *server) createKey(ctx context.Context, c *call, in keyIn) (newKeyOut, error) {
	n, err := s.newKey(c, in)
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
	if n.Parent != "" && fault.Is(err, fault.NotFound) { // it ended since this request began
		err = fault.Wrap(fault.Unauthenticated, err, "Invalid or revoked API key")
	}
	return newKeyOut{
		ID: key.ID, Name: key.Name, Prefix: prefix, RawKey: raw, CreatedAt: key.CreatedAt,
		ExpiresAt: orNull(key.ExpiresAt), MaxRole: roleOrNull(key.MaxRole), ParentID: textOrNull(key.Parent),
	}, err
}

// newKey is the key that was asked for. The store keeps it within the key that
// asks (contract 2.4, 15.2 A15).
func (s *server) newKey(c *call, in keyIn) (store.NewAPIKey, error) {
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
	if c.byKey() {
		n.Parent = c.who.Credential
	}
	return n, nil
}

// keyRoot returns the key whose family is all that the caller sees and revokes:
// the caller's own key when it is capped, "" for everybody else (contract 2.4).
func keyRoot(ctx context.Context, c *call) (string, error) {
	if !c.byKey() {
		return "", nil
	}
	own, err := c.scope().APIKey(ctx, c.who.User, c.who.Credential)
	if err != nil || own.MaxRole == identity.None {
		return "", err
	}
	return own.ID, nil
}

func (s *server) listKeys(ctx context.Context, c *call) ([]keyOut, error) {
	page, err := c.page(listDefault, listCap)
	if err != nil {
		return nil, err
	}
	root, err := keyRoot(ctx, c)
	if err != nil {
		return nil, err
	}
	keys, err := c.scope().APIKeys(ctx, c.who.User, root, page)
	return list(keys, func(k store.APIKey) keyOut {
		return keyOut{
			ID: k.ID, Name: k.Name, Prefix: k.Prefix, CreatedAt: k.CreatedAt, LastUsedAt: orNull(k.LastUsedAt),
			RevokedAt: orNull(k.RevokedAt), ExpiresAt: orNull(k.ExpiresAt), MaxRole: roleOrNull(k.MaxRole),
			ParentID: textOrNull(k.Parent),
		}
	}), err
}

// revokeKey records each key that ends; those that end with another one name
// its prefix in ended_with.
func (s *server) revokeKey(ctx context.Context, c *call) (none, error) {
	root, err := keyRoot(ctx, c)
	if err != nil {
		return none{}, err
	}
	return none{}, c.scope().Write(ctx, func(tx *store.Tx) error {
		ended, err := tx.RevokeAPIKey(ctx, c.who.User, root, c.id())
		for i, key := range ended {
			metadata := map[string]any{"key_prefix": key.Prefix, "key_name": key.Name}
			if i > 0 {
				metadata["ended_with"] = ended[0].Prefix
			}
			tx.Record(c.event(c.route.event, metadata))
		}
		return err
	})
}
