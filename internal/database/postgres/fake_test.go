package postgres_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"go.uber.org/goleak"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

const fakePassword = "topsecret"

// fakeServer speaks just enough of the protocol to be hostile. It records what
// clients send.
type fakeServer struct {
	listener net.Listener
	// startup answers the startup packet; false ends the connection.
	startup func(w io.Writer, be *pgproto3.Backend) bool
	// query answers the statement between Bind and ReadyForQuery.
	query func(w io.Writer, be *pgproto3.Backend)
	heard chan string // passwords and other answers to authentication
	tls   *tls.Config // nil refuses TLS
	// pooled says that another address than the client's own connected.
	pooled bool
	says   []string // instead of what identity.sql asks for

	encrypted atomic.Bool // the last session was
}

// fake starts a server that ends with the test.
func fake(t *testing.T, s *fakeServer) (connString string) {
	t.Helper()
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.heard = make(chan string, 16)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	t.Cleanup(func() { s.listener.Close(); <-done })
	return "postgres://u:" + fakePassword + "@" + s.listener.Addr().String() + "/db?sslmode=disable"
}

func (s *fakeServer) serve(c net.Conn) {
	defer c.Close()
	be := pgproto3.NewBackend(c, c)
	msg, err := be.ReceiveStartupMessage()
	if _, ok := msg.(*pgproto3.SSLRequest); ok {
		if c, err = s.negotiate(c); err != nil {
			return
		}
		be = pgproto3.NewBackend(c, c)
		msg, err = be.ReceiveStartupMessage()
	}
	if _, ok := msg.(*pgproto3.StartupMessage); err != nil || !ok {
		return // a cancel request, for example
	}
	_, secured := c.(*tls.Conn)
	s.encrypted.Store(secured)
	if s.startup != nil {
		if !s.startup(c, be) {
			s.listen(c)
			return
		}
	} else {
		greet(be)
	}
	for s.round(c, be, c.RemoteAddr()) {
	}
}

func (s *fakeServer) negotiate(c net.Conn) (net.Conn, error) {
	if s.tls == nil {
		_, err := c.Write([]byte{'N'})
		return c, err
	}
	_, err := c.Write([]byte{'S'})
	return tls.Server(c, s.tls), err
}

// greet lets the client in without a password.
func greet(be *pgproto3.Backend) {
	be.Send(&pgproto3.AuthenticationOk{})
	be.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{1, 2, 3, 4}})
	be.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	_ = be.Flush()
}

// listen records what the client sends to a failed login.
func (s *fakeServer) listen(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	all, _ := io.ReadAll(c)
	s.heard <- string(all)
}

// round answers the messages up to one Sync or Query.
func (s *fakeServer) round(w io.Writer, be *pgproto3.Backend, client net.Addr) bool {
	asked := false
	for {
		msg, err := be.Receive()
		if err != nil {
			return false
		}
		switch m := msg.(type) {
		case *pgproto3.Parse:
			asked = strings.Contains(m.Query, "pg_catalog.pg_roles")
			be.Send(&pgproto3.ParseComplete{})
		case *pgproto3.Execute:
			if asked {
				be.Send(&pgproto3.DataRow{Values: s.identity(client)})
			}
			be.Send(&pgproto3.CommandComplete{})
		case *pgproto3.Bind:
			be.Send(&pgproto3.BindComplete{})
		case *pgproto3.Describe:
			_ = be.Flush()
			s.query(w, be)
		case *pgproto3.Sync, *pgproto3.Query:
			be.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			return be.Flush() == nil
		}
	}
}

// identity answers identity.sql for a plain login.
func (s *fakeServer) identity(client net.Addr) (values [][]byte) {
	host, port, err := net.SplitHostPort(client.String())
	if err != nil {
		panic(err)
	}
	if s.pooled {
		port = "1"
	}
	says := []string{"1", host, port, "[]", "4194304", "1", "1", "f"}
	if s.says != nil {
		says = s.says
	}
	for _, text := range says {
		values = append(values, []byte(text))
	}
	return values
}

func openFake(t *testing.T, connString string) database.Conn {
	t.Helper()
	before := goleak.IgnoreCurrent()
	target, err := dialect().Parse(connString, localEnv())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialect().Open(target, localEnv())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); goleak.VerifyNone(t, before) })
	return conn
}

// unprovenWords say that the password may be right, and what to do.
const unprovenWords = "authentication failed: the server asks for the password in clear text or as an MD5 digest, " +
	"which it gets only once a certificate proves who it is, so the password may be right: " +
	"use sslmode=verify-full or verify-ca, or let the login use scram-sha-256"

// TestHostileLogin is contract 15.2 A4: whatever a server asks for, the
// password does not leave in a form it can read or crack.
func TestHostileLogin(t *testing.T) {
	for name, tt := range map[string]struct {
		startup func(io.Writer, *pgproto3.Backend) bool
		reason  string
	}{
		"clear text": {func(_ io.Writer, be *pgproto3.Backend) bool {
			be.Send(&pgproto3.AuthenticationCleartextPassword{})
			return be.Flush() != nil
		}, unprovenWords},
		"md5": {func(_ io.Writer, be *pgproto3.Backend) bool {
			be.Send(&pgproto3.AuthenticationMD5Password{Salt: [4]byte{1, 2, 3, 4}})
			return be.Flush() != nil
		}, unprovenWords},
		"md5 in pieces": {func(w io.Writer, be *pgproto3.Backend) bool {
			for _, b := range []byte("R\x00\x00\x00\x0c\x00\x00\x00\x05salt") {
				if _, err := w.Write([]byte{b}); err != nil {
					return true
				}
			}
			return false
		}, unprovenWords},
		"kerberos": {func(_ io.Writer, be *pgproto3.Backend) bool {
			be.Send(&pgproto3.AuthenticationGSS{})
			return be.Flush() != nil
		}, database.ErrAuthentication},
		"unknown mechanism": {func(_ io.Writer, be *pgproto3.Backend) bool {
			be.Send(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"PLAIN"}})
			return be.Flush() != nil
		}, database.ErrAuthentication},
		"wrong password": {func(_ io.Writer, be *pgproto3.Backend) bool {
			be.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: "password authentication failed for " + fakePassword})
			return be.Flush() != nil
		}, database.ErrAuthentication},
		"garbage": {func(w io.Writer, _ *pgproto3.Backend) bool {
			_, err := io.WriteString(w, "HTTP/1.1 400 Bad Request\r\n\r\n")
			return err != nil
		}, database.ErrOther},
		"huge message": {func(w io.Writer, _ *pgproto3.Backend) bool {
			_, err := w.Write([]byte{'R', 0x7f, 0xff, 0xff, 0xff})
			return err != nil
		}, database.ErrAuthentication},
	} {
		t.Run(name, func(t *testing.T) {
			s := &fakeServer{startup: tt.startup}
			conn := openFake(t, fake(t, s))
			_, err := conn.Probe(context.Background())
			if e := fault.Of(err); err == nil || e.Public != tt.reason {
				t.Errorf("Probe = %v, want %q", err, tt.reason)
			}
			if heard := <-s.heard; strings.Contains(heard, fakePassword) || strings.Contains(heard, "md5") {
				t.Errorf("the client sent %q", heard)
			}
		})
	}
}

func describeText(be *pgproto3.Backend, oid uint32) {
	be.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("v"), DataTypeOID: oid, DataTypeSize: -1}}})
	_ = be.Flush()
}

func row(text string) []byte {
	b, err := (&pgproto3.DataRow{Values: [][]byte{[]byte(text)}}).Encode(nil)
	if err != nil {
		panic(err)
	}
	return b
}

func queryFake(t *testing.T, answer func(io.Writer, *pgproto3.Backend), limit database.Limit) (*tool.Table, error) {
	t.Helper()
	return querySome(t, &fakeServer{query: answer}, limit)
}

func querySome(t *testing.T, s *fakeServer, limit database.Limit) (*tool.Table, error) {
	t.Helper()
	conn := openFake(t, fake(t, s))
	return conn.Query(context.Background(), statement("SELECT v"), limit)
}

func TestHostileEndlessRows(t *testing.T) {
	stopped := make(chan error, 1)
	table, err := queryFake(t, func(w io.Writer, be *pgproto3.Backend) {
		describeText(be, 25)
		one := row(strings.Repeat("x", 10_000))
		for {
			if _, err := w.Write(one); err != nil {
				stopped <- err
				return
			}
		}
	}, database.Limit{Bytes: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	if table.Cut() != tool.ByteCut || table.Len() != 9 {
		t.Errorf("%d rows, cut %q", table.Len(), table.Cut())
	}
	if err := <-stopped; err == nil {
		t.Error("the server may go on sending")
	}
}

// TestHugeRow announces a row of 2 GiB: it is a byte cut, and not read.
func TestHugeRow(t *testing.T) {
	table, err := queryFake(t, func(w io.Writer, be *pgproto3.Backend) {
		describeText(be, 25)
		_, _ = w.Write(append(row("x"), 'D', 0x7f, 0xff, 0xff, 0xff))
	}, database.Limit{})
	if err != nil {
		t.Fatal(err)
	}
	if table.Len() != 1 || table.Cut() != tool.ByteCut {
		t.Errorf("%d rows, cut %q", table.Len(), table.Cut())
	}
}

func TestHostileRows(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(io.Writer, *pgproto3.Backend)
		kind   fault.Kind
	}{
		"rows without a description": {func(w io.Writer, _ *pgproto3.Backend) { _, _ = w.Write(row("x")) }, fault.Unavailable},
		"second description": {func(_ io.Writer, be *pgproto3.Backend) {
			describeText(be, 25)
			describeText(be, 23)
		}, fault.Unavailable},
		"too few values": {func(w io.Writer, be *pgproto3.Backend) {
			describeText(be, 25)
			_, _ = w.Write([]byte{'D', 0, 0, 0, 6, 0, 0})
		}, fault.Unavailable},
		"copy out":     {func(_ io.Writer, be *pgproto3.Backend) { be.Send(&pgproto3.CopyOutResponse{}); _ = be.Flush() }, fault.Invalid},
		"copy in":      {func(_ io.Writer, be *pgproto3.Backend) { be.Send(&pgproto3.CopyInResponse{}); _ = be.Flush() }, fault.Invalid},
		"unknown byte": {func(w io.Writer, _ *pgproto3.Backend) { _, _ = w.Write([]byte{'~', 0, 0, 0, 4}) }, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			for _, pooled := range []bool{false, true} {
				_, err := querySome(t, &fakeServer{query: tt.answer, pooled: pooled}, database.Limit{})
				if !fault.Is(err, tt.kind) {
					t.Errorf("pooled %t: Query = %v, want kind %d", pooled, err, tt.kind)
				}
			}
		})
	}
}

// TestHostileValues sends texts that their types do not promise: the result
// stays one JSON document with the server's text inside of a string.
func TestHostileValues(t *testing.T) {
	for _, tt := range []struct {
		oid        uint32
		text, want string
	}{
		{23, `1,"x":2`, `"1,\"x\":2"`},
		{701, `01`, `"01"`},
		{16, `true`, `"true"`},
		{114, `{}],"rows":[{}`, `"{}],\"rows\":[{}"`},
		{3802, "\xff", `"�"`},
		{1114, `2026-01-01 "`, `"2026-01-01 \""`},
		{1007, `{1,2}}`, `"{1,2}}"`},
		{1007, `{{{{{{{{1}}}}}}}}`, `"{{{{{{{{1}}}}}}}}"`},
		{1009, `{"a`, `"{\"a"`},
	} {
		table, err := queryFake(t, func(w io.Writer, be *pgproto3.Backend) {
			describeText(be, tt.oid)
			_, _ = w.Write(row(tt.text))
		}, database.Limit{})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(table.Cell(0, 0)); got != tt.want {
			t.Errorf("type %d, text %q: got %s, want %s", tt.oid, tt.text, got, tt.want)
		}
	}
}

// TestHostileIdentity: a server that says nothing usable about itself is no
// reason to run anything on it.
func TestHostileIdentity(t *testing.T) {
	for name, answer := range map[string]string{"nothing": "", "few values": "1|2", "no list": "1|h|1|x|1|1|1|f"} {
		t.Run(name, func(t *testing.T) {
			s := &fakeServer{says: strings.Split(answer, "|")}
			_, err := openFake(t, fake(t, s)).Probe(context.Background())
			if !fault.Is(err, fault.Unavailable) || fault.Of(err).Public != database.ErrOther {
				t.Errorf("Probe = %v, want %q", err, database.ErrOther)
			}
		})
	}
}

// TestSilentServer shows that a server that never answers costs its time only.
func TestSilentServer(t *testing.T) {
	s := &fakeServer{startup: func(io.Writer, *pgproto3.Backend) bool { return false }}
	conn := openFake(t, fake(t, s)+"&connect_timeout=1")
	_, err := conn.Probe(context.Background())
	if e := fault.Of(err); err == nil || e.Public != database.ErrTimedOut {
		t.Errorf("Probe = %v, want %q", err, database.ErrTimedOut)
	}
}
