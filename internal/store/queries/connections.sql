-- name: InsertConnection :one
INSERT INTO db_connections (id, tenant_id, name, db_type, encrypted_conn_str, description, min_role, llm_policy,
    last_test, created_at, updated_at, allow_powerful_login)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: GetConnection :one
SELECT id, tenant_id, name, db_type, encrypted_conn_str, description, is_active, min_role, llm_policy, last_test,
    created_at, updated_at, allow_powerful_login
FROM db_connections
WHERE tenant_id = $1 AND id = $2 AND is_active = TRUE;

-- name: LockConnection :one
UPDATE db_connections SET name = name
WHERE tenant_id = $1 AND id = $2 AND is_active = TRUE
RETURNING id, tenant_id, name, db_type, encrypted_conn_str, description, is_active, min_role, llm_policy, last_test,
    created_at, updated_at, allow_powerful_login;

-- name: ListConnections :many
SELECT id, tenant_id, name, db_type, encrypted_conn_str, description, is_active, min_role, llm_policy, last_test,
    created_at, updated_at, allow_powerful_login
FROM db_connections
WHERE tenant_id = $1 AND is_active = TRUE AND min_role IN ($2, $3, $4)
ORDER BY created_at, id
LIMIT $5 OFFSET $6;

-- name: UpdateConnection :execrows
UPDATE db_connections
SET name = $3, encrypted_conn_str = $4, description = $5, min_role = $6, llm_policy = $7, last_test = $8,
    updated_at = CASE WHEN updated_at >= $9 THEN updated_at + 1 ELSE $9 END, allow_powerful_login = $10
WHERE tenant_id = $1 AND id = $2 AND is_active = TRUE;

-- name: SetConnectionTest :execrows
UPDATE db_connections SET last_test = $3 WHERE tenant_id = $1 AND id = $2 AND is_active = TRUE;

-- name: RemoveConnection :execrows
UPDATE db_connections SET is_active = FALSE, encrypted_conn_str = '', updated_at = $3
WHERE tenant_id = $1 AND id = $2 AND is_active = TRUE;

-- name: ChangeConnectionRules :execrows
UPDATE db_connections SET updated_at = CASE WHEN updated_at >= $3 THEN updated_at + 1 ELSE $3 END
WHERE tenant_id = $1 AND id = $2 AND is_active = TRUE;

-- name: ListConnectionFunctions :many
SELECT f.connection_id, f.signature, f.hash, f.created_at, coalesce(u.email, '') AS allowed_by
FROM connection_functions f
LEFT JOIN users u ON u.tenant_id = f.tenant_id AND u.id = f.allowed_by
WHERE f.tenant_id = $1
ORDER BY f.connection_id, f.signature;

-- name: CountConnectionFunctions :one
SELECT count(*) FROM connection_functions WHERE tenant_id = $1 AND connection_id = $2;

-- name: GetConnectionFunctionHash :one
SELECT hash FROM connection_functions WHERE tenant_id = $1 AND connection_id = $2 AND signature = $3;

-- name: UpsertConnectionFunction :exec
INSERT INTO connection_functions (tenant_id, connection_id, signature, hash, allowed_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id, connection_id, signature)
DO UPDATE SET hash = excluded.hash, allowed_by = excluded.allowed_by, created_at = excluded.created_at;

-- name: DeleteConnectionFunction :execrows
DELETE FROM connection_functions WHERE tenant_id = $1 AND connection_id = $2 AND signature = $3;

-- name: DeleteConnectionFunctions :exec
DELETE FROM connection_functions WHERE tenant_id = $1 AND connection_id = $2;
