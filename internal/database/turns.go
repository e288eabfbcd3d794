package database

import (
	"context"
	"sync"
	"sync/atomic"
)

// Usage is how busy a pool is.
type Usage struct {
	Open    int // connections, idle, in use or being opened
	InUse   int // of them, those that a call has or opens
	Waiting int // calls that wait because all are in use
	Stuck   int // of those in use, those whose call is over while the server still works
}

func (u Usage) plus(v Usage) Usage {
	return Usage{Open: u.Open + v.Open, InUse: u.InUse + v.InUse, Waiting: u.Waiting + v.Waiting, Stuck: u.Stuck + v.Stuck}
}

// Turns lets as many calls at a time to a pool as it may have connections, so
// that a call which waits for others is told from one that waits for a server
// to answer: database/sql has one wait for both.
type Turns struct {
	taken   chan struct{}
	waiting atomic.Int32

	mu       sync.Mutex // guards what follows
	stuck    int
	allStuck chan struct{} // closed while every turn is stuck
}

// NewTurns returns the turns of a pool of MaxOpenConns connections.
func NewTurns() *Turns {
	return &Turns{taken: make(chan struct{}, MaxOpenConns), allStuck: make(chan struct{})}
}

// Take waits for a turn, which Give ends. It fails with an [AllStuckFault] when
// every turn is stuck, with a [BusyFault] when the time of ctx runs out
// meanwhile, and with the error of ctx otherwise.
func (t *Turns) Take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t.taken <- struct{}{}:
		return nil
	default:
	}
	t.waiting.Add(1)
	defer t.waiting.Add(-1)
	t.mu.Lock()
	allStuck := t.allStuck
	t.mu.Unlock()
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-allStuck:
		return AllStuckFault()
	case <-ctx.Done():
		if busy := BusyFault(ctx); busy != nil {
			return busy
		}
		return ctx.Err()
	}
}

// Give ends a turn.
func (t *Turns) Give() { <-t.taken }

// MarkStuck counts a turn whose call is over while the server still works,
// until the returned function is called, which must be before Give. When every
// turn is stuck, those who wait for one are refused.
func (t *Turns) MarkStuck() (unmark func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stuck++; t.stuck == MaxOpenConns {
		close(t.allStuck)
	}
	return t.unmarkStuck
}

func (t *Turns) unmarkStuck() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stuck == MaxOpenConns {
		t.allStuck = make(chan struct{})
	}
	t.stuck--
}

// Usage is that of a pool with so many open connections.
func (t *Turns) Usage(open int) Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Usage{Open: open, InUse: len(t.taken), Waiting: int(t.waiting.Load()), Stuck: t.stuck}
}
