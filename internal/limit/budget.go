package limit

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// BudgetConfig sizes a [Budget].
type BudgetConfig struct {
	Total int           // what the members of one key hold together
	Queue int           // requests of one member that may wait, 0 = none
	Wait  time.Duration // how long they wait
	Text  string        // of the refusal
}

// Budget bounds what the members of each key hold together (contract 15.2 P5:
// the bytes of a tenant's results, by user).
//
// A member gets more only while at least as much as it then holds stays free.
// So whoever holds on to what it has leaves half to the others, the next one
// half of that, and so on: one member alone never locks the rest out, and no
// share has to be configured. A member that holds nothing may have the last of
// it. Requests wait in order of arrival, but one that only its own member's
// share holds up holds up nobody else. A member that has waited in vain for
// what it holds itself waits no more until it has given something back: what
// waits often occupies something that others need.
type Budget struct {
	cfg  BudgetConfig
	mu   sync.Mutex
	keys map[string]*purse // guarded by mu; only keys in use
}

// purse is what one key has.
type purse struct {
	free    int
	held    map[string]int  // by member
	stuck   map[string]bool // members that have waited in vain, of those that hold
	waiting []*claim        // in order of arrival
}

// claim is a request that waits.
type claim struct {
	member  string
	n       int
	granted chan struct{} // closed when it is
}

// NewBudget returns a budget of which nothing is held.
func NewBudget(cfg BudgetConfig) *Budget {
	return &Budget{cfg: cfg, keys: make(map[string]*purse)}
}

// Acquire waits until the member may hold n more, which is at most the total.
// The caller calls release once when done; further calls do nothing. A full
// queue or a wait that takes too long is a RateLimited fault, the end of ctx
// is ctx's own error.
func (b *Budget) Acquire(ctx context.Context, key, member string, n int) (release func(), err error) {
	c := &claim{member: member, n: min(n, b.cfg.Total), granted: make(chan struct{})}
	if !b.enter(key, c) {
		return nil, b.short()
	}
	if err := b.wait(ctx, c); err != nil && b.withdraw(key, c, ctx.Err() == nil) {
		return nil, err
	}
	return sync.OnceFunc(func() { b.give(key, c) }), nil
}

// enter grants the claim or lets it wait. It reports false when too many of
// its member wait.
func (b *Budget) enter(key string, c *claim) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.keys[key]
	if p == nil {
		p = &purse{free: b.cfg.Total, held: map[string]int{}, stuck: map[string]bool{}}
		b.keys[key] = p
	}
	p.waiting = append(p.waiting, c)
	p.grant()
	if c.isGranted() || p.waitingOf(c.member) <= b.cfg.Queue && !p.stuck[c.member] {
		return true
	}
	p.waiting = p.waiting[:len(p.waiting)-1]
	return false
}

func (b *Budget) wait(ctx context.Context, c *claim) error {
	if c.isGranted() {
		return nil
	}
	timer := time.NewTimer(b.cfg.Wait)
	defer timer.Stop()
	select {
	case <-c.granted:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return b.short()
	}
}

// withdraw takes a claim back that has waited in vain or is of no interest any
// more. It reports false when the claim was granted meanwhile.
func (b *Budget) withdraw(key string, c *claim, inVain bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.isGranted() {
		return false
	}
	p := b.keys[key]
	p.waiting = slices.DeleteFunc(p.waiting, func(other *claim) bool { return other == c })
	if inVain && p.held[c.member] > 0 {
		p.stuck[c.member] = true
	}
	p.grant() // who stood behind it may fit
	return true
}

func (b *Budget) give(key string, c *claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.keys[key]
	p.free += c.n
	delete(p.stuck, c.member)
	if p.held[c.member] -= c.n; p.held[c.member] == 0 {
		delete(p.held, c.member)
	}
	if p.grant(); len(p.held) == 0 {
		delete(b.keys, key) // then nobody waits either: a free purse has room for anyone
	}
}

// grant gives to those who wait, first come first served, as far as it goes.
func (p *purse) grant() {
	short := false // for the first that its own share would allow it
	p.waiting = slices.DeleteFunc(p.waiting, func(c *claim) bool {
		if short || !p.within(c) {
			return false
		}
		if short = c.n > p.free; short {
			return false
		}
		p.free -= c.n
		p.held[c.member] += c.n
		close(c.granted)
		return true
	})
}

func (p *purse) waitingOf(member string) (n int) {
	for _, c := range p.waiting {
		if c.member == member {
			n++
		}
	}
	return n
}

// within reports whether the claim keeps its member to its share.
func (p *purse) within(c *claim) bool {
	held := p.held[c.member]
	return held == 0 || held+c.n <= p.free-c.n
}

func (c *claim) isGranted() bool {
	select {
	case <-c.granted:
		return true
	default:
		return false
	}
}

func (b *Budget) short() error {
	return &fault.Error{Kind: fault.RateLimited, Public: b.cfg.Text, RetryAfter: time.Second}
}
