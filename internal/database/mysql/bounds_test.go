package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// doubling is a statement whose plan doubles with every common table
// expression: without a bound, MariaDB takes gigabytes to plan 22 of them.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("EXPLAIN WITH c0 AS (SELECT 1 AS x)")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, ", c%d AS (SELECT 1 AS x FROM c%d a, c%d b)", i, i-1, i-1)
	}
	fmt.Fprintf(&b, " SELECT * FROM c%d", n-1)
	return b.String()
}

// TestMemoryOfASession: one statement cannot take the server's memory.
func TestMemoryOfASession(t *testing.T) {
	s := start(t)
	conn := open(t, s.readerConn)
	_, err := conn.Query(t.Context(), statement(doubling(22)), database.Limit{})
	const want = "the statement needs more than the 256 MiB of the server's memory that it may take; join or aggregate less at a time (error 1290)"
	if !fault.Is(err, fault.Invalid) || fault.Of(err).Public != want {
		t.Errorf("Query = %v", err)
	}
	for sql, want := range map[string]string{
		"SELECT 1 AS v": `[{"v":1}]`,
		"SELECT @@max_session_mem_used AS m, @@tmp_disk_table_size AS d":                       `[{"m":268435456,"d":1073741824}]`,
		"SELECT LENGTH(GROUP_CONCAT(REPEAT('x', 1000000))) <= 1 << 24 AS v FROM seq_1_to_1000": `[{"v":1}]`,
	} {
		if got := mustQuery(t, conn, sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}

// TestMemoryOfAMySQLSession: MySQL is asked to bound a session where the login
// may ask for that, and a login that may not still connects.
func TestMemoryOfAMySQLSession(t *testing.T) {
	s := startOn(t, "MCPGW_TEST_MYSQL")
	const limit = "SELECT @@connection_memory_limit AS v"
	if got := mustQuery(t, open(t, s.readerConn), limit); got != `[{"v":18446744073709551615}]` {
		t.Errorf("without the right: %s", got)
	}
	s.toReader(t, "GRANT SESSION_VARIABLES_ADMIN ON *.* TO")
	conn := open(t, s.readerConn)
	if got := mustQuery(t, conn, limit); got != `[{"v":268435456}]` {
		t.Errorf("with the right: %s", got)
	}
}

// TestTransactionAloneStopsNoDDL: START TRANSACTION READ ONLY lets DDL and
// account statements run, which end the transaction first; the access mode of
// the session stops them, on both products.
func TestTransactionAloneStopsNoDDL(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		mustExec(t, s.admin, "CREATE TABLE full (id INT)")
		s.admin.SetMaxOpenConns(1)
		for _, sql := range []string{
			"CREATE TABLE made (id INT)", "ALTER TABLE full ADD COLUMN made INT", "TRUNCATE TABLE full",
			"CREATE USER " + s.db + "_made", "GRANT SELECT ON full TO " + s.db + "_made", "DROP USER " + s.db + "_made",
		} {
			mustExec(t, s.admin, "START TRANSACTION READ ONLY")
			mustExec(t, s.admin, sql)
			mustExec(t, s.admin, "ROLLBACK")
		}
		mustExec(t, s.admin, "SET SESSION TRANSACTION READ ONLY")
		defer mustExec(t, s.admin, "SET SESSION TRANSACTION READ WRITE")
		for _, sql := range []string{
			"CREATE TABLE never (id INT)", "ALTER TABLE full ADD COLUMN never INT", "TRUNCATE TABLE full", "DROP TABLE full",
			"CREATE USER " + s.db + "_never", "GRANT SELECT ON full TO " + s.owner + "@localhost",
		} {
			mustExec(t, s.admin, "START TRANSACTION READ ONLY")
			if _, err := s.admin.Exec(sql); err == nil || !strings.Contains(err.Error(), "1792") {
				t.Errorf("%s: %v, want error 1792", sql, err)
			}
			mustExec(t, s.admin, "ROLLBACK")
		}
	})
}
