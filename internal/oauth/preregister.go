package oauth

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// Operator manages the clients of one tenant from the command line, beside a
// running gateway: both know of clients only what the store holds.
type Operator struct {
	Store     *store.DB
	Redirects Redirects
	Tenant    store.Tenant
}

// Preregister stores a public client that the operator vouches for, under the
// rules of a registration (contract 4.3, 4.5). It is the first of the ways in
// which an MCP client comes by its client_id.
func (o Operator) Preregister(ctx context.Context, name string, redirectURIs []string) (store.OAuthClient, error) {
	if strings.TrimSpace(name) == "" {
		return store.OAuthClient{}, fault.New(fault.Invalid, "client_name is empty")
	}
	m := metadata{Name: name, RedirectURIs: redirectURIs}
	if err := o.Redirects.checkRegistration(o.Tenant, &m); err != nil {
		return store.OAuthClient{}, err
	}
	c := store.OAuthClient{ClientID: rand.Text(), Name: m.Name, RedirectURIs: m.RedirectURIs, Kind: store.PreregisteredClient}
	return c, o.Store.Tenant(o.Tenant.ID).Write(ctx, func(tx *store.Tx) error {
		tx.Record(o.event(eventRegistered, about(c)))
		return tx.SaveOAuthClient(ctx, c)
	})
}

// Clients lists the tenant's clients, however they came to be known.
func (o Operator) Clients(ctx context.Context) ([]store.OAuthClient, error) {
	return o.Store.Tenant(o.Tenant.ID).OAuthClients(ctx)
}

// Delete removes a client; its codes and tokens end with it.
func (o Operator) Delete(ctx context.Context, clientID string) error {
	scope := o.Store.Tenant(o.Tenant.ID)
	c, err := scope.OAuthClient(ctx, clientID)
	if err != nil {
		return err
	}
	return scope.Write(ctx, func(tx *store.Tx) error {
		ended, err := tx.DeleteOAuthClient(ctx, clientID)
		if err != nil {
			return err
		}
		tx.Record(o.event("oauth.client_deleted", about(c)))
		if ended > 0 {
			tx.Record(o.event("oauth.token_revoked", map[string]any{"client_id": clientID, "reason": "client deleted"}))
		}
		return nil
	})
}

func (o Operator) event(name string, metadata map[string]any) audit.Event {
	return audit.Event{Name: name, Auth: auth.AuthOperator, Metadata: metadata}
}
