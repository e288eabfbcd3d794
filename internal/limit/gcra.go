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
// needs no more than one time to remember.
func Decide(now time.Time, r Rate, s State) (Decision, State) {
	if r.Count <= 0 {
		return Decision{Allowed: true, Rate: r}, s
	}
	interval := r.Per / time.Duration(r.Count)
	whole := interval * time.Duration(r.Count)
	debt := min(max(s.Full.Sub(now), 0), whole) // a clock set back must not lock anybody out for longer than a window
	d := Decision{Allowed: debt+interval <= whole, Rate: r}
	if d.Allowed {
		debt += interval
		s.Full = now.Add(debt)
	} else {
		d.RetryAfter = debt + interval - whole
		d.FirstRefusal = !s.Quiet.After(now)
		if d.FirstRefusal {
			s.Quiet = now.Add(r.Per)
		}
	}
	d.Remaining, d.Reset = int((whole-debt)/interval), debt
	return d, s
}
