-- name: InsertOAuthCode :exec
INSERT INTO oauth_authorization_codes (code_hash, tenant_id, user_id, client_id, redirect_uri, code_challenge,
    code_challenge_method, scope, resource, family_id, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: TakeOAuthCode :one
UPDATE oauth_authorization_codes SET used_at = $3
WHERE tenant_id = $1 AND code_hash = $2 AND used_at = 0 AND expires_at > $3
RETURNING code_hash, tenant_id, user_id, client_id, redirect_uri, code_challenge, code_challenge_method, scope,
    resource, family_id, expires_at, used_at;

-- name: GetOAuthCode :one
SELECT code_hash, tenant_id, user_id, client_id, redirect_uri, code_challenge, code_challenge_method, scope,
    resource, family_id, expires_at, used_at
FROM oauth_authorization_codes
WHERE tenant_id = $1 AND code_hash = $2;

-- name: SweepOAuthCodes :execrows
DELETE FROM oauth_authorization_codes
WHERE code_hash IN (SELECT c.code_hash FROM oauth_authorization_codes c WHERE c.expires_at < $1 LIMIT $2);

-- name: ForeignOAuthCode :one
SELECT EXISTS (SELECT 1 FROM oauth_authorization_codes WHERE code_hash = $1 AND tenant_id <> $2) AS known;
