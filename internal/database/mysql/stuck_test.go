package mysql_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// deafServer never answers SELECT hang, takes every KILL and lists the killed
// session until it is told that the work is over.
func deafServer(t *testing.T, over *atomic.Bool) *fakeServer {
	return fake(t, func(p *peer) {
		if !p.login() {
			return
		}
		p.serve(func(sql string) {
			switch {
			case sql == "SELECT hang":
			case strings.HasPrefix(sql, "KILL"):
				p.send(okPacket)
			case sql == "SHOW PROCESSLIST" && !over.Load():
				p.result("1", "u")
			default:
				p.result("2", "u")
			}
		})
	})
}

// TestStuckWorkKeepsItsPlace: a statement that the server does not end keeps
// its place in the pool until it ends, while its caller is answered; when all
// places are kept, callers are told, those who wait too.
func TestStuckWorkKeepsItsPlace(t *testing.T) {
	var over atomic.Bool
	conn := open(t, deafServer(t, &over).url())
	failures := make(chan error, database.MaxOpenConns+1)
	hang := func(timeout time.Duration) {
		_, err := conn.Query(t.Context(), statement("SELECT hang"), database.Limit{Timeout: timeout})
		failures <- err
	}
	for range database.MaxOpenConns {
		go hang(50 * time.Millisecond)
	}
	eventually(t, "all places are in use", func() bool { return conn.Usage().InUse == database.MaxOpenConns })
	go hang(time.Minute) // waits for a place
	const refused = "5 of 5 connections are held by statements that the server has not ended yet; try again later"
	told := map[string]int{}
	for range database.MaxOpenConns + 1 {
		err := <-failures
		told[fault.Of(err).Public]++
		if kind := fault.Of(err).Kind; kind != fault.Timeout && kind != fault.Unavailable {
			t.Errorf("Query = %v", err)
		}
	}
	if told["query timed out; the server is still working on it"] != database.MaxOpenConns || told[refused] != 1 {
		t.Errorf("told: %v", told)
	}
	want := database.Usage{Open: database.MaxOpenConns, InUse: database.MaxOpenConns, Stuck: database.MaxOpenConns}
	if got := conn.Usage(); got != want {
		t.Errorf("Usage = %+v, want %+v", got, want)
	}
	if _, err := conn.Query(t.Context(), statement("SELECT 1"), database.Limit{}); !fault.Is(err, fault.Unavailable) || fault.Of(err).Public != refused {
		t.Errorf("Query = %v", err)
	}
	over.Store(true)
	eventually(t, "the places come back", func() bool { return conn.Usage().Stuck == 0 })
	if got := mustQuery(t, conn, "SELECT 1"); got == "" {
		t.Error("no result after the work has ended")
	}
	if got := conn.Usage(); got.InUse != 0 {
		t.Errorf("Usage = %+v", got)
	}
}

// TestCloseWithStuckWork: Close does not wait for the server.
func TestCloseWithStuckWork(t *testing.T) {
	var over atomic.Bool
	conn := open(t, deafServer(t, &over).url())
	if _, err := conn.Query(t.Context(), statement("SELECT hang"), database.Limit{Timeout: 50 * time.Millisecond}); !fault.Is(err, fault.Timeout) {
		t.Errorf("Query = %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// TestServerDeafToKill: MariaDB does not notice a KILL within one function.
func TestServerDeafToKill(t *testing.T) {
	s := start(t)
	conn := open(t, s.ownerConn)
	_, err := conn.Query(t.Context(), statement("SELECT LENGTH(REPLACE(REPEAT('a', 300000), CONCAT(REPEAT('a', 20000), 'b'), ''))"),
		database.Limit{Timeout: 200 * time.Millisecond})
	if !fault.Is(err, fault.Timeout) {
		t.Fatalf("Query = %v", err)
	}
	running := func() bool { return s.processes(t, "info LIKE '%REPEAT%'") != "" }
	if stuck := conn.Usage().Stuck; (stuck == 1) != running() && running() {
		t.Errorf("%d places are stuck while the server works", stuck)
	}
	if got := mustQuery(t, conn, "SELECT 1 AS v"); got != `[{"v":1}]` {
		t.Errorf("beside the stuck statement: %s", got)
	}
	eventually(t, "the work ends", func() bool { return !running() })
	eventually(t, "the place comes back", func() bool { return conn.Usage().Stuck == 0 && conn.Usage().InUse == 0 })
}

// TestKilledStatementsAreNotStuck: the usual statement ends with its KILL, and
// its place is free at once.
func TestKilledStatementsAreNotStuck(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		conn := open(t, s.ownerConn)
		_, err := conn.Query(t.Context(), statement("SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c"), database.Limit{Timeout: 100 * time.Millisecond})
		if got := fault.Of(err).Public; !fault.Is(err, fault.Timeout) || got != "query timed out" {
			t.Errorf("Query = %v", err)
		}
		if got := conn.Usage(); got.Stuck != 0 || got.InUse != 0 {
			t.Errorf("Usage = %+v", got)
		}
	})
}
