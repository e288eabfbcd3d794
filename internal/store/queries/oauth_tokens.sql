-- name: InsertRefreshToken :exec
INSERT INTO oauth_refresh_tokens (id, tenant_id, user_id, client_id, family_id, hashed_token, hash_key_id, scope,
    resource, expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: TakeRefreshToken :one
UPDATE oauth_refresh_tokens SET used_at = $3
WHERE tenant_id = $1 AND hashed_token = $2 AND used_at = 0 AND revoked_at = 0 AND expires_at > $3
RETURNING id, tenant_id, user_id, client_id, family_id, hashed_token, hash_key_id, scope, resource, expires_at,
    used_at, revoked_at, created_at;

-- name: GetRefreshToken :one
SELECT id, tenant_id, user_id, client_id, family_id, hashed_token, hash_key_id, scope, resource, expires_at, used_at,
    revoked_at, created_at
FROM oauth_refresh_tokens
WHERE tenant_id = $1 AND hashed_token = $2;

-- name: RevokeFamily :execrows
UPDATE oauth_refresh_tokens SET revoked_at = $3
WHERE tenant_id = $1 AND family_id = $2 AND revoked_at = 0;

-- name: RevokeUserTokens :execrows
UPDATE oauth_refresh_tokens SET revoked_at = $3
WHERE tenant_id = $1 AND user_id = $2 AND revoked_at = 0;

-- name: UseUserCodes :exec
UPDATE oauth_authorization_codes SET used_at = $3
WHERE tenant_id = $1 AND user_id = $2 AND used_at = 0;

-- name: RevokeClientTokens :execrows
UPDATE oauth_refresh_tokens SET revoked_at = $3
WHERE tenant_id = $1 AND client_id = $2 AND revoked_at = 0;

-- name: UseClientCodes :exec
UPDATE oauth_authorization_codes SET used_at = $3
WHERE tenant_id = $1 AND client_id = $2 AND used_at = 0;

-- name: LiveFamily :one
SELECT u.email, u.role, u.is_active, u.session_epoch, u.auth_provider, u.last_sync_at,
    t.slug, t.is_active AS tenant_active, t.config_version,
    EXISTS (
        SELECT 1 FROM oauth_refresh_tokens r
        WHERE r.tenant_id = $1 AND r.family_id = $3 AND r.user_id = $2 AND r.revoked_at = 0
    ) AS family_alive
FROM users u
JOIN tenants t ON t.id = u.tenant_id
WHERE u.tenant_id = $1 AND u.id = $2;

-- name: SweepRefreshTokens :execrows
DELETE FROM oauth_refresh_tokens
WHERE id IN (SELECT r.id FROM oauth_refresh_tokens r WHERE r.expires_at < $1 LIMIT $2);
