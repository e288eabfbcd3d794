-- name: InsertSession :exec
INSERT INTO sessions (id, tenant_id, user_id, hashed_token, ip_address, user_agent, created_at, last_seen_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8);

-- name: ListSessions :many
SELECT id, tenant_id, user_id, hashed_token, ip_address, user_agent, created_at, last_seen_at, expires_at, revoked_at
FROM sessions
WHERE tenant_id = $1 AND user_id = $2 AND revoked_at = 0 AND expires_at > $3
ORDER BY created_at, id;

-- name: TouchSession :exec
UPDATE sessions SET last_seen_at = $3
WHERE tenant_id = $1 AND id = $2 AND last_seen_at <= $4;

-- name: RevokeSession :execrows
UPDATE sessions SET revoked_at = $4
WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND revoked_at = 0;

-- name: RevokeSessions :execrows
UPDATE sessions SET revoked_at = $4
WHERE tenant_id = $1 AND user_id = $2 AND id <> $3 AND revoked_at = 0;

-- name: RenewSession :execrows
UPDATE sessions SET hashed_token = $4
WHERE tenant_id = $1 AND id = $2 AND hashed_token = $3 AND revoked_at = 0;

-- name: SweepSessions :execrows
DELETE FROM sessions
WHERE id IN (SELECT s.id FROM sessions s WHERE s.expires_at < $1 LIMIT $2);
