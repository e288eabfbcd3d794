-- name: LockAuditHead :one
INSERT INTO audit_heads (tenant_id, seq, hash)
VALUES ($1, 0, '')
ON CONFLICT (tenant_id) DO UPDATE SET seq = audit_heads.seq
RETURNING seq, hash, purged_seq, purged_hash;

-- name: SetAuditHead :exec
UPDATE audit_heads SET seq = $2, hash = $3 WHERE tenant_id = $1;

-- Fails on NOT NULL when the head is another one by now.
-- name: AdvanceAuditHead :exec
UPDATE audit_heads SET seq = CASE WHEN seq = $2 AND hash = $3 THEN CAST($4 AS BIGINT) END, hash = $5
WHERE tenant_id = $1;

-- name: GetAuditHead :one
SELECT seq, hash, purged_seq, purged_hash FROM audit_heads WHERE tenant_id = $1;

-- name: ListAuditHeads :many
SELECT tenant_id FROM audit_heads ORDER BY tenant_id;

-- Hops from one family to the next in the index: there are few families and
-- many records.
-- name: AuditFamilies :many
WITH RECURSIVE f (family) AS (
    SELECT min(a.family) FROM audit_logs a WHERE a.tenant_id = $1
    UNION ALL
    SELECT (SELECT min(a.family) FROM audit_logs a WHERE a.tenant_id = $1 AND a.family > f.family)
    FROM f
    WHERE f.family IS NOT NULL
)
SELECT CAST(f.family AS TEXT) AS family FROM f WHERE f.family IS NOT NULL;

-- name: AuditChain :many
SELECT tenant_id, seq, id, user_id, user_email, event, family, ip_address, metadata, prev_hash, hash, created_at
FROM audit_logs
WHERE tenant_id = $1 AND seq > $2 AND seq <= $3
ORDER BY seq
LIMIT $4;

-- name: OldestAudit :many
SELECT seq, hash, created_at
FROM audit_logs
WHERE tenant_id = $1 AND seq > $2
ORDER BY seq
LIMIT $3;

-- name: PurgeAudit :execrows
DELETE FROM audit_logs WHERE tenant_id = $1 AND seq <= $2;

-- name: SetAuditPurged :exec
UPDATE audit_heads SET purged_seq = $2, purged_hash = $3 WHERE tenant_id = $1;
