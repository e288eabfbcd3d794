package limit

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

const (
	shards = 32
	// sampled is how many entries an insertion looks at to make room.
	sampled = 8
)

// Memory is a Source inside the process. It keeps a bounded number of buckets
// and needs no clean-up job: each new bucket takes the place of idle ones.
type Memory struct {
	seed  maphash.Seed
	most  int // buckets per shard
	parts [shards]shard
}

type shard struct {
	mu     sync.Mutex
	states map[string]State // guarded by mu
}

// NewMemory returns a source that keeps about most buckets, 0 means 65,536.
func NewMemory(most int) *Memory {
	if most <= 0 {
		most = 1 << 16
	}
	m := &Memory{seed: maphash.MakeSeed(), most: max(1, most/shards)}
	for i := range m.parts {
		m.parts[i].states = make(map[string]State)
	}
	return m
}

// Take implements Source. It does not fail.
func (m *Memory) Take(_ context.Context, key string, now time.Time, r Rate) (Decision, error) {
	part := &m.parts[maphash.String(m.seed, key)%shards]
	part.mu.Lock()
	defer part.mu.Unlock()
	state, known := part.states[key]
	if !known {
		part.makeRoom(now, m.most)
	}
	d, state := Decide(now, r, state)
	part.states[key] = state
	return d, nil
}

// makeRoom drops idle buckets of a small random sample, and when the shard is
// full and none is idle, the one closest to it. Whoever floods the source with
// keys so evicts mostly the flood: a bucket in use is further from full.
func (s *shard) makeRoom(now time.Time, most int) {
	var closest string
	var soonest time.Time
	seen := 0
	for key, state := range s.states { // Go starts at a random entry
		if state.Idle(now) {
			delete(s.states, key)
		} else if closest == "" || state.Full.Before(soonest) {
			closest, soonest = key, state.Full
		}
		if seen++; seen == sampled {
			break
		}
	}
	if len(s.states) >= most {
		delete(s.states, closest)
	}
}

// Len returns the number of buckets kept.
func (m *Memory) Len() (n int) {
	for i := range m.parts {
		part := &m.parts[i]
		part.mu.Lock()
		n += len(part.states)
		part.mu.Unlock()
	}
	return n
}
