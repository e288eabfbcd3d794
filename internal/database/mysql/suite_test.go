package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/databasetest"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
)

const slowQuery = "SELECT COUNT(*) FROM seq_1_to_100000 a, seq_1_to_1000000 b"

func TestSuite(t *testing.T) {
	s := start(t)
	s.shop(t)
	mustExec(t, s.admin, "CREATE SEQUENCE counter")
	mustExec(t, s.admin, "CREATE FUNCTION bump() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO customers (id, name) VALUES (99, 'x'); RETURN 99; END")
	mustExec(t, s.admin, "CREATE PROCEDURE bump_all() BEGIN INSERT INTO customers (id, name) VALUES (99, 'x'); SELECT 1; END")
	denied := database.Env{Dialer: egress.NewDialer(egress.Policy{}, 0)}
	databasetest.Run(t, databasetest.Fixture{
		Dialect:  mysql.New(guard.New(guard.MySQL), guard.New(guard.MariaDB)),
		Env:      localEnv(),
		Denied:   &denied,
		Owner:    s.ownerConn,
		ReadOnly: s.readerConn,
		Secret:   s.password,
		Accepted: accepted(),
		Refused:  refused(),
		Failures: map[string]string{
			database.ErrAuthentication:   s.url(s.owner, s.password+"x", s.db),
			database.ErrDatabaseNotFound: s.url(s.owner, s.password, s.db+"x"),
			database.ErrCannotConnect:    "mysql://u:p@127.0.0.1:1/db",
			database.ErrTLS:              s.url(s.owner, s.password, s.db) + "&ssl-mode=verify-identity",
		},
		Queries: databasetest.Queries{
			Numbers:       func(n int) string { return fmt.Sprintf("SELECT seq AS n FROM seq_1_to_%d", n) },
			Wide:          func(n int) string { return fmt.Sprintf("SELECT REPEAT('x', 1000) AS t FROM seq_1_to_%d", n) },
			Slow:          slowQuery,
			Duplicate:     "SELECT 1 AS a, 2 AS a, 3 AS ''",
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
			return s.processes(t, "info LIKE '%seq_1_to_1000000 b%'") != ""
		},
		Disconnect: func(t testing.TB) {
			for id := range strings.SplitSeq(s.processes(t, "TRUE"), ",") {
				_, _ = s.admin.Exec("KILL " + id) // it may have gone by itself
			}
		},
	})
}

// processes lists the sessions of the owner.
func (s *server) processes(t testing.TB, condition string) string {
	return mustExec(t, s.admin, "SELECT GROUP_CONCAT(id) FROM information_schema.processlist WHERE user = '"+s.owner+"' AND "+condition)
}

// state describes objects, rights and settings that a rollback could miss.
func (s *server) state(t testing.TB) string {
	var b strings.Builder
	for _, sql := range []string{
		"SELECT GROUP_CONCAT(table_name, table_type ORDER BY table_name) FROM information_schema.tables WHERE table_schema = DATABASE()",
		"SELECT GROUP_CONCAT(routine_name ORDER BY routine_name) FROM information_schema.routines WHERE routine_schema = DATABASE()",
		"SELECT GROUP_CONCAT(column_name, column_type, column_comment ORDER BY column_name) FROM information_schema.columns WHERE table_schema = DATABASE()",
		"SELECT GROUP_CONCAT(index_name ORDER BY index_name) FROM information_schema.statistics WHERE table_schema = DATABASE()",
		"SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
		"SELECT COUNT(*) FROM information_schema.events WHERE event_schema = DATABASE()",
		"SELECT next_not_cached_value FROM counter",
		"SELECT GROUP_CONCAT(user ORDER BY user) FROM mysql.db WHERE db = DATABASE()",
	} {
		b.WriteString(mustExec(t, s.admin, sql) + "\n")
	}
	return b.String()
}

func accepted() []string {
	return []string{
		"mysql://u@h/db",
		"MARIADB://u:p@h:3307/db",
		"mysql+pymysql://u:p%40%2F%3A@[::1]:3306/my%20db?ssl-mode=VERIFY_IDENTITY",
		"mysql://u:p@ss@h/db?program_name=crm&connect_timeout=5&charset=utf8mb4",
		"mysql://u:p@h/db?sslMode=trust",
		"mysql://u:p@h/db?ssl_mode=disabled",
		"mysql://u:p@h/db?tls=skip-verify",
		"mysql://u:p@h/db?ssl=true&ssl_verify_cert=true&ssl_verify_identity=true",
	}
}

func refused() []databasetest.Refusal {
	return []databasetest.Refusal{
		{ConnString: "postgres://u:p@h/db", Names: "postgres"},
		{ConnString: "mysql:u:p@h/db", Names: "mysql://"},
		{ConnString: "u:p@tcp(h:3306)/db", Names: "mysql://"},
		{ConnString: "mysql://h/db", Names: "user"},
		{ConnString: "mysql://:p@h/db", Names: "user"},
		{ConnString: "mysql://u:p@/db", Names: "host"},
		{ConnString: "mysql://u:p@%2Fvar%2Frun/db", Names: "host"},
		{ConnString: "mysql://u:p@unix(/run/mysqld.sock)/db", Names: "host"},
		{ConnString: "mysql://u:p@h1,h2/db", Names: "host"},
		{ConnString: "mysql://u:p@[h]/db", Names: "IPv6"},
		{ConnString: "mysql://u:p@h:0/db", Names: "port"},
		{ConnString: "mysql://u:p/q@h/db", Names: "user"},
		{ConnString: "mysql://u:p%zz@h/db", Names: "password"},
		{ConnString: "mysql://u:p%00@h/db", Names: "password"},
		{ConnString: "mysql://u:p@h", Names: "database"},
		{ConnString: "mysql://u:p@h/db/x", Names: "database"},
		{ConnString: "mysql://u:p@h/mysql", Names: "system database"},
		{ConnString: "mysql://u:p@h/MySQL?ssl-mode=required", Names: "system database"},
		{ConnString: "mysql://u:p@h/m%79sql", Names: "system database"},
		{ConnString: "mysql://u:p@h/information_schema", Names: "system database"},
		{ConnString: "mysql://u:p@h/%C4%B1nformation_schema", Names: "system database"},
		{ConnString: "mysql://u:p@h/performance_schema", Names: "system database"},
		{ConnString: "mysql://u:p@h/Sys", Names: "system database"},
		{ConnString: "mysql://u:p@h/sys%20", Names: "system database"},
		{ConnString: "mysql://u:p@h/ndbinfo", Names: "system database"},
		{ConnString: "mysql://u:p@h/db?ssl-mode=off", Names: "ssl-mode"},
		{ConnString: "mysql://u:p@h/db?ssl-mode=disabled&sslmode=required", Names: "sslmode"},
		{ConnString: "mysql://u:p@h/db?tls=custom", Names: "tls"},
		{ConnString: "mysql://u:p@h/db?ssl_verify_cert=false", Names: "ssl_verify_cert"},
		{ConnString: "mysql://u:p@h/db?ssl_ca=/etc/ca.pem", Names: "ssl_ca"},
		{ConnString: "mysql://u:p@h/db?ssl_key=/k", Names: "ssl_key"},
		{ConnString: "mysql://u:p@h/db?unix_socket=/s", Names: "unix_socket"},
		{ConnString: "mysql://u:p@h/db?read_default_file=/f", Names: "read_default_file"},
		{ConnString: "mysql://u:p@h/db?local_infile=1", Names: "local_infile"},
		{ConnString: "mysql://u:p@h/db?allowAllFiles=true", Names: "allowAllFiles"},
		{ConnString: "mysql://u:p@h/db?allowCleartextPasswords=true", Names: "allowCleartextPasswords"},
		{ConnString: "mysql://u:p@h/db?allowFallbackToPlaintext=true", Names: "allowFallbackToPlaintext"},
		{ConnString: "mysql://u:p@h/db?allowOldPasswords=true", Names: "allowOldPasswords"},
		{ConnString: "mysql://u:p@h/db?serverPubKey=x", Names: "serverPubKey"},
		{ConnString: "mysql://u:p@h/db?multiStatements=true", Names: "multiStatements"},
		{ConnString: "mysql://u:p@h/db?interpolateParams=true", Names: "interpolateParams"},
		{ConnString: "mysql://u:p@h/db?init_command=DROP", Names: "init_command"},
		{ConnString: "mysql://u:p@h/db?sql_mode=%27ANSI%27", Names: "sql_mode"},
		{ConnString: "mysql://u:p@h/db?password=x", Names: "password"},
		{ConnString: "mysql://u:p@h/db?charset=latin1", Names: "charset"},
		{ConnString: "mysql://u:p@h/db?connect_timeout=soon", Names: "connect_timeout"},
		{ConnString: "mysql://u:p@h/db?program_name=a,b:c", Names: "program_name"},
	}
}

// values are few here; every type of the server is in TestTypes.
func values() []databasetest.Value {
	return []databasetest.Value{
		{SQL: "SELECT NULL AS v", JSON: `null`},
		{SQL: "SELECT TRUE AS v", JSON: `1`},
		{SQL: "SELECT 9223372036854775807 AS v", JSON: `9223372036854775807`},
		{SQL: "SELECT 18446744073709551615 AS v", JSON: `18446744073709551615`},
		{SQL: "SELECT 0.1e0 AS v", JSON: `0.1`},
		{SQL: "SELECT 12345678901234567890.10 AS v", JSON: `"12345678901234567890.10"`},
		{SQL: `SELECT 'a"b\\c\né' AS v`, JSON: `"a\"b\\c\né"`},
		{SQL: "SELECT TIMESTAMP '2026-01-31 12:30:00' AS v", JSON: `"2026-01-31T12:30:00"`},
		{SQL: "SELECT x'DEAD00' AS v", JSON: `"dead00"`},
	}
}

func writes() []string {
	return []string{
		"INSERT INTO customers (id, name) VALUES (4, 'Eve')",
		"INSERT INTO customers (id, name) VALUES (4, 'Eve') RETURNING id",
		"REPLACE INTO customers (id, name) VALUES (1, 'Eve')",
		"UPDATE customers SET name = 'x'",
		"DELETE FROM orders",
		"DELETE FROM orders RETURNING id",
		"TRUNCATE orders",
		"CREATE TABLE t (a int)",
		"CREATE TEMPORARY TABLE t (a int)",
		"CREATE TABLE t AS SELECT * FROM customers",
		"CREATE VIEW v AS SELECT 1",
		"CREATE TRIGGER g BEFORE INSERT ON orders FOR EACH ROW SET @a = 1",
		"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
		"CREATE FUNCTION f() RETURNS INT RETURN 1",
		"CREATE SEQUENCE s",
		"DROP TABLE orders",
		"RENAME TABLE orders TO o",
		"ALTER TABLE customers ADD COLUMN x int",
		"CREATE INDEX i ON customers (name)",
		"OPTIMIZE TABLE customers",
		"CREATE USER nobody",
		"GRANT SELECT ON customers TO PUBLIC",
		"SELECT NEXT VALUE FOR counter",
		"SELECT SETVAL(counter, 100)",
		"SELECT bump()",
		"CALL bump_all()",
		"DO bump()",
		"SELECT 1; DELETE FROM orders",
		"LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE customers",
		"LOAD DATA INFILE '/etc/passwd' INTO TABLE customers",
		"SELECT * FROM customers INTO OUTFILE '/tmp/never'",
		"LOCK TABLES customers WRITE",
		"BEGIN NOT ATOMIC DELETE FROM orders; END",
		"EXECUTE IMMEDIATE 'DELETE FROM orders'",
		"ANALYZE DELETE FROM orders",
	}
}

// undone are statements that the servers run even in a read-only transaction.
func undone() []string {
	return []string{
		"SET SESSION TRANSACTION READ WRITE",
		"SET SESSION max_statement_time = 0",
		"SET SESSION sql_mode = 'ANSI_QUOTES'",
		"SET sql_select_limit = 1",
		"SET autocommit = 0",
		"SET @@session.tx_read_only = 0",
		"COMMIT",
		"COMMIT AND CHAIN",
		"ROLLBACK RELEASE",
		"START TRANSACTION READ WRITE",
		"USE information_schema",
		"PREPARE p FROM 'SELECT 1'",
		"FLUSH TABLES customers WITH READ LOCK",
		"SELECT * FROM customers FOR UPDATE",
		"SELECT GET_LOCK('a', 0)",
		"HANDLER customers OPEN",
		"ANALYZE TABLE customers",
		"CHECKSUM TABLE customers",
	}
}
