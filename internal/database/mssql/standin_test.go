package mssql_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite" // stands in for the engine

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
)

const (
	password     = "s3cret-Passw0rd!"
	slowQuery    = "SELECT COUNT_BIG(*) AS n FROM sys.all_columns a CROSS JOIN sys.all_columns b CROSS JOIN sys.all_columns c"
	databaseName = "shop"
)

// standIn is a TDS server whose SQL is SQLite's, with the catalogue and the
// types of SQL Server as canned results.
type standIn struct {
	addr    string
	server  *tdstest.Server
	db      *sql.DB
	running atomic.Int64 // slow queries
	results map[string]canned
	objects func(user string) [][]any // answers objects.sql; the shop's when nil
	resets  atomic.Int64

	mu       sync.Mutex
	logins   []tdstest.Login
	requests []tdstest.Request
}

// canned is a result by the text that asks for it.
type canned struct {
	columns []tdstest.Column
	rows    [][]any
}

// localEnv reaches the stand-in, whose owner may do everything.
func localEnv() database.Env {
	return database.Env{
		Dialer: egress.NewDialer(egress.Policy{AllowLoopback: true}, 0), Rules: database.Rules{AllowPowerfulLogin: true},
	}
}

// start runs a stand-in over the statements.
func start(t testing.TB, statements ...string) *standIn {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+t.TempDir()+"/shop.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	s := &standIn{db: db, results: map[string]canned{}}
	s.server = &tdstest.Server{Backend: s, TLS: serverTLS(t)}
	s.addr = serve(t, s.server)
	return s
}

func serve(t testing.TB, server *tdstest.Server) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		server.Close()
	})
	return l.Addr().String()
}

// serverTLS makes a certificate that nobody vouches for, as SQL Server does.
func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "SSL_Self_Signed_Fallback"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func (s *standIn) url(user, secret, db, options string) string {
	return "sqlserver://" + user + ":" + strings.ReplaceAll(secret, "!", "%21") + "@" + s.addr + "/" + db + options
}

func (s *standIn) owner() string {
	return s.url("owner", password, databaseName, "?TrustServerCertificate=true")
}

// Login implements [tdstest.Backend].
func (s *standIn) Login(l tdstest.Login) (tdstest.Session, error) {
	s.mu.Lock()
	s.logins = append(s.logins, l)
	s.mu.Unlock()
	switch {
	case l.Password != password:
		return nil, &tdstest.Error{Number: 18456, Class: 14, Message: "Login failed for user '" + l.User + "'."}
	case l.Database != databaseName && l.Database != "":
		return nil, &tdstest.Error{Number: 4060, Class: 11, Message: `Cannot open database "` + l.Database + `" requested by the login. The login failed.`}
	}
	conn, err := s.db.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	return &standInSession{standIn: s, conn: conn, user: l.User}, nil
}

// seen returns the requests so far.
func (s *standIn) seen() []tdstest.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]tdstest.Request(nil), s.requests...)
}

type standInSession struct {
	*standIn
	conn *sql.Conn
	user string
	open bool // a transaction is
}

func (s *standInSession) do(open bool, text string) error {
	if s.open == open {
		return &tdstest.Error{Number: 3903, Message: "no transaction to end, or one is open"}
	}
	s.open = open
	_, err := s.conn.ExecContext(context.Background(), text)
	return err
}

func (s *standInSession) Begin() error    { return s.do(true, "BEGIN") }
func (s *standInSession) Commit() error   { return s.do(false, "COMMIT") }
func (s *standInSession) Rollback() error { return s.do(false, "ROLLBACK") }

// Reset rolls back, as sp_reset_connection does.
func (s *standInSession) Reset() error {
	s.resets.Add(1)
	if s.open {
		return s.Rollback()
	}
	return nil
}

func (s *standInSession) Close() error {
	err := s.Reset()
	return errors.Join(err, s.conn.Close())
}

// Run implements [tdstest.Session].
func (s *standInSession) Run(ctx context.Context, q tdstest.Request, r *tdstest.Reply) error {
	s.mu.Lock()
	s.requests = append(s.requests, q)
	s.mu.Unlock()
	text := strings.TrimSpace(q.SQL)
	if q.RPC {
		return &tdstest.Error{Number: 2812, Message: "Could not find stored procedure '" + q.Procedure + "'."}
	}
	if c, ok := s.results[text]; ok {
		return c.send(r)
	}
	switch {
	case strings.HasPrefix(text, "SET XACT_ABORT ON"):
		return nil
	case text == slowQuery:
		s.running.Add(1)
		defer s.running.Add(-1)
		<-ctx.Done()
		return ctx.Err()
	case strings.Contains(text, "sys.sql_modules"):
		return s.catalogue().send(r)
	case strings.Contains(text, "SERVERPROPERTY"):
		return s.probe(r)
	case strings.Contains(text, "sys.foreign_keys"):
		return shopCatalogue(r)
	default:
		return s.query(ctx, translate(text), r)
	}
}

func (c canned) send(r *tdstest.Reply) error {
	if err := r.Columns(c.columns...); err != nil {
		return err
	}
	for _, row := range c.rows {
		if err := r.Row(row...); err != nil {
			return err
		}
	}
	return nil
}

var replicate = regexp.MustCompile(`REPLICATE\('(.)', (\d+)\)`)

// translate turns the suite's few T-SQL functions into SQLite's.
func translate(text string) string {
	text = replicate.ReplaceAllString(text, "printf('%.${2}c', '$1')")
	return strings.TrimSuffix(text, " OPTION (MAXRECURSION 0)")
}

func (s *standInSession) query(ctx context.Context, text string, r *tdstest.Reply) error {
	rows, err := s.conn.QueryContext(ctx, text)
	if err != nil {
		return serverError(ctx, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	if len(types) == 0 { // it was no query; SQLite wants to be asked for it to run
		rows.Next()
		return serverError(ctx, rows.Err())
	}
	values, pointers := make([]any, len(types)), make([]any, len(types))
	for i := range values {
		pointers[i] = &values[i]
	}
	for first := true; rows.Next(); first = false {
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		if first {
			if err := r.Columns(columnsOf(types, values)...); err != nil {
				return err
			}
		}
		if err := r.Row(wireValues(types, values)...); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return serverError(ctx, err)
	}
	return r.ColumnsIfNone(columnsOf(types, values)...)
}

// columnsOf gives SQLite's columns the types of the suite's tables, and of the
// first value where an expression has none.
func columnsOf(types []*sql.ColumnType, first []any) []tdstest.Column {
	columns := make([]tdstest.Column, len(types))
	for i, t := range types {
		columns[i] = tdstest.Column{Name: t.Name(), Type: tdstest.NVarChar(0)}
		if _, err := strconv.Atoi(t.Name()); err == nil {
			columns[i].Name = "" // SQLite names an expression by its text
		}
		switch name := t.DatabaseTypeName(); {
		case name == "INTEGER":
			columns[i].Type = tdstest.Int(4)
		case strings.HasPrefix(name, "DECIMAL"):
			columns[i].Type = tdstest.Decimal(10, 2)
		case name == "DATE":
			columns[i].Type = tdstest.Date()
		default:
			if _, ok := first[i].(int64); ok {
				columns[i].Type = tdstest.Int(8)
			}
		}
	}
	return columns
}

// wireValues turns SQLite's values into those of the types.
func wireValues(types []*sql.ColumnType, values []any) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
		if strings.HasPrefix(types[i].DatabaseTypeName(), "DECIMAL") {
			switch n := v.(type) {
			case float64:
				out[i] = strconv.FormatFloat(n, 'f', 2, 64)
			case int64:
				out[i] = strconv.FormatInt(n, 10) + ".00"
			}
		}
		if text, ok := v.(string); ok && types[i].DatabaseTypeName() == "DATE" {
			out[i], _ = time.Parse(time.DateOnly, text)
		}
	}
	return out
}

// serverError gives SQLite's complaints the numbers of SQL Server.
func serverError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case strings.Contains(err.Error(), "no such table"):
		return &tdstest.Error{Number: 208, Message: "Invalid object name 'nowhere'."}
	case strings.Contains(err.Error(), "no such column"):
		return &tdstest.Error{Number: 207, Message: "Invalid column name 'nowhere'."}
	default:
		return &tdstest.Error{Number: 156, Class: 15, Message: fmt.Sprintf("Incorrect syntax: %v", err)}
	}
}

func text(name string) tdstest.Column {
	return tdstest.Column{Name: name, Type: tdstest.NVarChar(0)}
}

// probe answers probe.sql: owner may do everything, others only read.
func (s *standInSession) probe(r *tdstest.Reply) error {
	version := "Microsoft SQL Server 2022 (RTM-CU12) (KB5033663) - 16.0.4115.5 (X64) \n\tMar  4 2024 08:56:10 \n\tCopyright"
	powers := canned{columns: []tdstest.Column{text(""), text("")}}
	if s.user == "owner" {
		powers.rows = [][]any{{"is a member of", "sysadmin"}, {"is a member of", "db_owner"}, {"may change", "2 tables"}}
	}
	about := canned{columns: []tdstest.Column{text(""), text(""), text("")}, rows: [][]any{{version, "[shop]", "[dbo]"}}}
	if err := about.send(r); err != nil {
		return err
	}
	return powers.send(r)
}

func integer(name string) tdstest.Column { return tdstest.Column{Name: name, Type: tdstest.Int(4)} }
func boolean(name string) tdstest.Column { return tdstest.Column{Name: name, Type: tdstest.Bit()} }

// shopCatalogue answers schema.sql for the suite's tables.
func shopCatalogue(r *tdstest.Reply) error {
	const customers, orders, totals = int64(100), int64(200), int64(300)
	column := func(table int64, name, typ string, length int64, nullable bool, def any) []any {
		return []any{table, name, typ, false, length, int64(10), int64(2), nullable, false, def, nil, nil}
	}
	for _, c := range []canned{
		{
			columns: []tdstest.Column{integer("object_id"), text("name"), text("name"), text(""), text(""), {Name: "rows", Type: tdstest.Int(8)}},
			rows: [][]any{
				{customers, "dbo", "customers", "table", "Who buys", int64(3)},
				{orders, "dbo", "orders", "table", nil, int64(3)},
				{totals, "dbo", "customer_totals", "view", nil, nil},
			},
		},
		{
			columns: []tdstest.Column{integer(""), text(""), text(""), boolean(""), integer(""), integer(""), integer(""), boolean(""), boolean(""), text(""), text(""), text("")},
			rows: [][]any{
				column(customers, "id", "int", 4, false, nil),
				column(customers, "name", "varchar", 100, false, nil),
				column(customers, "email", "varchar", 200, true, nil),
				column(customers, "city", "varchar", 100, true, "('Bern')"),
				column(orders, "id", "int", 4, false, nil),
				column(orders, "customer_id", "int", 4, false, nil),
				column(orders, "total", "decimal", 9, false, nil),
				column(orders, "placed", "date", 3, true, nil),
				column(totals, "id", "int", 4, false, nil),
				column(totals, "name", "varchar", 100, false, nil),
				column(totals, "total", "decimal", 17, true, nil),
			},
		},
		{
			columns: []tdstest.Column{integer(""), text(""), boolean(""), boolean(""), boolean(""), text("")},
			rows: [][]any{
				{customers, "PK__customer", true, false, true, "id"},
				{customers, "customers_email", false, true, true, "email"},
				{orders, "PK__orders", true, false, true, "id"},
				{orders, "orders_by_day", false, false, false, "placed"},
				{orders, "orders_by_day", false, false, false, "customer_id"},
			},
		},
		{
			columns: []tdstest.Column{integer(""), text(""), text(""), text(""), text(""), text("")},
			rows:    [][]any{{orders, "orders_customer", "customer_id", "dbo", "customers", "id"}},
		},
	} {
		if err := c.send(r); err != nil {
			return err
		}
	}
	return nil
}
