package limit

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

func mustAcquire(t *testing.T, s *Slots, key string) func() {
	t.Helper()
	release, err := s.Acquire(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func TestSlotsBoundOneKeyAndNotTheOthers(t *testing.T) {
	s := NewSlots(SlotsConfig{Max: 2})
	first, second := mustAcquire(t, s, "a"), mustAcquire(t, s, "a")
	if _, err := s.Acquire(t.Context(), "a"); !fault.Is(err, fault.RateLimited) {
		t.Errorf("a third call of one key: %v", err)
	}
	mustAcquire(t, s, "b")()
	first()
	first() // does nothing
	third := mustAcquire(t, s, "a")
	if _, err := s.Acquire(t.Context(), "a"); err == nil {
		t.Error("releasing twice freed two slots")
	}
	second()
	third()
	if len(s.keys) != 0 {
		t.Errorf("%d keys are kept although none is in use", len(s.keys))
	}
}

func TestSlotsWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(SlotsConfig{Max: 1, Queue: 2, Wait: time.Second})
		release := mustAcquire(t, s, "a")
		start := time.Now()
		if _, err := s.Acquire(t.Context(), "a"); !fault.Is(err, fault.RateLimited) || time.Since(start) != time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Acquire(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("with the caller gone: %v", err)
		}
		release()
		if len(s.keys) != 0 {
			t.Error("a call that gave up is still counted")
		}
	})
}

func TestSlotsQueueIsBoundedAndServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(SlotsConfig{Max: 1, Queue: 3, Wait: time.Minute})
		release := mustAcquire(t, s, "a")
		var running, most, done, refused atomic.Int32
		for range 5 {
			go func() {
				free, err := s.Acquire(t.Context(), "a")
				if err != nil {
					refused.Add(1)
					return
				}
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(time.Second) // synctest's clock: no real time passes
				running.Add(-1)
				done.Add(1)
				free()
			}()
		}
		synctest.Wait()
		release()
		time.Sleep(time.Minute)
		if done.Load() != 3 || refused.Load() != 2 || most.Load() != 1 {
			t.Errorf("%d done, %d refused, %d at once; want 3, 2, 1", done.Load(), refused.Load(), most.Load())
		}
	})
}
