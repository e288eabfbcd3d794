package mssql

import (
	"context"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

const (
	// cancelPatience is how long a server may take to confirm a cancellation
	// before the call is over without it.
	cancelPatience = 5 * time.Second
	// stuckPatience is how long a place is held for a server that confirms
	// nothing. Then the connection is closed, on which SQL Server ends what
	// runs in it as soon as it can.
	stuckPatience = 15 * time.Minute
)

// await returns the outcome, or gives up waiting some time after ctx has ended.
// From then on the work counts as stuck until it ends.
func (c *conn) await(ctx context.Context, who *caller, done chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(cancelPatience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
	}
	who.leave(c.turns)
	return database.StillWorking(database.ContextFault(ctx), database.ErrStillWorking)
}

// caller is whoever waits for a request. Once they have left, what the server
// still sends belongs to nobody: the result and the memory for it are theirs.
type caller struct {
	mu     sync.Mutex // guards what follows
	left   bool
	ended  bool   // the work is over
	unmark func() // of the work that goes on without them
}

// leave marks the turn of the work stuck, unless the work has just ended.
func (c *caller) leave(turns *database.Turns) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = true
	if !c.ended {
		c.unmark = turns.MarkStuck()
	}
}

// endWork takes the mark away again.
func (c *caller) endWork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.unmark != nil {
		c.unmark()
	}
}

// take hands something to the caller, false when they have left.
func (c *caller) take(give func() (bool, error)) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left {
		return false, nil
	}
	return give()
}

// watchWork gives the server patience once ctx has ended, and little of it once
// the pool is closed. The function it returns ends the watch.
func (s *session) watchWork(ctx, life context.Context) (stop func()) {
	var mu sync.Mutex // one deadline at a time, the earlier one last
	limit := func() {
		mu.Lock()
		defer mu.Unlock()
		patience := stuckPatience
		if life.Err() != nil {
			patience = cancelPatience
		}
		_ = s.wire.SetDeadline(time.Now().Add(patience))
	}
	ended := make(chan struct{}, 2)
	once := func() { limit(); ended <- struct{}{} }
	stops := []func() bool{context.AfterFunc(ctx, once), context.AfterFunc(life, once)}
	return func() {
		for _, stop := range stops {
			if !stop() {
				<-ended
			}
		}
		_ = s.wire.SetDeadline(time.Time{})
	}
}
