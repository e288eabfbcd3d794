-- name: InsertTenant :one
INSERT INTO tenants (id, name, slug, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: TenantNameTaken :one
SELECT count(*) FROM tenants WHERE name = $1;

-- name: GetTenant :one
SELECT id, name, slug, is_active, oauth_redirect_hosts, config_version, created_at
FROM tenants
WHERE id = $1;

-- name: GetTenantBySlug :one
SELECT id, name, slug, is_active, oauth_redirect_hosts, config_version, created_at
FROM tenants
WHERE slug = $1;

-- name: CountTenants :one
SELECT count(*) FROM tenants;

-- name: RenameTenant :execrows
UPDATE tenants SET name = $2 WHERE id = $1;

-- name: SetTenantRedirectHosts :execrows
UPDATE tenants SET oauth_redirect_hosts = $2 WHERE id = $1;

-- name: SetTenantActive :execrows
UPDATE tenants SET is_active = $2, config_version = config_version + 1 WHERE id = $1;

-- name: RaiseConfigVersion :exec
UPDATE tenants SET config_version = config_version + 1 WHERE id = $1;

-- name: LockTenant :execrows
UPDATE tenants SET name = name WHERE id = $1;
