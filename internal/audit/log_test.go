package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// fakeStore keeps batches in memory. Its fields are set before it is used.
type fakeStore struct {
	took   time.Duration        // how long a commit runs
	refuse func([]string) error // error for a batch of these names

	mu      sync.Mutex
	batches [][]string
}

func (s *fakeStore) AppendAudit(ctx context.Context, events []audit.Event) error {
	var names []string
	for _, e := range events {
		names = append(names, e.Name)
	}
	select {
	case <-time.After(s.took):
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.refuse != nil {
		if err := s.refuse(names); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, names)
	return nil
}

// start runs a log over the store until stop is called.
func start(t *testing.T, s audit.Store, stored func(audit.Event)) (log *audit.Log, stop func()) {
	t.Helper()
	log = audit.New(audit.Config{Store: s, Stored: stored})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- log.Run(ctx) }()
	return log, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestOneCommitForAllThatGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{took: time.Millisecond}
		var stored []string
		log, stop := start(t, s, func(e audit.Event) { stored = append(stored, e.Name) })
		record := func(name string) {
			if err := log.Record(t.Context(), audit.Event{Name: name}); err != nil {
				t.Error(err)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { record("first") })
		synctest.Wait() // the first is being committed now
		for range 1200 {
			wg.Go(func() { record("x") })
		}
		wg.Wait()
		stop()
		var sizes []int
		for _, b := range s.batches {
			sizes = append(sizes, len(b))
		}
		if diff := cmp.Diff([]int{1, 512, 512, 176}, sizes); diff != "" {
			t.Errorf("batches (-want +got):\n%s", diff)
		}
		if len(stored) != 1201 || stored[0] != "first" {
			t.Errorf("%d events reported, first %q", len(stored), stored[0])
		}
	})
}

// TestManyCallersWaitAMomentForEachOther records at set times, in microseconds,
// into a store whose commits take no time.
func TestManyCallersWaitAMomentForEachOther(t *testing.T) {
	for name, c := range map[string]struct{ at, want []int }{
		"few":  {at: []int{0, 0, 0, 1000, 1100}, want: []int{3, 1, 1}},
		"many": {at: []int{0, 0, 0, 0, 1000, 1100, 2000, 2100}, want: []int{4, 2, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &fakeStore{}
				log := audit.New(audit.Config{Store: s})
				var wg sync.WaitGroup
				for _, us := range c.at {
					wg.Go(func() {
						time.Sleep(time.Duration(us) * time.Microsecond)
						if err := log.Record(t.Context(), audit.Event{Name: "x"}); err != nil {
							t.Error(err)
						}
					})
				}
				ctx, cancel := context.WithCancel(t.Context())
				synctest.Wait() // those of time 0 are queued
				wg.Go(func() { _ = log.Run(ctx) })
				time.Sleep(time.Second)
				cancel()
				wg.Wait()
				var sizes []int
				for _, b := range s.batches {
					sizes = append(sizes, len(b))
				}
				if diff := cmp.Diff(c.want, sizes); diff != "" {
					t.Errorf("batches (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestOneBadEventDoesNotTakeOthersAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{took: time.Millisecond, refuse: func(names []string) error {
			if slices.Contains(names, "poison") {
				return fault.New(fault.Invalid, "no")
			}
			return nil
		}}
		log, stop := start(t, s, nil)
		defer stop()
		outcome := map[string]error{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, name := range []string{"first", "good", "poison", "fine"} {
			wg.Go(func() {
				err := log.Record(t.Context(), audit.Event{Name: name})
				mu.Lock()
				defer mu.Unlock()
				outcome[name] = err
			})
			synctest.Wait()
		}
		wg.Wait()
		for name, err := range outcome {
			if want := name == "poison"; (err != nil) != want {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestStoreFailureReachesEveryCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		tries := 0
		s := &fakeStore{took: time.Millisecond, refuse: func([]string) error {
			tries++
			if down {
				return fault.New(fault.Unavailable, "disk full")
			}
			return nil
		}}
		log, stop := start(t, s, func(e audit.Event) {
			if down {
				t.Errorf("%s reported as stored", e.Name)
			}
		})
		defer stop()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := log.Record(t.Context(), audit.Event{Name: "x"}); !fault.Is(err, fault.Unavailable) {
					t.Errorf("err = %v", err)
				}
			})
		}
		wg.Wait()
		if tries > 2 {
			t.Errorf("a store that is down was tried %d times", tries)
		}
		down = false
		if err := log.Record(t.Context(), audit.Event{Name: "y"}); err != nil {
			t.Errorf("after recovery: %v", err)
		}
	})
}

func TestStoreThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, stop := start(t, &fakeStore{took: time.Hour}, nil)
		defer stop()
		if err := log.Record(t.Context(), audit.Event{Name: "x"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
	})
}

func TestCallersContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{took: time.Second}
		log, stop := start(t, s, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := log.Record(ctx, audit.Event{Name: "x"}); !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		stop()
		if len(s.batches) != 1 {
			t.Errorf("the commit that was running stored %v", s.batches)
		}
	})
}

func TestFullQueueWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := audit.New(audit.Config{Store: &fakeStore{}}) // nobody writes
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 3000 {
			wg.Go(func() {
				if err := log.Record(ctx, audit.Event{Name: "x"}); !fault.Is(err, fault.Unavailable) {
					t.Errorf("err = %v", err)
				}
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}

func TestShutdownWritesWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{took: time.Second}
		log, stop := start(t, s, nil)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				if err := log.Record(t.Context(), audit.Event{Name: fmt.Sprint("e", i)}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		stop()
		wg.Wait()
		n := 0
		for _, b := range s.batches {
			n += len(b)
		}
		if n != 1000 {
			t.Errorf("%d events stored", n)
		}
		if err := log.Record(t.Context(), audit.Event{Name: "late"}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("after shutdown: %v", err)
		}
	})
}

// TestShutdownRaceNeverAcknowledgesTheUnstored closes the log under callers
// that keep coming.
func TestShutdownRaceNeverAcknowledgesTheUnstored(t *testing.T) {
	for range 50 {
		s := &fakeStore{}
		log, stop := start(t, s, nil)
		var acknowledged sync.Map
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					name := fmt.Sprintf("%d.%d", w, i)
					if log.Record(t.Context(), audit.Event{Name: name}) != nil {
						return
					}
					acknowledged.Store(name, true)
				}
			})
		}
		stop()
		wg.Wait()
		for _, batch := range s.batches {
			for _, name := range batch {
				acknowledged.Delete(name)
			}
		}
		acknowledged.Range(func(name, _ any) bool {
			t.Errorf("%v was acknowledged and is not stored", name)
			return true
		})
	}
}

func TestNames(t *testing.T) {
	log, stop := start(t, &fakeStore{}, nil)
	defer stop()
	for name, ok := range map[string]bool{
		"": false, "x": true, strings.Repeat("x", audit.MaxEventName): true, strings.Repeat("x", audit.MaxEventName+1): false,
	} {
		if err := log.Record(t.Context(), audit.Event{Name: name}); (err == nil) != ok {
			t.Errorf("%d bytes: %v", len(name), err)
		}
	}
}

func TestLines(t *testing.T) {
	var out bytes.Buffer
	line := audit.Lines(slog.New(slog.NewJSONHandler(&out, nil)))
	e := audit.Event{Name: "key.created", At: time.Date(2026, 11, 1, 13, 0, 0, 0, time.FixedZone("", 3600)), IP: "192.0.2.1",
		RequestID: "r1", Metadata: map[string]any{"key_name": "ci"}}
	line(e.By(identity.Principal{Tenant: "t", User: "u", Email: "a@b.example", Auth: "token"}))
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "time")
	want := map[string]any{
		"level": "INFO", "msg": "audit", "event": "key.created", "tenant_id": "t", "user_id": "u", "ip_address": "192.0.2.1",
		"at":       "2026-11-01T12:00:00Z",
		"metadata": map[string]any{"key_name": "ci", "user_email": "a@b.example", "request_id": "r1", "auth": "token"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}
