package mcp

import (
	"context"
	"slices"
	"sync"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// callKey names a running call the way its caller can: by who they are and
// the id they gave it. session is "" over Streamable HTTP.
type callKey struct {
	tenant     identity.TenantID
	user       identity.UserID
	credential string
	session    string
	id         string
}

// runningCall is one call that can be cancelled from outside.
type runningCall struct{ cancel context.CancelFunc }

// calls knows the running tool calls. The zero value is ready; it is safe for
// concurrent use.
type calls struct {
	mu      sync.Mutex
	running map[callKey][]*runningCall
	idle    chan struct{} // set while draining, closed when nothing runs
}

// start registers a call. The returned context ends when ctx does, when the
// call is cancelled and at shutdown; the function must be called at its end.
func (c *calls) start(ctx context.Context, key callKey) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	r := &runningCall{cancel: cancel}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = map[callKey][]*runningCall{}
	}
	c.running[key] = append(c.running[key], r)
	return ctx, func() {
		cancel()
		c.finish(key, r)
	}
}

func (c *calls) finish(key callKey, r *runningCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := slices.DeleteFunc(c.running[key], func(other *runningCall) bool { return other == r })
	if len(rest) > 0 {
		c.running[key] = rest
		return
	}
	delete(c.running, key)
	if c.idle != nil && len(c.running) == 0 {
		close(c.idle)
		c.idle = nil
	}
}

// cancel ends the call that key names, and reports whether it names any. Two
// windows of one client count their requests alike, so a name that fits several
// calls ends none of them.
func (c *calls) cancel(key callKey) (found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	named := c.running[key]
	if len(named) == 1 {
		named[0].cancel()
	}
	return len(named) > 0
}

// drain waits until nothing runs. When ctx ends first, it cancels what is left
// and waits for that.
func (c *calls) drain(ctx context.Context) {
	idle := c.whenIdle()
	select {
	case <-idle:
		return
	case <-ctx.Done():
	}
	c.cancelAll()
	<-idle
}

func (c *calls) whenIdle() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	idle := make(chan struct{})
	if len(c.running) == 0 {
		close(idle)
		return idle
	}
	c.idle = idle
	return idle
}

func (c *calls) cancelAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, found := range c.running {
		for _, r := range found {
			r.cancel()
		}
	}
}
