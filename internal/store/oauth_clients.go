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
	RegisteredClient = "dcr"  // dynamic registration (RFC 7591)
	DocumentClient   = "cimd" // its client_id is the URL of its metadata
)

// OAuthClient is an OAuth client of one tenant.
type OAuthClient struct {
	ClientID     string
	Tenant       identity.TenantID
	Name         string
	RedirectURIs []string
	Metadata     json.RawMessage
	Kind         string // RegisteredClient or DocumentClient
	CreatedAt    time.Time
	LastUsedAt   time.Time
}

const clientMissing = "Unknown client"

// OAuthClient reads a client.
func (s Scope) OAuthClient(ctx context.Context, clientID string) (OAuthClient, error) {
	r, err := s.db.reads.GetOAuthClient(ctx, db.GetOAuthClientParams{TenantID: s.tenant, ClientID: clientID})
	if err != nil {
		return OAuthClient{}, s.db.found("oauth client", err, clientMissing)
	}
	c := OAuthClient{
		ClientID: r.ClientID, Tenant: identity.TenantID(r.TenantID), Name: r.ClientName, Metadata: json.RawMessage(r.Metadata),
		Kind: r.Kind, CreatedAt: moment(r.CreatedAt), LastUsedAt: moment(r.LastUsedAt),
	}
	return c, s.db.fault("oauth client", json.Unmarshal([]byte(r.RedirectUris), &c.RedirectURIs))
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

// clientTouchEvery is how often a client's mark of use is written at most: it
// only has to tell used clients from those to be swept.
const clientTouchEvery = time.Hour

// TouchOAuthClient notes that the client is used now.
func (s Scope) TouchOAuthClient(ctx context.Context, c OAuthClient) error {
	now := s.db.now()
	if now.Sub(c.LastUsedAt) < clientTouchEvery {
		return nil
	}
	err := db.New(s.db.write).TouchOAuthClient(ctx, db.TouchOAuthClientParams{
		TenantID: s.tenant, ClientID: c.ClientID, LastUsedAt: micros(now), LastUsedAt_2: micros(now.Add(-clientTouchEvery)),
	})
	return s.db.fault("touch oauth client", err)
}
