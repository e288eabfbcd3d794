-- name: InsertOAuthState :exec
INSERT INTO oauth_states (state_hash, tenant_id, kind, client_id, redirect_uri, client_state, code_challenge, scope,
    resource, cookie_hash, pkce_verifier, nonce, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: GetOAuthState :one
SELECT state_hash, tenant_id, kind, client_id, redirect_uri, client_state, code_challenge, scope, resource,
    cookie_hash, pkce_verifier, nonce, expires_at, used_at
FROM oauth_states
WHERE state_hash = $1 AND used_at = 0 AND expires_at > $2;

-- name: TakeOAuthState :one
UPDATE oauth_states SET used_at = $3
WHERE tenant_id = $1 AND state_hash = $2 AND used_at = 0 AND expires_at > $3
RETURNING state_hash, tenant_id, kind, client_id, redirect_uri, client_state, code_challenge, scope, resource,
    cookie_hash, pkce_verifier, nonce, expires_at, used_at;

-- name: SweepOAuthStates :execrows
DELETE FROM oauth_states
WHERE state_hash IN (SELECT s.state_hash FROM oauth_states s WHERE s.expires_at < $1 LIMIT $2);
