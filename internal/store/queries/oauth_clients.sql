-- name: UpsertOAuthClient :exec
INSERT INTO oauth_clients (id, tenant_id, client_id, client_name, redirect_uris, metadata, kind, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant_id, client_id) DO UPDATE
SET client_name = excluded.client_name, redirect_uris = excluded.redirect_uris, metadata = excluded.metadata;

-- name: GetOAuthClient :one
SELECT id, tenant_id, client_id, client_name, redirect_uris, metadata, kind, created_at, last_used_at
FROM oauth_clients
WHERE tenant_id = $1 AND client_id = $2;

-- name: ListOAuthClients :many
SELECT id, tenant_id, client_id, client_name, redirect_uris, metadata, kind, created_at, last_used_at
FROM oauth_clients
WHERE tenant_id = $1
ORDER BY created_at, client_id;

-- name: DeleteOAuthClient :execrows
DELETE FROM oauth_clients WHERE tenant_id = $1 AND client_id = $2;

-- name: UseOAuthClient :execrows
UPDATE oauth_clients SET last_used_at = $3
WHERE tenant_id = $1 AND client_id = $2;

-- name: SweepOAuthClients :execrows
DELETE FROM oauth_clients
WHERE id IN (
    SELECT c.id FROM oauth_clients c
    WHERE c.created_at < $1 AND c.last_used_at < $1
        AND c.kind <> 'preregistered'
        AND NOT EXISTS (
            SELECT 1 FROM oauth_refresh_tokens r WHERE r.tenant_id = c.tenant_id AND r.client_id = c.client_id
        )
    LIMIT $2
);
