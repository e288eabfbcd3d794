package limit

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestBurstThenRefusalThenRefill(t *testing.T) {
	var s State
	var d Decision
	for i := range 5 {
		d, s = Decide(epoch, PerMinute(5), s)
		if !d.Allowed || d.Remaining != 4-i {
			t.Fatalf("event %d: %+v", i+1, d)
		}
	}
	d, s = Decide(epoch, PerMinute(5), s)
	want := Decision{Rate: PerMinute(5), Reset: time.Minute, RetryAfter: 12 * time.Second, FirstRefusal: true}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	f := fault.Of(d.Err())
	if f.Kind != fault.RateLimited || f.Public != "Rate limit exceeded: 5 per 1 minute" || f.RetryAfter != 12*time.Second {
		t.Errorf("fault %+v", f)
	}
	if d, s = Decide(epoch, PerMinute(5), s); d.FirstRefusal {
		t.Error("the second refusal is reported as the first")
	}
	if d, _ = Decide(epoch.Add(12*time.Second), PerMinute(5), s); !d.Allowed || d.Err() != nil {
		t.Errorf("after Retry-After: %+v", d)
	}
}

// drawRun draws a rate and the times of events, in order.
func drawRun(t *rapid.T) (Rate, []time.Time) {
	r := Rate{Count: rapid.IntRange(1, 40).Draw(t, "count"), Per: time.Duration(rapid.IntRange(1, 120).Draw(t, "per")) * time.Second}
	now := epoch
	var at []time.Time
	for _, gap := range rapid.SliceOfN(rapid.Int64Range(0, int64(r.Per)/4), 1, 300).Draw(t, "gaps") {
		now = now.Add(time.Duration(gap))
		at = append(at, now)
	}
	return r, at
}

func TestRateHoldsOverEverySpan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, at := drawRun(t)
		var s State
		var allowed []time.Time
		for _, now := range at {
			var d Decision
			if d, s = Decide(now, r, s); d.Allowed {
				allowed = append(allowed, now)
			}
		}
		interval := r.Per / time.Duration(r.Count)
		for i := range allowed {
			for j := i; j < len(allowed); j++ {
				most := r.Count + int(allowed[j].Sub(allowed[i])/interval)
				if j-i+1 > most {
					t.Fatalf("%d events in %s, at most %d", j-i+1, allowed[j].Sub(allowed[i]), most)
				}
			}
		}
	})
}

func TestDecisionsTellTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, at := drawRun(t)
		var s State
		for _, now := range at {
			var d Decision
			d, s = Decide(now, r, s)
			if got := allowedAtOnce(now, r, s); got != d.Remaining {
				t.Fatalf("Remaining %d, but %d are allowed at once", d.Remaining, got)
			}
			if full := allowedAtOnce(now.Add(d.Reset), r, s); full != r.Count {
				t.Fatalf("after Reset %d are allowed, want %d", full, r.Count)
			}
			if d.Allowed {
				continue
			}
			if early, _ := Decide(now.Add(d.RetryAfter-1), r, s); early.Allowed {
				t.Fatal("allowed before RetryAfter")
			}
			if due, _ := Decide(now.Add(d.RetryAfter), r, s); !due.Allowed {
				t.Fatal("refused after RetryAfter")
			}
		}
	})
}

func allowedAtOnce(now time.Time, r Rate, s State) (n int) {
	for {
		var d Decision
		if d, s = Decide(now, r, s); !d.Allowed {
			return n
		}
		n++
	}
}

func TestFirstRefusalIsOncePerWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, at := drawRun(t)
		var s State
		var last time.Time
		refused := 0
		for _, now := range at {
			var d Decision
			if d, s = Decide(now, r, s); d.Allowed {
				continue
			}
			if refused == 0 && !d.FirstRefusal {
				t.Fatal("the very first refusal is not reported")
			}
			if refused++; !d.FirstRefusal {
				continue
			}
			if !last.IsZero() && now.Sub(last) < r.Per {
				t.Fatal("two reports in one window")
			}
			last = now
		}
	})
}

func TestNoLimit(t *testing.T) {
	l := New(Config{Source: NewMemory(0)})
	for range 1000 {
		if d, err := l.Take(t.Context(), "tools", "k", PerMinute(0)); err != nil || !d.Allowed {
			t.Fatalf("%+v, %v", d, err)
		}
	}
}

func TestBucketsAndKeysAreApart(t *testing.T) {
	l := New(Config{Source: NewMemory(0), Now: func() time.Time { return epoch }})
	long := strings.Repeat("x", 1000)
	for _, k := range [][2]string{{"login", "a"}, {"login", "b"}, {"register", "a"}, {"login", long}, {"login", long + "y"}} {
		if d, _ := l.Take(t.Context(), k[0], k[1], PerMinute(1)); !d.Allowed {
			t.Errorf("%s/%.5s shares a bucket", k[0], k[1])
		}
		if d, _ := l.Take(t.Context(), k[0], k[1], PerMinute(1)); d.Allowed {
			t.Errorf("%s/%.5s is not limited", k[0], k[1])
		}
	}
}

func TestMemoryIsBoundedAndForgetsIdleBuckets(t *testing.T) {
	m := NewMemory(shards * 10)
	for i := range 20000 {
		if _, err := m.Take(t.Context(), fmt.Sprint(i), epoch, PerMinute(5)); err != nil {
			t.Fatal(err)
		}
	}
	if n := m.Len(); n > shards*10 {
		t.Errorf("%d buckets, at most %d", n, shards*10)
	}
	later := epoch.Add(time.Hour)
	for i := range shards * 40 {
		_, _ = m.Take(t.Context(), fmt.Sprint("later", i%8), later, PerMinute(5))
		_, _ = m.Take(t.Context(), fmt.Sprint("new", i), later.Add(time.Duration(i)*time.Minute), PerMinute(5))
	}
	if n := m.Len(); n > shards*3 {
		t.Errorf("%d buckets are kept although nearly all are idle", n)
	}
}

func TestFloodDoesNotFreeABusyBucket(t *testing.T) {
	m := NewMemory(shards * 64)
	for range 10 {
		_, _ = m.Take(t.Context(), "attacker", epoch, PerMinute(10))
	}
	for i := range shards * 64 * 8 {
		_, _ = m.Take(t.Context(), fmt.Sprint(i), epoch, PerMinute(10))
	}
	if d, _ := m.Take(t.Context(), "attacker", epoch, PerMinute(10)); d.Allowed {
		t.Error("a flood of other keys reset the attacker's bucket")
	}
}

func TestRefusalsAreReported(t *testing.T) {
	refused := map[string]int{}
	l := New(Config{Source: NewMemory(0), Now: func() time.Time { return epoch }, Refused: func(bucket string) { refused[bucket]++ }})
	for range 4 {
		for _, bucket := range []string{"login", "query"} {
			rate := map[string]Rate{"login": PerMinute(1), "query": PerMinute(4)}[bucket]
			if _, err := l.Take(t.Context(), bucket, "k", rate); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(refused) != 1 || refused["login"] != 3 {
		t.Errorf("refused %v, want login 3 times", refused)
	}
}

func TestClientKey(t *testing.T) {
	for addr, want := range map[string]string{
		"203.0.113.9":        "203.0.113.9",
		"::ffff:203.0.113.9": "203.0.113.9",
		"2001:db8:1:2:3::4":  "2001:db8:1:2::/64",
		"fe80::1%eth0":       "fe80::/64",
	} {
		if got := ClientKey(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if ClientKey(netip.Addr{}) == "" {
		t.Error("no address has no bucket")
	}
}

func BenchmarkMemoryTake(b *testing.B) {
	l := New(Config{Source: NewMemory(0)})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = l.Take(b.Context(), "tools", "user", PerMinute(1_000_000))
		}
	})
}
