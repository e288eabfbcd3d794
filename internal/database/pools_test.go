package database_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeConn answers at once unless gate is set; then it waits for it.
type fakeConn struct {
	schemas atomic.Int32
	closed  atomic.Bool
	stuck   atomic.Int32
	entered chan struct{}
	gate    chan struct{}
	err     error
}

func (c *fakeConn) Probe(context.Context) (database.Probe, error) { return database.Probe{}, c.err }

func (c *fakeConn) Schema(ctx context.Context) (*database.Schema, error) {
	c.schemas.Add(1)
	return shop(), c.wait(ctx)
}

func (c *fakeConn) Relations(context.Context, *sqlguard.Statement) ([]string, error) { return nil, nil }

func (c *fakeConn) Functions(context.Context) ([]database.Function, error) { return nil, nil }

func (c *fakeConn) Query(ctx context.Context, _ *sqlguard.Statement, _ database.Limit) (*tool.Table, error) {
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	return tool.NewTable(nil, 100), c.err
}

func (c *fakeConn) wait(ctx context.Context) error {
	if c.gate == nil {
		return nil
	}
	c.entered <- struct{}{}
	select {
	case <-c.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *fakeConn) Usage() database.Usage {
	return database.Usage{Open: 3, InUse: 2, Waiting: 1, Stuck: int(c.stuck.Load())}
}

func (c *fakeConn) Close() error {
	c.closed.Store(true)
	return nil
}

// clock is a time that tests move.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func opening(c *fakeConn) func(context.Context) (database.Conn, error) {
	return func(context.Context) (database.Conn, error) { return c, nil }
}

func mustGet(t *testing.T, p *database.Pools, key database.Key, c *fakeConn) *database.Pooled {
	t.Helper()
	got, err := p.Get(t.Context(), key, opening(c))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func key(id, version string) database.Key {
	return database.Key{Tenant: "t", Connection: id, Version: version}
}

func TestPoolsOpenOnce(t *testing.T) {
	var p database.Pools
	var opened atomic.Int32
	start := make(chan struct{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			<-start
			_, err := p.Get(t.Context(), key("a", "1"), func(context.Context) (database.Conn, error) {
				opened.Add(1)
				return &fakeConn{}, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("opened %d times", n)
	}
}

func TestPoolsChangedVersionClosesAfterRunningQueries(t *testing.T) {
	var p database.Pools
	old := &fakeConn{entered: make(chan struct{}), gate: make(chan struct{})}
	pooled := mustGet(t, &p, key("a", "1"), old)
	result := make(chan error)
	go func() {
		_, err := pooled.Query(t.Context(), &sqlguard.Statement{}, database.Limit{})
		result <- err
	}()
	<-old.entered

	fresh := &fakeConn{}
	if got := mustGet(t, &p, key("a", "2"), fresh); got == pooled {
		t.Fatal("the old connection was given out for a new version")
	}
	if old.closed.Load() {
		t.Fatal("closed under a running query")
	}
	close(old.gate)
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	if !old.closed.Load() || fresh.closed.Load() {
		t.Errorf("old closed %v, new closed %v", old.closed.Load(), fresh.closed.Load())
	}
	if _, err := pooled.Query(t.Context(), &sqlguard.Statement{}, database.Limit{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("query on a closed connection: %v", err)
	}
}

// TestStuckWorkKeepsItsPool lets a connection idle whose server still works for
// calls that are over: closing it would give their places away, and so let five
// more pile up in the server every five minutes.
func TestStuckWorkKeepsItsPool(t *testing.T) {
	c, conn := new(clock), new(fakeConn)
	p := &database.Pools{Now: c.now}
	mustGet(t, p, key("a", "1"), conn)
	conn.stuck.Store(1)
	c.advance(time.Hour)
	if p.CloseIdle(); conn.closed.Load() {
		t.Error("closed although the server still works")
	}
	conn.stuck.Store(0)
	if p.CloseIdle(); !conn.closed.Load() {
		t.Error("not closed although the work has ended")
	}
}

func TestPoolsClose(t *testing.T) {
	tests := []struct {
		name  string
		close func(*database.Pools, *clock)
		want  bool
	}{
		{"dropped", func(p *database.Pools, _ *clock) { p.Drop("t", "a") }, true},
		{"other tenant dropped", func(p *database.Pools, _ *clock) { p.Drop("u", "a") }, false},
		{"idle", func(p *database.Pools, c *clock) { c.advance(5 * time.Minute); p.CloseIdle() }, true},
		{"not idle yet", func(p *database.Pools, c *clock) { c.advance(5*time.Minute - 1); p.CloseIdle() }, false},
		{"all closed", func(p *database.Pools, _ *clock) { _ = p.Close() }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, conn := new(clock), new(fakeConn)
			p := &database.Pools{Now: c.now}
			mustGet(t, p, key("a", "1"), conn)
			tt.close(p, c)
			if conn.closed.Load() != tt.want {
				t.Errorf("closed %v, want %v", conn.closed.Load(), tt.want)
			}
		})
	}
}

func TestPoolsRefuseAfterClose(t *testing.T) {
	var p database.Pools
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Get(t.Context(), key("a", "1"), opening(&fakeConn{})); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestPoolsAreBounded(t *testing.T) {
	c := new(clock)
	p := &database.Pools{Now: c.now, Max: 2}
	conns := map[string]*fakeConn{"a": {}, "b": {}, "c": {}}
	for _, id := range []string{"a", "b", "a", "c"} {
		c.advance(time.Second)
		mustGet(t, p, key(id, "1"), conns[id])
	}
	if p.Len() != 2 || conns["a"].closed.Load() || !conns["b"].closed.Load() || conns["c"].closed.Load() {
		t.Errorf("%d open; closed: a %v, b %v, c %v", p.Len(), conns["a"].closed.Load(), conns["b"].closed.Load(), conns["c"].closed.Load())
	}
}

func TestPoolsOpenFails(t *testing.T) {
	var p database.Pools
	boom := errors.New("boom")
	tests := map[string]func(context.Context) (database.Conn, error){
		"error": func(context.Context) (database.Conn, error) { return nil, boom },
		"panic": func(context.Context) (database.Conn, error) { panic("boom") },
	}
	for name, open := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := p.Get(t.Context(), key("a", "1"), open); err == nil {
				t.Fatal("no error")
			}
			mustGet(t, &p, key(name, "1"), &fakeConn{})
		})
	}
}

func TestSchemaIsReadOnceAndKept(t *testing.T) {
	c := new(clock)
	p := &database.Pools{Now: c.now}
	conn := &fakeConn{}
	pooled := mustGet(t, p, key("a", "1"), conn)
	describe := func() {
		t.Helper()
		if _, err := pooled.Describe(t.Context(), database.SchemaQuery{}); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		name string
		do   func()
		want int32
	}{
		{"first", func() {}, 1},
		{"cached", func() { c.advance(5*time.Minute - 1) }, 1},
		{"too old", func() { c.advance(1) }, 2},
		{"after a query", func() { _, _ = pooled.Query(t.Context(), &sqlguard.Statement{}, database.Limit{}) }, 2},
		{"after an unknown table", func() {
			conn.err = database.QueryFault("no such table: x", true, errors.New("no such table: x"))
			_, _ = pooled.Query(t.Context(), &sqlguard.Statement{}, database.Limit{})
		}, 3},
	}
	for _, s := range steps {
		s.do()
		describe()
		if got := conn.schemas.Load(); got != s.want {
			t.Errorf("%s: catalogue read %d times, want %d", s.name, got, s.want)
		}
	}
}

// TestSchemaReadIsShared: who leaves does not end the read for the others; the
// last to leave ends it.
func TestSchemaReadIsShared(t *testing.T) {
	for name, stay := range map[string]bool{"one stays": true, "nobody stays": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p database.Pools
				conn := &fakeConn{entered: make(chan struct{}, 2), gate: make(chan struct{})}
				pooled := mustGet(t, &p, key("a", "1"), conn)
				first, leaveFirst := readSchema(t, pooled)
				synctest.Wait()
				second, leaveSecond := readSchema(t, pooled)
				synctest.Wait()

				leaveFirst()
				if err := <-first; !fault.Is(err, fault.Canceled) {
					t.Errorf("the caller who left got %v", err)
				}
				if !stay {
					leaveSecond()
				} else {
					close(conn.gate)
				}
				if err := <-second; (err == nil) != stay {
					t.Errorf("the second caller got %v", err)
				}
				synctest.Wait()
				if p.Drop("t", "a"); !conn.closed.Load() {
					t.Error("the read still runs")
				}
				if n := conn.schemas.Load(); n != 1 {
					t.Errorf("the catalogue was read %d times", n)
				}
			})
		})
	}
}

// TestSchemaIsReadAnew: a read that was given up is no answer for who comes
// next.
func TestSchemaIsReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p database.Pools
		conn := &fakeConn{entered: make(chan struct{}, 2), gate: make(chan struct{})}
		pooled := mustGet(t, &p, key("a", "1"), conn)
		first, leave := readSchema(t, pooled)
		<-conn.entered
		leave()
		<-first
		second, _ := readSchema(t, pooled)
		<-conn.entered
		close(conn.gate)
		if err := <-second; err != nil {
			t.Error(err)
		}
	})
}

// readSchema asks for the schema until leave is called.
func readSchema(t *testing.T, c *database.Pooled) (result <-chan error, leave func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := c.Schema(ctx)
		done <- err
	}()
	return done, cancel
}

func TestPoolsUsageIsTheSum(t *testing.T) {
	var p database.Pools
	mustGet(t, &p, key("a", "1"), &fakeConn{})
	mustGet(t, &p, key("b", "1"), &fakeConn{})
	if got, want := p.Usage(), (database.Usage{Open: 6, InUse: 4, Waiting: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	p.Drop("t", "a")
	p.Drop("t", "b")
	if got := p.Usage(); got != (database.Usage{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

func BenchmarkDescribeCached(b *testing.B) {
	var p database.Pools
	pooled, err := p.Get(b.Context(), key("a", "1"), opening(&fakeConn{}))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := pooled.Describe(b.Context(), database.SchemaQuery{}); err != nil {
			b.Fatal(err)
		}
	}
}
