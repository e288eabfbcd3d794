package store

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// How long what has ended is kept (contract 4.4).
const (
	// keepEnded leaves codes and sessions some time, so that a late replay is
	// told from a guess.
	keepEnded = 24 * time.Hour
	// keepUnusedClients is how long a registered client may stay unused.
	keepUnusedClients = 90 * 24 * time.Hour
	// keepRelayed is how long a message may wait for its reader, which takes
	// it at once or is dead.
	keepRelayed = 10 * time.Minute
)

// sweepStep is how many rows one statement removes.
const sweepStep = 1000

// Sweep removes expired states, codes, tokens and sessions and unused OAuth
// clients, in bounded statements. It is housekeeping and needs no record.
func (d *DB) Sweep(ctx context.Context) (removed int64, err error) {
	defer d.wrote()
	q, now := db.New(d.write), d.now()
	ended, unused := micros(now.Add(-keepEnded)), micros(now.Add(-keepUnusedClients))
	for _, step := range []func() (int64, error){
		func() (int64, error) {
			return q.SweepOAuthStates(ctx, db.SweepOAuthStatesParams{ExpiresAt: micros(now), Limit: sweepStep})
		},
		func() (int64, error) {
			return q.SweepSSOCodes(ctx, db.SweepSSOCodesParams{ExpiresAt: micros(now), Limit: sweepStep})
		},
		func() (int64, error) {
			return q.SweepOAuthCodes(ctx, db.SweepOAuthCodesParams{ExpiresAt: ended, Limit: sweepStep})
		},
		func() (int64, error) {
			return q.SweepRefreshTokens(ctx, db.SweepRefreshTokensParams{ExpiresAt: ended, Limit: sweepStep})
		},
		func() (int64, error) {
			return q.SweepSessions(ctx, db.SweepSessionsParams{ExpiresAt: ended, Limit: sweepStep})
		},
		func() (int64, error) {
			return q.SweepMCPSessions(ctx, db.SweepMCPSessionsParams{UsedAt: d.unusedMCP(), Limit: sweepStep})
		},
		func() (int64, error) {
			return q.SweepRateLimits(ctx, db.SweepRateLimitsParams{FullAt: micros(now), Limit: sweepStep})
		},
		func() (int64, error) {
			return q.SweepRelayMessages(ctx, db.SweepRelayMessagesParams{CreatedAt: micros(now.Add(-keepRelayed)), Limit: sweepStep})
		},
		func() (int64, error) {
			return q.SweepOAuthClients(ctx, db.SweepOAuthClientsParams{CreatedAt: unused, Limit: sweepStep})
		},
	} {
		n, err := repeat(step)
		removed += n
		if err != nil {
			return removed, d.fault("sweep", err)
		}
	}
	return removed, nil
}

// repeat runs a bounded statement until it finds no full step any more.
func repeat(step func() (int64, error)) (total int64, err error) {
	for {
		n, err := step()
		total += n
		if err != nil || n < sweepStep {
			return total, err
		}
	}
}
