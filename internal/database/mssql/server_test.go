package mssql_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"

	mssqldb "github.com/microsoft/go-mssqldb"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/databasetest"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
)

// server is a real SQL Server and a database of one test in it.
type server struct {
	admin  *sql.DB
	at     *url.URL
	db     string
	reader string
	secret string // of the reader
}

// startServer makes the database and a login that only reads it.
func startServer(t *testing.T, address string) *server {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal("MCPGW_TEST_MSSQL is no URL")
	}
	connector, err := mssqldb.NewConnector(address)
	if err != nil {
		t.Fatal(err)
	}
	name := "mcpgw_" + strings.ToLower(rand.Text()[:12])
	s := &server{admin: sql.OpenDB(connector), at: at, db: name, reader: name + "_reader", secret: "Aa1-" + rand.Text()}
	t.Cleanup(func() { _ = s.admin.Close() })
	s.exec(t, "CREATE DATABASE "+s.db)
	t.Cleanup(func() {
		s.exec(t, "ALTER DATABASE "+s.db+" SET SINGLE_USER WITH ROLLBACK IMMEDIATE; DROP DATABASE "+s.db)
		s.exec(t, "DROP LOGIN "+s.reader)
	})
	s.exec(t, fmt.Sprintf("CREATE LOGIN %s WITH PASSWORD = '%s', CHECK_POLICY = OFF", s.reader, s.secret))
	for _, statement := range append(databasetest.Shop(),
		fmt.Sprintf("CREATE USER %[1]s FOR LOGIN %[1]s; ALTER ROLE db_datareader ADD MEMBER %[1]s; GRANT VIEW DEFINITION TO %[1]s", s.reader)) {
		s.exec(t, fmt.Sprintf("USE %s; EXEC (N'%s')", s.db, strings.ReplaceAll(statement, "'", "''")))
	}
	return s
}

func (s *server) exec(t testing.TB, statement string) {
	t.Helper()
	if _, err := s.admin.ExecContext(context.Background(), statement); err != nil {
		t.Fatalf("%.200s: %v", statement, err)
	}
}

func (s *server) value(t testing.TB, query string) string {
	t.Helper()
	var v string
	if err := s.admin.QueryRowContext(context.Background(), query).Scan(&v); err != nil {
		t.Fatalf("%.200s: %v", query, err)
	}
	return v
}

// url is the address with another login, if one is given, and database.
func (s *server) url(user *url.Userinfo, db string) string {
	u := *s.at
	u.Path = "/" + db
	if user != nil {
		u.User = user
	}
	return u.String()
}

// fixture runs the suite on the server; only the login that owns everything is
// asked to write.
func (s *server) fixture() databasetest.Fixture {
	f := fixture()
	secret, _ := s.at.User.Password()
	f.Secret = secret
	f.Denied = &database.Env{Dialer: egress.NewDialer(egress.Policy{DenyHosts: []string{s.at.Hostname()}}, 0)}
	f.Owner = s.url(nil, s.db)
	f.ReadOnly = s.url(url.UserPassword(s.reader, s.secret), s.db)
	f.Failures = map[string]string{
		database.ErrAuthentication:   s.url(url.UserPassword(s.reader, "wrong"), s.db),
		database.ErrDatabaseNotFound: s.url(nil, s.db+"_not"),
	}
	for _, v := range samples() {
		if !strings.HasPrefix(v.typ, "json") { // the type is new in 2025
			f.Values = append(f.Values, databasetest.Value{SQL: v.sql, JSON: v.json})
		}
	}
	f.State = func(t testing.TB) string {
		return s.value(t, "SELECT CONCAT(COUNT(*), ' ', MAX(object_id)) FROM "+s.db+".sys.objects WHERE is_ms_shipped = 0")
	}
	f.Running = func(t testing.TB) bool {
		return s.value(t, `SELECT COUNT(*) FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) q
			WHERE r.session_id <> @@SPID AND r.database_id = DB_ID('`+s.db+`') AND q.text LIKE '%sys.all_columns c%'`) != "0"
	}
	f.Disconnect = func(t testing.TB) {
		s.exec(t, `DECLARE @kill nvarchar(max) = N'';
			SELECT @kill += N'KILL ' + CAST(session_id AS nvarchar(10)) + N';' FROM sys.dm_exec_sessions
			WHERE database_id = DB_ID('`+s.db+`') AND session_id <> @@SPID; EXEC (@kill)`)
	}
	return f
}
