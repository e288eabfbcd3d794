package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// surplusTime is how long sessions above the idle limit stay, so that a steady
// load between the idle and the open limit does not reconnect all the time.
const surplusTime = time.Second

// pool holds the sessions of one connection (contract 3.5).
type pool struct {
	connector *connector
	life      context.Context // ends with the pool; stops connecting
	end       context.CancelFunc
	empty     chan struct{} // closed when a closed pool has no session left

	mu      sync.Mutex
	closed  bool
	open    int        // sessions, idle, busy or being made
	idle    []*session // the most recently used last
	busy    map[*session]struct{}
	stuck   int             // places of calls that are over while the server still works
	waiting []chan *session // a nil session is the right to make one
	trimmer *time.Timer
	trimAt  time.Time // when the trimmer fires, zero when it is not armed
}

func newPool(c *connector) *pool {
	p := &pool{connector: c, empty: make(chan struct{}), busy: map[*session]struct{}{}}
	p.life, p.end = context.WithCancel(context.Background())
	return p
}

func errClosed() error {
	return fault.New(fault.Unavailable, "connection is closed")
}

// get returns a session for one run, waiting for one when all are busy.
func (p *pool) get(ctx context.Context) (*session, error) {
	p.mu.Lock()
	switch n := len(p.idle); {
	case p.closed:
		p.mu.Unlock()
		return nil, errClosed()
	case p.stuck == database.MaxOpenConns:
		p.mu.Unlock()
		return nil, database.AllStuckFault()
	case n > 0:
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.busy[s] = struct{}{}
		p.mu.Unlock()
		return s, nil
	case p.open < database.MaxOpenConns:
		p.open++
		p.mu.Unlock()
		return p.connect(ctx)
	}
	turn := make(chan *session, 1)
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	return p.wait(ctx, turn)
}

func (p *pool) wait(ctx context.Context, turn chan *session) (*session, error) {
	select {
	case s, ok := <-turn:
		if !ok {
			return nil, database.AllStuckFault()
		}
		return p.take(ctx, s)
	case <-p.life.Done():
	case <-ctx.Done():
	}
	p.mu.Lock()
	i := slices.Index(p.waiting, turn)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 { // the turn came at the same moment: pass it on
		if s, ok := <-turn; ok {
			p.giveUp(s)
		}
	}
	if ctx.Err() == nil {
		return nil, errClosed()
	}
	if busy := database.BusyFault(ctx); busy != nil {
		return nil, busy
	}
	return nil, ctx.Err()
}

// take uses a turn: a session, or the right to make one.
func (p *pool) take(ctx context.Context, s *session) (*session, error) {
	if s != nil {
		return s, nil
	}
	return p.connect(ctx)
}

func (p *pool) giveUp(s *session) {
	if s != nil {
		p.put(s)
		return
	}
	p.release()
}

// connect makes a session in a slot that is counted already.
func (p *pool) connect(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.life, cancel)()
	s, err := p.connector.connect(ctx)
	if err != nil {
		p.release()
		return nil, err
	}
	p.mu.Lock()
	p.busy[s] = struct{}{}
	closed := p.closed
	p.mu.Unlock()
	if closed {
		s.broken = true
		p.put(s)
		return nil, errClosed()
	}
	return s, nil
}

// put takes a session back: to the next in line, to the idle ones, or to an
// end when it is broken.
func (p *pool) put(s *session) {
	p.mu.Lock()
	if s.broken || p.closed {
		delete(p.busy, s)
		p.mu.Unlock()
		s.close()
		if s.working && s.backend != 0 {
			go p.holdUntilOver(s.backend)
			return
		}
		p.release()
		return
	}
	defer p.mu.Unlock()
	if len(p.waiting) > 0 {
		p.pass(s)
		return
	}
	delete(p.busy, s)
	s.idleSince = time.Now()
	p.idle = append(p.idle, s)
	p.schedule()
}

// release frees a slot, or passes it to the next in line.
func (p *pool) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) > 0 && !p.closed {
		p.pass(nil)
		return
	}
	p.open--
	if p.closed && p.open == 0 {
		close(p.empty)
	}
}

func (p *pool) pass(s *session) {
	p.waiting[0] <- s
	p.waiting = p.waiting[1:]
}

func (p *pool) usage() database.Usage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return database.Usage{Open: p.open, InUse: p.open - len(p.idle), Waiting: len(p.waiting), Stuck: p.stuck}
}

// dropIdle closes the idle sessions: one of them turned out to be dead.
func (p *pool) dropIdle() {
	p.mu.Lock()
	dead := p.idle
	p.idle = nil
	p.mu.Unlock()
	p.discard(dead)
}

func (p *pool) discard(sessions []*session) {
	for _, s := range sessions {
		s.close()
		p.release()
	}
}

// schedule arms the trimmer for the next session that may be due, with p.mu
// held.
func (p *pool) schedule() {
	if p.closed || len(p.idle) == 0 {
		return
	}
	at := p.idle[0].idleSince.Add(database.IdleTimeout)
	if len(p.idle) > database.MaxIdleConns {
		at = p.idle[0].idleSince.Add(surplusTime)
	}
	switch {
	case p.trimmer == nil:
		p.trimmer = time.AfterFunc(time.Until(at), p.trim)
	case p.trimAt.IsZero() || at.Before(p.trimAt):
		p.trimmer.Reset(time.Until(at))
	default:
		return
	}
	p.trimAt = at
}

// trim closes what has been idle for too long or is above the idle limit, and
// comes again while anything is idle.
func (p *pool) trim() {
	p.mu.Lock()
	p.trimAt = time.Time{}
	var old []*session
	for len(p.idle) > 0 && p.due(p.idle[0]) {
		old = append(old, p.idle[0])
		p.idle = p.idle[1:]
	}
	p.schedule()
	p.mu.Unlock()
	p.discard(old)
}

// due judges the session that has been idle the longest.
func (p *pool) due(s *session) bool {
	rest := time.Since(s.idleSince)
	return rest >= database.IdleTimeout || len(p.idle) > database.MaxIdleConns && rest >= surplusTime
}

// close ends all sessions and waits for the busy ones, whose statements it
// cancels.
func (p *pool) close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		<-p.empty
		return
	}
	p.closed = true
	if p.open == 0 {
		close(p.empty)
	}
	idle := p.idle
	p.idle = nil
	if p.trimmer != nil {
		p.trimmer.Stop()
	}
	busy := make([]*session, 0, len(p.busy))
	for s := range p.busy {
		busy = append(busy, s)
	}
	p.mu.Unlock()

	p.end()
	p.discard(idle)
	p.interrupt(busy)
	<-p.empty
}

// interrupt cancels the sessions' statements at the same time.
func (p *pool) interrupt(busy []*session) {
	var all sync.WaitGroup
	for _, s := range busy {
		all.Go(func() { s.insist(p.empty) })
	}
	all.Wait()
}
