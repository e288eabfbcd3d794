-- name: DeleteEndedNamesakes :exec
DELETE FROM api_keys
WHERE tenant_id = $1 AND user_id = $2 AND name = $3
    AND (revoked_at <> 0 OR (expires_at <> 0 AND expires_at <= $4))
    AND (parent_id = $5 OR $5 = '');

-- name: InsertAPIKey :one
INSERT INTO api_keys (id, tenant_id, user_id, name, prefix, hashed_key, hash_key_id, max_role, created_at, expires_at,
    parent_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: ListAPIKeys :many
SELECT id, tenant_id, user_id, name, prefix, hashed_key, hash_key_id, max_role, created_at, last_used_at, revoked_at,
    expires_at, parent_id
FROM api_keys
WHERE tenant_id = $1 AND user_id = $2
ORDER BY created_at DESC, id DESC
LIMIT $3 OFFSET $4;

-- name: ListAPIKeyFamily :many
WITH RECURSIVE family AS (
    SELECT a.id FROM api_keys a WHERE a.tenant_id = $1 AND a.user_id = $2 AND a.id = $3
    UNION
    SELECT b.id FROM api_keys b JOIN family f ON f.id = b.parent_id WHERE b.tenant_id = $1 AND b.user_id = $2
)
SELECT k.id, k.tenant_id, k.user_id, k.name, k.prefix, k.hashed_key, k.hash_key_id, k.max_role, k.created_at,
    k.last_used_at, k.revoked_at, k.expires_at, k.parent_id
FROM api_keys k
WHERE k.tenant_id = $1 AND k.user_id = $2 AND k.id IN (SELECT family.id FROM family)
ORDER BY k.created_at DESC, k.id DESC
LIMIT $4 OFFSET $5;

-- name: GetAPIKey :one
SELECT id, tenant_id, user_id, name, prefix, hashed_key, hash_key_id, max_role, created_at, last_used_at, revoked_at,
    expires_at, parent_id
FROM api_keys
WHERE tenant_id = $1 AND user_id = $2 AND id = $3;

-- name: ListAPIKeyMakers :many
WITH RECURSIVE makers AS (
    SELECT a.id, a.parent_id FROM api_keys a WHERE a.tenant_id = $1 AND a.user_id = $2 AND a.id = $3
    UNION
    SELECT b.id, b.parent_id FROM api_keys b JOIN makers m ON m.parent_id = b.id
    WHERE b.tenant_id = $1 AND b.user_id = $2
)
SELECT id FROM makers;

-- name: RevokeAPIKeyFamily :many
WITH RECURSIVE family AS (
    SELECT a.id FROM api_keys a WHERE a.tenant_id = $1 AND a.user_id = $2 AND a.id = $3
    UNION
    SELECT b.id FROM api_keys b JOIN family f ON f.id = b.parent_id WHERE b.tenant_id = $1 AND b.user_id = $2
)
UPDATE api_keys SET revoked_at = $4
WHERE api_keys.tenant_id = $1 AND api_keys.user_id = $2 AND api_keys.revoked_at = 0
    AND api_keys.id IN (SELECT family.id FROM family)
RETURNING api_keys.id, api_keys.name, api_keys.prefix;

-- name: TouchAPIKey :exec
UPDATE api_keys SET last_used_at = $3
WHERE tenant_id = $1 AND id = $2 AND last_used_at <= $4;

-- name: RehashAPIKey :exec
UPDATE api_keys SET hashed_key = $4, hash_key_id = $5
WHERE tenant_id = $1 AND id = $2 AND hashed_key = $3;
