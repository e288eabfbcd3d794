package limit

import (
	"context"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// SlotsConfig sizes [Slots].
type SlotsConfig struct {
	Max   int           // calls of one key at once
	Queue int           // calls of one key that may wait, 0 = none
	Wait  time.Duration // how long they wait
}

// Slots bounds how many calls of one key run at once (contract 15.2 P3), so
// that one tenant's slow queries do not take everybody's workers. Waiting
// calls get their turn in order of arrival.
type Slots struct {
	cfg  SlotsConfig
	mu   sync.Mutex
	keys map[string]*slot // guarded by mu; only keys in use
}

type slot struct {
	running chan struct{} // holds one token per running call
	users   int           // running and waiting calls, guarded by Slots.mu
}

// NewSlots returns slots of the given size.
func NewSlots(cfg SlotsConfig) *Slots {
	return &Slots{cfg: cfg, keys: make(map[string]*slot)}
}

// Acquire waits for a slot of key. The caller calls release once when done;
// further calls do nothing. A full queue or a wait that takes too long is a
// RateLimited fault, the end of ctx is ctx's own error.
func (s *Slots) Acquire(ctx context.Context, key string) (release func(), err error) {
	sl, ok := s.enter(key)
	if !ok {
		return nil, s.busy()
	}
	if err := s.wait(ctx, sl); err != nil {
		s.leave(key, sl)
		return nil, err
	}
	return sync.OnceFunc(func() {
		<-sl.running
		s.leave(key, sl)
	}), nil
}

func (s *Slots) enter(key string) (*slot, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sl := s.keys[key]
	if sl == nil {
		sl = &slot{running: make(chan struct{}, s.cfg.Max)}
		s.keys[key] = sl
	}
	if sl.users >= s.cfg.Max+s.cfg.Queue {
		return nil, false
	}
	sl.users++
	return sl, true
}

func (s *Slots) leave(key string, sl *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sl.users--; sl.users == 0 {
		delete(s.keys, key)
	}
}

func (s *Slots) wait(ctx context.Context, sl *slot) error {
	select {
	case sl.running <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(s.cfg.Wait)
	defer timer.Stop()
	select {
	case sl.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return s.busy()
	}
}

func (s *Slots) busy() error {
	return &fault.Error{Kind: fault.RateLimited, Public: "Too many calls at once", RetryAfter: time.Second}
}
