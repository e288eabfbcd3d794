package postgres_test

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// sessionState is all that a session shows of itself. The statements that the
// gateway prepares are known by their names.
const sessionState = `SELECT
	pg_backend_pid() AS pid,
	(SELECT json_object_agg(name, setting ORDER BY name) FROM pg_settings WHERE source = 'session') AS settings,
	(SELECT json_agg(format('%s %s %s', classid, objid, mode)) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
	(SELECT json_agg(name) FROM pg_prepared_statements WHERE name NOT LIKE 'mcpgw%') AS prepared,
	(SELECT json_agg(name) FROM pg_cursors WHERE name <> '') AS cursors,
	(SELECT json_agg(c) FROM pg_listening_channels() c) AS channels,
	pg_my_temp_schema() AS temporary,
	current_setting('transaction_read_only') AS read_only, current_user AS me, session_user AS login`

// hostileObjects are views whose reading leaves something in the session.
const hostileObjects = `
CREATE FUNCTION leave(what text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE what; RETURN 1; END $$;
CREATE VIEW locks AS SELECT leave('SELECT pg_advisory_lock(4242)') AS n;
CREATE VIEW sharedlocks AS SELECT leave('SELECT pg_advisory_lock_shared(1, 2)') AS n;
CREATE VIEW txlocks AS SELECT leave('SELECT pg_advisory_xact_lock(4243)') AS n;
CREATE VIEW locksandfails AS SELECT leave('SELECT pg_advisory_lock(4244)') / (random() * 0)::int AS n;
CREATE VIEW locksandruns AS SELECT leave('SELECT pg_advisory_lock(4245)') AS n FROM generate_series(1, 100000);
CREATE VIEW sets AS SELECT leave('SET statement_timeout = 0') AS n;
CREATE VIEW setsdefault AS SELECT leave('SET default_transaction_read_only = off') AS n;
CREATE VIEW listens AS SELECT leave('LISTEN everything') AS n;
CREATE VIEW temporary AS SELECT leave('CREATE TEMP TABLE left_behind AS SELECT 1 AS a') AS n;
CREATE VIEW holds AS SELECT leave('DECLARE c CURSOR WITH HOLD FOR SELECT 1') AS n;
CREATE VIEW prepares AS SELECT leave('PREPARE left_behind AS SELECT 1') AS n;
CREATE TABLE guarded (a int); INSERT INTO guarded VALUES (1); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded USING (leave('SELECT pg_advisory_lock(4246)') = 1);
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC`

func hostileViews() []string {
	return []string{"locks", "sharedlocks", "txlocks", "locksandfails", "locksandruns", "sets", "setsdefault", "listens", "temporary", "holds", "guarded"}
}

// readHostile reads a hostile view. The statement names no relation, so that
// nothing but the session stands in its way.
func readHostile(t *testing.T, conn database.Conn, view string) {
	t.Helper()
	_, err := conn.Query(testContext(t), statement("SELECT * FROM "+view), database.Limit{Rows: 10})
	wants := map[string]string{"locksandfails": "division by zero", "temporary": "read-only transaction"}[view]
	if (wants == "") != (err == nil) || !strings.Contains(publicOf(err), wants) {
		t.Errorf("%s: %v", view, err)
	}
}

// TestSessionStaysClean compares a session with itself around every statement
// of the corpus, and around views that leave what they can.
func TestSessionStaysClean(t *testing.T) {
	for _, variable := range servers() {
		t.Run(variable, func(t *testing.T) {
			s := startOn(t, variable)
			mustExec(t, s.admin, corpus(t, "fixture.sql")+";"+hostileObjects)
			conn := s.open(t, s.readerConn)
			clean := mustQuery(t, conn, sessionState)
			for _, sql := range sqlguardtest.Split(corpus(t, "accept.sql")) {
				if _, err := conn.Query(testContext(t), accept(t, sql), database.Limit{}); err != nil && !fault.Is(err, fault.Invalid) {
					t.Errorf("%s: %v", sql, err)
				}
				if got := mustQuery(t, conn, sessionState); got != clean {
					t.Fatalf("after %s:\n%s\nbefore:\n%s", sql, got, clean)
				}
			}
			for _, view := range hostileViews() {
				readHostile(t, conn, view)
				if got := mustQuery(t, conn, sessionState); got != clean {
					t.Errorf("after reading %s:\n%s\nbefore:\n%s", view, got, clean)
				}
			}
		})
	}
}

// TestSessionIsRenewedAfterListedFunctions: PREPARE outlives a rollback, so
// where an administrator has listed functions the session starts anew.
func TestSessionIsRenewedAfterListedFunctions(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, hostileObjects)
	conn := openWith(t, s.readerConn, database.Rules{AllowedFunctions: []database.AllowedFunction{{Signature: "public.leave(text)"}}})
	clean := mustQuery(t, conn, sessionState)
	for _, view := range append(hostileViews(), "prepares") {
		readHostile(t, conn, view)
		if got := mustQuery(t, conn, sessionState); got != clean {
			t.Errorf("after reading %s:\n%s\nbefore:\n%s", view, got, clean)
		}
	}
}

// TestPooledSessionStaysClean has an application look at the one server
// connection that the gateway uses, too.
func TestPooledSessionStaysClean(t *testing.T) {
	for _, mode := range []string{"session", "transaction"} {
		for _, variable := range servers() {
			t.Run(mode+" "+variable, func(t *testing.T) {
				s := startOn(t, variable)
				mustExec(t, s.admin, corpus(t, "fixture.sql")+";"+hostileObjects)
				mustExec(t, s.admin, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC")
				host := s.pooler(t, mode, 1)
				var beside *neighbour
				if mode == "transaction" { // in session mode the one connection is the gateway's
					beside = s.neighbour(t, host)
				}
				conn := s.open(t, s.through(host, s.ownerConn))
				for _, sql := range sqlguardtest.Split(corpus(t, "accept.sql")) {
					if _, err := conn.Query(testContext(t), accept(t, sql), database.Limit{}); err != nil && !fault.Is(err, fault.Invalid) {
						t.Errorf("%s: %v", sql, err)
					}
				}
				for _, view := range hostileViews() {
					readHostile(t, conn, view)
				}
				if beside != nil {
					beside.check(t)
				}
				conn.Close()
				after := s.neighbour(t, host)
				until(t, func() bool { return mustExec(t, s.admin, "SELECT count(*) > 0 FROM journal") == "t" })
				after.check(t)
			})
		}
	}
}
