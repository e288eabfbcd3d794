package limit_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/redis/redistest"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// onEverySource runs a test over each kind of source: two instances' ends of
// the same buckets.
func onEverySource(t *testing.T, test func(t *testing.T, one, two limit.Source)) {
	t.Run("memory", func(t *testing.T) {
		m := limit.NewMemory(0)
		test(t, m, m)
	})
	t.Run("store", func(t *testing.T) {
		address := newDatabase(t)
		test(t, newStored(t, address), newStored(t, address))
	})
	t.Run("redis", func(t *testing.T) {
		own := rand.Text()
		test(t, newRedis(t, redistest.URL(t), own), newRedis(t, redistest.URL(t), own))
	})
}

// newRedis returns a source whose buckets are apart from those with another
// name.
func newRedis(t *testing.T, address, own string) *limit.Redis {
	t.Helper()
	r := limit.NewRedis(limit.RedisConfig{URL: address, Hash: func(key string) string { return "test:" + own + ":" + key }})
	t.Cleanup(func() { r.Close() })
	return r
}

func newDatabase(t *testing.T) string {
	t.Helper()
	server := os.Getenv("MCPGW_TEST_POSTGRES")
	if server == "" {
		if testing.Short() {
			t.Skip("needs a PostgreSQL server: make test starts one")
		}
		t.Fatal("MCPGW_TEST_POSTGRES is not set: run make test, which starts a server; -short leaves this out")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	name := "mcpgw_limit_" + strings.ToLower(rand.Text()[:12])
	if _, err := pool.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := pool.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
		pool.Close()
	})
	u.Path = "/" + name
	return u.String()
}

func newStored(t *testing.T, address string) limit.Source {
	t.Helper()
	db, err := store.Open(t.Context(), address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return limit.Stored(func(ctx context.Context, key string, change func(limit.State) limit.State) error {
		return db.ChangeRateLimit(ctx, key, func(b store.RateLimit) store.RateLimit { return store.RateLimit(change(limit.State(b))) })
	})
}

func mustTake(t *testing.T, s limit.Source, key string, now time.Time, r limit.Rate) limit.Decision {
	t.Helper()
	d, err := s.Take(t.Context(), key, now, r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSourcesShareABucket follows one bucket, every other event of which
// arrives at the other instance.
func TestSourcesShareABucket(t *testing.T) {
	onEverySource(t, func(t *testing.T, one, two limit.Source) {
		rate := limit.PerMinute(3)
		const s = time.Second
		for i, step := range []struct {
			at   time.Duration
			want limit.Decision
		}{
			{0, limit.Decision{Allowed: true, Remaining: 2, Reset: 20 * s}},
			{0, limit.Decision{Allowed: true, Remaining: 1, Reset: 40 * s}},
			{0, limit.Decision{Allowed: true, Reset: 60 * s}},
			{0, limit.Decision{Reset: 60 * s, RetryAfter: 20 * s, FirstRefusal: true}},
			{5 * s, limit.Decision{Reset: 55 * s, RetryAfter: 15 * s}},
			{20 * s, limit.Decision{Allowed: true, Reset: 60 * s}},
			{20 * s, limit.Decision{Reset: 60 * s, RetryAfter: 20 * s}},
			{50 * s, limit.Decision{Allowed: true, Reset: 50 * s}},
			{60 * s, limit.Decision{Allowed: true, Reset: 60 * s}},
			{60 * s, limit.Decision{Reset: 60 * s, RetryAfter: 20 * s, FirstRefusal: true}},
			{180 * s, limit.Decision{Allowed: true, Remaining: 2, Reset: 20 * s}},
		} {
			step.want.Rate = rate
			got := mustTake(t, []limit.Source{one, two}[i%2], "bucket", epoch.Add(step.at), rate)
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("event %d after %s: %s", i+1, step.at, diff)
			}
		}
		if d := mustTake(t, two, "another", epoch, rate); d.Remaining != 2 {
			t.Errorf("another key shares the bucket: %+v", d)
		}
		if d := mustTake(t, two, "bucket", epoch, limit.PerMinute(0)); !d.Allowed {
			t.Errorf("no limit refuses: %+v", d)
		}
	})
}

func TestSourcesCountExactly(t *testing.T) {
	onEverySource(t, func(t *testing.T, one, two limit.Source) {
		var allowed, first atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 25 {
					d, err := []limit.Source{one, two}[i%2].Take(t.Context(), "k", epoch, limit.PerMinute(60))
					if err != nil {
						t.Error(err)
					} else if d.Allowed {
						allowed.Add(1)
					} else if d.FirstRefusal {
						first.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if allowed.Load() != 60 || first.Load() != 1 {
			t.Errorf("%d allowed, %d reported; want 60, 1", allowed.Load(), first.Load())
		}
	})
}

// TestClockSetBackLocksNobodyOut: after one window all is as before.
func TestClockSetBackLocksNobodyOut(t *testing.T) {
	onEverySource(t, func(t *testing.T, one, two limit.Source) {
		tomorrow := epoch.Add(24 * time.Hour)
		mustTake(t, one, "k", tomorrow, limit.PerMinute(1))
		mustTake(t, one, "k", tomorrow, limit.PerMinute(1))
		if d := mustTake(t, two, "k", epoch, limit.PerMinute(1)); d.Allowed || d.RetryAfter != time.Minute || !d.FirstRefusal {
			t.Errorf("a day back: %+v", d)
		}
		if d := mustTake(t, two, "k", epoch.Add(time.Minute), limit.PerMinute(1)); !d.Allowed {
			t.Errorf("a window later: %+v", d)
		}
	})
}
