package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// deafSQL makes a function that runs for so many seconds whatever is asked of
// it, as PostgreSQL does inside of one long step, and takes no processor time.
// The outer blocks hear what comes while the inner ones begin or end: cancels
// and the end of the statement's time come close together.
const deafSQL = `CREATE FUNCTION deaf(seconds float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE until timestamptz := clock_timestamp() + seconds * interval '1 second';
BEGIN
	WHILE clock_timestamp() < until LOOP BEGIN
		WHILE clock_timestamp() < until LOOP BEGIN
			WHILE clock_timestamp() < until LOOP BEGIN
				PERFORM pg_sleep(0.05 + extract(epoch FROM until - clock_timestamp()));
			EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP;
		EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP;
	EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP;
	RETURN 'done';
END $$`

// working counts the statements of this test that the server is at, without
// the pool's own looks at them.
func (s *server) working(t testing.TB) string {
	return mustExec(t, s.admin, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query NOT LIKE '%pg_stat_activity%' AND usename = '"+s.reader+"'")
}

func (s *server) makeDeaf(t testing.TB) {
	t.Helper()
	mustExec(t, s.admin, deafSQL)
	t.Cleanup(func() { until(t, func() bool { return s.working(t) == "0" }) })
}

// connectAll has the pool make all its connections, because making one counts
// against a statement's time.
func connectAll(t *testing.T, conn database.Conn) {
	t.Helper()
	var all sync.WaitGroup
	for range database.MaxOpenConns {
		all.Go(func() {
			if _, err := conn.Query(testContext(t), statement("SELECT pg_sleep(0.3)"), database.Limit{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestStuckWorkKeepsItsPlace: a statement that the server cannot end keeps its
// place until it ends, while its caller is answered.
func TestStuckWorkKeepsItsPlace(t *testing.T) {
	for _, by := range []string{"direct", "transaction"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			address := s.readerConn
			if by != "direct" {
				address = s.through(s.pooler(t, by, 10), s.readerConn)
			}
			conn := s.open(t, address)
			s.makeDeaf(t)
			connectAll(t, conn)
			done := make(chan error, database.MaxOpenConns)
			started := time.Now()
			for range database.MaxOpenConns {
				go func() {
					_, err := conn.Query(testContext(t), statement("SELECT deaf(18)"), database.Limit{Timeout: 2 * time.Second})
					done <- err
				}()
			}
			for range database.MaxOpenConns {
				err := <-done
				if !fault.Is(err, fault.Timeout) || publicOf(err) != "query timed out; the server is still working on it" {
					t.Errorf("Query = %v, want a timeout that tells of the server's work", err)
				}
			}
			if took := time.Since(started); took > 15*time.Second {
				t.Errorf("the callers waited %s", took)
			}
			stuck := database.Usage{Open: database.MaxOpenConns, InUse: database.MaxOpenConns, Stuck: database.MaxOpenConns}
			until(t, func() bool { return conn.Usage() == stuck })
			if n := s.working(t); n != "5" {
				t.Fatalf("%s statements run, want 5", n)
			}
			_, err := conn.Query(testContext(t), statement("SELECT 1 AS v"), database.Limit{})
			want := "5 of 5 connections are held by statements that the server has not ended yet; try again later"
			if !fault.Is(err, fault.Unavailable) || publicOf(err) != want {
				t.Errorf("another call: %v, want %q", err, want)
			}
			s.untilRecovered(t, conn)
		})
	}
}

// untilRecovered waits until a call is served again, and looks that no place
// came free before the server had ended its work.
func (s *server) untilRecovered(t testing.TB, conn database.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for {
		table, err := conn.Query(ctx, statement("SELECT 1 AS v"), database.Limit{})
		if err == nil && string(table.AppendRows(nil)) == `[{"v":1}]` {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("never recovered: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if n := s.working(t); n == "5" {
		t.Error("a place came free while all five statements ran")
	}
	until(t, func() bool { return conn.Usage().Stuck == 0 })
}

// TestStuckWorkRefusesWhoWaits: a call that waits for a place hears that none
// will come free soon.
func TestStuckWorkRefusesWhoWaits(t *testing.T) {
	t.Parallel()
	s := start(t)
	conn := s.open(t, s.readerConn)
	s.makeDeaf(t)
	connectAll(t, conn)
	done := make(chan error, database.MaxOpenConns+1)
	for range database.MaxOpenConns {
		go func() {
			_, err := conn.Query(testContext(t), statement("SELECT deaf(18)"), database.Limit{Timeout: 2 * time.Second})
			done <- err
		}()
	}
	until(t, func() bool { return s.working(t) == "5" })
	go func() {
		_, err := conn.Query(testContext(t), statement("SELECT 1 AS v"), database.Limit{})
		done <- err
	}()
	refused := 0
	for range database.MaxOpenConns + 1 {
		if strings.Contains(publicOf(<-done), "held by statements") {
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d calls heard that all places are held, want 1", refused)
	}
	// Closing does not wait for the server's work.
	started := time.Now()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("Close took %s", took)
	}
}

// TestStuckInOneStep is the same with a step of PostgreSQL's own.
func TestStuckInOneStep(t *testing.T) {
	t.Parallel()
	s := start(t)
	conn := s.open(t, s.readerConn)
	const step = "SELECT length(translate(repeat('z', %d), repeat('a', 200000), '')) AS v"
	const about, probe = 8 * time.Second, 2000
	started := time.Now()
	mustExec(t, s.admin, fmt.Sprintf(step, probe))
	size := int(probe * float64(about) / float64(time.Since(started)))
	t.Cleanup(func() { until(t, func() bool { return s.working(t) == "0" }) })
	_, err := conn.Query(testContext(t), statement(fmt.Sprintf(step, size)), database.Limit{Timeout: 2 * time.Second})
	if !fault.Is(err, fault.Timeout) {
		t.Errorf("Query = %v, want a timeout", err)
	}
	until(t, func() bool { return s.working(t) == "0" || conn.Usage().Stuck == 1 })
	if got := mustQuery(t, conn, "SELECT 1 AS v"); got != `[{"v":1}]` {
		t.Errorf("another call meanwhile: %s", got)
	}
	until(t, func() bool { return conn.Usage().Stuck == 0 })
	if n := s.working(t); n != "0" {
		t.Errorf("the place came free while %s statements ran", n)
	}
}
