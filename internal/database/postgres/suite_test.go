package postgres_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/databasetest"
	"github.com/mcp-gateway/mcp-gateway/internal/database/postgres"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
)

const slowQuery = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b"

func TestSuite(t *testing.T) {
	s := start(t)
	s.shop(t)
	mustExec(t, s.admin, "CREATE SEQUENCE counter; CREATE FUNCTION bump() RETURNS int LANGUAGE sql AS 'INSERT INTO customers (id, name) VALUES (99, ''x'') RETURNING id'")
	// The test server trusts everybody, so a stand-in refuses the password.
	wrongPassword := fake(t, &fakeServer{startup: func(_ io.Writer, be *pgproto3.Backend) bool {
		be.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: "password authentication failed"})
		return be.Flush() != nil
	}})
	denied := database.Env{Dialer: egress.NewDialer(egress.Policy{}, 0)}
	databasetest.Run(t, databasetest.Fixture{
		Dialect:  postgres.New(guard.New()),
		Env:      localEnv(),
		Denied:   &denied,
		Owner:    s.ownerConn,
		ReadOnly: s.readerConn,
		Secret:   s.password,
		Accepted: accepted(),
		Refused:  refused(),
		Failures: map[string]string{
			database.ErrAuthentication:   wrongPassword,
			database.ErrDatabaseNotFound: s.url(s.owner, s.password, s.db+"x"),
			database.ErrCannotConnect:    "postgres://u:p@127.0.0.1:1/db",
			database.ErrTLS:              s.url(s.owner, s.password, s.db) + "&sslrootcert=system",
		},
		Queries: databasetest.Queries{
			Numbers: func(n int) string { return fmt.Sprintf("SELECT n FROM generate_series(1, %d) n", n) },
			Wide: func(n int) string {
				return fmt.Sprintf("SELECT repeat('x', 1000) AS t FROM generate_series(1, %d)", n)
			},
			Slow:          slowQuery,
			Duplicate:     "SELECT 1 AS a, 2 AS a, 3",
			DuplicateWant: []string{"a", "a_2", "column_3"},
			UnknownTable:  "SELECT * FROM nothing",
			UnknownColumn: "SELECT nothing FROM customers",
			SyntaxError:   "SELECT FROM FROM",
		},
		Values: values(),
		Writes: writes(),
		Undone: undone(),
		State:  s.state,
		Running: func(t testing.TB) bool {
			return mustExec(t, s.admin, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name = '"+s.db+"' AND query LIKE '%generate_series(1, 1000000)%'") != "0"
		},
		Disconnect: func(t testing.TB) {
			mustExec(t, s.admin, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '"+s.db+"'")
		},
	})
}

// state describes objects, locks and what else a rollback could miss.
func (s *server) state(t testing.TB) string {
	return mustExec(t, s.admin, `SELECT concat_ws(E'\n',
		(SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE oid >= 16384 AND relkind <> 'i' AND relname !~ '^pg_toast'),
		(SELECT string_agg(proname, ',' ORDER BY proname) FROM pg_proc WHERE oid >= 16384),
		(SELECT count(*) FROM pg_largeobject_metadata),
		(SELECT last_value || ' ' || is_called FROM counter),
		(SELECT relacl FROM pg_class WHERE relname = 'customers'),
		(SELECT count(*) FROM pg_attribute WHERE attrelid = 'customers'::regclass))`)
}

func accepted() []string {
	return []string{
		"postgresql://u@h/db",
		"POSTGRES://u:p@h:6543/db",
		"postgresql+psycopg2://u:p%40%2F%3A@[::1]:5432/my%20db?sslmode=verify-full",
		"postgres://u:p@ss@h/db?application_name=crm&connect_timeout=5&client_encoding=UTF8",
		"postgres://u:p@h?options=-csearch_path%3Dsales,public",
		"postgres://u:p@h/db?options=-c%20search_path=sales",
		"postgres://u:p@h/db?options=--search_path%3Dsales&sslrootcert=system",
		"postgres://u:p@h/db?search_path=sales&sslmode=allow",
	}
}

func refused() []databasetest.Refusal {
	return []databasetest.Refusal{
		{ConnString: "mysql://u:p@h/db", Names: "mysql"},
		{ConnString: "postgres:u:p@h/db", Names: "postgresql://"},
		{ConnString: "host=h user=u password=p", Names: "postgresql://"},
		{ConnString: "postgres://h/db", Names: "user"},
		{ConnString: "postgres://:p@h/db", Names: "user"},
		{ConnString: "postgres://u:p@/db", Names: "host"},
		{ConnString: "postgres://u:p@%2Fvar%2Frun/db", Names: "host"},
		{ConnString: "postgres://u:p@h1,h2/db", Names: "host"},
		{ConnString: "postgres://u:p@[h]/db", Names: "IPv6"},
		{ConnString: "postgres://u:p@h:0/db", Names: "port"},
		{ConnString: "postgres://u:p/q@h/db", Names: "user"},
		{ConnString: "postgres://u:p%zz@h/db", Names: "password"},
		{ConnString: "postgres://u:p%00@h/db", Names: "password"},
		{ConnString: "postgres://u:p@h/db/x", Names: "database"},
		{ConnString: "postgres://u:p@h/db?sslmode=off", Names: "sslmode"},
		{ConnString: "postgres://u:p@h/db?sslmode=disable&sslmode=require", Names: "sslmode"},
		{ConnString: "postgres://u:p@h/db?sslrootcert=/etc/ssl/ca.pem", Names: "sslrootcert"},
		{ConnString: "postgres://u:p@h/db?sslkey=/k", Names: "sslkey"},
		{ConnString: "postgres://u:p@h/db?sslcert=/c", Names: "sslcert"},
		{ConnString: "postgres://u:p@h/db?passfile=/p", Names: "passfile"},
		{ConnString: "postgres://u:p@h/db?service=x", Names: "service"},
		{ConnString: "postgres://u:p@h/db?servicefile=/s", Names: "servicefile"},
		{ConnString: "postgres://u:p@h/db?host=/tmp", Names: "host"},
		{ConnString: "postgres://u:p@h/db?password=x", Names: "password"},
		{ConnString: "postgres://u:p@h/db?krbsrvname=x", Names: "krbsrvname"},
		{ConnString: "postgres://u:p@h/db?require_auth=password", Names: "require_auth"},
		{ConnString: "postgres://u:p@h/db?statement_timeout=0", Names: "statement_timeout"},
		{ConnString: "postgres://u:p@h/db?client_encoding=latin1", Names: "client_encoding"},
		{ConnString: "postgres://u:p@h/db?connect_timeout=soon", Names: "connect_timeout"},
		{ConnString: "postgres://u:p@h/db?options=-cstatement_timeout%3D0", Names: "options"},
		{ConnString: "postgres://u:p@h/db?options=-csearch_path%3Da%20-crole%3Dpostgres", Names: "options"},
		{ConnString: "postgres://u:p@h/db?search_path=a,pg_catalog", Names: "search_path"},
		{ConnString: "postgres://u:p@h/db?search_path=information_schema", Names: "search_path"},
		{ConnString: "postgres://u:p@h/db?search_path=a,%22information_schema%22", Names: "search_path"},
		{ConnString: "postgres://u:p@h/db?options=-csearch_path%3Da,Information_Schema", Names: "options"},
		{ConnString: "postgres://u:p@h/db?search_path=pg_toast", Names: "search_path"},
		{ConnString: "postgres://u:p@h/db?search_path=pg_temp,a", Names: "search_path"},
	}
}

// values are few here; every type of the server is in TestTypes.
func values() []databasetest.Value {
	return []databasetest.Value{
		{SQL: "SELECT NULL::int AS v", JSON: `null`},
		{SQL: "SELECT true AS v", JSON: `true`},
		{SQL: "SELECT 9223372036854775807 AS v", JSON: `9223372036854775807`},
		{SQL: "SELECT 0.1::float8 AS v", JSON: `0.1`},
		{SQL: "SELECT 'NaN'::float8 AS v", JSON: `"NaN"`},
		{SQL: "SELECT 12345678901234567890.10 AS v", JSON: `"12345678901234567890.10"`},
		{SQL: "SELECT E'a\"b\\\\c\\n\\u00e9' AS v", JSON: `"a\"b\\c\né"`},
	}
}

func writes() []string {
	return []string{
		"INSERT INTO customers (id, name) VALUES (4, 'Eve')",
		"INSERT INTO customers (id, name) VALUES (4, 'Eve') RETURNING id",
		"UPDATE customers SET name = 'x'",
		"DELETE FROM orders",
		"TRUNCATE orders",
		"MERGE INTO customers c USING (SELECT 1 AS id) s ON c.id = s.id WHEN MATCHED THEN DELETE",
		"WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
		"CREATE TABLE t (a int)",
		"CREATE TEMP TABLE t AS SELECT 1; SELECT 1",
		"CREATE TABLE t AS SELECT * FROM customers",
		"SELECT * INTO t FROM customers",
		"DROP TABLE orders",
		"ALTER TABLE customers ADD COLUMN x int",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"GRANT SELECT ON customers TO PUBLIC",
		"SELECT nextval('counter')",
		"SELECT bump()",
		"SELECT * FROM customers FOR UPDATE",
		"DO $$ BEGIN DELETE FROM orders; END $$",
		"COPY customers FROM STDIN",
		"COPY customers TO STDOUT",
		"SELECT 1; DELETE FROM orders",
		"SELECT set_config('transaction_read_only', 'off', true), bump()",
		"VACUUM customers",
		"EXPLAIN ANALYZE DELETE FROM orders",
		"REFRESH MATERIALIZED VIEW nothing",
	}
}

// undone are statements that PostgreSQL runs even in a read-only transaction.
func undone() []string {
	return []string{
		"REINDEX TABLE customers",
		"SELECT lo_create(0)",
		"SELECT pg_notify('a', 'b')",
		"LISTEN a",
		"LOCK TABLE customers IN ACCESS SHARE MODE",
		"DECLARE c CURSOR WITH HOLD FOR SELECT 1",
		"SET statement_timeout = 0",
		"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
		"SET TRANSACTION READ WRITE",
		"COMMIT",
		"SELECT set_config('default_transaction_read_only', 'off', false)",
	}
}
