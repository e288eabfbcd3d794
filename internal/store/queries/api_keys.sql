-- name: DeleteEndedNamesakes :exec
DELETE FROM api_keys
WHERE tenant_id = $1 AND user_id = $2 AND name = $3
    AND (revoked_at <> 0 OR (expires_at <> 0 AND expires_at <= $4));

-- name: InsertAPIKey :one
INSERT INTO api_keys (id, tenant_id, user_id, name, prefix, hashed_key, hash_key_id, max_role, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: ListAPIKeys :many
SELECT id, tenant_id, user_id, name, prefix, hashed_key, hash_key_id, max_role, created_at, last_used_at, revoked_at,
    expires_at
FROM api_keys
WHERE tenant_id = $1 AND user_id = $2
ORDER BY created_at DESC, id DESC
LIMIT $3 OFFSET $4;

-- name: GetAPIKey :one
SELECT id, tenant_id, user_id, name, prefix, hashed_key, hash_key_id, max_role, created_at, last_used_at, revoked_at,
    expires_at
FROM api_keys
WHERE tenant_id = $1 AND user_id = $2 AND id = $3;

-- name: RevokeAPIKey :execrows
UPDATE api_keys SET revoked_at = $4
WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND revoked_at = 0;

-- name: TouchAPIKey :exec
UPDATE api_keys SET last_used_at = $3
WHERE tenant_id = $1 AND id = $2 AND last_used_at <= $4;

-- name: RehashAPIKey :exec
UPDATE api_keys SET hashed_key = $4, hash_key_id = $5
WHERE tenant_id = $1 AND id = $2 AND hashed_key = $3;
