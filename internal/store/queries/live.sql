-- name: LiveUser :one
SELECT u.email, u.role, u.is_active, u.session_epoch, u.auth_provider, u.last_sync_at,
    t.slug, t.is_active AS tenant_active, t.config_version
FROM users u
JOIN tenants t ON t.id = u.tenant_id
WHERE u.tenant_id = $1 AND u.id = $2;

-- name: LiveSession :one
SELECT s.id, s.tenant_id, s.user_id, s.hashed_token, s.ip_address, s.user_agent, s.created_at, s.last_seen_at,
    s.expires_at, s.revoked_at,
    u.email, u.role, u.is_active, u.session_epoch, u.auth_provider, u.last_sync_at,
    t.slug, t.is_active AS tenant_active, t.config_version
FROM sessions s
JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id
JOIN tenants t ON t.id = s.tenant_id
WHERE s.hashed_token = $1;

-- name: LiveSessionByID :one
SELECT s.id, s.tenant_id, s.user_id, s.hashed_token, s.ip_address, s.user_agent, s.created_at, s.last_seen_at,
    s.expires_at, s.revoked_at,
    u.email, u.role, u.is_active, u.session_epoch, u.auth_provider, u.last_sync_at,
    t.slug, t.is_active AS tenant_active, t.config_version
FROM sessions s
JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id
JOIN tenants t ON t.id = s.tenant_id
WHERE s.tenant_id = $1 AND s.user_id = $2 AND s.id = $3;

-- name: LiveKey :one
SELECT k.id, k.tenant_id, k.user_id, k.name, k.prefix, k.hashed_key, k.hash_key_id, k.max_role, k.created_at,
    k.last_used_at, k.revoked_at, k.expires_at, k.parent_id,
    u.email, u.role, u.is_active, u.session_epoch, u.auth_provider, u.last_sync_at,
    t.slug, t.is_active AS tenant_active, t.config_version
FROM api_keys k
JOIN users u ON u.tenant_id = k.tenant_id AND u.id = k.user_id
JOIN tenants t ON t.id = k.tenant_id
WHERE k.hashed_key IN ($1, $2, $3, $4)
LIMIT 1;
