package mysql_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/databasetest"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
)

// openGuard accepts everything: the tests here are about what stands behind
// the guard.
type openGuard struct{}

func (openGuard) Check(sql string) (*sqlguard.Statement, error) {
	return &sqlguard.Statement{SQL: sql, Kind: "SELECT"}, nil
}

func (openGuard) Version() string { return "open" }

func (g openGuard) Allowing([]string) sqlguard.Guard { return g }

func dialect() *mysql.Dialect { return mysql.New(openGuard{}, openGuard{}) }

func localEnv() database.Env {
	return database.Env{
		Dialer: egress.NewDialer(egress.Policy{AllowLoopback: true}, 0),
		Rules:  database.Rules{AllowPowerfulLogin: true},
	}
}

// server is a scratch database of the test server with two logins.
type server struct {
	admin         *sql.DB // in the scratch database, as root
	mariadb       bool    // else MySQL
	host, db      string
	owner, reader string // logins
	password      string
	ownerConn     string
	readerConn    string
}

// start makes the scratch database on the server of MCPGW_TEST_MARIADB.
func start(t testing.TB) *server {
	t.Helper()
	return startOn(t, "MCPGW_TEST_MARIADB")
}

// everyServer runs a test on MariaDB and on MySQL.
func everyServer(t *testing.T, test func(*testing.T, *server)) {
	t.Helper()
	for name, variable := range map[string]string{"mariadb": "MCPGW_TEST_MARIADB", "mysql": "MCPGW_TEST_MYSQL"} {
		t.Run(name, func(t *testing.T) { test(t, startOn(t, variable)) })
	}
}

// startOn makes the scratch database on the server that a variable names.
func startOn(t testing.TB, variable string) *server {
	t.Helper()
	address := os.Getenv(variable)
	if address == "" {
		if testing.Short() {
			t.Skip("needs a database server: set " + variable)
		}
		t.Fatal(variable + " is not set; `make test` sets it, -short leaves these tests out")
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := "t" + strings.ToLower(rand.Text()[:10])
	s := &server{mariadb: variable == "MCPGW_TEST_MARIADB", host: u.Host, db: name, owner: name + "_rw", reader: name + "_ro", password: "s3cret%/" + name}
	root := connect(t, u, "")
	mustExec(t, root, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
	s.admin = connect(t, u, name)
	t.Cleanup(func() {
		s.admin.Close()
		mustExec(t, root, "DROP DATABASE "+name)
		for _, account := range s.accounts() {
			mustExec(t, root, "DROP USER "+account)
		}
		root.Close()
	})
	for _, account := range s.accounts() {
		mustExec(t, root, "CREATE USER "+account+" IDENTIFIED BY '"+s.password+"'")
		grant := "SELECT, SHOW VIEW"
		if strings.HasPrefix(account, s.owner) {
			grant = "ALL"
		}
		mustExec(t, root, "GRANT "+grant+" ON "+name+".* TO "+account)
	}
	s.ownerConn = s.url(s.owner, s.password, s.db)
	s.readerConn = s.url(s.reader, s.password, s.db)
	return s
}

// accounts lists the logins. An anonymous login on localhost, which some
// servers have, would shadow one of any host.
func (s *server) accounts() []string {
	return []string{s.owner + "@localhost", s.owner + "@'%'", s.reader + "@localhost", s.reader + "@'%'"}
}

func (s *server) url(user, password, db string) string {
	return fmt.Sprintf("mysql+pymysql://%s:%s@%s/%s?charset=utf8mb4", user, url.PathEscape(password), s.host, db)
}

// shop makes the suite's tables.
func (s *server) shop(t testing.TB) {
	t.Helper()
	for _, sql := range databasetest.Shop() {
		mustExec(t, s.admin, sql)
	}
}

func connect(t testing.TB, u *url.URL, db string) *sql.DB {
	t.Helper()
	config := driver.NewConfig()
	config.Net, config.Addr, config.User, config.DBName = "tcp", u.Host, u.User.Username(), db
	config.Passwd, _ = u.User.Password()
	connector, err := driver.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	return sql.OpenDB(connector)
}

// mustExec runs a statement and returns its first value, if it has one.
func mustExec(t testing.TB, db *sql.DB, statement string) string {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	var value sql.NullString
	if rows.Next() {
		if err := rows.Scan(&value); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return value.String
}

// open returns a Conn that is closed with the test.
func open(t testing.TB, connString string) database.Conn {
	t.Helper()
	target, err := dialect().Parse(connString, localEnv())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialect().Open(target, localEnv())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// openGuarded returns a Conn with the guards of the gateway.
func openGuarded(t testing.TB, connString string, env database.Env) database.Conn {
	t.Helper()
	return openDialect(t, guardedDialect(), connString, env)
}

// openWith returns a Conn with one guard for both families.
func openWith(t testing.TB, g sqlguard.Guard, connString string, env database.Env) database.Conn {
	t.Helper()
	return openDialect(t, mysql.New(g, g), connString, env)
}

func openDialect(t testing.TB, d *mysql.Dialect, connString string, env database.Env) database.Conn {
	t.Helper()
	target, err := d.Parse(connString, env)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := d.Open(target, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func guardedDialect() *mysql.Dialect {
	return mysql.New(guard.New(guard.MySQL), guard.New(guard.MariaDB))
}

// allowing is the environment of a connection with listed functions.
func allowing(functions ...database.AllowedFunction) database.Env {
	env := localEnv()
	env.Rules.AllowedFunctions = functions
	return env
}

// ask checks a statement as the gateway does, and runs it.
func ask(t testing.TB, conn database.Conn, env database.Env, sql string) (string, error) {
	t.Helper()
	stmt, err := checked(env, sql)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	table, err := conn.Query(ctx, stmt, database.Limit{})
	if err != nil {
		return "", err
	}
	return string(table.AppendRows(nil)), nil
}

func checked(env database.Env, sql string) (*sqlguard.Statement, error) {
	var names []string
	for _, f := range env.Rules.AllowedFunctions {
		name, _, _ := strings.Cut(f.Signature, "(")
		names = append(names, name)
	}
	return guardedDialect().Guard().Allowing(names).Check(sql)
}

// wantRefusal expects a statement to be refused with exactly this text.
func wantRefusal(t testing.TB, conn database.Conn, env database.Env, sql, want string) {
	t.Helper()
	got, err := ask(t, conn, env, sql)
	if err == nil || fault.Of(err).Public != want {
		t.Errorf("%s:\n got %q, %v\nwant %q", sql, got, err, want)
	}
}

func statement(sql string) *sqlguard.Statement { return &sqlguard.Statement{SQL: sql} }

func mustQuery(t testing.TB, conn database.Conn, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	table, err := conn.Query(ctx, statement(sql), database.Limit{})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return string(table.AppendRows(nil))
}
