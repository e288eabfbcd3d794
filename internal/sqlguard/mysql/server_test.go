package mysql_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// lab is a database of its own on the MariaDB server of the tests, holding the
// fixture, and a login that may do everything in it.
type lab struct {
	root   *sql.DB // no database selected
	writer *driver.Config
	name   string
}

// newLab makes a lab of the given name, or of a random one, and drops it when
// the test ends.
func newLab(t testing.TB, name string) *lab {
	t.Helper()
	config := serverConfig(t)
	if name == "" {
		name = fmt.Sprintf("guard_%08x", rand.Uint32())
	}
	l := &lab{root: open(t, config), name: name, writer: config.Clone()}
	l.writer.User, l.writer.Passwd, l.writer.DBName = name, "writer", name
	l.build(t)
	for _, host := range []string{"'%'", "localhost"} { // an anonymous login on localhost shadows '%'
		user := name + "@" + host
		l.exec(t, "DROP USER IF EXISTS "+user, "CREATE USER "+user+" IDENTIFIED BY 'writer'",
			"GRANT ALL ON "+name+".* TO "+user)
	}
	t.Cleanup(func() {
		l.exec(t, "DROP USER "+name+"@'%', "+name+"@localhost", "DROP DATABASE "+name)
		l.root.Close()
	})
	return l
}

// serverConfig reads the address of the MariaDB server, which make test starts.
func serverConfig(t testing.TB) *driver.Config {
	t.Helper()
	return configOf(t, "MCPGW_TEST_MARIADB")
}

// configOf reads the address of a server from the environment.
func configOf(t testing.TB, variable string) *driver.Config {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: needs the database servers of make test")
	}
	address := os.Getenv(variable)
	if address == "" {
		t.Fatal(variable + " is not set: run make test, or go test -short")
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	config := driver.NewConfig()
	config.Net, config.Addr, config.User = "tcp", u.Host, u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.Collation = "utf8mb4_general_ci"
	config.Logger = &driver.NopLogger{} // dropped connections are part of the test
	return config
}

func open(t testing.TB, config *driver.Config) *sql.DB {
	t.Helper()
	connector, err := driver.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	return sql.OpenDB(connector)
}

// build makes the database anew from the fixture.
func (l *lab) build(t testing.TB) {
	t.Helper()
	l.exec(t, "DROP DATABASE IF EXISTS "+l.name,
		"CREATE DATABASE "+l.name+" CHARACTER SET utf8mb4")
	config := l.writer.Clone()
	root := serverConfig(t)
	config.User, config.Passwd = root.User, root.Passwd
	db := open(t, config)
	defer db.Close()
	for _, statement := range sqlguardtest.Split(sqlguardtest.Text(t, dialect, "fixture.sql")) {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("fixture: %v\n%s", err, statement)
		}
	}
}

func (l *lab) exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := l.root.ExecContext(context.Background(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
}

// dump describes all that a statement could change in the database: its
// objects with their definitions, the rows of its tables, the sequence.
func (l *lab) dump(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	var tables []string
	for _, row := range l.rows(t, "SHOW FULL TABLES FROM "+l.name) {
		fmt.Fprintln(&b, row)
		if row[1] == "BASE TABLE" {
			tables = append(tables, l.name+".`"+strings.ReplaceAll(row[0], "`", "``")+"`")
		}
	}
	for _, query := range []string{
		"CHECKSUM TABLE " + strings.Join(tables, ", "),
		"SELECT table_name, column_name, column_type FROM information_schema.columns WHERE table_schema = '" +
			l.name + "' ORDER BY table_name, ordinal_position",
		"SELECT table_name, index_name FROM information_schema.statistics WHERE table_schema = '" +
			l.name + "' ORDER BY table_name, index_name, seq_in_index",
		"SELECT routine_name FROM information_schema.routines WHERE routine_schema = '" + l.name + "'",
		"SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = '" + l.name + "'",
		"SELECT event_name FROM information_schema.events WHERE event_schema = '" + l.name + "'",
		"SELECT next_not_cached_value FROM " + l.name + ".s1",
		"SELECT COUNT(*) FROM mysql.global_priv WHERE User IN ('" + l.name + "', 'x')",
	} {
		for _, row := range l.rows(t, query) {
			fmt.Fprintln(&b, row)
		}
	}
	return b.String()
}

func (l *lab) rows(t testing.TB, query string) [][]string {
	t.Helper()
	result := query1(l.root, query)
	if result.err != nil {
		t.Fatalf("%v\n%s", result.err, query)
	}
	return result.rows
}

// result is what a query gave.
type result struct {
	columns []string
	rows    [][]string
	err     error
}

// querier is a database or one of its connections.
type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// query1 runs a query in the text protocol and reads all of its first result.
// It gives up on statements that switch the server's own timeout off.
func query1(db querier, query string) (r result) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return result{err: err}
	}
	defer rows.Close()
	r.columns, r.err = rows.Columns()
	for rows.Next() {
		row := make([]string, len(r.columns))
		if r.err = rows.Scan(pointers(row)...); r.err != nil {
			return r
		}
		r.rows = append(r.rows, row)
	}
	if r.err == nil {
		r.err = rows.Err()
	}
	return r
}

// pointers returns scan targets that turn NULL into a word.
func pointers(row []string) []any {
	targets := make([]any, len(row))
	for i := range row {
		targets[i] = (*nullText)(&row[i])
	}
	return targets
}

type nullText string

func (n *nullText) Scan(value any) error {
	switch value := value.(type) {
	case nil:
		*n = "NULL"
	case []byte:
		*n = nullText(value)
	default:
		*n = nullText(fmt.Sprint(value))
	}
	return nil
}

// readOnly returns a fresh connection of the writing login inside the engine
// layer that the gateway puts around every statement: the session flag, which
// alone stops DDL, and the transaction.
func (l *lab) readOnly(t testing.TB) *sql.DB {
	t.Helper()
	db := open(t, l.writer)
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		"SET SESSION TRANSACTION READ ONLY", "SET SESSION max_statement_time = 0.5",
		"SET SESSION lock_wait_timeout = 1", "SET SESSION sql_mode = 'STRICT_TRANS_TABLES'",
		"START TRANSACTION READ ONLY",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
	return db
}
