package store

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// OAuthState is a sign-in in progress (contract 4.4): the row behind a random
// state, of which only the hash is stored.
type OAuthState struct {
	Hash          string
	Tenant        identity.TenantID
	Kind          string // whose sign-in it is: mcp or ui
	ClientID      string
	RedirectURI   string
	ClientState   string // the client's own state, only echoed
	CodeChallenge string
	Scope         string
	Resource      string
	CookieHash    string // binds the sign-in to one browser
	PKCEVerifier  string // sealed, for the leg to an identity provider
	Nonce         string
	ExpiresAt     time.Time
}

// StatesTable is the table name in the additional data of a sealed PKCE
// verifier, whose row is the state's hash.
const StatesTable = "oauth_states"

const stateMissing = "Invalid or expired OAuth2 state"

func stateOf(r db.OauthState) OAuthState {
	return OAuthState{
		Hash: r.StateHash, Tenant: identity.TenantID(r.TenantID), Kind: r.Kind, ClientID: r.ClientID, RedirectURI: r.RedirectUri,
		ClientState: r.ClientState, CodeChallenge: r.CodeChallenge, Scope: r.Scope, Resource: r.Resource,
		CookieHash: r.CookieHash, PKCEVerifier: r.PkceVerifier, Nonce: r.Nonce, ExpiresAt: moment(r.ExpiresAt),
	}
}

// OAuthState finds a sign-in that is neither used nor expired, of whatever
// tenant: on a callback the state is what tells the tenant.
func (d *DB) OAuthState(ctx context.Context, hash string) (OAuthState, error) {
	row, err := d.reads.GetOAuthState(ctx, db.GetOAuthStateParams{StateHash: hash, ExpiresAt: micros(d.now())})
	return stateOf(row), d.found("oauth state", err, stateMissing)
}

// CreateOAuthState stores a sign-in. Nobody has done anything yet, so it needs
// no record.
func (s Scope) CreateOAuthState(ctx context.Context, n OAuthState) error {
	err := db.New(s.db.write).InsertOAuthState(ctx, db.InsertOAuthStateParams{
		StateHash: n.Hash, TenantID: s.tenant, Kind: n.Kind, ClientID: n.ClientID, RedirectUri: n.RedirectURI,
		ClientState: n.ClientState, CodeChallenge: n.CodeChallenge, Scope: n.Scope, Resource: n.Resource,
		CookieHash: n.CookieHash, PkceVerifier: n.PKCEVerifier, Nonce: n.Nonce, ExpiresAt: micros(n.ExpiresAt),
	})
	return s.db.fault("insert oauth state", err)
}

// TakeOAuthState uses a sign-in up. Of several at once one wins, the others
// get NotFound.
func (s Scope) TakeOAuthState(ctx context.Context, hash string) (OAuthState, error) {
	return s.db.takeState(ctx, db.New(s.db.write), s.tenant, hash, s.db.now())
}

// TakeOAuthState uses a sign-in up, together with what it leads to.
func (tx *Tx) TakeOAuthState(ctx context.Context, hash string) (OAuthState, error) {
	return tx.db.takeState(ctx, tx.q, tx.tenant, hash, tx.now)
}

func (d *DB) takeState(ctx context.Context, q *db.Queries, tenant, hash string, now time.Time) (OAuthState, error) {
	row, err := q.TakeOAuthState(ctx, db.TakeOAuthStateParams{TenantID: tenant, StateHash: hash, UsedAt: micros(now)})
	return stateOf(row), d.found("take oauth state", err, stateMissing)
}
