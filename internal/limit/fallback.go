package limit

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// FallbackConfig is what a Fallback is made of.
type FallbackConfig struct {
	Shared Source // may fail
	Local  Source // counts while Shared fails
	Log    *slog.Logger
}

// Fallback is a Source that counts locally while the shared one is down
// (contract 14). Then one event every few seconds tries it again; the others
// do not wait for it.
type Fallback struct {
	cfg FallbackConfig

	mu   sync.Mutex
	next time.Time // when to try again; zero while Shared is up. Guarded by mu
}

// retryAfter is the pause between attempts while the shared source is down.
const retryAfter = 2 * time.Second

// NewFallback returns a source that takes the shared one to be up.
func NewFallback(cfg FallbackConfig) *Fallback { return &Fallback{cfg: cfg} }

// Take implements Source. It fails only if both sources do.
func (f *Fallback) Take(ctx context.Context, key string, now time.Time, r Rate) (Decision, error) {
	ask, trial := f.turn(now)
	if !ask {
		return f.cfg.Local.Take(ctx, key, now, r)
	}
	d, err := f.cfg.Shared.Take(ctx, key, now, r)
	if err != nil {
		f.down(ctx, now, err)
		return f.cfg.Local.Take(ctx, key, now, r)
	}
	if trial {
		f.up(ctx)
	}
	if d.Allowed { // is counted here too, so that an outage gives no fresh bucket
		_, err = f.cfg.Local.Take(ctx, key, now, r)
	}
	return d, err
}

// turn reports whether to ask the shared source, and whether that is a trial
// after it was down.
func (f *Fallback) turn(now time.Time) (ask, trial bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.next.IsZero():
		return true, false
	case f.next.After(now):
		return false, false
	}
	f.next = now.Add(retryAfter)
	return true, true
}

// down notes a failure. Only the first of an outage is news, and the logs of a
// gateway under load would otherwise hold nothing else.
func (f *Fallback) down(ctx context.Context, now time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next.IsZero() {
		f.cfg.Log.WarnContext(ctx, "rate limits are not shared: each instance counts alone", "err", err)
		f.next = now.Add(retryAfter)
	}
}

// up ends an outage. What began before it and went well does not, or a slow
// server would be called back while it is not.
func (f *Fallback) up(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.next.IsZero() {
		f.next = time.Time{}
		f.cfg.Log.InfoContext(ctx, "rate limits are shared again")
	}
}
