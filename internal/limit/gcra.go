// Package limit decides how much a caller may do: rates over time ([Limiter])
// and calls at once ([Slots]).
package limit

import (
	"fmt"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// Rate is a number of events per window.
type Rate struct {
	Count int // 0 or less: no limit
	Per   time.Duration
}

// PerMinute is the rate of n events in the window of contract 14.
func PerMinute(n int) Rate { return Rate{Count: n, Per: time.Minute} }

// String reads "5 per 1 minute".
func (r Rate) String() string {
	if r.Per == time.Minute {
		return fmt.Sprintf("%d per 1 minute", r.Count)
	}
	return fmt.Sprintf("%d per %s", r.Count, r.Per)
}

// State is what a bucket remembers. The zero State is an unused bucket.
type State struct {
	// Full is when the bucket will be full again: GCRA's theoretical arrival
	// time.
	Full time.Time
	// Quiet is until when further refusals are not reported as the first.
	Quiet time.Time
}

// Idle reports whether a bucket that holds s may be forgotten at now.
func (s State) Idle(now time.Time) bool { return !s.Full.After(now) && !s.Quiet.After(now) }

// Decision is the answer to one event.
type Decision struct {
	Allowed   bool
	Rate      Rate
	Remaining int           // events allowed at once after this one
	Reset     time.Duration // until the bucket is full again
	// RetryAfter is how long a refused caller has to wait.
	RetryAfter time.Duration
	// FirstRefusal marks the one refusal per window that is worth an audit
	// record (contract 10, ratelimit.hit).
	FirstRefusal bool
}

// Err returns nil for an allowed event, else the fault of contract 1.
func (d Decision) Err() error {
	if d.Allowed {
		return nil
	}
	return &fault.Error{Kind: fault.RateLimited, Public: "Rate limit exceeded: " + d.Rate.String(), RetryAfter: d.RetryAfter}
}

// Decide is the generic cell rate algorithm (ITU-T I.371) as a pure function:
// a bucket of r.Count events that refills evenly over r.Per. Against a fixed
// window it has no edge at which twice the rate gets through at once, and it
// needs no more than one time to remember. gcra.lua is the same rule.
//
// A clock that is set back must not lock anybody out for longer than a window,
// nor keep refusals from being reported. Times that lie too far ahead therefore
// do not count; clocks of two instances may differ by less.
func Decide(now time.Time, r Rate, s State) (Decision, State) {
	if r.Count <= 0 {
		return Decision{Allowed: true, Rate: r}, s
	}
	debt := min(max(s.Full.Sub(now), 0), r.whole())
	quiet := s.Quiet.After(now) && !s.Quiet.After(now.Add(2*r.Per))
	allowed := debt+r.cost() <= r.whole()
	if allowed {
		debt += r.cost()
	}
	first := !allowed && !quiet
	if first {
		s.Quiet = now.Add(r.Per)
	}
	s.Full = now.Add(debt)
	return r.decision(debt, allowed, first), s
}

// cost is the time that one event takes to refill, whole that of the bucket.
func (r Rate) cost() time.Duration  { return r.Per / time.Duration(r.Count) }
func (r Rate) whole() time.Duration { return r.cost() * time.Duration(r.Count) }

// decision tells a caller what came of an event after which the bucket needs
// debt to be full again.
func (r Rate) decision(debt time.Duration, allowed, first bool) Decision {
	d := Decision{Allowed: allowed, Rate: r, Remaining: int((r.whole() - debt) / r.cost()), Reset: debt, FirstRefusal: first}
	if !allowed {
		d.RetryAfter = debt + r.cost() - r.whole()
	}
	return d
}
