package database

import (
	"context"
	"sync"
	"time"
)

// CatalogueLife is how long what was read of a catalogue is used (contract 6.6).
const CatalogueLife = 5 * time.Minute

// Cached keeps one value that is read from a database, for a time. It is safe
// for concurrent use.
type Cached[T any] struct {
	now  func() time.Time
	turn chan struct{} // holds a token while the value is read

	mu     sync.Mutex // guards what follows
	cached *T
	read   time.Time
	epoch  int // counts drops, so that what was read before one is not kept
}

// NewCached returns an empty cache with a clock.
func NewCached[T any](now func() time.Time) *Cached[T] {
	return &Cached[T]{now: now, turn: make(chan struct{}, 1)}
}

// Get returns the value if it is younger than atMost, and otherwise has one
// caller load it while others wait. It fails with a [ContextFault] when ctx ends
// while another caller loads, and with the error of load.
func (c *Cached[T]) Get(ctx context.Context, atMost time.Duration, load func(context.Context) (*T, error)) (*T, error) {
	if value := c.Peek(atMost); value != nil {
		return value, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ContextFault(ctx)
	}
	if value := c.Peek(atMost); value != nil {
		return value, nil
	}
	epoch := c.currentEpoch()
	value, err := load(ctx)
	if err != nil {
		return nil, err
	}
	c.keep(value, epoch)
	return value, nil
}

// Peek returns the value if it is younger than atMost, else nil.
func (c *Cached[T]) Peek(atMost time.Duration) *T {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cached == nil || c.now().Sub(c.read) >= atMost {
		return nil
	}
	return c.cached
}

func (c *Cached[T]) currentEpoch() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

func (c *Cached[T]) keep(value *T, epoch int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch == epoch {
		c.cached, c.read = value, c.now()
	}
}

// Drop forgets the value; it is read again for the next caller.
func (c *Cached[T]) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cached = nil
	c.epoch++
}
