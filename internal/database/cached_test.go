package database_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// TestCachedExpires: a value is read again when it is as old as it may be.
func TestCachedExpires(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cache := database.NewCached[string](func() time.Time { return now })
	loads := 0
	load := func(context.Context) (*string, error) {
		loads++
		return new(string), nil
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {database.CatalogueLife - time.Second, 1}, {time.Second, 2}, {time.Minute, 2}} {
		now = now.Add(step.after)
		if _, err := cache.Get(t.Context(), database.CatalogueLife, load); err != nil || loads != step.want {
			t.Errorf("after %v more: loaded %d times, %v, want %d", step.after, loads, err, step.want)
		}
	}
}

// TestCachedLoadsOnce: callers at the same time wait for one load.
func TestCachedLoadsOnce(t *testing.T) {
	cache := database.NewCached[string](time.Now)
	loads := 0
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := cache.Get(t.Context(), database.CatalogueLife, func(context.Context) (*string, error) {
				loads++ // only one loads at a time
				return new(string), nil
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

// TestCachedFailures: a failed load is not kept, one begun before a drop
// neither, and who waits for one can give up.
func TestCachedFailures(t *testing.T) {
	cache := database.NewCached[string](time.Now)
	broken := errors.New("broken")
	if _, err := cache.Get(t.Context(), database.CatalogueLife, func(context.Context) (*string, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("failed load: %v", err)
	}
	if _, err := cache.Get(t.Context(), database.CatalogueLife, func(context.Context) (*string, error) {
		cache.Drop()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := cache.Get(gone, database.CatalogueLife, nil); !fault.Is(err, fault.Canceled) {
			t.Errorf("while another loads: %v", err)
		}
		return new(string), nil
	}); err != nil {
		t.Error(err)
	}
	if value := cache.Peek(database.CatalogueLife); value != nil {
		t.Error("what was read before the drop is kept")
	}
}
