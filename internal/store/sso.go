package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// The table names in the additional data of sealed client secrets, and of the
// refresh tokens of providers, whose row is the user's id.
const (
	EntraTable            = "tenant_entra_configs"
	OIDCTable             = "tenant_oidc_configs"
	SSORefreshTokensTable = "sso_refresh_tokens"
)

// EntraConfig is a tenant's connection to Entra ID (contract 5.1).
type EntraConfig struct {
	ID            string
	EntraTenant   string
	ClientID      string
	SealedSecret  string
	AdminGroup    string
	AnalystGroup  string
	ViewerGroup   string
	PasswordLogin bool
}

// OIDCConfig is a tenant's connection to an OIDC provider (contract 5.3).
type OIDCConfig struct {
	ID            string
	Issuer        string
	ClientID      string
	SealedSecret  string
	DisplayName   string
	Scopes        string
	GroupClaim    string
	RoleMap       map[string]identity.Role
	PasswordLogin bool
}

const (
	entraMissing = "No Entra ID config found"
	oidcMissing  = "No OIDC config found"
)

// SealSecret seals a client secret for the row's id. A nil one keeps the
// secret that is stored.
type SealSecret func(id string) (string, error)

// errSecretNeeded refuses a first configuration without a secret.
func errSecretNeeded() error {
	return fault.Field("client_secret", "client_secret is required when creating a new SSO configuration")
}

// secretFor returns the row id and the sealed secret to store.
func secretFor(id, sealed string, seal SealSecret) (string, string, error) {
	if id == "" {
		if seal == nil {
			return "", "", errSecretNeeded()
		}
		id = newID()
	}
	if seal == nil {
		return id, sealed, nil
	}
	sealed, err := seal(id)
	return id, sealed, err
}

// EntraConfig reads the tenant's Entra ID configuration.
func (s Scope) EntraConfig(ctx context.Context) (EntraConfig, error) {
	return s.db.entraConfig(ctx, s.db.reads, s.tenant)
}

func (d *DB) entraConfig(ctx context.Context, q *db.Queries, tenant string) (EntraConfig, error) {
	r, err := q.GetEntraConfig(ctx, tenant)
	return EntraConfig{
		ID: r.ID, EntraTenant: r.EntraTenantID, ClientID: r.ClientID, SealedSecret: r.EncryptedClientSecret,
		AdminGroup: r.AdminGroupID, AnalystGroup: r.AnalystGroupID, ViewerGroup: r.ViewerGroupID, PasswordLogin: r.PasswordLogin,
	}, d.found("entra config", err, entraMissing)
}

// SaveEntraConfig stores the configuration and returns the one it replaces,
// with an empty ID when there was none.
func (tx *Tx) SaveEntraConfig(ctx context.Context, c EntraConfig, seal SealSecret) (previous EntraConfig, err error) {
	if err := tx.lockTenant(ctx); err != nil {
		return EntraConfig{}, err
	}
	previous, err = tx.db.entraConfig(ctx, tx.q, tx.tenant)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return EntraConfig{}, err
	}
	c.ID, c.SealedSecret, err = secretFor(previous.ID, previous.SealedSecret, seal)
	if err != nil {
		return EntraConfig{}, err
	}
	err = tx.q.UpsertEntraConfig(ctx, db.UpsertEntraConfigParams{
		ID: c.ID, TenantID: tx.tenant, EntraTenantID: c.EntraTenant, ClientID: c.ClientID, EncryptedClientSecret: c.SealedSecret,
		AdminGroupID: c.AdminGroup, AnalystGroupID: c.AnalystGroup, ViewerGroupID: c.ViewerGroup, PasswordLogin: c.PasswordLogin,
	})
	return previous, tx.db.fault("save entra config", err)
}

// DeleteEntraConfig removes the configuration.
func (tx *Tx) DeleteEntraConfig(ctx context.Context) error {
	tx.changed = true
	n, err := tx.q.DeleteEntraConfig(ctx, tx.tenant)
	return tx.db.changed("delete entra config", n, err, entraMissing)
}

// OIDCConfig reads the tenant's OIDC configuration.
func (s Scope) OIDCConfig(ctx context.Context) (OIDCConfig, error) {
	return s.db.oidcConfig(ctx, s.db.reads, s.tenant)
}

func (d *DB) oidcConfig(ctx context.Context, q *db.Queries, tenant string) (OIDCConfig, error) {
	r, err := q.GetOIDCConfig(ctx, tenant)
	if err != nil {
		return OIDCConfig{}, d.found("oidc config", err, oidcMissing)
	}
	c := OIDCConfig{
		ID: r.ID, Issuer: r.Issuer, ClientID: r.ClientID, SealedSecret: r.EncryptedClientSecret, DisplayName: r.DisplayName,
		Scopes: r.Scopes, GroupClaim: r.GroupClaim, PasswordLogin: r.PasswordLogin,
	}
	return c, d.fault("oidc config", json.Unmarshal([]byte(r.RoleMap), &c.RoleMap))
}

// SaveOIDCConfig stores the configuration and returns the one it replaces,
// with an empty ID when there was none.
func (tx *Tx) SaveOIDCConfig(ctx context.Context, c OIDCConfig, seal SealSecret) (previous OIDCConfig, err error) {
	if err := tx.lockTenant(ctx); err != nil {
		return OIDCConfig{}, err
	}
	previous, err = tx.db.oidcConfig(ctx, tx.q, tx.tenant)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return OIDCConfig{}, err
	}
	c.ID, c.SealedSecret, err = secretFor(previous.ID, previous.SealedSecret, seal)
	if err != nil {
		return OIDCConfig{}, err
	}
	roles, err := json.Marshal(c.RoleMap)
	if err != nil {
		return OIDCConfig{}, tx.db.fault("encode role map", err)
	}
	err = tx.q.UpsertOIDCConfig(ctx, db.UpsertOIDCConfigParams{
		ID: c.ID, TenantID: tx.tenant, Issuer: c.Issuer, ClientID: c.ClientID, EncryptedClientSecret: c.SealedSecret,
		DisplayName: c.DisplayName, Scopes: c.Scopes, GroupClaim: c.GroupClaim, RoleMap: string(roles), PasswordLogin: c.PasswordLogin,
	})
	return previous, tx.db.fault("save oidc config", err)
}

// DeleteOIDCConfig removes the configuration.
func (tx *Tx) DeleteOIDCConfig(ctx context.Context) error {
	tx.changed = true
	n, err := tx.q.DeleteOIDCConfig(ctx, tx.tenant)
	return tx.db.changed("delete oidc config", n, err, oidcMissing)
}

// lockTenant keeps others from changing what the tenant has one of.
func (tx *Tx) lockTenant(ctx context.Context) error {
	tx.changed = true
	n, err := tx.q.LockTenant(ctx, tx.tenant)
	return tx.db.changed("lock tenant", n, err, tenantMissing)
}

const ssoCodeMissing = "Invalid or expired SSO code"

// CreateSSOCode stores the hash of a one-time code that stands for a sign-in
// (contract 5.2). The sign-in itself needs the record.
func (tx *Tx) CreateSSOCode(ctx context.Context, user identity.UserID, hash string, expires time.Time) error {
	tx.changed = true
	err := tx.q.InsertSSOCode(ctx, db.InsertSSOCodeParams{CodeHash: hash, TenantID: tx.tenant, UserID: string(user), ExpiresAt: micros(expires)})
	return tx.db.fault("insert sso code", err)
}

// TakeSSOCode uses a code up, of whatever tenant: the code is what tells it.
// Of several at once one wins, the others get NotFound.
func (d *DB) TakeSSOCode(ctx context.Context, hash string) (identity.TenantID, identity.UserID, error) {
	r, err := db.New(d.write).TakeSSOCode(ctx, db.TakeSSOCodeParams{CodeHash: hash, UsedAt: micros(d.now())})
	return identity.TenantID(r.TenantID), identity.UserID(r.UserID), d.found("take sso code", err, ssoCodeMissing)
}

// SSORefreshToken reads the sealed refresh token that the user's provider gave
// last, "" for none (contract 5.3).
func (s Scope) SSORefreshToken(ctx context.Context, user identity.UserID) (string, error) {
	sealed, err := s.db.reads.GetSSORefreshToken(ctx, db.GetSSORefreshTokenParams{TenantID: s.tenant, UserID: string(user)})
	if err = s.db.found("sso refresh token", err, ""); fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return sealed, err
}

// SetSSORefreshToken keeps a sealed refresh token in place of the former one;
// "" removes that. It gives nobody anything and needs no record.
func (tx *Tx) SetSSORefreshToken(ctx context.Context, user identity.UserID, sealed string) error {
	if sealed == "" {
		err := tx.q.DeleteSSORefreshToken(ctx, db.DeleteSSORefreshTokenParams{TenantID: tx.tenant, UserID: string(user)})
		return tx.db.fault("delete sso refresh token", err)
	}
	err := tx.q.UpsertSSORefreshToken(ctx, db.UpsertSSORefreshTokenParams{TenantID: tx.tenant, UserID: string(user), SealedToken: sealed})
	return tx.db.fault("save sso refresh token", err)
}
