package mysql_test

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// function returns the one function of this name that Functions lists.
func function(t *testing.T, conn database.Conn, name string) database.Function {
	t.Helper()
	all, err := conn.Functions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if strings.Contains(f.Signature, "."+name+"(") {
			return f
		}
	}
	t.Fatalf("%s is not listed: %+v", name, all)
	return database.Function{}
}

func listed(f database.Function) database.AllowedFunction {
	return database.AllowedFunction{Signature: f.Signature, Hash: f.Hash}
}

// TestAllowedFunctions: a function runs where an administrator has listed it,
// and no longer once somebody has edited it.
func TestAllowedFunctions(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		for _, sql := range []string{
			"CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1)",
			"CREATE FUNCTION f_total(x INT, y VARCHAR(10)) RETURNS INT DETERMINISTIC NO SQL COMMENT 'adds' RETURN x + 41",
			"CREATE FUNCTION sleep(x INT) RETURNS INT DETERMINISTIC RETURN x + 41",
			"CREATE FUNCTION f_other(x INT) RETURNS INT DETERMINISTIC RETURN x",
			"CREATE FUNCTION f_write() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO t VALUES (2); RETURN 1; END",
			"CREATE VIEW v AS SELECT f_total(id, '') AS n FROM t",
			"CREATE VIEW w AS SELECT f_total(id, '') + f_other(1) AS n FROM t",
		} {
			mustExec(t, s.admin, sql)
		}
		s.showBodies(t)
		strict := openGuarded(t, s.ownerConn, localEnv())
		total := function(t, strict, "f_total")
		integer := strings.TrimSuffix(strings.TrimPrefix(s.intType(), "("), ")")
		if total.Signature != s.db+".f_total("+integer+",varchar(10))" || total.Returns != integer || total.Volatility != "deterministic, no sql" ||
			total.Language != "SQL" || total.Source != "RETURN x + 41" || len(total.Hash) != 64 {
			t.Errorf("listed as %+v", total)
		}
		refusal := "Function not allowed: " + total.Signature + ". An administrator can allow it for this connection."
		wantRefusal(t, strict, localEnv(), "SELECT f_total(1, '')", "Function not allowed: f_total")
		wantRefusal(t, strict, localEnv(), "SELECT "+s.db+".f_total(1, '')", "Function not allowed: "+s.db+".f_total. An administrator can allow it for this connection.")

		env := allowing(listed(total), listed(function(t, strict, "f_write")), listed(function(t, strict, "sleep")))
		conn := openGuarded(t, s.ownerConn, env)
		for _, sql := range []string{
			"SELECT f_total(1, 'x') AS n", "SELECT F_Total(1, 'x') AS n", "SELECT `f_total`(1, 'x') AS n",
			"SELECT SLEEP(1) AS n", "SELECT " + s.db + ".sleep(1) AS n",
			"SELECT " + s.db + ".f_total(1, 'x') AS n", "SELECT n FROM v", "SELECT MAX(f_total(id, UPPER('x'))) AS n FROM t",
		} {
			if got, err := ask(t, conn, env, sql); err != nil || got != `[{"n":42}]` {
				t.Errorf("%s: %s, %v", sql, got, err)
			}
		}
		wantRefusal(t, conn, env, "SELECT f_other(1)", "Function not allowed: f_other")
		wantRefusal(t, conn, env, "SELECT f_total(f_other(1), '')", "Function not allowed: f_other")
		wantRefusal(t, conn, env, "SELECT elsewhere.f_total(1, '')", "Function not allowed: elsewhere.f_total. An administrator can allow it for this connection.")
		wantRefusal(t, conn, env, "SELECT * FROM w", "Relation not allowed: "+s.db+".w: it runs "+s.db+".f_other("+integer+"). An administrator can allow that for this connection")
		if got, err := ask(t, conn, env, "SELECT f_write()"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a listed function wrote: %s, %v", got, err)
		}
		if got := mustExec(t, s.admin, "SELECT COUNT(*) FROM t"); got != "1" {
			t.Errorf("%s rows", got)
		}

		mustExec(t, s.admin, "DROP FUNCTION f_total")
		mustExec(t, s.admin, "CREATE FUNCTION f_total(x INT, y VARCHAR(10)) RETURNS INT DETERMINISTIC NO SQL RETURN GET_LOCK('mcpgw-edited', 0)")
		conn = openGuarded(t, s.ownerConn, env)
		wantRefusal(t, conn, env, "SELECT f_total(1, 'x')", refusal)
		wantRefusal(t, conn, env, "SELECT * FROM v", "Relation not allowed: "+s.db+".v: it runs "+total.Signature+". An administrator can allow that for this connection")
		mustExec(t, s.admin, "DROP FUNCTION f_total")
		conn = openGuarded(t, s.ownerConn, env)
		wantRefusal(t, conn, env, "SELECT f_total(1, 'x')", "Function not allowed: "+s.db+".f_total. An administrator can allow it for this connection.")
	})
}

// TestHiddenBodies: a login that may run a function without seeing its body
// would not notice an edit, so the list does not help it.
func TestHiddenBodies(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		mustExec(t, s.admin, "CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN 1")
		f := function(t, openGuarded(t, s.ownerConn, localEnv()), "f")
		if f.Source != "" || f.Hash != "" {
			t.Fatalf("the login sees the body: %+v", f)
		}
		env := allowing(listed(f))
		_, err := ask(t, openGuarded(t, s.ownerConn, env), env, "SELECT f(1)")
		want := "Function not allowed: " + f.Signature + ": this login does not see the function's body"
		if err == nil || !strings.HasPrefix(fault.Of(err).Public, want) {
			t.Errorf("%v, want %s", err, want)
		}
	})
}

// showBodies lets the owner see the bodies of functions.
func (s *server) showBodies(t *testing.T) {
	t.Helper()
	grant := "GRANT SHOW_ROUTINE ON *.* TO "
	if s.mariadb {
		grant = "GRANT SELECT ON mysql.proc TO "
	}
	for _, host := range []string{"@localhost", "@'%'"} {
		mustExec(t, s.admin, grant+s.owner+host)
	}
}
