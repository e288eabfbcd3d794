-- name: InsertUser :one
INSERT INTO users (id, tenant_id, email, hashed_password, role, auth_provider, entra_oid, last_sync_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: GetUser :one
SELECT id, tenant_id, email, hashed_password, role, is_active, disabled_by, auth_provider, entra_oid,
    session_epoch, last_sync_at, last_login_at, created_at
FROM users
WHERE tenant_id = $1 AND id = $2;

-- The update that changes nothing locks the row until the transaction ends, on
-- both engines.
-- name: LockUser :one
UPDATE users SET email = email
WHERE tenant_id = $1 AND id = $2
RETURNING id, tenant_id, email, hashed_password, role, is_active, disabled_by, auth_provider, entra_oid,
    session_epoch, last_sync_at, last_login_at, created_at;

-- name: GetUserBySubject :one
SELECT id, tenant_id, email, hashed_password, role, is_active, disabled_by, auth_provider, entra_oid,
    session_epoch, last_sync_at, last_login_at, created_at
FROM users
WHERE tenant_id = $1 AND auth_provider = $2 AND entra_oid = $3 AND entra_oid <> '';

-- name: GetUserByEmail :one
SELECT id, tenant_id, email, hashed_password, role, is_active, disabled_by, auth_provider, entra_oid,
    session_epoch, last_sync_at, last_login_at, created_at
FROM users
WHERE tenant_id = $1 AND email = $2;

-- name: ListUsers :many
SELECT id, tenant_id, email, hashed_password, role, is_active, disabled_by, auth_provider, entra_oid,
    session_epoch, last_sync_at, last_login_at, created_at
FROM users
WHERE tenant_id = $1
ORDER BY created_at, id
LIMIT $2 OFFSET $3;

-- name: SetUserRole :execrows
UPDATE users SET role = $3 WHERE tenant_id = $1 AND id = $2;

-- name: SetUserEmail :execrows
UPDATE users SET email = $3 WHERE tenant_id = $1 AND id = $2;

-- name: SetUserSynced :execrows
UPDATE users SET last_sync_at = $3 WHERE tenant_id = $1 AND id = $2;

-- name: DisableUser :execrows
UPDATE users SET is_active = FALSE, disabled_by = $3, session_epoch = session_epoch + 1
WHERE tenant_id = $1 AND id = $2;

-- name: EnableUser :execrows
UPDATE users SET is_active = TRUE, disabled_by = '' WHERE tenant_id = $1 AND id = $2;

-- name: SetUserPassword :execrows
UPDATE users SET hashed_password = $3, session_epoch = session_epoch + 1
WHERE tenant_id = $1 AND id = $2;

-- name: RehashUserPassword :exec
UPDATE users SET hashed_password = $4 WHERE tenant_id = $1 AND id = $2 AND hashed_password = $3;

-- name: SetUserLoggedIn :execrows
UPDATE users SET last_login_at = $3 WHERE tenant_id = $1 AND id = $2;

-- name: DeleteUser :execrows
DELETE FROM users WHERE tenant_id = $1 AND id = $2;

-- name: LoginCandidates :many
SELECT u.id, u.tenant_id, u.email, u.hashed_password, u.role, u.is_active, u.disabled_by, u.auth_provider, u.entra_oid,
    u.session_epoch, u.last_sync_at, u.last_login_at, u.created_at, t.slug, t.name, t.is_active AS tenant_active
FROM users u
JOIN tenants t ON t.id = u.tenant_id
WHERE u.email = $1 AND u.hashed_password <> ''
ORDER BY u.created_at, u.id
LIMIT $2;

-- name: LoginCandidateAt :many
SELECT u.id, u.tenant_id, u.email, u.hashed_password, u.role, u.is_active, u.disabled_by, u.auth_provider, u.entra_oid,
    u.session_epoch, u.last_sync_at, u.last_login_at, u.created_at, t.slug, t.name, t.is_active AS tenant_active
FROM users u
JOIN tenants t ON t.id = u.tenant_id
WHERE t.slug = $1 AND u.email = $2;
