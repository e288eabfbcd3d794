package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// How an OAuth client came to be known (oauth_clients.kind).
const (
	RegisteredClient    = "dcr"           // dynamic registration (RFC 7591)
	DocumentClient      = "cimd"          // its client_id is the URL of its metadata
	PreregisteredClient = "preregistered" // by the operator; never swept
)

// OAuthClient is an OAuth client of one tenant.
type OAuthClient struct {
	ClientID     string
	Tenant       identity.TenantID
	Name         string
	RedirectURIs []string
	Metadata     json.RawMessage
	Kind         string
	CreatedAt    time.Time
	LastUsedAt   time.Time
}

const clientMissing = "Unknown client"

func (d *DB) clientOf(r db.OauthClient) (OAuthClient, error) {
	c := OAuthClient{
		ClientID: r.ClientID, Tenant: identity.TenantID(r.TenantID), Name: r.ClientName, Metadata: json.RawMessage(r.Metadata),
		Kind: r.Kind, CreatedAt: moment(r.CreatedAt), LastUsedAt: moment(r.LastUsedAt),
	}
	return c, d.fault("oauth client", json.Unmarshal([]byte(r.RedirectUris), &c.RedirectURIs))
}

// OAuthClient reads a client.
func (s Scope) OAuthClient(ctx context.Context, clientID string) (OAuthClient, error) {
	r, err := s.db.reads.GetOAuthClient(ctx, db.GetOAuthClientParams{TenantID: s.tenant, ClientID: clientID})
	if err != nil {
		return OAuthClient{}, s.db.found("oauth client", err, clientMissing)
	}
	return s.db.clientOf(r)
}

// OAuthClients lists the clients, oldest first.
func (s Scope) OAuthClients(ctx context.Context) ([]OAuthClient, error) {
	rows, err := s.db.reads.ListOAuthClients(ctx, s.tenant)
	if err != nil {
		return nil, s.db.fault("list oauth clients", err)
	}
	clients := make([]OAuthClient, len(rows))
	for i, r := range rows {
		if clients[i], err = s.db.clientOf(r); err != nil {
			return nil, err
		}
	}
	return clients, nil
}

// SaveOAuthClient stores a new client, or what has changed of one that is
// known: its name, redirect URIs and metadata.
func (tx *Tx) SaveOAuthClient(ctx context.Context, c OAuthClient) error {
	tx.changed = true
	uris, err := json.Marshal(c.RedirectURIs)
	if err != nil {
		return tx.db.fault("encode redirect URIs", err)
	}
	if c.Metadata == nil {
		c.Metadata = json.RawMessage("{}")
	}
	err = tx.q.UpsertOAuthClient(ctx, db.UpsertOAuthClientParams{
		ID: newID(), TenantID: tx.tenant, ClientID: c.ClientID, ClientName: c.Name, RedirectUris: string(uris),
		Metadata: string(c.Metadata), Kind: c.Kind, CreatedAt: micros(tx.now),
	})
	return tx.db.fault("save oauth client", err)
}

// UseOAuthClient notes that the client is used now, and keeps it from being
// deleted until the transaction ends.
func (tx *Tx) UseOAuthClient(ctx context.Context, clientID string) error {
	tx.changed = true
	n, err := tx.q.UseOAuthClient(ctx, db.UseOAuthClientParams{TenantID: tx.tenant, ClientID: clientID, LastUsedAt: micros(tx.now)})
	return tx.db.changed("use oauth client", n, err, clientMissing)
}

// DeleteOAuthClient removes the client and ends its codes and tokens. It says
// how many refresh tokens that were, used ones of living families included.
//
// The order matters where transactions run side by side: without the client no
// new code is made, without a code no new family.
func (tx *Tx) DeleteOAuthClient(ctx context.Context, clientID string) (ended int64, err error) {
	tx.changed = true
	n, err := tx.q.DeleteOAuthClient(ctx, db.DeleteOAuthClientParams{TenantID: tx.tenant, ClientID: clientID})
	if err := tx.db.changed("delete oauth client", n, err, clientMissing); err != nil {
		return 0, err
	}
	if err := tx.q.UseClientCodes(ctx, db.UseClientCodesParams{TenantID: tx.tenant, ClientID: clientID, UsedAt: micros(tx.now)}); err != nil {
		return 0, tx.db.fault("end codes of oauth client", err)
	}
	ended, err = untilNone(func() (int64, error) {
		return tx.q.RevokeClientTokens(ctx, db.RevokeClientTokensParams{TenantID: tx.tenant, ClientID: clientID, RevokedAt: micros(tx.now)})
	})
	return ended, tx.db.fault("end tokens of oauth client", err)
}
