package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

func TestObjectCacheExpires(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cache := newStoredCodeCache(func() time.Time { return now })
	loads := 0
	load := func(context.Context) (*storedCode, error) {
		loads++
		return new(storedCode), nil
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {storedCodeLife - time.Second, 1}, {time.Second, 2}, {time.Minute, 2}} {
		now = now.Add(step.after)
		if _, err := cache.get(t.Context(), load); err != nil || loads != step.want {
			t.Errorf("after %v more: loaded %d times, %v, want %d", step.after, loads, err, step.want)
		}
	}
}

func TestObjectCacheLoadsOnce(t *testing.T) {
	cache := newStoredCodeCache(time.Now)
	loads := 0
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := cache.get(t.Context(), func(context.Context) (*storedCode, error) {
				loads++ // only one loads at a time
				return new(storedCode), nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if loads != 1 {
		t.Errorf("loaded %d times", loads)
	}
}

// TestObjectCacheFailures: a failed load is not kept, one begun before a drop
// neither, and who waits for one can give up.
func TestObjectCacheFailures(t *testing.T) {
	cache := newStoredCodeCache(time.Now)
	broken := errors.New("broken")
	if _, err := cache.get(t.Context(), func(context.Context) (*storedCode, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("failed load: %v", err)
	}
	if _, err := cache.get(t.Context(), func(context.Context) (*storedCode, error) {
		cache.drop()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := cache.get(gone, nil); !fault.Is(err, fault.Canceled) {
			t.Errorf("while another loads: %v", err)
		}
		return new(storedCode), nil
	}); err != nil {
		t.Error(err)
	}
	if objects, _ := cache.fresh(); objects != nil {
		t.Error("what was read before the drop is kept")
	}
}
