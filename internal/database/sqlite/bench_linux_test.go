package sqlite_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// BenchmarkCallers looks one row up by its key with several callers at once.
// It reports the median of a call and the processor time of a call, that of
// the worker processes included.
func BenchmarkCallers(b *testing.B) {
	dir := b.TempDir()
	path := mustCreate(b, filepath.Join(dir, "items.db"), items(10_000)...)
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { benchCallers(b, dir, path, callers) })
	}
}

// BenchmarkNewStatements asks what a statement reads and runs it, each one
// for the first time.
func BenchmarkNewStatements(b *testing.B) {
	dir := b.TempDir()
	conn := mustOpen(b, dir, mustCreate(b, filepath.Join(dir, "items.db"), items(10_000)...))
	n := 0
	for b.Loop() {
		n++
		stmt := &sqlguard.Statement{SQL: fmt.Sprintf("SELECT * FROM items WHERE id = %d", n)}
		if _, err := conn.Relations(b.Context(), stmt); err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Query(b.Context(), stmt, database.Limit{}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchCallers(b *testing.B, dir, path string, callers int) {
	conn := mustOpen(b, dir, path)
	before := processorTime()
	times := make([]time.Duration, b.N)
	next := make(chan int)
	var group sync.WaitGroup
	b.ResetTimer()
	for range callers {
		group.Go(func() {
			for i := range next {
				start := time.Now()
				stmt := &sqlguard.Statement{SQL: fmt.Sprintf("SELECT * FROM items WHERE id = %d", i%100+1)}
				if _, err := conn.Query(b.Context(), stmt, database.Limit{}); err != nil {
					b.Error(err)
				}
				times[i] = time.Since(start)
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	group.Wait()
	b.StopTimer()
	if err := conn.Close(); err != nil { // the time of a child counts when it has ended
		b.Fatal(err)
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[b.N/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64((processorTime()-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// processorTime is that of this process and of its children that have ended.
func processorTime() (sum time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var use syscall.Rusage
		if syscall.Getrusage(who, &use) == nil {
			sum += time.Duration(use.Utime.Nano() + use.Stime.Nano())
		}
	}
	return sum
}
