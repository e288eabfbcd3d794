package limit_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/redis/redistest"
)

// TestRedisDecidesLikeDecide compares the script with the rule, to the
// nanosecond.
func TestRedisDecidesLikeDecide(t *testing.T) {
	source := newRedis(t, redistest.URL(t), rand.Text())
	rapid.Check(t, func(rt *rapid.T) {
		rate := limit.Rate{Count: rapid.IntRange(1, 40).Draw(rt, "count"), Per: time.Duration(rapid.IntRange(10, 120).Draw(rt, "per")) * time.Second}
		key, now := rand.Text(), epoch
		var state limit.State
		for _, gap := range rapid.SliceOfN(rapid.Int64Range(-int64(rate.Per)/8, int64(rate.Per)/4), 1, 60).Draw(rt, "gaps") {
			now = now.Add(time.Duration(gap))
			var want limit.Decision
			want, state = limit.Decide(now, rate, state)
			got, err := source.Take(t.Context(), key, now, rate)
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("at %s: %s", now.Sub(epoch), diff)
			}
		}
	})
}

func dial(t *testing.T, address string) redigo.Conn {
	t.Helper()
	conn, err := redigo.DialURL(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestRedisKeepsNothing: what is left of a bucket ends when it says nothing
// any more.
func TestRedisKeepsNothing(t *testing.T) {
	own := rand.Text()
	source, conn := newRedis(t, redistest.URL(t), own), dial(t, redistest.URL(t))
	for i, want := range []int64{12, 24, 36, 48, 60, 60} { // the last is refused, and quiet
		mustTake(t, source, "k", epoch, limit.PerMinute(5))
		left, err := redigo.Int64(conn.Do("PTTL", "mcpgw:limit:test:"+own+":k"))
		if err != nil {
			t.Fatal(err)
		}
		if left <= 0 || left > want*1000 {
			t.Errorf("after event %d the bucket is kept for %d ms, want at most %d s", i+1, left, want)
		}
	}
	mustTake(t, source, "short", epoch, limit.Rate{Count: 1, Per: time.Nanosecond})
	if err := waitFor(t, func() bool {
		n, err := redigo.Int(conn.Do("EXISTS", "mcpgw:limit:test:"+own+":short"))
		return err == nil && n == 0
	}); err != nil {
		t.Error("a bucket that is full again is kept")
	}
}

// waitFor asks again and again until a condition holds.
func waitFor(t *testing.T, holds func() bool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !holds() {
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// TestRedisForgetsTheScript: a server that was started anew knows no script.
func TestRedisForgetsTheScript(t *testing.T) {
	source := newRedis(t, redistest.URL(t), rand.Text())
	for want := range 3 {
		if _, err := dial(t, redistest.URL(t)).Do("SCRIPT", "FLUSH"); err != nil {
			t.Fatal(err)
		}
		if d := mustTake(t, source, "k", epoch, limit.PerMinute(3)); d.Remaining != 2-want {
			t.Errorf("event %d: %+v", want+1, d)
		}
	}
}

// TestRedisCountsWhoHangsUp: a request that its client broke off counts.
func TestRedisCountsWhoHangsUp(t *testing.T) {
	source := newRedis(t, redistest.URL(t), rand.Text())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := source.Take(gone, "k", epoch, limit.PerMinute(2)); err != nil || d.Remaining != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	if d := mustTake(t, source, "k", epoch, limit.PerMinute(2)); d.Remaining != 0 {
		t.Errorf("then: %+v", d)
	}
}

// TestRedisFailures: each is known in time, and shows no password.
func TestRedisFailures(t *testing.T) {
	proxy := redistest.NewProxy(t, nil)
	silent := listenSilently(t)
	for name, tt := range map[string]struct {
		address string
		before  func()
	}{
		"nobody listens": {proxy.URL(), proxy.Stop},
		"no answer":      {"redis://" + silent, func() {}},
		"no handshake":   {"rediss://" + silent, func() {}},
		"no such user":   {strings.Replace(redistest.URL(t), "://", "://nobody:hunter2@", 1), func() {}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.before()
			source := newRedis(t, tt.address, rand.Text())
			_, err := source.Take(t.Context(), "k", epoch, limit.PerMinute(2))
			if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// listenSilently accepts connections and says nothing.
func listenSilently(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(io.Discard, conn)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		work.Wait()
	})
	return ln.Addr().String()
}

// TestFallback takes the server away in every way it can go, and gives it back.
func TestFallback(t *testing.T) {
	proxy := redistest.NewProxy(t, nil)
	for name, outage := range map[string]struct{ begin, end func() }{
		"killed": {proxy.Stop, func() { proxy.Start(t) }},
		"hung":   {proxy.Hang, proxy.Resume},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			shared := newRedis(t, proxy.URL(), rand.Text())
			source := limit.NewFallback(limit.FallbackConfig{
				Shared: shared, Local: limit.NewMemory(0), Log: slog.New(slog.NewTextHandler(&log, nil)),
			})
			take := func(after time.Duration) limit.Decision {
				return mustTake(t, source, "k", epoch.Add(after), limit.PerMinute(3))
			}
			if d := take(0); d.Remaining != 2 {
				t.Errorf("shared: %+v", d)
			}
			outage.begin()
			for _, want := range []int{1, 0} { // what was allowed before counts
				if d := take(0); !d.Allowed || d.Remaining != want {
					t.Errorf("alone: %+v, want %d remaining", d, want)
				}
			}
			if d := take(0); d.Allowed || !d.FirstRefusal || d.Err().Error() != "Rate limit exceeded: 3 per 1 minute" {
				t.Errorf("beyond the limit, alone: %+v, %v", d, d.Err())
			}
			take(10 * time.Second) // tries again, in vain
			if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "level=WARN") {
				t.Errorf("the outage was logged %d times:\n%s", n, &log)
			}
			outage.end()
			if d := take(11 * time.Second); d.Allowed {
				t.Errorf("tried again too early: %+v", d)
			}
			if d := take(13 * time.Second); !d.Allowed || d.Remaining != 1 {
				t.Errorf("shared again: %+v", d)
			}
			if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "shared again") {
				t.Errorf("after the outage the log holds %d lines:\n%s", n, &log)
			}
		})
	}
}

// failing is a shared source whose events wait until the test lets them fail.
type failing struct {
	entered chan struct{}
	fail    chan struct{}
}

func (f failing) Take(context.Context, string, time.Time, limit.Rate) (limit.Decision, error) {
	f.entered <- struct{}{}
	<-f.fail
	return limit.Decision{}, fault.New(fault.Unavailable, "down")
}

// TestOneEventTriesAgain: while a hung server is tried, nobody else waits.
func TestOneEventTriesAgain(t *testing.T) {
	shared := failing{entered: make(chan struct{}, 9), fail: make(chan struct{})}
	var log strings.Builder
	source := limit.NewFallback(limit.FallbackConfig{Shared: shared, Local: limit.NewMemory(0), Log: slog.New(slog.NewTextHandler(&log, nil))})
	var waiting sync.WaitGroup
	for range 5 { // all before anybody knows
		waiting.Go(func() { mustTake(t, source, "k", epoch, limit.PerMinute(100)) })
	}
	for range 5 {
		<-shared.entered
	}
	for range 5 {
		shared.fail <- struct{}{}
	}
	waiting.Wait()
	later := epoch.Add(time.Minute)
	waiting.Go(func() { mustTake(t, source, "k", later, limit.PerMinute(100)) })
	<-shared.entered
	for range 50 {
		mustTake(t, source, "k", later, limit.PerMinute(100)) // would wait for ever
	}
	shared.fail <- struct{}{}
	waiting.Wait()
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("one outage was logged %d times:\n%s", n, &log)
	}
}

func BenchmarkRedisTake(b *testing.B) {
	source := limit.NewRedis(limit.RedisConfig{URL: redistest.URL(b), Hash: func(key string) string { return "bench:" + rand.Text() + key }})
	defer source.Close()
	var n int
	for b.Loop() {
		n++
		if _, err := source.Take(b.Context(), fmt.Sprint(n%100), time.Now(), limit.PerMinute(1_000_000)); err != nil {
			b.Fatal(err)
		}
	}
}
