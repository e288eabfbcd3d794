-- name: InsertSSOCode :exec
INSERT INTO sso_codes (code_hash, tenant_id, user_id, expires_at)
VALUES ($1, $2, $3, $4);

-- name: TakeSSOCode :one
UPDATE sso_codes SET used_at = $2
WHERE code_hash = $1 AND used_at = 0 AND expires_at > $2
RETURNING tenant_id, user_id;

-- name: SweepSSOCodes :execrows
DELETE FROM sso_codes
WHERE code_hash IN (SELECT c.code_hash FROM sso_codes c WHERE c.expires_at < $1 LIMIT $2);

-- name: GetEntraConfig :one
SELECT id, tenant_id, entra_tenant_id, client_id, encrypted_client_secret, admin_group_id, analyst_group_id,
    viewer_group_id, password_login
FROM tenant_entra_configs
WHERE tenant_id = $1;

-- name: UpsertEntraConfig :exec
INSERT INTO tenant_entra_configs (id, tenant_id, entra_tenant_id, client_id, encrypted_client_secret, admin_group_id,
    analyst_group_id, viewer_group_id, password_login)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant_id) DO UPDATE
SET entra_tenant_id = excluded.entra_tenant_id, client_id = excluded.client_id,
    encrypted_client_secret = excluded.encrypted_client_secret, admin_group_id = excluded.admin_group_id,
    analyst_group_id = excluded.analyst_group_id, viewer_group_id = excluded.viewer_group_id,
    password_login = excluded.password_login;

-- name: DeleteEntraConfig :execrows
DELETE FROM tenant_entra_configs WHERE tenant_id = $1;

-- name: GetOIDCConfig :one
SELECT id, tenant_id, issuer, client_id, encrypted_client_secret, display_name, scopes, group_claim, role_map,
    password_login
FROM tenant_oidc_configs
WHERE tenant_id = $1;

-- name: UpsertOIDCConfig :exec
INSERT INTO tenant_oidc_configs (id, tenant_id, issuer, client_id, encrypted_client_secret, display_name, scopes,
    group_claim, role_map, password_login)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (tenant_id) DO UPDATE
SET issuer = excluded.issuer, client_id = excluded.client_id,
    encrypted_client_secret = excluded.encrypted_client_secret, display_name = excluded.display_name,
    scopes = excluded.scopes, group_claim = excluded.group_claim, role_map = excluded.role_map,
    password_login = excluded.password_login;

-- name: DeleteOIDCConfig :execrows
DELETE FROM tenant_oidc_configs WHERE tenant_id = $1;

-- name: GetSSORefreshToken :one
SELECT sealed_token FROM sso_refresh_tokens WHERE tenant_id = $1 AND user_id = $2;

-- name: UpsertSSORefreshToken :exec
INSERT INTO sso_refresh_tokens (tenant_id, user_id, sealed_token)
VALUES ($1, $2, $3)
ON CONFLICT (tenant_id, user_id) DO UPDATE SET sealed_token = excluded.sealed_token;

-- name: DeleteSSORefreshToken :exec
DELETE FROM sso_refresh_tokens WHERE tenant_id = $1 AND user_id = $2;
