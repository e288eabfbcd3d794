package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func TestRateLimitChangesOneAtATime(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				err := d.ChangeRateLimit(t.Context(), "login:1", func(s store.RateLimit) store.RateLimit {
					if s.Full.IsZero() {
						s.Full = start
					}
					return store.RateLimit{Full: s.Full.Add(time.Second)}
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		err := d.ChangeRateLimit(t.Context(), "login:1", func(s store.RateLimit) store.RateLimit {
			if want := start.Add(20 * time.Second); !s.Full.Equal(want) {
				t.Errorf("after 20 changes %v, want %v", s.Full, want)
			}
			return s
		})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := d.Sweep(t.Context()); err != nil || n != 1 {
			t.Errorf("sweep removed %d rows, %v; want the one idle bucket", n, err)
		}
	})
}
