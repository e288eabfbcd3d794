-- name: ListOverrides :many
SELECT identity, min_role FROM tool_role_overrides WHERE tenant_id = $1;

-- name: GetOverride :one
SELECT min_role FROM tool_role_overrides WHERE tenant_id = $1 AND identity = $2;

-- name: UpsertOverride :exec
INSERT INTO tool_role_overrides (id, tenant_id, identity, min_role)
VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, identity) DO UPDATE SET min_role = excluded.min_role;

-- name: DeleteOverride :execrows
DELETE FROM tool_role_overrides WHERE tenant_id = $1 AND identity = $2;
