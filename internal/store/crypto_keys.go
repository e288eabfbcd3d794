package store

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// CryptoKey is the id of a key that was in use, so that start-up can tell that
// one is missing.
type CryptoKey struct {
	Purpose   string
	ID        string
	CreatedAt time.Time
}

// RememberKey notes that a key is in use.
func (d *DB) RememberKey(ctx context.Context, purpose, id string) error {
	err := db.New(d.write).InsertCryptoKey(ctx, db.InsertCryptoKeyParams{Purpose: purpose, KeyID: id, CreatedAt: micros(d.now())})
	return d.fault("remember key", err)
}

// ForgetKey notes that nothing is kept under a key any more.
func (d *DB) ForgetKey(ctx context.Context, purpose, id string) error {
	err := db.New(d.write).DeleteCryptoKey(ctx, db.DeleteCryptoKeyParams{Purpose: purpose, KeyID: id})
	return d.fault("forget key", err)
}

// CryptoKeys lists the keys in use, by purpose, oldest first.
func (d *DB) CryptoKeys(ctx context.Context) ([]CryptoKey, error) {
	rows, err := d.reads.ListCryptoKeys(ctx)
	if err != nil {
		return nil, d.fault("list crypto keys", err)
	}
	keys := make([]CryptoKey, 0, len(rows))
	for _, r := range rows {
		keys = append(keys, CryptoKey{Purpose: r.Purpose, ID: r.KeyID, CreatedAt: moment(r.CreatedAt)})
	}
	return keys, nil
}
