package database

import (
	"context"
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
}

// NewTurns returns the turns of a pool of MaxOpenConns connections.
func NewTurns() *Turns { return &Turns{taken: make(chan struct{}, MaxOpenConns)} }

// Take waits for a turn, which Give ends. It fails with a [BusyFault] when the
// time of ctx runs out meanwhile, and with the error of ctx otherwise.
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
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		if busy := BusyFault(ctx); busy != nil {
			return busy
		}
		return ctx.Err()
	}
}

// Give ends a turn.
func (t *Turns) Give() { <-t.taken }

// Usage is that of a pool with so many open connections.
func (t *Turns) Usage(open int) Usage {
	return Usage{Open: open, InUse: len(t.taken), Waiting: int(t.waiting.Load())}
}
