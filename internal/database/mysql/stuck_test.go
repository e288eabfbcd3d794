package mysql_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// deafServer never answers SELECT hang, takes every KILL and lists the killed
// session until it is told that the work is over.
type deafServer struct {
	*fakeServer
	hanging atomic.Int32
	over    atomic.Bool
}

func newDeafServer(t *testing.T) *deafServer {
	d := &deafServer{}
	d.fakeServer = fake(t, func(p *peer) {
		if !p.login() {
			return
		}
		p.serve(func(sql string) {
			switch {
			case sql == "SELECT hang":
				d.hanging.Add(1)
			case strings.HasPrefix(sql, "KILL"):
				p.send(okPacket)
			case sql == "SHOW PROCESSLIST" && !d.over.Load():
				p.result("1", "u")
			default:
				p.result("2", "u")
			}
		})
	})
	return d
}

// TestStuckWorkKeepsItsPlace: a statement that the server does not end keeps
// its place in the pool until it ends, while its caller is answered; when all
// places are kept, callers are told, those who wait too.
func TestStuckWorkKeepsItsPlace(t *testing.T) {
	server := newDeafServer(t)
	conn := open(t, server.url())
	failures := make(chan error, database.MaxOpenConns+1)
	hang := func(ctx context.Context) {
		_, err := conn.Query(ctx, statement("SELECT hang"), database.Limit{Timeout: 10 * time.Minute})
		failures <- err
	}
	ctx, cancel := context.WithCancel(t.Context())
	for range database.MaxOpenConns {
		go hang(ctx)
	}
	eventually(t, "the server works", func() bool { return server.hanging.Load() == database.MaxOpenConns })
	go hang(t.Context())
	eventually(t, "another call waits", func() bool { return conn.Usage().Waiting == 1 })
	cancel()
	const refused = "5 of 5 connections are held by statements that the server has not ended yet; try again later"
	told := map[string]int{}
	for range database.MaxOpenConns + 1 {
		told[fault.Of(<-failures).Public]++
	}
	if told["query was cancelled; the server is still working on it"] != database.MaxOpenConns || told[refused] != 1 {
		t.Errorf("told: %v", told)
	}
	want := database.Usage{Open: database.MaxOpenConns, InUse: database.MaxOpenConns, Stuck: database.MaxOpenConns}
	if got := conn.Usage(); got != want {
		t.Errorf("Usage = %+v, want %+v", got, want)
	}
	if _, err := conn.Query(t.Context(), statement("SELECT 1"), database.Limit{}); !fault.Is(err, fault.Unavailable) || fault.Of(err).Public != refused {
		t.Errorf("Query = %v", err)
	}
	server.over.Store(true)
	eventually(t, "the places come back", func() bool { return conn.Usage() == database.Usage{} })
	if got := mustQuery(t, conn, "SELECT 1"); got == "" {
		t.Error("no result after the work has ended")
	}
}

// TestCloseWithStuckWork: Close does not wait for the server, and the caller is
// told in the words of a timeout.
func TestCloseWithStuckWork(t *testing.T) {
	server := newDeafServer(t)
	conn := open(t, server.url())
	mustQuery(t, conn, "SELECT 1") // so that the session is there
	_, err := conn.Query(t.Context(), statement("SELECT hang"), database.Limit{Timeout: time.Second})
	if !fault.Is(err, fault.Timeout) || server.hanging.Load() == 1 && fault.Of(err).Public != "query timed out; the server is still working on it" {
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
	if stuck := conn.Usage().Stuck; running() && stuck == 0 {
		t.Error("the place is free while the server works")
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
