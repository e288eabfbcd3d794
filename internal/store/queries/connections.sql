-- name: InsertConnection :one
INSERT INTO db_connections (id, tenant_id, name, db_type, encrypted_conn_str, description, min_role, llm_policy,
    last_test, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: GetConnection :one
SELECT id, tenant_id, name, db_type, encrypted_conn_str, description, is_active, min_role, llm_policy, last_test,
    created_at, updated_at
FROM db_connections
WHERE tenant_id = $1 AND id = $2 AND is_active = TRUE;

-- name: LockConnection :one
UPDATE db_connections SET name = name
WHERE tenant_id = $1 AND id = $2 AND is_active = TRUE
RETURNING id, tenant_id, name, db_type, encrypted_conn_str, description, is_active, min_role, llm_policy, last_test,
    created_at, updated_at;

-- name: ListConnections :many
SELECT id, tenant_id, name, db_type, encrypted_conn_str, description, is_active, min_role, llm_policy, last_test,
    created_at, updated_at
FROM db_connections
WHERE tenant_id = $1 AND is_active = TRUE AND min_role IN ($2, $3, $4)
ORDER BY created_at, id
LIMIT $5 OFFSET $6;

-- name: UpdateConnection :execrows
UPDATE db_connections
SET name = $3, encrypted_conn_str = $4, description = $5, min_role = $6, llm_policy = $7, last_test = $8,
    updated_at = $9
WHERE tenant_id = $1 AND id = $2 AND is_active = TRUE;

-- name: SetConnectionTest :execrows
UPDATE db_connections SET last_test = $3 WHERE tenant_id = $1 AND id = $2 AND is_active = TRUE;

-- name: RemoveConnection :execrows
UPDATE db_connections SET is_active = FALSE, encrypted_conn_str = '', updated_at = $3
WHERE tenant_id = $1 AND id = $2 AND is_active = TRUE;
