package mysql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// sessionState is all that can be seen of the session that the next statement
// of a Conn gets. The guard of conn accepts everything.
func sessionState(t *testing.T, s *server, conn database.Conn) string {
	t.Helper()
	show := func(sql string) string {
		table, err := conn.Query(t.Context(), statement(sql), database.Limit{})
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return string(table.AppendRows(nil))
	}
	var b strings.Builder
	for row := range strings.SplitSeq(show("SHOW SESSION VARIABLES"), "},{") {
		if !slices.ContainsFunc([]string{`"timestamp"`, `"rand_seed`, `"pseudo_thread_id"`, `"error_count"`, `"warning_count"`, `"gtid_`, `"last_gtid"`, `"statement_id"`},
			func(volatile string) bool { return strings.Contains(row, volatile) }) {
			fmt.Fprintln(&b, row)
		}
	}
	fmt.Fprintln(&b, show("SELECT CONNECTION_ID() AS id, DATABASE() AS db, LAST_INSERT_ID() AS last, @mcpgw AS v, ABS(UNIX_TIMESTAMP() - UNIX_TIMESTAMP(SYSDATE())) < 5 AS now"))
	for _, name := range []string{"a", "x", "mcpgw"} {
		fmt.Fprintln(&b, name, mustExec(t, s.admin, "SELECT IS_USED_LOCK('"+name+"')"))
	}
	if _, err := conn.Query(t.Context(), statement("SELECT * FROM mcpgw_temporary"), database.Limit{}); err == nil {
		fmt.Fprintln(&b, "a temporary table")
	}
	fmt.Fprintln(&b, mustExec(t, s.admin, "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id IN "+
		"(SELECT id FROM information_schema.processlist WHERE user = '"+s.owner+"')"))
	return b.String()
}

// TestSessionsGoBackClean runs every accepted statement and compares the state
// of its session before and after.
func TestSessionsGoBackClean(t *testing.T) {
	t.Chdir("../../sqlguard/mysql") // where the corpora are looked for
	everyServer(t, func(t *testing.T, s *server) {
		for _, sql := range sqlguardtest.Split(sqlguardtest.Text(t, "mysql", "fixture.sql")) {
			_, _ = s.admin.Exec(sql) // one or another is for the other product
		}
		g, file := guard.New(guard.MySQL), "accept_mysql8.sql"
		if s.mariadb {
			g, file = guard.New(guard.MariaDB), "accept_mariadb.sql"
		}
		conn := open(t, s.ownerConn)
		before := sessionState(t, s, conn)
		ran := 0
		for _, c := range slices.Concat(sqlguardtest.Load(t, "mysql", "accept.sql"), sqlguardtest.Load(t, "mysql", file)) {
			stmt, err := g.Check(c.SQL)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: stmt.SQL}, database.Limit{}); err == nil {
				ran++
			}
			if ran%10 == 0 {
				if diff := cmp.Diff(before, sessionState(t, s, conn)); diff != "" {
					t.Fatalf("at the latest after %s:\n%s", c.SQL, diff)
				}
			}
		}
		if diff := cmp.Diff(before, sessionState(t, s, conn)); diff != "" {
			t.Errorf("at the end:\n%s", diff)
		}
		if ran < 200 {
			t.Errorf("only %d statements ran", ran)
		}
	})
}

// TestSessionsGoBackCleanFromFunctions: a function that an administrator has
// listed may do anything to its session; the next statement sees none of it.
func TestSessionsGoBackCleanFromFunctions(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		writable := "tx_read_only"
		if !s.mariadb {
			writable = "transaction_read_only"
		}
		for _, sql := range []string{
			"CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1)",
			"CREATE FUNCTION f_locks() RETURNS INT RETURN GET_LOCK('mcpgw', 0)",
			"CREATE FUNCTION f_fails() RETURNS INT BEGIN DO GET_LOCK('mcpgw', 0); SIGNAL SQLSTATE '45000'; RETURN 1; END",
			"CREATE FUNCTION f_sets() RETURNS INT BEGIN SET @mcpgw = 1; SET SESSION sql_mode = 'ANSI_QUOTES'; SET SESSION " + writable +
				" = 0; SET SESSION sql_select_limit = 1; SET SESSION max_sort_length = 8; SET timestamp = 5; SET NAMES latin1; RETURN 1; END",
			"CREATE FUNCTION f_makes() RETURNS INT BEGIN CREATE TEMPORARY TABLE mcpgw_temporary (id INT PRIMARY KEY AUTO_INCREMENT) ENGINE = MEMORY; " +
				"INSERT INTO mcpgw_temporary VALUES (NULL); RETURN 1; END",
			"CREATE VIEW v AS SELECT f_locks() AS l FROM t",
		} {
			mustExec(t, s.admin, sql)
		}
		s.showBodies(t)
		all, err := openGuarded(t, s.ownerConn, localEnv()).Functions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		env := allowing()
		for _, f := range all {
			env.Rules.AllowedFunctions = append(env.Rules.AllowedFunctions, listed(f))
		}
		conn := openWith(t, sharedGuard{db: s.db}, s.ownerConn, env)
		before := sessionState(t, s, conn)
		for _, sql := range []string{
			"SELECT f_locks()", "SELECT * FROM v", "SELECT f_sets()", "SELECT f_makes()", "SELECT f_fails()",
			"SELECT 1 WHERE f_locks() = 1 AND f_sets() = 1", "SELECT * FROM (SELECT l FROM v LIMIT 1) x",
		} {
			stmt, err := checked(env, sql)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Query(t.Context(), stmt, database.Limit{}); err != nil {
				t.Logf("%s: %v", sql, err)
			}
			if diff := cmp.Diff(before, sessionState(t, s, conn)); diff != "" {
				t.Errorf("after %s:\n%s", sql, diff)
			}
		}
		if got := mustExec(t, s.admin, "SELECT IS_USED_LOCK('mcpgw')"); got != "" {
			t.Errorf("the lock is held by %s", got)
		}
	})
}

// sharedGuard accepts everything, and says of a statement that calls the test's
// functions what the guard would say.
type sharedGuard struct {
	openGuard
	db string
}

func (g sharedGuard) Check(sql string) (*sqlguard.Statement, error) {
	names := []string{g.db + ".f_locks", g.db + ".f_sets", g.db + ".f_makes", g.db + ".f_fails"}
	if stmt, err := guard.New(guard.MySQL).Allowing(names).Check(sql); err == nil {
		return stmt, nil
	}
	return &sqlguard.Statement{SQL: sql}, nil
}

func (g sharedGuard) Allowing([]string) sqlguard.Guard { return g }
