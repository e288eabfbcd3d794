-- name: SealedConnections :many
SELECT id, tenant_id, encrypted_conn_str AS sealed FROM db_connections
WHERE id > $1 AND encrypted_conn_str <> ''
ORDER BY id
LIMIT $2;

-- name: SealedEntraSecrets :many
SELECT id, tenant_id, encrypted_client_secret AS sealed FROM tenant_entra_configs
WHERE id > $1
ORDER BY id
LIMIT $2;

-- name: SealedOIDCSecrets :many
SELECT id, tenant_id, encrypted_client_secret AS sealed FROM tenant_oidc_configs
WHERE id > $1
ORDER BY id
LIMIT $2;

-- name: RewrapConnection :execrows
UPDATE db_connections SET encrypted_conn_str = $4
WHERE tenant_id = $1 AND id = $2 AND encrypted_conn_str = $3;

-- name: RewrapEntraSecret :execrows
UPDATE tenant_entra_configs SET encrypted_client_secret = $4
WHERE tenant_id = $1 AND id = $2 AND encrypted_client_secret = $3;

-- name: RewrapOIDCSecret :execrows
UPDATE tenant_oidc_configs SET encrypted_client_secret = $4
WHERE tenant_id = $1 AND id = $2 AND encrypted_client_secret = $3;

-- name: SealedSSORefreshTokens :many
SELECT user_id AS id, tenant_id, sealed_token AS sealed FROM sso_refresh_tokens
WHERE user_id > $1
ORDER BY user_id
LIMIT $2;

-- name: RewrapSSORefreshToken :execrows
UPDATE sso_refresh_tokens SET sealed_token = $4
WHERE tenant_id = $1 AND user_id = $2 AND sealed_token = $3;
