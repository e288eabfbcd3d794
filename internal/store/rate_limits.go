package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// RateLimit is the state of one bucket of a rate limit; the zero value is an
// unused bucket.
type RateLimit struct{ Full, Quiet time.Time }

// ChangeRateLimit replaces the state of a bucket by what decide makes of it.
// Nobody else changes the bucket meanwhile, on no replica.
func (d *DB) ChangeRateLimit(ctx context.Context, bucket string, decide func(RateLimit) RateLimit) error {
	// Not through d.inTx: no look-up that is remembered depends on it.
	err := inTx(ctx, d.write, func(tx *sql.Tx) error {
		q := db.New(tx)
		row, err := q.LockRateLimit(ctx, bucket)
		if err != nil {
			return err
		}
		next := decide(RateLimit{Full: moment(row.FullAt), Quiet: moment(row.QuietUntil)})
		return q.SetRateLimit(ctx, db.SetRateLimitParams{Bucket: bucket, FullAt: micros(next.Full), QuietUntil: micros(next.Quiet)})
	})
	return d.fault("rate limit", err)
}
