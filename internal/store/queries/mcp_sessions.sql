-- name: InsertMCPSession :exec
INSERT INTO mcp_sessions (tenant_id, user_id, id_hash, protocol_version, capabilities, log_level, subscriptions,
    created_at, used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8);

-- What to keep is found once: as a list of ids, PostgreSQL would compare each
-- row with the whole list as long as it has no statistics.
-- name: TrimMCPSessions :exec
DELETE FROM mcp_sessions
WHERE mcp_sessions.tenant_id = $1 AND mcp_sessions.user_id = $2 AND (mcp_sessions.used_at, mcp_sessions.id_hash) <= (
    SELECT m.used_at, m.id_hash FROM mcp_sessions m
    WHERE m.tenant_id = $1 AND m.user_id = $2
    ORDER BY m.used_at DESC, m.id_hash DESC
    LIMIT 1 OFFSET $3
);

-- name: GetMCPSession :one
SELECT id_hash, tenant_id, user_id, protocol_version, capabilities, log_level, subscriptions, created_at, used_at
FROM mcp_sessions
WHERE tenant_id = $1 AND user_id = $2 AND id_hash = $3 AND used_at > $4;

-- name: SetMCPLogLevel :execrows
UPDATE mcp_sessions SET log_level = $5
WHERE tenant_id = $1 AND user_id = $2 AND id_hash = $3 AND used_at > $4;

-- The update that changes nothing locks the row until the transaction ends, on
-- both engines.
-- name: LockMCPSubscriptions :one
UPDATE mcp_sessions SET subscriptions = subscriptions
WHERE tenant_id = $1 AND user_id = $2 AND id_hash = $3 AND used_at > $4
RETURNING subscriptions;

-- name: SetMCPSubscriptions :exec
UPDATE mcp_sessions SET subscriptions = $4
WHERE tenant_id = $1 AND user_id = $2 AND id_hash = $3;

-- name: TouchMCPSession :exec
UPDATE mcp_sessions SET used_at = $4
WHERE tenant_id = $1 AND user_id = $2 AND id_hash = $3 AND used_at <= $5;

-- name: DeleteMCPSession :execrows
DELETE FROM mcp_sessions
WHERE tenant_id = $1 AND user_id = $2 AND id_hash = $3 AND used_at > $4;

-- name: SweepMCPSessions :execrows
DELETE FROM mcp_sessions
WHERE id_hash IN (SELECT m.id_hash FROM mcp_sessions m WHERE m.used_at <= $1 LIMIT $2);
