package limit

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

func mustHold(t *testing.T, b *Budget, key, member string, n int) func() {
	t.Helper()
	release, err := b.Acquire(t.Context(), key, member, n)
	if err != nil {
		t.Fatalf("%s of %s asked for %d: %v", member, key, n, err)
	}
	return release
}

// TestBudgetLeavesRoomForOthers: each who takes all that it gets leaves as much
// as it has, and the last of it goes to who has nothing.
func TestBudgetLeavesRoomForOthers(t *testing.T) {
	b := NewBudget(BudgetConfig{Total: 128})
	var releases []func()
	for i, want := range []int{6, 3, 1, 1, 1, 0} {
		member, got := fmt.Sprint("greedy ", i), 0
		for {
			release, err := b.Acquire(t.Context(), "a", member, 10)
			if err != nil {
				if !fault.Is(err, fault.RateLimited) {
					t.Fatal(err)
				}
				break
			}
			got++
			releases = append(releases, release)
		}
		if got != want {
			t.Errorf("member %d holds %d × 10 of 128, want %d", i, got, want)
		}
	}
	mustHold(t, b, "b", "greedy 0", 10)()
	for _, release := range releases {
		release()
		release() // does nothing
	}
	if len(b.keys) != 0 {
		t.Errorf("%d keys are kept although none is in use", len(b.keys))
	}
	mustHold(t, b, "a", "one", 1000)() // more than there is counts as all
}

// TestBudgetOrder: who waits for its own share holds nobody up, who waits for
// the key's does, so that small claims do not overtake it for ever.
func TestBudgetOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{Total: 100, Queue: 10, Wait: time.Hour})
		first := mustHold(t, b, "a", "greedy", 40)
		order := make(chan string, 3)
		claim := func(member string, n int) {
			go func() {
				release, err := b.Acquire(t.Context(), "a", member, n)
				if err != nil {
					t.Error(err)
					return
				}
				order <- member
				release()
			}()
			synctest.Wait()
		}
		claim("greedy", 40)
		mustHold(t, b, "a", "passing", 10)()
		claim("large", 90)
		claim("small", 20)
		if len(order) != 0 {
			t.Errorf("%s did not wait", <-order)
		}
		first()
		synctest.Wait()
		got := [3]string{<-order, <-order, <-order}
		if want := [3]string{"greedy", "large", "small"}; got != want {
			t.Errorf("served %v, want %v", got, want)
		}
		if len(b.keys) != 0 {
			t.Error("the key is kept")
		}
	})
}

func TestBudgetWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{Total: 10, Queue: 1, Wait: time.Second})
		release := mustHold(t, b, "a", "one", 10)
		start := time.Now()
		if _, err := b.Acquire(t.Context(), "a", "two", 5); !fault.Is(err, fault.RateLimited) || time.Since(start) != time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		waiting := make(chan error, 1)
		go func() {
			_, err := b.Acquire(ctx, "a", "two", 5)
			waiting <- err
		}()
		synctest.Wait()
		if _, err := b.Acquire(t.Context(), "a", "two", 5); !fault.Is(err, fault.RateLimited) || time.Since(start) != time.Second {
			t.Errorf("one more than may wait, after %s: %v", time.Since(start), err)
		}
		cancel()
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled wait: %v", err)
		}
		if _, err := b.Acquire(t.Context(), "a", "three", 5); !fault.Is(err, fault.RateLimited) || time.Since(start) != 2*time.Second {
			t.Errorf("another member's, after %s: %v", time.Since(start), err)
		}
		release()
		if len(b.keys) != 0 {
			t.Error("the key is kept")
		}
	})
}

// TestBudgetStuckMember: who has waited in vain for what it holds itself is
// refused at once from then on, until it gives something back.
func TestBudgetStuckMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(BudgetConfig{Total: 100, Queue: 1, Wait: time.Second})
		release, kept := mustHold(t, b, "a", "one", 20), mustHold(t, b, "a", "one", 20)
		start := time.Now()
		for range 2 {
			if _, err := b.Acquire(t.Context(), "a", "one", 40); err == nil || time.Since(start) != time.Second {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
		}
		mustHold(t, b, "a", "two", 30)()
		release()
		mustHold(t, b, "a", "one", 20)()
		if _, err := b.Acquire(t.Context(), "a", "one", 60); err == nil || time.Since(start) != 2*time.Second {
			t.Errorf("having given back, after %s: %v", time.Since(start), err)
		}
		kept()
		if len(b.keys) != 0 {
			t.Error("the key is kept")
		}
	})
}

func BenchmarkBudget(b *testing.B) {
	budget := NewBudget(BudgetConfig{Total: 1 << 20})
	for b.Loop() {
		release, err := budget.Acquire(b.Context(), "a", "one", 1<<10)
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
}
