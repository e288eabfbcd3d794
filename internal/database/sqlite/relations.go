package sqlite

import "sync"

// relations are the tables and views that a statement reads.
type relations struct {
	names    []string
	identity uint64 // of the names, for the worker to compare
}

// maxTold bounds the remembered statements, in bytes of their text and names.
const maxTold = 1 << 20

// relationsCache remembers what Relations has answered. An answer may grow
// old: the worker compares it with the truth when the statement runs. The zero
// value is ready for use.
type relationsCache struct {
	mu    sync.Mutex // guards what follows
	known map[string]relations
	bytes int
}

func (c *relationsCache) find(sql string) (relations, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.known[sql]
	return r, ok
}

func (c *relationsCache) keep(sql string, r relations) {
	size := len(sql)
	for _, name := range r.names {
		size += len(name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || c.bytes+size > maxTold {
		c.known, c.bytes = map[string]relations{}, 0
	}
	c.known[sql] = r
	c.bytes += size
}

func (c *relationsCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.bytes = nil, 0
}
