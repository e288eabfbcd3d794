package sqlite

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
)

// with runs fn on a worker, for at most timeout, and stops it when ctx ends.
func (c *conn) with(caller context.Context, timeout time.Duration, fn func(*worker) error) error {
	ctx, cancel := context.WithTimeout(caller, timeout)
	defer cancel()
	again, err := c.try(ctx, cancel, fn)
	for again {
		again, err = c.try(ctx, cancel, fn)
	}
	if err != nil && caller.Err() == nil && c.isClosed() {
		return errClosed()
	}
	return classify(ctx, err)
}

// try runs fn on a worker, once. An idle worker that has ended meanwhile, as
// the system ends processes when memory runs out, is nobody's fault: again is
// true as long as there may be such. It is also true after a writer has begun
// during a read without locks, which may have seen half of a change; the next
// one opens the file with locks.
func (c *conn) try(ctx context.Context, cancel context.CancelFunc, fn func(*worker) error) (again bool, err error) {
	w, err := c.acquire(ctx, cancel)
	if err != nil {
		return false, err
	}
	w.room = maxCatalogue
	kept := false
	defer func() {
		if !kept { // nor is it after a panic
			c.discard(w)
		}
	}()
	unwatch := w.watch(ctx)
	err = fn(w)
	unwatch()
	if w.file.immutable && !w.file.current() {
		return ctx.Err() == nil, ctx.Err()
	}
	if w.broken {
		lost := errors.Is(err, errNotSent) && w.used
		if ended := w.end(err); err != nil {
			err = ended
		}
		return lost, err
	}
	if kept = stillUsable(err); kept {
		c.release(w)
	}
	return false, err
}

// stillUsable reports whether a worker can serve again after err. Trouble
// with the file itself may end with opening it anew, and a process that had
// all the memory it may have is better given up.
func stillUsable(err error) bool {
	var e *protocol.Error
	if !errors.As(err, &e) {
		return true
	}
	switch e.Primary() {
	case protocol.CodeCorrupt, protocol.CodeNotADB, protocol.CodeIO, protocol.CodeCantOpen, protocol.CodeReadOnly,
		protocol.CodeNoMemory, protocol.CodeMisuse:
		return false
	default:
		return true
	}
}

func (c *conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *conn) acquire(ctx context.Context, stop context.CancelFunc) (*worker, error) {
	if err := c.turns.Take(ctx); err != nil {
		return nil, err
	}
	if err := c.enter(); err != nil {
		c.turns.Give()
		return nil, err
	}
	w := c.takeIdle()
	if w == nil {
		var err error
		if w, err = c.openFile(ctx); err != nil {
			c.users.Done()
			c.turns.Give()
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inUse[w] = stop
	if c.closed {
		stop()
	}
	return w, nil
}

func (c *conn) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed()
	}
	c.users.Add(1)
	return nil
}

// takeIdle returns a worker whose file is still the one at the path.
func (c *conn) takeIdle() *worker {
	for {
		c.mu.Lock()
		n := len(c.idle)
		if n == 0 {
			c.mu.Unlock()
			return nil
		}
		w := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		if w.file.current() {
			return w
		}
		w.process.close()
	}
}

// release gives a worker back that can serve again.
func (c *conn) release(w *worker) {
	w.used, w.idle = true, time.Now()
	c.mu.Lock()
	delete(c.inUse, w)
	if c.closed {
		c.mu.Unlock()
		c.discard(w)
		return
	}
	c.idle = append(c.idle, w)
	if len(c.idle) > database.MaxIdleConns && c.trimmer == nil {
		c.trimmer = time.AfterFunc(linger, c.trim)
	}
	over := c.takeOver()
	c.mu.Unlock()
	c.endAll(over)
	c.users.Done()
	c.turns.Give()
}

// linger is how long a worker above MaxIdleConns waits for its next call.
// Under load it comes at once, and a process is dear to start.
const linger = time.Second

// takeOver removes the workers that are idle for too long. The caller holds
// c.mu. The first in the list is idle longest.
func (c *conn) takeOver() []*worker {
	over := 0
	for over < len(c.idle) {
		most := database.IdleTimeout
		if len(c.idle)-over > database.MaxIdleConns {
			most = linger
		}
		if time.Since(c.idle[over].idle) < most {
			break
		}
		over++
	}
	if over == 0 {
		return nil
	}
	gone := slices.Clone(c.idle[:over])
	c.idle = slices.Delete(c.idle, 0, over)
	return gone
}

// trim ends the workers above MaxIdleConns when the load is over.
func (c *conn) trim() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.users.Add(1)
	over := c.takeOver()
	c.trimmer = nil
	if len(c.idle) > database.MaxIdleConns {
		c.trimmer = time.AfterFunc(linger, c.trim)
	}
	c.mu.Unlock()
	c.endAll(over)
	c.users.Done()
}

// discard ends a worker without letting its caller wait. Its place is free
// only then: there are never more processes than places.
func (c *conn) discard(w *worker) {
	go func() {
		w.process.close()
		c.mu.Lock()
		delete(c.inUse, w)
		c.mu.Unlock()
		c.users.Done()
		c.turns.Give()
	}()
}

func (c *conn) endAll(workers []*worker) {
	var group sync.WaitGroup
	for _, w := range workers {
		group.Go(func() { w.process.close() })
	}
	group.Wait()
}

// openFile judges the file and has a worker open it. Between the two its
// folder could be exchanged for a link: the engine follows none in a resolved
// path, and the file is compared again afterwards.
func (c *conn) openFile(ctx context.Context) (*worker, error) {
	f, err := c.sandbox.find(c.path)
	if err != nil {
		return nil, err
	}
	w, err := startWorker(ctx, c.command, f)
	if needsImmutable(err) && f.atRest() {
		// The engine would make the log and its index, and leave them there:
		// a writer of another account could not open them. Nobody writes to
		// the file now, and current notices when somebody has begun to.
		f.immutable = true
		w, err = startWorker(ctx, c.command, f)
	}
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(f.path); err != nil || !os.SameFile(info, f.info) {
		w.process.close()
		return nil, notFound(errors.New("the file was exchanged while it was opened"))
	}
	return w, nil
}

// needsImmutable reports whether a file at rest is better read without locks:
// it is in write-ahead mode, or in a folder that the process cannot write.
func needsImmutable(err error) bool {
	var e *protocol.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Primary() {
	case protocol.CodeWriteAhead, protocol.CodeCantOpen, protocol.CodeReadOnly:
		return true
	default:
		return false
	}
}
