package mysql_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

const connectionID = "SELECT CONNECTION_ID() AS id"

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		}
	}
}

// TestCutKeepsSmallRests: what is left of a cut result is read when it is
// small; otherwise the session ends, in the server too.
func TestCutKeepsSmallRests(t *testing.T) {
	s := start(t)
	conn := open(t, s.ownerConn)
	id := mustQuery(t, conn, connectionID)
	limited := func(sql string, l database.Limit, rows int, cut tool.Cut) {
		t.Helper()
		table, err := conn.Query(t.Context(), statement(sql), l)
		if err != nil || table.Len() != rows || table.Cut() != cut {
			t.Fatalf("%s: %d rows, cut %q, %v", sql, table.Len(), table.Cut(), err)
		}
	}
	limited("SELECT seq FROM seq_1_to_1000000", database.Limit{Rows: 10}, 10, tool.RowLimit)
	limited("SELECT seq FROM seq_1_to_1000000 LIMIT 50", database.Limit{Rows: 10}, 10, tool.RowLimit)
	limited("SELECT REPEAT('x', 90) FROM seq_1_to_20", database.Limit{Bytes: 1000}, 8, tool.ByteCut)
	if got := mustQuery(t, conn, connectionID); got != id {
		t.Errorf("a small rest cost the session: %s, then %s", id, got)
	}
	limited("SELECT seq FROM seq_1_to_1000000 LIMIT 1000000", database.Limit{Rows: 10}, 10, tool.RowLimit)
	if got := mustQuery(t, conn, connectionID); got == id {
		t.Error("a million rows were read over")
	}
	// The server sends 16 KiB at a time; the rest would take for ever.
	limited("SELECT REPEAT('x', 988) AS t, SLEEP(seq > 40) AS s FROM seq_1_to_100000", database.Limit{Bytes: 20_000}, 19, tool.ByteCut)
	eventually(t, "the statements end in the server", func() bool { return s.processes(t, "info LIKE '%seq_1_to_100000%'") == "" })
}

// TestKillOfAnAddress: the server's address is allowed by its name only, while
// a KILL goes to the address that answered.
func TestKillOfAnAddress(t *testing.T) {
	s := start(t)
	policy, err := egress.ParseLists(nil, []string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	env := database.Env{Dialer: egress.NewDialer(policy, 0)}
	_, port, err := net.SplitHostPort(s.host)
	if err != nil {
		t.Fatal(err)
	}
	target, err := dialect().Parse(strings.Replace(s.ownerConn, s.host, "localhost:"+port, 1), env)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialect().Open(target, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := conn.Query(ctx, statement(slowQuery), database.Limit{}); !fault.Is(err, fault.Timeout) {
		t.Errorf("Query = %v", err)
	}
	eventually(t, "the statement ends", func() bool { return s.processes(t, "TRUE") == "" })
}

// TestKillOfAnotherServer: behind an address that several servers share, the
// number of the session is somebody else's on all but one.
func TestKillOfAnotherServer(t *testing.T) {
	var logins, kills atomic.Int32
	running := make(chan struct{})
	server := fake(t, func(p *peer) {
		if !p.login() {
			return
		}
		n := logins.Add(1)
		p.serveAs(fmt.Sprintf("replica%d:3306:1", n), func(sql string) {
			if strings.HasPrefix(sql, "KILL") {
				kills.Add(1)
				p.send(okPacket)
				return
			}
			close(running) // and never answers
		})
	})
	conn := open(t, server.url())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-running
		cancel()
	}()
	if _, err := conn.Query(ctx, statement("SELECT 1"), database.Limit{}); !fault.Is(err, fault.Canceled) {
		t.Errorf("Query = %v", err)
	}
	if logins.Load() != 2 || kills.Load() != 0 {
		t.Errorf("%d logins, %d kills", logins.Load(), kills.Load())
	}
}

// TestCloseStopsTheServer: closing ends running statements in the server.
func TestCloseStopsTheServer(t *testing.T) {
	s := start(t)
	conn := open(t, s.ownerConn)
	done := make(chan error, 1)
	go func() {
		_, err := conn.Query(context.Background(), statement(slowQuery), database.Limit{})
		done <- err
	}()
	eventually(t, "the statement runs", func() bool { return s.processes(t, "info LIKE '%seq_1_to_1000000 b%'") != "" })
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !fault.Is(err, fault.Unavailable) {
		t.Errorf("Query = %v", err)
	}
	eventually(t, "the sessions end", func() bool { return s.processes(t, "TRUE") == "" })
}

// TestSessionsArePinned: what one statement changes does not reach the next.
func TestSessionsArePinned(t *testing.T) {
	s := start(t)
	conn := open(t, s.ownerConn)
	const settings = "SELECT CONCAT_WS(' ', @@sql_mode, @@autocommit, @@tx_read_only, @@lock_wait_timeout, " +
		"@@max_statement_time, @@character_set_client, @@character_set_results, @@completion_type, @@sql_select_limit) AS v"
	const want = `[{"v":"STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION ON ON 5 30.000000 utf8mb4 utf8mb4 NO_CHAIN 10001"}]`
	for _, sql := range []string{
		"SELECT 1",
		"SET SESSION sql_mode = 'ANSI'",
		"SET SESSION TRANSACTION READ WRITE",
		"SET SESSION max_statement_time = 0",
		"SET NAMES latin1",
		"SET completion_type = 1",
	} {
		if _, err := conn.Query(t.Context(), statement(sql), database.Limit{}); err == nil && sql != "SELECT 1" {
			t.Errorf("%s: no error", sql)
		}
		if got := mustQuery(t, conn, settings); got != want {
			t.Errorf("after %s:\n got %s\nwant %s", sql, got, want)
		}
	}
	// Other limits hold for one statement.
	table, err := conn.Query(t.Context(), statement("SELECT @@sql_select_limit, @@max_statement_time"), database.Limit{Rows: 2, Timeout: 1500 * time.Millisecond})
	if err != nil || string(table.AppendRows(nil)) != `[{"@@sql_select_limit":3,"@@max_statement_time":1.5}]` {
		t.Errorf("limits: %s, %v", table.AppendRows(nil), err)
	}
	if got := mustQuery(t, conn, settings); got != want {
		t.Errorf("after other limits: %s", got)
	}
}

// TestSeveralResults: a procedure may return more than one.
func TestSeveralResults(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, "CREATE PROCEDURE two() BEGIN SELECT 1 AS a; SELECT 2 AS b; END")
	conn := open(t, s.ownerConn)
	_, err := conn.Query(t.Context(), statement("CALL two()"), database.Limit{})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("CALL = %v", err)
	}
	if got := mustQuery(t, conn, "SELECT 3 AS c"); got != `[{"c":3}]` {
		t.Errorf("next statement: %s", got)
	}
}

// TestErrorTextsAreScrubbed: the server's texts name the gateway's own host.
func TestErrorTextsAreScrubbed(t *testing.T) {
	s := start(t)
	conn := open(t, s.readerConn)
	for sql, want := range map[string]string{
		"SELECT * FROM mysql.global_priv":         "@<host>",
		"SELECT LOAD_FILE('/etc/passwd') FROM no": "doesn't exist (error 1146)",
		"SELECT FROM": "You have an error in your SQL syntax",
	} {
		_, err := conn.Query(t.Context(), statement(sql), database.Limit{})
		text := fault.Of(err).Public
		if !strings.Contains(text, want) || strings.Contains(text, "localhost") || strings.Contains(text, "127.0.0.1") {
			t.Errorf("%s: %q, want %q", sql, text, want)
		}
	}
}

// TestTemporaryFilesAreScrubbed: a temporary table that grows too large is
// named by its file.
func TestTemporaryFilesAreScrubbed(t *testing.T) {
	server := fake(t, func(p *peer) {
		if p.login() {
			p.serve(func(string) {
				p.send("\xff\x5a\x04#HY000The table '/srv/tmp/#sql-temptable-18a5-1065-1131.MAI' is full")
			})
		}
	})
	_, err := open(t, server.url()).Query(t.Context(), statement("SELECT 1"), database.Limit{})
	if got := public(err); got != "The table '<temporary table>' is full (error 1114)" {
		t.Errorf("Query = %q", got)
	}
}

// TestFunctionsOfTheOtherFamily: both families' functions pass the dialect's
// guard; the server's own family decides before a statement is sent.
func TestFunctionsOfTheOtherFamily(t *testing.T) {
	s := start(t)
	d := mysql.New(guard.New(guard.MySQL), guard.New(guard.MariaDB))
	target, err := d.Parse(s.readerConn, localEnv())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := d.Open(target, localEnv())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for sql, want := range map[string]string{
		"SELECT NVL(NULL, 2) AS v":  "",
		"SELECT UPPER('a') AS v":    "",
		"SELECT ANY_VALUE(1) AS v":  "Function not allowed: any_value",
		"SELECT IS_UUID('a') AS v":  "Function not allowed: is_uuid",
		"SELECT SLEEP(1) AS v":      "Function not allowed: sleep",
		"SELECT NO_SUCH_ONE() AS v": "Function not allowed: no_such_one",
	} {
		stmt, err := d.Guard().Check(sql)
		if err == nil {
			_, err = conn.Query(t.Context(), stmt, database.Limit{})
		}
		if got := public(err); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}

func public(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Public
}
