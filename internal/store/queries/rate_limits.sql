-- name: LockRateLimit :one
INSERT INTO rate_limits (bucket, full_at, quiet_until)
VALUES ($1, 0, 0)
ON CONFLICT (bucket) DO UPDATE SET full_at = rate_limits.full_at
RETURNING full_at, quiet_until;

-- name: SetRateLimit :exec
UPDATE rate_limits SET full_at = $2, quiet_until = $3 WHERE bucket = $1;

-- name: SweepRateLimits :execrows
DELETE FROM rate_limits
WHERE bucket IN (SELECT r.bucket FROM rate_limits r WHERE r.full_at <= $1 AND r.quiet_until <= $1 LIMIT $2);
