package mssql_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/databasetest"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
)

// TestSuite runs the suite on the stand-in and, when MCPGW_TEST_MSSQL names
// one, on a real server.
func TestSuite(t *testing.T) {
	t.Run("stand-in", func(t *testing.T) { databasetest.Run(t, standInFixture(t)) })
	if address := os.Getenv("MCPGW_TEST_MSSQL"); address != "" {
		t.Run("server", func(t *testing.T) { databasetest.Run(t, startServer(t, address).fixture()) })
	}
}

func standInFixture(t *testing.T) databasetest.Fixture {
	s := start(t, databasetest.Shop()...)
	f := fixture()
	for _, v := range samples() {
		s.results[v.sql] = v.canned()
		f.Values = append(f.Values, databasetest.Value{SQL: v.sql, JSON: v.json})
	}
	f.Owner = s.owner()
	f.ReadOnly = s.url("reader", password, databaseName, "?TrustServerCertificate=true")
	f.Failures = map[string]string{
		database.ErrAuthentication:   s.url("owner", "wrong-"+password, databaseName, "?TrustServerCertificate=true"),
		database.ErrDatabaseNotFound: s.url("owner", password, "nothing", "?TrustServerCertificate=true"),
		database.ErrCannotConnect:    "mssql://u:p@127.0.0.1:1/db",
		database.ErrTLS:              s.url("owner", password, databaseName, ""),
	}
	f.Running = func(testing.TB) bool { return s.running.Load() > 0 }
	f.Disconnect = func(testing.TB) { s.server.Disconnect() }
	return f
}

// fixture is what the stand-in and a real server have in common.
func fixture() databasetest.Fixture {
	denied := database.Env{Dialer: egress.NewDialer(egress.Policy{}, 0)}
	return databasetest.Fixture{
		Dialect:  mssql.New(guard.New()),
		Env:      localEnv(),
		Denied:   &denied,
		Secret:   password,
		Accepted: accepted(),
		Refused:  refused(),
		Queries: databasetest.Queries{
			Numbers: func(n int) string { return numbers(n) + "SELECT n FROM s OPTION (MAXRECURSION 0)" },
			Wide: func(n int) string {
				return numbers(n) + "SELECT REPLICATE('x', 1000) AS t FROM s OPTION (MAXRECURSION 0)"
			},
			Slow:          slowQuery,
			Duplicate:     "SELECT 1 AS a, 2 AS a, 3",
			DuplicateWant: []string{"a", "a_2", "column_3"},
			UnknownTable:  "SELECT * FROM nowhere",
			UnknownColumn: "SELECT nowhere FROM customers",
			SyntaxError:   "SELECT FROM FROM",
		},
		Undone: undone(),
	}
}

func numbers(n int) string {
	return fmt.Sprintf("WITH s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) ", n)
}

func accepted() []string {
	return []string{
		"sqlserver://u@h/db",
		"MSSQL://u:p@h:6543/db",
		"mssql+pymssql://u:p%40%2F%3A@[::1]:1433/my%20db?charset=utf8&appname=crm",
		"sqlserver://u:p@ss@h?database=db&encrypt=true&TrustServerCertificate=true",
		"sqlserver://u:p@h/db?encrypt=strict&hostNameInCertificate=sql.example.com&app%20name=crm&connection+timeout=5",
		"mssql://u:p@h/db?login_timeout=5&encrypt=mandatory&trustservercertificate=no",
	}
}

func refused() []databasetest.Refusal {
	return []databasetest.Refusal{
		{ConnString: "postgres://u:p@h/db", Names: "postgres"},
		{ConnString: "sqlserver:u:p@h/db", Names: "sqlserver://"},
		{ConnString: "server=h;user id=u;password=p", Names: "sqlserver://"},
		{ConnString: "odbc:server=h;user id=u", Names: "sqlserver://"},
		{ConnString: "sqlserver://h/db", Names: "user"},
		{ConnString: "sqlserver://:p@h/db", Names: "user"},
		{ConnString: `sqlserver://corp\u:p@h/db`, Names: "Windows"},
		{ConnString: "sqlserver://corp%5Cu:p@h/db", Names: "Windows"},
		{ConnString: "sqlserver://u:p@/db", Names: "host"},
		{ConnString: `sqlserver://u:p@h\SQLEXPRESS/db`, Names: "instance"},
		{ConnString: "sqlserver://u:p@h1,h2/db", Names: "host"},
		{ConnString: `sqlserver://u:p@\\.\pipe\sql\query`, Names: "pipes"},
		{ConnString: "sqlserver://u:p@[h]/db", Names: "IPv6"},
		{ConnString: "sqlserver://u:p@h:0/db", Names: "port"},
		{ConnString: "sqlserver://u:p/q@h/db", Names: "user"},
		{ConnString: "sqlserver://u:p%zz@h/db", Names: "password"},
		{ConnString: "sqlserver://u:p%00@h/db", Names: "password"},
		{ConnString: "sqlserver://u:p@h/db/x", Names: "database"},
		{ConnString: "sqlserver://u:p@h/SQLEXPRESS?database=db", Names: "database"},
		{ConnString: "sqlserver://u:p@h/db?encrypt=disable", Names: "encrypt"},
		{ConnString: "sqlserver://u:p@h/db?encrypt=false", Names: "encrypt"},
		{ConnString: "sqlserver://u:p@h/db?encrypt=optional", Names: "encrypt"},
		{ConnString: "sqlserver://u:p@h/db?encrypt=true&Encrypt=strict", Names: "Encrypt"},
		{ConnString: "sqlserver://u:p@h/db?encrypt=strict&TrustServerCertificate=true", Names: "TrustServerCertificate"},
		{ConnString: "sqlserver://u:p@h/db?TrustServerCertificate=maybe", Names: "TrustServerCertificate"},
		{ConnString: "sqlserver://u:p@h/db?hostNameInCertificate=a/b", Names: "hostNameInCertificate"},
		{ConnString: "sqlserver://u:p@h/db?certificate=/etc/ca.pem", Names: "certificate"},
		{ConnString: "sqlserver://u:p@h/db?serverCertificate=/etc/ca.pem", Names: "serverCertificate"},
		{ConnString: "sqlserver://u:p@h/db?authenticator=krb5", Names: "authenticator"},
		{ConnString: "sqlserver://u:p@h/db?krb5-keytabfile=/k", Names: "krb5-keytabfile"},
		{ConnString: "sqlserver://u:p@h/db?fedauth=ActiveDirectoryDefault", Names: "fedauth"},
		{ConnString: "sqlserver://u:p@h/db?protocol=np", Names: "protocol"},
		{ConnString: "sqlserver://u:p@h/db?pipe=sql/query", Names: "pipe"},
		{ConnString: "sqlserver://u:p@h/db?failoverpartner=h2", Names: "failoverpartner"},
		{ConnString: "sqlserver://u:p@h/db?MultiSubnetFailover=true", Names: "MultiSubnetFailover"},
		{ConnString: "sqlserver://u:p@h/db?change+password=x", Names: "change password"},
		{ConnString: "sqlserver://u:p@h/db?log=255", Names: "log"},
		{ConnString: "sqlserver://u:p@h/db?tlsmin=1.0", Names: "tlsmin"},
		{ConnString: "sqlserver://u:p@h/db?ApplicationIntent=ReadWrite", Names: "ApplicationIntent"},
		{ConnString: "sqlserver://u:p@h/db?charset=cp1252", Names: "charset"},
		{ConnString: "sqlserver://u:p@h/db?connection+timeout=soon", Names: "connection timeout"},
	}
}

// undone are statements that SQL Server runs: it has no read-only transaction,
// only the rollback takes them away.
func undone() []string {
	return []string{
		"INSERT INTO customers (id, name) VALUES (4, 'Eve')",
		"UPDATE customers SET name = 'x'",
		"DELETE FROM orders",
		"CREATE TABLE t (a INTEGER)",
		"DROP TABLE orders",
		"ALTER TABLE customers ADD x INTEGER",
		"TRUNCATE TABLE orders",
		"SELECT * INTO t FROM customers",
		"MERGE customers AS c USING (SELECT 1 AS id) AS s ON c.id = s.id WHEN MATCHED THEN DELETE;",
		"SET TEXTSIZE 1",
	}
}
