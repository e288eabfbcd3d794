package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/databasetest"
	"github.com/mcp-gateway/mcp-gateway/internal/database/postgres"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// openGuard accepts everything: the tests here are about what stands behind
// the guard.
type openGuard struct{}

func (openGuard) Check(sql string) (*sqlguard.Statement, error) {
	return &sqlguard.Statement{SQL: sql, Kind: "SELECT"}, nil
}

func (openGuard) Version() string { return "open" }

func (g openGuard) Allowing([]string) sqlguard.Guard { return g }

func dialect() *postgres.Dialect { return postgres.New(openGuard{}) }

func localEnv() database.Env {
	return database.Env{Dialer: egress.NewDialer(egress.Policy{AllowLoopback: true}, 0)}
}

// server is a scratch database of the test server with two logins.
type server struct {
	admin         *pgconn.PgConn // in the scratch database, as superuser
	host, db      string
	owner, reader string // roles
	password      string
	ownerConn     string
	readerConn    string
}

// start makes the scratch database on the server of MCPGW_TEST_POSTGRES.
func start(t testing.TB) *server {
	t.Helper()
	return startOn(t, "MCPGW_TEST_POSTGRES")
}

// startOn makes the scratch database on the server that the variable names.
func startOn(t testing.TB, variable string) *server {
	t.Helper()
	address := os.Getenv(variable)
	if address == "" {
		if testing.Short() {
			t.Skip("needs a PostgreSQL server: set " + variable)
		}
		t.Fatal(variable + " is not set; `make test` sets it, -short leaves these tests out")
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := "t" + strings.ToLower(rand.Text()[:10])
	s := &server{host: u.Host, db: name, owner: name + "_rw", reader: name + "_ro", password: "s3cret%/" + name}
	root := mustConnect(t, address)
	mustExec(t, root, "CREATE DATABASE "+name)
	u.Path = "/" + name
	s.admin = mustConnect(t, u.String())
	t.Cleanup(func() {
		s.admin.Close(context.Background())
		mustExec(t, root, "DROP DATABASE "+name+" WITH (FORCE)")
		mustExec(t, root, "DROP ROLE IF EXISTS "+s.owner+", "+s.reader)
		root.Close(context.Background())
	})
	for _, role := range []string{s.owner, s.reader} {
		mustExec(t, s.admin, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", role, s.password))
	}
	mustExec(t, s.admin, "REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT CREATE, USAGE ON SCHEMA public TO "+s.owner)
	s.ownerConn = s.url(s.owner, s.password, s.db)
	s.readerConn = s.url(s.reader, s.password, s.db)
	return s
}

func (s *server) url(user, password, db string) string {
	return fmt.Sprintf("postgresql+psycopg2://%s:%s@%s/%s?sslmode=disable&application_name=%s",
		user, url.PathEscape(password), s.host, db, s.db)
}

// shop makes the suite's tables, owned by the owner.
func (s *server) shop(t testing.TB) {
	t.Helper()
	mustExec(t, s.admin, "SET ROLE "+s.owner)
	for _, sql := range databasetest.Shop() {
		mustExec(t, s.admin, sql)
	}
	mustExec(t, s.admin, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+s.reader)
	mustExec(t, s.admin, "RESET ROLE")
}

func mustConnect(t testing.TB, address string) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustExec(t testing.TB, c *pgconn.PgConn, sql string) string {
	t.Helper()
	results, err := c.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if n := len(results); n > 0 && len(results[n-1].Rows) > 0 {
		return string(results[n-1].Rows[0][0])
	}
	return ""
}

// open returns a Conn of the scratch database that is closed with the test.
func (s *server) open(t testing.TB, connString string) database.Conn {
	t.Helper()
	return openWith(t, connString, database.Rules{})
}

// openWith is open with an administrator's rules.
func openWith(t testing.TB, connString string, rules database.Rules) database.Conn {
	t.Helper()
	env := localEnv()
	env.Rules = rules
	target, err := dialect().Parse(connString, env)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialect().Open(target, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func statement(sql string) *sqlguard.Statement { return &sqlguard.Statement{SQL: sql} }

func mustQuery(t testing.TB, conn database.Conn, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	table, err := conn.Query(ctx, &sqlguard.Statement{SQL: sql}, database.Limit{})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return string(table.AppendRows(nil))
}
