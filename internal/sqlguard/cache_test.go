package sqlguard

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// countingGuard counts checks and accepts what starts with SELECT.
type countingGuard struct {
	checks  atomic.Int64
	version string
	broken  bool
}

func (g *countingGuard) Version() string { return g.version }

func (g *countingGuard) Allowing([]string) Guard { return g }

func (g *countingGuard) Check(sql string) (*Statement, error) {
	g.checks.Add(1)
	switch {
	case g.broken:
		return nil, errors.New("out of order")
	case strings.HasPrefix(sql, "SELECT"):
		return &Statement{SQL: sql, Kind: "SELECT"}, nil
	}
	return nil, NonSelect("DeleteStmt")
}

func TestCachedRemembersBothVerdicts(t *testing.T) {
	guard := &countingGuard{version: "1"}
	cached := Cached(guard, CacheConfig{Entries: 100, Bytes: 1 << 20})
	first, err := cached.Check("SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	again, err := cached.Check("SELECT 1")
	if err != nil || again != first {
		t.Errorf("second check = %p, %v, want the first verdict %p", again, err, first)
	}
	_, refused := cached.Check("DELETE")
	if _, err := cached.Check("DELETE"); err != refused || err == nil {
		t.Errorf("second refusal = %v, want the first %v", err, refused)
	}
	if n := guard.checks.Load(); n != 2 {
		t.Errorf("guard was asked %d times, want 2", n)
	}
}

func TestCachedReportsLookUps(t *testing.T) {
	var hits []bool
	cached := Cached(&countingGuard{}, CacheConfig{Entries: 100, Bytes: 1 << 20, Observe: func(hit bool) { hits = append(hits, hit) }})
	for _, sql := range []string{"SELECT 1", "SELECT 1", "DELETE", "DELETE"} {
		_, _ = cached.Check(sql) // whether it is refused is not the matter
	}
	if want := []bool{false, true, false, true}; !slices.Equal(hits, want) {
		t.Errorf("hits %v, want %v", hits, want)
	}
}

func TestCachedAsksAgainAfterPolicyChange(t *testing.T) {
	guard := &countingGuard{version: "1"}
	cached := Cached(guard, CacheConfig{Entries: 100, Bytes: 1 << 20})
	for _, version := range []string{"1", "2", "2"} {
		guard.version = version
		if _, err := cached.Check("SELECT 1"); err != nil {
			t.Fatal(err)
		}
		if cached.Version() != version {
			t.Errorf("Version() = %q, want %q", cached.Version(), version)
		}
	}
	if n := guard.checks.Load(); n != 2 {
		t.Errorf("guard was asked %d times, want 2", n)
	}
}

func TestCachedForgetsFaults(t *testing.T) {
	guard := &countingGuard{broken: true}
	cached := Cached(guard, CacheConfig{Entries: 100, Bytes: 1 << 20})
	if _, err := cached.Check("SELECT 1"); err == nil {
		t.Fatal("a broken guard accepted")
	}
	guard.broken = false
	if _, err := cached.Check("SELECT 1"); err != nil {
		t.Errorf("fault was remembered: %v", err)
	}
}

func TestCachedStaysInBounds(t *testing.T) {
	tests := map[string]struct {
		maxEntries, maxBytes, textLen int
	}{
		"entries": {maxEntries: 64, maxBytes: 1 << 30, textLen: 10},
		"bytes":   {maxEntries: 1 << 20, maxBytes: 1 << 20, textLen: 4_000},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := Cached(&countingGuard{}, CacheConfig{Entries: tt.maxEntries, Bytes: tt.maxBytes}).(*cache)
			for i := range 2_000 {
				if _, err := c.Check(fmt.Sprintf("SELECT %d %s", i, strings.Repeat("x", tt.textLen))); err != nil {
					t.Fatal(err)
				}
			}
			entries, bytes := c.held()
			if entries > tt.maxEntries || bytes > tt.maxBytes || entries == 0 {
				t.Errorf("holds %d entries and %d bytes, want at most %d and %d", entries, bytes, tt.maxEntries, tt.maxBytes)
			}
		})
	}
}

func TestCachedSkipsWhatWouldEmptyIt(t *testing.T) {
	c := Cached(&countingGuard{}, CacheConfig{Entries: 100, Bytes: cacheShards * 1_000}).(*cache)
	if _, err := c.Check("SELECT " + strings.Repeat("x", 2_000)); err != nil {
		t.Fatal(err)
	}
	if entries, bytes := c.held(); entries != 0 || bytes != 0 {
		t.Errorf("holds %d entries and %d bytes, want none", entries, bytes)
	}
}

func TestCachedKeepsTheRecentlyUsed(t *testing.T) {
	guard := &countingGuard{}
	s := &Cached(guard, CacheConfig{Entries: 2 * cacheShards, Bytes: 1 << 20}).(*cache).shards[0]
	for _, sql := range []string{"a", "b"} {
		s.put(cacheKey{sql: sql}, verdict{stmt: &Statement{}})
	}
	s.get(cacheKey{sql: "a"})
	s.put(cacheKey{sql: "c"}, verdict{stmt: &Statement{}})
	for sql, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if _, ok := s.get(cacheKey{sql: sql}); ok != want {
			t.Errorf("%q is held: %v, want %v", sql, ok, want)
		}
	}
}

func TestCachedConcurrently(t *testing.T) {
	cached := Cached(&countingGuard{}, CacheConfig{Entries: 50, Bytes: 1 << 20})
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 500 {
				sql := fmt.Sprintf("SELECT %d", (i*7+worker)%100)
				stmt, err := cached.Check(sql)
				if err != nil || stmt.SQL != sql {
					t.Errorf("Check(%q) = %v, %v", sql, stmt, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// held returns what all shards hold together.
func (c *cache) held() (entries, bytes int) {
	for i := range c.shards {
		entries += c.shards[i].recent.Len()
		bytes += c.shards[i].bytes
	}
	return entries, bytes
}
