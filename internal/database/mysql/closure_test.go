package mysql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// TestViewsAreJudged: what a view runs is judged like a statement, however
// deep it lies.
func TestViewsAreJudged(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		for _, sql := range []string{
			"CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1)",
			"CREATE FUNCTION f_total(x INT) RETURNS INT DETERMINISTIC RETURN x + 1",
			"CREATE FUNCTION sleep(x INT) RETURNS INT DETERMINISTIC RETURN x + 1",
			"CREATE VIEW good AS SELECT id, UPPER(id) AS u FROM t",
			"CREATE VIEW better AS SELECT a.id FROM good a JOIN good b ON a.id = b.id WHERE a.id IN (SELECT id FROM t)",
			"CREATE VIEW locks AS SELECT GET_LOCK('mcpgw', 0) AS l FROM t",
			"CREATE VIEW waits AS SELECT id, SLEEP(0.01) AS w FROM t",
			"CREATE VIEW burns AS SELECT BENCHMARK(10, 1) AS b FROM t",
			"CREATE VIEW files AS SELECT LOAD_FILE('/etc/hostname') AS f",
			"CREATE VIEW calls AS SELECT f_total(id) AS n FROM t",
			"CREATE VIEW poses AS SELECT " + s.db + ".sleep(id) AS n FROM t",
			"CREATE VIEW spies AS SELECT user FROM mysql.user",
			"CREATE VIEW lists AS SELECT id FROM information_schema.processlist",
			"CREATE VIEW deep1 AS SELECT * FROM locks", "CREATE VIEW deep2 AS SELECT d.l FROM deep1 d, good",
			"CREATE SQL SECURITY INVOKER VIEW own AS SELECT RELEASE_ALL_LOCKS() AS r",
		} {
			mustExec(t, s.admin, sql)
		}
		env := localEnv()
		conn := openGuarded(t, s.readerConn, env)
		hidden := func(f string) string {
			return ", which this login does not see: GRANT EXECUTE ON FUNCTION `" + s.db + "`.`" + f + "` to it, and an administrator can allow it"
		}
		for sql, want := range map[string]string{
			"SELECT * FROM locks":                                     "locks: it runs GET_LOCK",
			"SELECT * FROM " + s.db + ".locks":                        "locks: it runs GET_LOCK",
			"SELECT 1 WHERE EXISTS (SELECT 1 FROM locks)":             "locks: it runs GET_LOCK",
			"WITH x AS (SELECT * FROM locks) SELECT * FROM x":         "locks: it runs GET_LOCK",
			"EXPLAIN SELECT * FROM locks":                             "locks: it runs GET_LOCK",
			"SELECT * FROM t UNION ALL SELECT w FROM waits":           "waits: it runs SLEEP",
			"SELECT * FROM burns":                                     "burns: it runs BENCHMARK",
			"SELECT * FROM files":                                     "files: it runs LOAD_FILE",
			"SELECT * FROM own":                                       "own: it runs RELEASE_ALL_LOCKS",
			"SELECT * FROM calls":                                     "calls: it runs " + s.db + ".f_total" + hidden("f_total"),
			"SELECT * FROM poses":                                     "poses: it runs " + s.db + ".sleep" + hidden("sleep"),
			"SELECT * FROM deep1":                                     "deep1: it reads " + s.db + ".locks: it runs GET_LOCK",
			"SELECT * FROM good a JOIN deep2 b ON a.id <> b.l":        "deep2: it reads " + s.db + ".deep1: it reads " + s.db + ".locks: it runs GET_LOCK",
			"SELECT * FROM spies":                                     "spies: its definition would be refused as a statement: Forbidden operation in SQL AST: system schema mysql",
			"SELECT * FROM lists":                                     "lists: its definition would be refused as a statement: Forbidden operation in SQL AST: information_schema.processlist",
			"SELECT (SELECT COUNT(*) FROM waits), 1 FROM good":        "waits: it runs SLEEP",
			"SELECT * FROM (SELECT * FROM (SELECT * FROM burns) x) y": "burns: it runs BENCHMARK",
		} {
			wantRefusal(t, conn, env, sql, "Relation not allowed: "+s.db+"."+want)
		}
		owner := openGuarded(t, s.ownerConn, env)
		wantRefusal(t, owner, env, "SELECT * FROM poses", "Relation not allowed: "+s.db+".poses: it runs "+s.db+".sleep"+s.intType()+
			". An administrator can allow that for this connection")
		if got := mustExec(t, s.admin, "SELECT IS_USED_LOCK('mcpgw')"); got != "" {
			t.Errorf("the lock is held by %s", got)
		}
		for _, sql := range []string{"SHOW CREATE VIEW locks", "DESCRIBE locks", "SHOW COLUMNS FROM deep2"} {
			if _, err := ask(t, conn, env, sql); err != nil {
				t.Errorf("%s only describes: %v", sql, err)
			}
		}
		wantRefusal(t, conn, env, "DESCRIBE SELECT * FROM locks", "Relation not allowed: "+s.db+".locks: it runs GET_LOCK")
		wantRefusal(t, conn, env, "SHOW TABLES WHERE EXISTS (SELECT 1 FROM locks)", "Relation not allowed: "+s.db+".locks: it runs GET_LOCK")
		wantRefusal(t, conn, env, "SHOW COLUMNS FROM locks WHERE Field IN (SELECT l FROM locks)", "Relation not allowed: "+s.db+".locks: it runs GET_LOCK")
		wantRefusal(t, conn, env, "DESC locks; SELECT 1", "Multiple statements are not allowed")
		for sql, want := range map[string]string{
			"SELECT * FROM good":                                `[{"id":1,"u":"1"}]`,
			"SELECT * FROM better":                              `[{"id":1}]`,
			"WITH locks AS (SELECT 2 AS x) SELECT * FROM locks": `[{"x":2}]`,
		} {
			if got, err := ask(t, conn, env, sql); err != nil || got != want {
				t.Errorf("%s: %s, %v", sql, got, err)
			}
		}
	})
}

// intType is the type of an INT argument in a signature.
func (s *server) intType() string {
	if s.mariadb {
		return "(int(11))"
	}
	return "(int)"
}

// TestViewsThatCannotBeSeen: a view is refused when its definition, or what it
// reads, is hidden from the login, with the grant that mends it.
func TestViewsThatCannotBeSeen(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		other := s.otherDatabase(t)
		for _, sql := range []string{
			"CREATE TABLE t (id INT)", "CREATE VIEW v AS SELECT id FROM t",
			"CREATE TABLE " + other + ".secret (id INT)", "INSERT INTO " + other + ".secret VALUES (7)",
			"CREATE VIEW w AS SELECT id FROM " + other + ".secret",
		} {
			mustExec(t, s.admin, sql)
		}
		env := localEnv()
		conn := openGuarded(t, s.readerConn, env)
		wantRefusal(t, conn, env, "SELECT * FROM w", "Relation not allowed: "+s.db+".w: it reads "+other+
			".secret, of which this login sees nothing: GRANT SHOW VIEW ON `"+other+"`.`secret` to it (with SELECT if it is a view)")
		s.toReader(t, "GRANT SHOW VIEW ON "+other+".secret TO")
		conn = openGuarded(t, s.readerConn, env)
		if got, err := ask(t, conn, env, "SELECT * FROM w"); err != nil || got != `[{"id":7}]` {
			t.Errorf("with the grant: %s, %v", got, err)
		}
		wantRefusal(t, conn, env, "SELECT * FROM "+other+".secret", s.denied(other))
		s.toReader(t, "REVOKE SHOW VIEW ON "+s.db+".* FROM")
		conn = openGuarded(t, s.readerConn, env)
		wantRefusal(t, conn, env, "SELECT * FROM v", "Relation not allowed: "+s.db+
			".v: this login may not see what the view runs: GRANT SELECT, SHOW VIEW ON `"+s.db+"`.`v` to it")
		if _, err := ask(t, conn, env, "SELECT * FROM t"); err != nil {
			t.Errorf("a table needs no grant but SELECT: %v", err)
		}
	})
}

func (s *server) denied(other string) string {
	if s.mariadb {
		return "SELECT command denied to user '" + s.reader + "'@<host> for table `" + other + "`.`secret` (error 1142)"
	}
	return "SELECT command denied to user '" + s.reader + "'@<host> for table 'secret' (error 1142)"
}

// toReader grants to, or revokes from, all accounts of the reader.
func (s *server) toReader(t testing.TB, sql string) {
	t.Helper()
	for _, host := range []string{"@localhost", "@'%'"} {
		mustExec(t, s.admin, sql+" "+s.reader+host)
	}
}

// otherDatabase makes a second database that the logins have no right to.
func (s *server) otherDatabase(t testing.TB) string {
	t.Helper()
	other := s.db + "_2"
	mustExec(t, s.admin, "CREATE DATABASE "+other)
	t.Cleanup(func() { mustExec(t, s.admin, "DROP DATABASE "+other) })
	return other
}

// TestViewsAcrossDatabases: a view of another database is judged as well, its
// names resolved in its own database, whoever's dots are in them.
func TestViewsAcrossDatabases(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		other := s.otherDatabase(t)
		for _, sql := range []string{
			"CREATE FUNCTION " + other + ".h(x INT) RETURNS INT DETERMINISTIC RETURN x",
			"CREATE VIEW " + other + ".calls AS SELECT " + other + ".h(1) AS n",
			"CREATE VIEW " + other + ".`a.b` AS SELECT SLEEP(0) AS n",
			"CREATE VIEW `" + other + ".calls` AS SELECT 1 AS n",
			"CREATE VIEW `dotted.name` AS SELECT SLEEP(0) AS n",
			"GRANT SELECT, SHOW VIEW, EXECUTE ON " + other + ".* TO " + s.owner + "@localhost",
			"GRANT SELECT, SHOW VIEW, EXECUTE ON " + other + ".* TO " + s.owner + "@'%'",
		} {
			mustExec(t, s.admin, sql)
		}
		env := localEnv()
		conn := openGuarded(t, s.ownerConn, env)
		wantRefusal(t, conn, env, "SELECT * FROM "+other+".calls", "Relation not allowed: "+other+".calls: it runs "+other+".h"+s.intType()+
			". An administrator can allow that for this connection")
		wantRefusal(t, conn, env, "SELECT * FROM "+other+".`a.b`", "Relation not allowed: "+other+".a.b: it runs SLEEP")
		wantRefusal(t, conn, env, "SELECT * FROM `dotted.name`", "Relation not allowed: "+s.db+".dotted.name: it runs SLEEP")
	})
}

// TestViewsWithoutBackticks: a view's maker can have its names written plainly,
// and then a stored function looks like a native one.
func TestViewsWithoutBackticks(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		s.admin.SetMaxOpenConns(1)
		for _, sql := range []string{
			"CREATE TABLE t (id INT)",
			"CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN GET_LOCK('mcpgw', 0)",
			"CREATE FUNCTION soundex(x INT) RETURNS INT DETERMINISTIC RETURN GET_LOCK('mcpgw', 0)",
			"SET sql_quote_show_create = 0",
			"CREATE VIEW v AS SELECT f(1) AS a, id FROM t",
			"CREATE VIEW w AS SELECT SOUNDEX(id) AS a FROM t",
			"CREATE VIEW x AS SELECT " + s.db + ".f(1) AS a FROM t",
			"CREATE VIEW plain AS SELECT UPPER(id) AS a FROM t",
		} {
			mustExec(t, s.admin, sql)
		}
		env := localEnv()
		conn := openGuarded(t, s.ownerConn, env)
		listable := s.intType() + ". An administrator can allow that for this connection"
		wantRefusal(t, conn, env, "SELECT * FROM v", "Relation not allowed: "+s.db+".v: it runs F")
		wantRefusal(t, conn, env, "SELECT * FROM w", "Relation not allowed: "+s.db+".w: it runs "+s.db+".soundex"+listable)
		wantRefusal(t, conn, env, "SELECT * FROM x", "Relation not allowed: "+s.db+".x: it runs "+s.db+".f"+listable)
		if _, err := ask(t, conn, env, "SELECT * FROM plain"); err != nil {
			t.Error(err)
		}
	})
}

// TestForeignEngines: a table that reads from elsewhere is refused.
func TestForeignEngines(t *testing.T) {
	for engine, elsewhere := range map[string]bool{
		"InnoDB": false, "MyISAM": false, "Aria": false, "MEMORY": false, "ndbcluster": false, "": false,
		"FEDERATED": true, "CONNECT": true, "SPIDER": true, "S3": true, "SPHINX": true, "Something": true,
	} {
		server := fake(t, func(p *peer) {
			if p.login() {
				p.serve(func(sql string) {
					if strings.Contains(sql, "information_schema.tables") {
						p.result("0", "BASE TABLE", engine, "", "0")
						return
					}
					p.result("1")
				})
			}
		})
		conn := openGuarded(t, server.url(), localEnv())
		_, err := ask(t, conn, localEnv(), "SELECT a FROM t")
		if refused := err != nil && fault.Of(err).Public == "Relation not allowed: db.t: its engine "+engine+" reads from outside of this server"; refused != elsewhere {
			t.Errorf("%q: %v", engine, err)
		}
		conn.Close()
	}
}

// TestStoredFunctionOfAListedName: a function of the database at hand is not
// taken for the server's own, nor one that this server does not have.
func TestStoredFunctionOfAListedName(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		mustExec(t, s.admin, "CREATE TABLE t (id INT)")
		mustExec(t, s.admin, "CREATE FUNCTION regexp_like(a INT) RETURNS INT DETERMINISTIC RETURN 1")
		env := localEnv()
		conn := openGuarded(t, s.ownerConn, env)
		if s.mariadb {
			wantRefusal(t, conn, env, "SELECT REGEXP_LIKE('a', 'b')", "Function not allowed: regexp_like")
		} else {
			wantRefusal(t, conn, env, "SELECT REGEXP_LIKE('a', 'b')", "Function not allowed: "+s.db+".regexp_like(int). An administrator can allow it for this connection.")
			wantRefusal(t, conn, env, "SELECT MD5('x')", "Function not allowed: md5")
			mustExec(t, s.admin, "CREATE FUNCTION md5(t VARCHAR(100)) RETURNS INT DETERMINISTIC RETURN GET_LOCK('mcpgw-md5', 0)")
			conn = openGuarded(t, s.ownerConn, env)
			wantRefusal(t, conn, env, "SELECT MD5('x')", "Function not allowed: "+s.db+".md5(varchar(100)). An administrator can allow it for this connection.")
			wantRefusal(t, conn, env, "EXPLAIN SELECT sha1('x')", "Function not allowed: sha1")
		}
		if _, err := ask(t, conn, env, "SELECT UPPER('x'), COUNT(*) FROM t"); err != nil {
			t.Error(err)
		}
	})
}

func TestRelations(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		for _, sql := range []string{
			"CREATE TABLE b (id INT)", "CREATE TABLE a (id INT)",
			"CREATE VIEW v AS SELECT a.id FROM a JOIN b ON a.id = b.id",
			"CREATE VIEW w AS SELECT * FROM v",
			"CREATE VIEW x AS SELECT SLEEP(1) AS s",
		} {
			mustExec(t, s.admin, sql)
		}
		conn := openGuarded(t, s.readerConn, localEnv())
		for sql, want := range map[string][]string{
			"SELECT 1":           nil,
			"SELECT * FROM b, a": {"a", "b"},
			"SELECT * FROM w":    {"a", "b", "v", "w"},
			"WITH c AS (SELECT id FROM v) SELECT * FROM c":   {"a", "b", "v"},
			"SELECT * FROM misspelt":                         nil,
			"SELECT COUNT(*) FROM information_schema.tables": {"information_schema.tables"},
		} {
			for range 2 { // from the server, then from memory
				stmt, err := checked(localEnv(), sql)
				if err != nil {
					t.Fatal(err)
				}
				got, err := conn.Relations(t.Context(), stmt)
				full := slices.Clone(want)
				for i, name := range full {
					if !strings.Contains(name, ".") {
						full[i] = s.db + "." + name
					}
				}
				if diff := cmp.Diff(full, got); err != nil || diff != "" {
					t.Errorf("%s: %v\n%s", sql, err, diff)
				}
			}
		}
		stmt, err := checked(localEnv(), "SELECT * FROM x")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Relations(t.Context(), stmt); err == nil || fault.Of(err).Public != "Relation not allowed: "+s.db+".x: it runs SLEEP" {
			t.Errorf("Relations of a refused view: %v", err)
		}
	})
}

// TestGeneratedColumns: the servers let generated columns and DEFAULTs call
// nothing that acts. MariaDB lets them set a user variable, of whichever session
// has opened the table, through which one caller's value would reach another:
// that is refused here.
func TestGeneratedColumns(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		mustExec(t, s.admin, "CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN x")
		for _, expression := range []string{"SLEEP(1)", "GET_LOCK('x', 0)", "RELEASE_ALL_LOCKS()", "LOAD_FILE('x')", "BENCHMARK(1, 1)", "f(1)",
			"LAST_INSERT_ID(7)", "(SELECT 1)"} {
			for _, column := range []string{"AS (" + expression + ") VIRTUAL", "DEFAULT (" + expression + ")"} {
				if column == "DEFAULT (LAST_INSERT_ID(7))" || column == "DEFAULT ((SELECT 1))" {
					continue // no statement of the guard evaluates a DEFAULT
				}
				if _, err := s.admin.Exec("CREATE TABLE never (id INT, x VARCHAR(100) " + column + ")"); err == nil {
					t.Errorf("the server stores %s", column)
				}
			}
		}
		mustExec(t, s.admin, "CREATE TABLE plain (id INT, x VARCHAR(100) AS (CONCAT(id, '@it''s', '\\\\@')) VIRTUAL, `a@b` INT AS (id + 1), y INT AS (`a@b`) VIRTUAL)")
		env := localEnv()
		conn := openGuarded(t, s.readerConn, env)
		if _, err := ask(t, conn, env, "SELECT * FROM plain"); err != nil {
			t.Errorf("a string with @: %v", err)
		}
		for i, expression := range []string{"@mcpgw := id", "@mcpgw", "CONCAT('x', @mcpgw := id, 'y')"} {
			table := fmt.Sprintf("t%d", i)
			if _, err := s.admin.Exec("CREATE TABLE " + table + " (id INT, x VARCHAR(100) AS (" + expression + ") VIRTUAL)"); err != nil {
				if s.mariadb {
					t.Fatal(err)
				}
				continue
			}
			wantRefusal(t, conn, env, "SELECT id FROM "+table, "Relation not allowed: "+s.db+"."+table+": a generated column of it uses a variable of the session")
		}
	})
}
