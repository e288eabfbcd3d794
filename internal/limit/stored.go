package limit

import (
	"context"
	"time"
)

// Stored is a Source over a store: a function that replaces the state of a
// bucket while nobody else, on no instance, changes it.
type Stored func(ctx context.Context, key string, change func(State) State) error

// Take implements Source.
func (s Stored) Take(ctx context.Context, key string, now time.Time, r Rate) (d Decision, err error) {
	err = s(ctx, key, func(state State) State {
		d, state = Decide(now, r, state)
		return state
	})
	return d, err
}
