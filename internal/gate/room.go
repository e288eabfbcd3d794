package gate

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Memory bounds the bytes of results that a tenant's users hold, until those
// who called have read them (contract 15.2 P5). It waits for room a while; a
// refusal is a RateLimited fault.
type Memory interface {
	Acquire(ctx context.Context, tenant, user string, bytes int) (release func(), err error)
}

// smallResult is what a result may take without being counted. Such an answer
// goes into the buffers of its connection: no memory waits for its reader.
const smallResult = 64 << 10

// room is the memory that a call holds for its results, together with the
// calls inside it. A nil room is without bounds.
type room struct {
	memory       Memory
	tenant, user string

	mu      sync.Mutex
	bytes   int
	held    []func() // give it back
	refused error    // the last refusal
	closed  bool
}

func newRoom(m Memory, p *identity.Principal) *room {
	if m == nil {
		return nil
	}
	return &room{memory: m, tenant: string(p.Tenant), user: string(p.User)}
}

var errCallOver = errors.New("the call is over")

// take implements [tool.Env.Room].
func (m *room) take(ctx context.Context, bytes int) error {
	if m == nil {
		return nil
	}
	release, err := m.memory.Acquire(ctx, m.tenant, m.user, bytes)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil:
		if fault.Is(err, fault.RateLimited) {
			m.refused = err
		}
		return err
	case m.closed: // by now: a tool may run on when its call has been given up
		release()
		return errCallOver
	}
	m.bytes += bytes
	m.held = append(m.held, release)
	return nil
}

// cover takes what a finished result needs and its tool did not ask for: once
// for what it is, and once for what a door makes of it.
func (m *room) cover(ctx context.Context, r *tool.Result) error {
	size := r.Size()
	if m == nil || size <= smallResult || size <= m.size() {
		return nil
	}
	return m.take(ctx, 2*size)
}

func (m *room) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bytes
}

// refusal is why there was no room, nil if there was.
func (m *room) refusal() *Refusal {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused == nil {
		return nil
	}
	return &Refusal{Outcome: Limited, Text: fault.Of(m.refused).Public, Err: m.refused}
}

// close ends the room of a call. What it holds is held until release is
// called, which is nil when there is nothing.
func (m *room) close() (release func()) {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	held := m.held
	m.closed, m.held = true, nil
	if len(held) == 0 {
		return nil
	}
	return func() {
		for _, release := range held {
			release()
		}
	}
}

// fit returns the result when there is room for it until it has been read.
func (c *call) fit(ctx context.Context, r *tool.Result, timeout time.Duration) (*tool.Result, *Refusal) {
	err := c.room.cover(ctx, r)
	switch {
	case err == nil:
		return r, nil
	case !fault.Is(err, fault.RateLimited):
		return nil, runRefusal(ctx, err, timeout)
	case c.rule.Tool.Hints.ReadOnly:
		return nil, c.room.refusal()
	default: // who called must know that it was not for nothing
		return nil, &Refusal{Outcome: Failed, Text: "Error: the tool has done its work, but its result is dropped. " + fault.Of(err).Public, Err: err}
	}
}

// vacate gives back what the call holds, or leaves that to who sends the
// result.
func (c *call) vacate(refusal *Refusal) {
	if c.caller.via != "" {
		return // the outer call's
	}
	switch release := c.room.close(); {
	case release == nil:
	case refusal == nil && c.caller.Keep != nil:
		c.caller.Keep(release)
	default:
		release()
	}
}
