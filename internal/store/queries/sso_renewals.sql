-- name: GetSSORenewal :one
SELECT owner, ends_at, outcome FROM sso_renewals WHERE tenant_id = $1 AND user_id = $2;

-- name: ClaimSSORenewal :execrows
INSERT INTO sso_renewals (tenant_id, user_id, owner, ends_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, user_id) DO UPDATE SET owner = excluded.owner, ends_at = excluded.ends_at, outcome = ''
WHERE sso_renewals.owner = $5;

-- name: FinishSSORenewal :exec
UPDATE sso_renewals SET outcome = $4
WHERE tenant_id = $1 AND user_id = $2 AND owner = $3;
