package mssql_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/databasetest"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// open returns a Conn that is closed, and checked for leaks, with the test.
func open(t testing.TB, connString string) database.Conn {
	t.Helper()
	before := goleak.IgnoreCurrent()
	dialect := mssql.New(guard.New())
	target, err := dialect.Parse(connString, localEnv())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialect.Open(target, localEnv())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		goleak.VerifyNone(t, before)
	})
	return conn
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func run(t testing.TB, conn database.Conn, sql string, limit database.Limit) (*tool.Table, error) {
	t.Helper()
	return conn.Query(testContext(t), &sqlguard.Statement{SQL: sql}, limit)
}

func mustQuery(t testing.TB, conn database.Conn, sql string) string {
	t.Helper()
	table, err := run(t, conn, sql, database.Limit{})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return string(table.AppendRows(nil))
}

// eventually waits until cond holds.
func eventually(t testing.TB, cond func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("never happened")
		}
	}
}

// loggedIn returns the logins so far.
func (s *standIn) loggedIn() []tdstest.Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logins)
}

func TestLoginSaysWhatItWants(t *testing.T) {
	s := start(t, databasetest.Shop()...)
	mustQuery(t, open(t, s.owner()+"&app+name=crm"), "SELECT 1 AS one")
	want := tdstest.Login{
		User: "owner", Password: password, Database: databaseName, App: "crm", Host: "mcp-gateway",
		Version: 0x74000004, ReadOnly: true, Encrypted: true,
	}
	if got := s.loggedIn(); len(got) != 1 || got[0] != want {
		t.Errorf("logins = %+v, want %+v", got, want)
	}
}

func TestHostByName(t *testing.T) {
	s := start(t)
	byName := strings.Replace(s.owner(), "127.0.0.1", "localhost", 1)
	if got := mustQuery(t, open(t, byName), "SELECT 1 AS one"); got != `[{"one":1}]` {
		t.Error(got)
	}
}

// TestPasswordStaysHome: without TLS, or with a certificate that nobody
// vouches for, there is no login (contract 15.2 A4).
func TestPasswordStaysHome(t *testing.T) {
	s := start(t)
	plain := &tdstest.Server{Backend: s}
	addr := serve(t, plain)
	for name, connString := range map[string]string{
		"no TLS":               "sqlserver://owner:" + password[:9] + "@" + addr + "/shop?TrustServerCertificate=true",
		"no TLS, strict":       "sqlserver://owner:" + password[:9] + "@" + addr + "/shop?encrypt=strict",
		"certificate":          s.url("owner", password, databaseName, ""),
		"certificate, strict":  s.url("owner", password, databaseName, "?encrypt=strict"),
		"certificate, by name": s.url("owner", password, databaseName, "?hostNameInCertificate=SSL_Self_Signed_Fallback"),
	} {
		if _, err := open(t, connString).Probe(testContext(t)); fault.Of(err).Public != database.ErrTLS {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := s.loggedIn(); len(got) > 0 {
		t.Errorf("passwords were sent: %d", len(got))
	}
}

// TestOneWordIsNoCall: the driver calls a text of one word as a procedure.
func TestOneWordIsNoCall(t *testing.T) {
	s := start(t)
	conn := open(t, s.owner())
	for _, sql := range []string{"sp_who", "[sp_who]", "master.dbo.sp_who", "[a\n", "#x"} {
		if _, err := run(t, conn, sql, database.Limit{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", sql, err)
		}
	}
	for _, q := range s.seen() {
		if q.RPC {
			t.Errorf("called %q", q.Procedure)
		}
	}
}

// TestSessionIsPreparedEachTime: the reset before each use takes the settings
// away, so they are sent after it.
func TestSessionIsPreparedEachTime(t *testing.T) {
	s := start(t)
	conn := open(t, s.owner())
	for range 3 {
		mustQuery(t, conn, "SELECT 1 AS one")
	}
	var settings, queries int
	for _, q := range s.seen() {
		switch {
		case strings.Contains(q.SQL, "sys.sql_modules"):
			queries++ // once, for the three
		case strings.HasPrefix(q.SQL, "SET "):
			settings++
			for _, want := range []string{"XACT_ABORT ON", "LOCK_TIMEOUT 5000", "DEADLOCK_PRIORITY LOW", "TEXTSIZE "} {
				if !strings.Contains(q.SQL, want) {
					t.Errorf("settings without %s: %s", want, q.SQL)
				}
			}
		default:
			queries++
		}
	}
	if settings != 4 || queries != 4 || len(s.loggedIn()) != 1 {
		t.Errorf("%d settings, %d queries, %d logins", settings, queries, len(s.loggedIn()))
	}
}

// TestCutsAndCancelsKeepTheSession: an attention stops the statement, not the
// connection.
func TestCutsAndCancelsKeepTheSession(t *testing.T) {
	s := start(t)
	conn := open(t, s.owner())
	for range 3 {
		table, err := run(t, conn, numbers(1_000_000)+"SELECT n FROM s OPTION (MAXRECURSION 0)", database.Limit{Rows: 10})
		if err != nil || table.Len() != 10 || table.Cut() != tool.RowLimit {
			t.Fatalf("cut: %v", err)
		}
		if _, err = run(t, conn, slowQuery, database.Limit{Timeout: 20 * time.Millisecond}); !fault.Is(err, fault.Timeout) {
			t.Fatalf("timeout: %v", err)
		}
	}
	if got := len(s.loggedIn()); got != 1 {
		t.Errorf("%d logins", got)
	}
}

func TestCloseEndsWhatRuns(t *testing.T) {
	s := start(t)
	conn := open(t, s.owner())
	done := make(chan error, 1)
	go func() {
		_, err := conn.Query(context.Background(), &sqlguard.Statement{SQL: slowQuery}, database.Limit{})
		done <- err
	}()
	eventually(t, func() bool { return s.running.Load() > 0 })
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !fault.Is(err, fault.Unavailable) {
		t.Errorf("Query on a closed connection = %v", err)
	}
	if _, err := run(t, conn, "SELECT 1", database.Limit{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Query after Close = %v", err)
	}
}

func TestPoolIsBounded(t *testing.T) {
	s := start(t)
	conn := open(t, s.owner())
	ctx, cancel := context.WithCancel(testContext(t))
	const callers = 20
	done := make(chan error, callers)
	for range callers {
		go func() {
			_, err := conn.Query(ctx, &sqlguard.Statement{SQL: slowQuery}, database.Limit{})
			done <- err
		}()
	}
	eventually(t, func() bool { return s.running.Load() == database.MaxOpenConns })
	cancel()
	for range callers {
		if err := <-done; !fault.Is(err, fault.Canceled) {
			t.Error(err)
		}
	}
	if got := len(s.loggedIn()); got != database.MaxOpenConns {
		t.Errorf("%d connections for %d callers", got, callers)
	}
}

func TestRouting(t *testing.T) {
	s := start(t)
	gateway := &tdstest.Server{Backend: s, TLS: s.server.TLS, Route: func(tdstest.Login) (string, uint16, bool) {
		return "127.0.0.1", port(s.addr), true
	}}
	addr := serve(t, gateway)
	if got := mustQuery(t, open(t, strings.Replace(s.owner(), s.addr, addr, 1)), "SELECT 1 AS one"); got != `[{"one":1}]` {
		t.Error(got)
	}

	for host, want := range map[string]string{
		"169.254.169.254": database.ErrHostNotAllowed, // judged where it is dialled
		"127.0.0.1":       database.ErrCannotConnect,  // itself, for ever
		`127.0.0.1\X`:     database.ErrCannotConnect,
	} {
		var addr string
		astray := &tdstest.Server{Backend: s, TLS: s.server.TLS, Route: func(tdstest.Login) (string, uint16, bool) {
			return host, port(addr), true
		}}
		addr = serve(t, astray)
		if _, err := open(t, strings.Replace(s.owner(), s.addr, addr, 1)).Probe(testContext(t)); fault.Of(err).Public != want {
			t.Errorf("routed to %s: %v, want %q", host, err, want)
		}
	}
}

func TestServerErrors(t *testing.T) {
	script := &scripted{}
	s := start(t)
	s.server.Backend = script
	conn := open(t, s.owner())
	for _, tt := range []struct {
		sent   error
		kind   fault.Kind
		public string
	}{
		{&tdstest.Error{Number: 1222, Message: "Lock request time out period exceeded."}, fault.Timeout, "query timed out: it waited for a lock of another session"},
		{&tdstest.Error{Number: 8134, Message: "Divide by zero error encountered."}, fault.Invalid, "Divide by zero error encountered. at line 1 (error 8134)"},
		{&tdstest.Error{Number: 1205, Class: 13, Message: "was deadlocked"}, fault.Invalid, "was deadlocked at line 1 (error 1205)"},
		{&tdstest.Error{Number: 7303, Message: `Cannot open C:\data\x.mdf of server "DB01" at 10.1.2.3`}, fault.Invalid, "Cannot open <path> of server <host> at <address> at line 1 (error 7303)"},
		{&tdstest.Error{Number: 823, Class: 24, Message: "I/O error"}, fault.Unavailable, database.ErrCannotConnect},
		{nil, 0, ""},
	} {
		script.run = func(context.Context, tdstest.Request, *tdstest.Reply) error { return tt.sent }
		_, err := run(t, conn, "SELECT 1", database.Limit{})
		switch {
		case tt.sent == nil && err != nil:
			t.Errorf("afterwards: %v", err)
		case tt.sent != nil && (!fault.Is(err, tt.kind) || fault.Of(err).Public != tt.public):
			t.Errorf("%v: %v", tt.sent, err)
		}
	}
}

func TestLoginErrors(t *testing.T) {
	script := &scripted{}
	s := start(t)
	s.server.Backend = script
	for number, want := range map[int32]string{
		18456: database.ErrAuthentication, 18470: database.ErrAuthentication, 18488: database.ErrAuthentication,
		4060: database.ErrDatabaseNotFound, 40613: database.ErrCannotConnect, 50001: database.ErrOther,
	} {
		script.login = &tdstest.Error{Number: number, Class: 14, Message: "no"}
		if _, err := open(t, s.owner()).Probe(testContext(t)); fault.Of(err).Public != want {
			t.Errorf("%d: %v, want %q", number, err, want)
		}
	}
}

// scripted is a backend whose requests one function answers.
type scripted struct {
	login error
	all   bool // also what asks for the objects gets to run
	run   func(context.Context, tdstest.Request, *tdstest.Reply) error
}

func (s *scripted) Login(tdstest.Login) (tdstest.Session, error) { return s, s.login }
func (s *scripted) Begin() error                                 { return nil }
func (s *scripted) Commit() error                                { return errors.New("nothing commits here") }
func (s *scripted) Rollback() error                              { return nil }
func (s *scripted) Reset() error                                 { return nil }
func (s *scripted) Close() error                                 { return nil }

// Run implements [tdstest.Session].
func (s *scripted) Run(ctx context.Context, q tdstest.Request, r *tdstest.Reply) error {
	if strings.HasPrefix(q.SQL, "SET ") {
		return nil
	}
	if !s.all && strings.Contains(q.SQL, "sys.sql_modules") {
		return objectsOf(session(databaseName)).send(r)
	}
	return s.run(ctx, q, r)
}
