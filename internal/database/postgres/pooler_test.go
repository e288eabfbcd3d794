package postgres_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/pgdirect/pgbouncertest"
)

// pooler starts a PgBouncer in front of the scratch server, with so many
// connections to it, and returns its address. It ends with the test.
func (s *server) pooler(t testing.TB, mode string, size int) (host string) {
	t.Helper()
	return pgbouncertest.Start(t, pgbouncertest.Config{
		Server: s.host, Mode: mode, Size: size,
		Users: map[string]string{s.reader: s.password, s.owner: s.password},
	})
}

// through is the connection string by way of a pooler.
func (s *server) through(host, connString string) string {
	return strings.Replace(connString, "@"+s.host+"/", "@"+host+"/", 1)
}

// neighbour is an application of the same login behind the same pooler. It
// writes, prepares, and looks whether its settings are its own.
type neighbour struct {
	stop     context.CancelFunc
	done     sync.WaitGroup
	rounds   int
	problems []string
}

// neighbourState is what another user of a pooled connection could have left.
const neighbourState = `SELECT concat_ws(' ',
	current_setting('default_transaction_read_only'), current_setting('statement_timeout'), current_setting('lock_timeout'),
	current_setting('jit'), current_setting('work_mem'), current_setting('search_path'), current_setting('DateStyle'),
	current_setting('client_min_messages'), current_setting('idle_in_transaction_session_timeout'),
	(SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors), (SELECT count(*) FROM pg_listening_channels()),
	(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), pg_my_temp_schema())`

func (s *server) neighbour(t testing.TB, host string) *neighbour {
	t.Helper()
	connect := func(host string) *pgconn.PgConn {
		u := url.URL{Scheme: "postgres", User: url.UserPassword(s.owner, s.password), Host: host, Path: s.db, RawQuery: "sslmode=disable"}
		return mustConnect(t, u.String())
	}
	fresh := connect(s.host)
	defer fresh.Close(context.Background())
	want := string(fresh.ExecParams(context.Background(), neighbourState, nil, nil, nil, nil).Read().Rows[0][0])
	c := connect(host)
	mustExec(t, c, "CREATE TABLE IF NOT EXISTS journal (n int)")
	ctx, stop := context.WithCancel(context.Background())
	n := &neighbour{stop: stop}
	n.done.Go(func() {
		defer c.Close(context.Background())
		for ctx.Err() == nil && len(n.problems) < 3 {
			n.round(c, want)
		}
	})
	return n
}

func (n *neighbour) round(c *pgconn.PgConn, want string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	n.rounds++
	if _, err := c.Exec(ctx, "INSERT INTO journal VALUES (1)").ReadAll(); err != nil {
		n.problems = append(n.problems, "INSERT: "+err.Error())
	}
	result := c.ExecParams(ctx, neighbourState, nil, nil, nil, nil).Read()
	if result.Err != nil {
		n.problems = append(n.problems, "state: "+result.Err.Error())
		return
	}
	if got := string(result.Rows[0][0]); got != want {
		n.problems = append(n.problems, "state: "+got+", want "+want)
	}
}

// check ends the application and fails the test for what it has seen.
func (n *neighbour) check(t testing.TB) {
	t.Helper()
	n.stop()
	n.done.Wait()
	for _, problem := range n.problems {
		t.Errorf("the neighbour application: %s", problem)
	}
	if n.rounds == 0 {
		t.Error("the neighbour application did nothing")
	}
}

// TestPoolerCallersGetTheirOwnRows has callers with statements of their own
// share few server connections with an application.
func TestPoolerCallersGetTheirOwnRows(t *testing.T) {
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			s := start(t)
			host := s.pooler(t, mode, 6)
			n := s.neighbour(t, host)
			conn := s.open(t, s.through(host, s.ownerConn))
			var all sync.WaitGroup
			for caller := range 6 {
				all.Go(func() {
					for i := range 100 {
						sql := fmt.Sprintf("SELECT %d AS caller%d, %d AS call, current_setting('transaction_read_only') AS ro", caller, caller, i%7)
						want := fmt.Sprintf(`[{"caller%d":%d,"call":%d,"ro":"on"}]`, caller, caller, i%7)
						table, err := conn.Query(testContext(t), statement(sql), database.Limit{})
						if err != nil {
							t.Error(err)
							return
						}
						if got := string(table.AppendRows(nil)); got != want {
							t.Errorf("got %s, want %s", got, want)
						}
					}
				})
			}
			all.Wait()
			n.check(t)
		})
	}
}

// TestPoolerPoolOfOne: the connection test and a statement of every ending, then
// the application's own INSERT on the very same server connection.
func TestPoolerPoolOfOne(t *testing.T) {
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			s := start(t)
			host := s.pooler(t, mode, 1)
			conn := s.open(t, s.through(host, s.ownerConn))
			if _, err := conn.Probe(testContext(t)); err != nil {
				t.Fatal(err)
			}
			for _, sql := range []string{
				"SELECT 1/0", "SELECT pg_advisory_lock(7)", "SELECT pg_advisory_lock(8), 1/(random()*0)::int",
				"SELECT set_config('statement_timeout', '1', false)", "SELECT nothing", "INSERT INTO nothing VALUES (1)",
				"CREATE TEMP TABLE left_behind (a int)",
			} {
				_, err := conn.Query(testContext(t), statement(sql), database.Limit{})
				if err != nil && !fault.Is(err, fault.Invalid) {
					t.Errorf("%s: %v", sql, err)
				}
			}
			cut, err := conn.Query(testContext(t), statement("SELECT a FROM generate_series(1, 1000000) a, generate_series(1, 1000) b"), database.Limit{Rows: 10})
			if err != nil || cut.Len() != 10 {
				t.Errorf("a result that is cut: %v", err)
			}
			_, err = conn.Query(testContext(t), statement(slowQuery), database.Limit{Timeout: 200 * time.Millisecond})
			if !fault.Is(err, fault.Timeout) {
				t.Errorf("a slow statement: %v, want a timeout", err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			n := s.neighbour(t, host)
			until(t, func() bool { return mustExec(t, s.admin, "SELECT count(*) > 2 FROM journal") == "t" })
			n.check(t)
		})
	}
}

// TestPoolerCancelReachesTheServer: a cancel goes by the key that the pooler
// gave out.
func TestPoolerCancelReachesTheServer(t *testing.T) {
	s := start(t)
	conn := s.open(t, s.through(s.pooler(t, "transaction", 6), s.readerConn))
	ctx, cancel := context.WithCancel(testContext(t))
	done := make(chan error, 1)
	go func() {
		_, err := conn.Query(ctx, statement(slowQuery), database.Limit{})
		done <- err
	}()
	running := func() bool {
		return mustExec(t, s.admin, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND usename = '"+s.reader+"'") != "0"
	}
	until(t, running)
	cancel()
	if err := <-done; !fault.Is(err, fault.Canceled) {
		t.Errorf("Query = %v, want Canceled", err)
	}
	if running() {
		t.Error("the statement still runs")
	}
}

// TestPoolerCancelSparesTheNeighbour: a cancel that is late must not end what
// another application does on the same server connection.
func TestPoolerCancelSparesTheNeighbour(t *testing.T) {
	s := start(t)
	host := s.pooler(t, "transaction", 1)
	n := s.neighbour(t, host)
	conn := s.open(t, s.through(host, s.ownerConn))
	mustQuery(t, conn, "SELECT 1 AS v")
	for i := range 30 {
		_, err := conn.Query(testContext(t), statement("SELECT pg_sleep(0.05)"), database.Limit{Timeout: time.Duration(40+i) * time.Millisecond})
		if err != nil && !fault.Is(err, fault.Timeout) && !fault.Is(err, fault.Unavailable) {
			t.Errorf("Query = %v", err)
		}
	}
	n.check(t)
}

// TestPoolerInStatementMode is refused in words, and leaves nothing behind.
func TestPoolerInStatementMode(t *testing.T) {
	s := start(t)
	host := s.pooler(t, "statement", 2)
	n := s.neighbour(t, host)
	conn := s.open(t, s.through(host, s.ownerConn))
	for range 20 {
		_, err := conn.Probe(testContext(t))
		if public := publicOf(err); !strings.HasPrefix(public, database.ErrStatementPooling+": ") || !strings.Contains(public, "use transaction or session mode") {
			t.Fatalf("Probe = %v, want %q", err, database.ErrStatementPooling)
		}
	}
	n.check(t)
}

// TestPoolerIsRecognised: a session is taken for direct only when it is.
func TestPoolerIsRecognised(t *testing.T) {
	s := start(t)
	const mark = "SELECT count(*) AS n FROM pg_prepared_statements WHERE name LIKE 'mcpgw%'"
	if got := mustQuery(t, s.open(t, s.readerConn), mark); got == `[{"n":0}]` {
		t.Error("a direct connection is not taken for one")
	}
	for name, host := range map[string]string{
		"session mode":     s.pooler(t, "session", 6),
		"transaction mode": s.pooler(t, "transaction", 6),
		// Passes everything through, the keys of cancel requests included.
		"proxy": s.proxy(t),
	} {
		if got := mustQuery(t, s.open(t, s.through(host, s.readerConn)), mark); got != `[{"n":0}]` {
			t.Errorf("%s: taken for a direct connection: %s", name, got)
		}
	}
}

// proxy passes bytes on to the scratch server.
func (s *server) proxy(t testing.TB) (host string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", s.host)
			if err != nil {
				c.Close()
				continue
			}
			for from, to := range map[net.Conn]net.Conn{c: up, up: c} {
				go func() {
					defer to.Close()
					_, _ = to.(*net.TCPConn).ReadFrom(from)
				}()
			}
		}
	}()
	return l.Addr().String()
}
