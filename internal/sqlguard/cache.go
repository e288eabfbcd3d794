package sqlguard

import (
	"container/list"
	"hash/maphash"
	"strings"
	"sync"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// cacheShards splits the cache so that checks on different texts do not wait
// for one lock.
const cacheShards = 16

// entryOverhead is about what an entry costs besides its texts.
const entryOverhead = 512

// CacheConfig bounds what [Cached] remembers: about so many verdicts, and so
// many bytes.
type CacheConfig struct {
	Entries, Bytes int
	// Observe is told about every look-up, for metrics. It may be nil.
	Observe func(hit bool)
}

// Cached returns a guard that remembers g's verdicts, acceptances and
// refusals alike, by policy version and text. It keeps the most recently used.
// Errors that are no refusals are not remembered.
func Cached(g Guard, cfg CacheConfig) Guard {
	c := &cache{guard: g, seed: maphash.MakeSeed(), observe: cfg.Observe, shards: new([cacheShards]cacheShard)}
	if c.observe == nil {
		c.observe = func(bool) {}
	}
	for i := range c.shards {
		c.shards[i] = cacheShard{
			maxEntries: max(1, cfg.Entries/cacheShards),
			maxBytes:   cfg.Bytes / cacheShards,
			entries:    make(map[cacheKey]*list.Element),
			recent:     list.New(),
		}
	}
	return c
}

type cache struct {
	guard   Guard
	seed    maphash.Seed
	observe func(hit bool)
	shards  *[cacheShards]cacheShard
}

// Version implements [Guard].
func (c *cache) Version() string { return c.guard.Version() }

// Allowing implements [Guard]. The guards share one cache: their verdicts are
// told apart by version.
func (c *cache) Allowing(functions []string) Guard {
	allowing := *c
	allowing.guard = c.guard.Allowing(functions)
	return &allowing
}

// Check implements [Guard]. Two callers that bring the same new text at once
// both check it: the work is small and the verdicts are equal.
func (c *cache) Check(sql string) (*Statement, error) {
	key := cacheKey{version: c.guard.Version(), sql: sql}
	shard := &c.shards[maphash.String(c.seed, sql)%cacheShards]
	v, hit := shard.get(key)
	c.observe(hit)
	if hit {
		return v.stmt, v.err
	}
	stmt, err := c.guard.Check(sql)
	if err == nil || fault.Is(err, fault.Invalid) {
		shard.put(key, verdict{stmt: stmt, err: err})
	}
	return stmt, err
}

type cacheKey struct{ version, sql string }

type verdict struct {
	stmt *Statement
	err  error
}

type cacheEntry struct {
	key     cacheKey
	verdict verdict
	bytes   int
}

// cacheShard is one least-recently-used cache.
type cacheShard struct {
	maxEntries int
	maxBytes   int

	mu      sync.Mutex // guards the fields below
	entries map[cacheKey]*list.Element
	recent  *list.List // of *cacheEntry, most recently used first
	bytes   int
}

func (s *cacheShard) get(key cacheKey) (verdict, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	element, ok := s.entries[key]
	if !ok {
		return verdict{}, false
	}
	s.recent.MoveToFront(element)
	return element.Value.(*cacheEntry).verdict, true
}

func (s *cacheShard) put(key cacheKey, v verdict) {
	size := entryBytes(key.sql, v)
	if size > s.maxBytes {
		return
	}
	// The text may be a slice of a request body, which must not live on.
	key.sql = strings.Clone(key.sql)

	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.entries[key]; ok {
		return
	}
	s.entries[key] = s.recent.PushFront(&cacheEntry{key: key, verdict: v, bytes: size})
	s.bytes += size
	for s.recent.Len() > s.maxEntries || s.bytes > s.maxBytes {
		s.evictOldest()
	}
}

// evictOldest drops the least recently used entry. s.mu is held.
func (s *cacheShard) evictOldest() {
	oldest := s.recent.Remove(s.recent.Back()).(*cacheEntry)
	delete(s.entries, oldest.key)
	s.bytes -= oldest.bytes
}

// entryBytes estimates what an entry holds in memory.
func entryBytes(sql string, v verdict) int {
	size := entryOverhead + len(sql)
	if v.err != nil {
		return size + len(v.err.Error())
	}
	size += len(v.stmt.SQL)
	for _, name := range v.stmt.Tables {
		size += len(name)
	}
	for _, name := range v.stmt.Functions {
		size += len(name)
	}
	return size + impliedBytes(v.stmt.Implied)
}

// header is about what a slice or string takes besides its content.
const header = 24

func impliedBytes(implied Implied) int {
	size := header * (len(implied.Operators) + len(implied.Types))
	for _, field := range implied.Fields {
		size += 2 * header
		for _, source := range field.Sources {
			size += header * (1 + len(source))
		}
	}
	return size
}
