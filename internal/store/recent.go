package store

import (
	"sync"
	"time"
)

// The hot look-ups (contract 2.2: who is this caller, and may they still?) are made for
// every request. On SQLite, where one process owns the file, their answers are
// remembered until this process writes anything but audit records: a change
// counts from the next look-up on. Should another process write to the same
// file, it counts after foreignWrites at the latest. On PostgreSQL, where
// replicas write, every look-up is a query.

// foreignWrites bounds how long a write of another process can go unseen.
const foreignWrites = time.Second

// mostRecent bounds how many answers one look-up remembers.
const mostRecent = 8192

// wrote counts a write that a look-up could see. It is called after the write
// was committed and before its caller is told.
func (d *DB) wrote() { d.writes.Add(1) }

// recent are the answers of one look-up.
type recent[T any] struct {
	mu      sync.RWMutex // guards answers
	answers map[string]remembered[T]
}

type remembered[T any] struct {
	value  T
	writes uint64 // counted before the answer was asked for
	at     time.Time
}

// lookUp returns the remembered answer for key, or asks. Errors are not
// remembered.
func lookUp[T any](d *DB, r *recent[T], key string, ask func() (T, error)) (T, error) {
	if d.read == d.write {
		return ask()
	}
	// Counted before asking: an answer that a write overtakes is never used.
	writes, now := d.writes.Load(), time.Now()
	r.mu.RLock()
	known, ok := r.answers[key]
	r.mu.RUnlock()
	if ok && known.writes == writes && now.Sub(known.at) < foreignWrites {
		return known.value, nil
	}
	value, err := ask()
	if err == nil {
		r.keep(key, remembered[T]{value: value, writes: writes, at: now})
	}
	return value, err
}

func (r *recent[T]) keep(key string, answer remembered[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answers == nil || len(r.answers) >= mostRecent {
		r.answers = make(map[string]remembered[T])
	}
	r.answers[key] = answer
}
