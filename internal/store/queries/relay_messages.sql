-- name: AddRelayMessage :exec
INSERT INTO relay_messages (id, body, created_at)
VALUES ($1, $2, $3);

-- name: TakeRelayMessage :one
DELETE FROM relay_messages
WHERE id = $1
RETURNING body;

-- name: SweepRelayMessages :execrows
DELETE FROM relay_messages
WHERE id IN (SELECT r.id FROM relay_messages r WHERE r.created_at < $1 LIMIT $2);
