-- last_seq is the last record that is there, which is the head's in a sound
-- chain. It is read by order and limit: max() would go over the whole chain.
-- name: LockAuditHead :one
INSERT INTO audit_heads (tenant_id, seq, hash)
VALUES ($1, 0, '')
ON CONFLICT (tenant_id) DO UPDATE SET seq = audit_heads.seq
RETURNING tenant_id, seq, hash, purged_seq, purged_hash, key_id, mac, purged_at, carried_seq, carried_hash, carried_at, start_key_id, start_mac,
    CAST(coalesce((SELECT a.seq FROM audit_logs a WHERE a.tenant_id = audit_heads.tenant_id ORDER BY a.seq DESC LIMIT 1), 0) AS BIGINT) AS last_seq;

-- name: SetAuditHead :exec
UPDATE audit_heads SET seq = $2, hash = $3, key_id = $4, mac = $5 WHERE tenant_id = $1;

-- Fails on NOT NULL when the head is another one by now.
-- name: AdvanceAuditHead :exec
UPDATE audit_heads SET seq = CASE WHEN seq = $2 AND hash = $3 THEN CAST($4 AS BIGINT) END, hash = $5, key_id = $6, mac = $7
WHERE tenant_id = $1;

-- name: GetAuditHead :one
SELECT tenant_id, seq, hash, purged_seq, purged_hash, key_id, mac, purged_at, carried_seq, carried_hash, carried_at, start_key_id, start_mac
FROM audit_heads WHERE tenant_id = $1;

-- name: ListAuditHeads :many
SELECT tenant_id, seq, hash, purged_seq, purged_hash, key_id, mac, purged_at, carried_seq, carried_hash, carried_at, start_key_id, start_mac
FROM audit_heads ORDER BY tenant_id;

-- Tenants whose chain was removed are among those that should have one.
-- name: ListAuditTenants :many
SELECT tenant_id, CAST(max(slug) AS TEXT) AS slug
FROM (SELECT h.tenant_id AS tenant_id, '' AS slug FROM audit_heads h UNION ALL SELECT t.id AS tenant_id, t.slug AS slug FROM tenants t) c
GROUP BY tenant_id
ORDER BY tenant_id;

-- Reads both in one statement, so that records which are appended meanwhile
-- are never seen without their head.
-- name: AuditBeyondHead :one
SELECT CAST(coalesce(max(a.seq), 0) AS BIGINT) AS seq
FROM audit_logs a
WHERE a.tenant_id = $1 AND a.seq > coalesce((SELECT h.seq FROM audit_heads h WHERE h.tenant_id = $1), 0);

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
SELECT tenant_id, seq, id, user_id, user_email, event, family, ip_address, metadata, prev_hash, hash, created_at, key_id
FROM audit_logs
WHERE tenant_id = $1 AND seq > $2 AND seq <= $3
ORDER BY seq
LIMIT $4;

-- name: AuditRecordByID :one
SELECT tenant_id, seq, id, user_id, user_email, event, family, ip_address, metadata, prev_hash, hash, created_at, key_id
FROM audit_logs
WHERE tenant_id = $1 AND id = $2;

-- name: PurgeAudit :execrows
DELETE FROM audit_logs WHERE tenant_id = $1 AND seq <= $2;

-- name: PurgeAuditStatements :exec
DELETE FROM audit_statements WHERE tenant_id = $1 AND seq <= $2;

-- name: SetAuditStart :exec
UPDATE audit_heads
SET purged_seq = $2, purged_hash = $3, purged_at = $4, carried_seq = $5, carried_hash = $6, carried_at = $7, start_key_id = $8, start_mac = $9
WHERE tenant_id = $1;

-- name: GetAuditStatement :one
SELECT sealed FROM audit_statements WHERE tenant_id = $1 AND id = $2;

-- name: InsertAuditStatement :exec
INSERT INTO audit_statements (id, tenant_id, seq, sealed)
VALUES ($1, $2, $3, $4);

-- name: SealedAuditStatements :many
SELECT id, tenant_id, sealed FROM audit_statements
WHERE id > $1
ORDER BY id
LIMIT $2;

-- name: RewrapAuditStatement :execrows
UPDATE audit_statements SET sealed = $4
WHERE tenant_id = $1 AND id = $2 AND sealed = $3;

-- name: RememberAuditAnchors :exec
INSERT INTO audit_anchors (id, number, key_id, mac)
VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET number = excluded.number, key_id = excluded.key_id, mac = excluded.mac
WHERE audit_anchors.number < excluded.number;

-- name: ListAuditAnchors :many
SELECT id, number, key_id, mac FROM audit_anchors ORDER BY id;

-- name: DeleteAuditAnchors :exec
DELETE FROM audit_anchors;
