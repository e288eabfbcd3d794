-- name: InsertCryptoKey :exec
INSERT INTO crypto_keys (purpose, key_id, created_at)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING;

-- name: ListCryptoKeys :many
SELECT purpose, key_id, created_at FROM crypto_keys ORDER BY purpose, created_at, key_id;

-- name: DeleteCryptoKey :exec
DELETE FROM crypto_keys WHERE purpose = $1 AND key_id = $2;
