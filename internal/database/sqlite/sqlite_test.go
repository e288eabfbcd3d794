package sqlite_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite" // the driver that writes the fixtures

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/databasetest"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/engine"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlite"
)

// TestMain lets the test binary be the worker, as the gateway's own binary is.
func TestMain(m *testing.M) {
	args := os.Args[1:]
	if len(args) == 2 && args[1] == asNobody {
		becomeNobody()
		args = args[:1]
	}
	if len(args) == 2 && args[0] == hostile {
		actHostile(args[1])
		return
	}
	if engine.Asked(args) {
		if err := engine.Serve(); err != nil {
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// dialect has workers of the program that people run, where scripts/test names
// it: statements take many times their time and memory under the race detector.
// The gateway's own tests run workers with it.
func dialect() *sqlite.Dialect {
	var command sqlite.Command
	if program := os.Getenv("MCPGW_TEST_PROGRAM"); program != "" {
		command = sqlite.Command{Path: program, Args: []string{protocol.Command}}
	}
	return sqlite.New(guard.New(), command)
}

func mustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// count returns the rows of table t, or the public text of the refusal.
func count(t *testing.T, conn database.Conn) string {
	t.Helper()
	table, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: "SELECT count(*) FROM t"}, database.Limit{})
	if err != nil {
		return fault.Of(err).Public
	}
	return string(table.Cell(0, 0))
}

// mustCreate makes a database file by running the statements.
func mustCreate(t testing.TB, path string, statements ...string) string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// mustOpen returns a Conn on a file below dir.
func mustOpen(t testing.TB, dir, path string) database.Conn {
	t.Helper()
	return mustOpenIn(t, path, database.Env{SQLiteDirs: []string{dir}})
}

func mustOpenIn(t testing.TB, path string, env database.Env) database.Conn {
	t.Helper()
	return mustOpenWith(t, dialect(), path, env)
}

func mustOpenWith(t testing.TB, d *sqlite.Dialect, path string, env database.Env) database.Conn {
	t.Helper()
	target, err := d.Parse("sqlite:///"+path, env)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := d.Open(target, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

const slow = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c`

func TestConformance(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	const secret = "sesame"
	shop := mustCreate(t, filepath.Join(dir, secret+".db"), databasetest.Shop()...)
	notADatabase := filepath.Join(dir, secret+".txt")
	if err := os.WriteFile(notADatabase, []byte(strings.Repeat("no database ", 200)), 0o600); err != nil {
		t.Fatal(err)
	}
	databasetest.Run(t, databasetest.Fixture{
		Dialect: dialect(),
		Env:     database.Env{SQLiteDirs: []string{dir, filepath.Join(dir, "{tenant}")}, Slug: "acme"},
		Owner:   "sqlite:///" + shop,
		Secret:  secret,
		Accepted: []string{
			"sqlite:///" + dir + "/not-there-yet.db",
			"sqlite:///" + dir + "/acme/a%20b#c.db",
			"SQLite:///" + dir + "/upper.db",
		},
		Refused: []databasetest.Refusal{
			{ConnString: "", Names: "sqlite:///"},
			{ConnString: "shop.db", Names: "sqlite:///"},
			{ConnString: "postgres://u:sesame@h/db", Names: "postgres"},
			{ConnString: "sqlite://shop.db", Names: "three slashes"},
			{ConnString: "sqlite:///", Names: "three slashes"},
			{ConnString: "sqlite:////", Names: "three slashes"},
			{ConnString: "sqlite:///" + shop + "?mode=rwc", Names: "mode"},
			{ConnString: "sqlite:///" + shop + "?cache", Names: "cache"},
			{ConnString: "sqlite:///" + outside + "/sesame.db", Names: "SQLITE_ALLOWED_DIRS"},
			{ConnString: "sqlite:///" + dir + "/../sesame.db", Names: "SQLITE_ALLOWED_DIRS"},
			{ConnString: "sqlite:///" + dir, Names: "SQLITE_ALLOWED_DIRS"},
			{ConnString: "sqlite:///:memory:", Names: "SQLITE_ALLOWED_DIRS"},
			{ConnString: "sqlite:///" + dir + "/a\x00.db", Names: "control character"},
		},
		Failures: map[string]string{
			database.ErrDatabaseNotFound: "sqlite:///" + dir + "/sesame-missing.db",
			database.ErrOther:            "sqlite:///" + notADatabase,
		},
		Queries: databasetest.Queries{
			Numbers: func(n int) string {
				return fmt.Sprintf(`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %d) SELECT n FROM c`, n)
			},
			Wide: func(n int) string {
				return fmt.Sprintf(`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %d) SELECT printf('%%.*c', 1000, 'x') AS t FROM c`, n)
			},
			Slow:          slow,
			Duplicate:     `SELECT 1 AS a, 2 AS a, 3 AS ""`,
			DuplicateWant: []string{"a", "a_2", "column_3"},
			UnknownTable:  `SELECT * FROM missing_table`,
			UnknownColumn: `SELECT missing_column FROM customers`,
			SyntaxError:   `SELECT FROM WHERE`,
		},
		Values: values(),
		Writes: []string{
			`INSERT INTO customers (id, name) VALUES (9, 'x')`,
			`UPDATE customers SET name = 'x'`,
			`DELETE FROM orders`,
			`DELETE FROM orders RETURNING id`,
			`REPLACE INTO customers (id, name) VALUES (1, 'x')`,
			`DROP TABLE orders`,
			`ALTER TABLE orders ADD COLUMN x`,
			`CREATE TABLE t (a)`,
			`CREATE TEMP TABLE t (a)`,
			`CREATE INDEX i ON orders (total)`,
			`CREATE VIRTUAL TABLE t USING fts5(a)`,
			`SELECT 1; DELETE FROM orders`,
			`BEGIN`, `BEGIN EXCLUSIVE`, `SAVEPOINT s`, `COMMIT`, `VACUUM`, `REINDEX`, `ANALYZE`,
			`VACUUM INTO '` + outside + `/copy.db'`,
			`ATTACH '` + outside + `/other.db' AS other`,
			`PRAGMA user_version = 7`, `PRAGMA query_only = 0`, `PRAGMA journal_mode = DELETE`,
			`PRAGMA writable_schema = 1`, `PRAGMA database_list`,
			`SELECT load_extension('x')`, `SELECT writefile('x', 'y')`, `SELECT randomblob(10)`,
			`SELECT * FROM dbstat`, `SELECT * FROM sqlite_dbpage`, `SELECT * FROM pragma_database_list`,
		},
		NoComments: true,
	})
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("files were made outside: %v, %v", left, err)
	}
}
