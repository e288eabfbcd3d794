package gateway_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
)

// sqlServer stands in for a SQL Server with one function of the users' own,
// whose login is a sysadmin.
type sqlServer struct {
	definition atomic.Value
}

func startSQLServer(t *testing.T) (s *sqlServer, connString string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = &sqlServer{}
	s.definition.Store("CREATE FUNCTION dbo.f_upper(@x nvarchar(9)) RETURNS nvarchar(9) AS BEGIN RETURN UPPER(@x) END")
	server := &tdstest.Server{Backend: s, TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	t.Cleanup(func() { listener.Close(); <-done; server.Close() })
	return s, "sqlserver://sa:secret@" + listener.Addr().String() + "/shop?TrustServerCertificate=true"
}

// Login implements [tdstest.Backend].
func (s *sqlServer) Login(tdstest.Login) (tdstest.Session, error) { return s, nil }

func (s *sqlServer) Begin() error    { return nil }
func (s *sqlServer) Commit() error   { return nil }
func (s *sqlServer) Rollback() error { return nil }
func (s *sqlServer) Reset() error    { return nil }
func (s *sqlServer) Close() error    { return nil }

// Run implements [tdstest.Session].
func (s *sqlServer) Run(_ context.Context, q tdstest.Request, r *tdstest.Reply) error {
	text := func(name string) tdstest.Column { return tdstest.Column{Name: name, Type: tdstest.NVarChar(0)} }
	switch {
	case strings.HasPrefix(q.SQL, "SET "):
		return nil
	case !strings.Contains(q.SQL, "sys.sql_modules"):
		if err := r.Columns(text("name")); err != nil {
			return err
		}
		return r.Row("ANN")
	}
	if err := r.Columns(text(""), tdstest.Column{Type: tdstest.Int(4)}, text(""), text(""), text(""), text("")); err != nil {
		return err
	}
	for _, row := range [][]any{
		{"login", int64(0), "dbo", "shop", "", ""}, {"power", int64(0), "", "sysadmin", "role", ""},
		{"object", int64(1), "dbo", "people", "U", nil}, {"object", int64(2), "dbo", "f_upper", "FN", s.definition.Load()},
		{"parameter", int64(2), "sys", "", "returns", "nvarchar"}, {"parameter", int64(2), "sys", "@x", "takes", "nvarchar"},
	} {
		if err := r.Row(row...); err != nil {
			return err
		}
	}
	return nil
}

// TestRulesCountOnEveryInstance changes the rules of a connection through one
// instance: the very next call through the other one goes by them.
func TestRulesCountOnEveryInstance(t *testing.T) {
	server, connString := startSQLServer(t)
	both := startInstances(t, nil)
	_, execute := both.one.Connect(t, client.NewConnection{Name: "erp", Type: "mssql", String: connString})
	_, key := mustKey(t, both.one.Analyst, "robot")
	there := both.two.Anonymous.As(key)
	ask := func(sql, want string) {
		t.Helper()
		mustText(t, there, execute, map[string]any{"sql": sql}, want)
	}
	change := func(method, path string, body, out any) {
		t.Helper()
		if err := both.one.Admin.Do(t.Context(), method, path, body, out); err != nil {
			t.Fatal(err)
		}
	}
	var connections []struct{ ID string }
	change(http.MethodGet, "/api/v1/connections/", nil, &connections)
	path := "/api/v1/connections/" + connections[0].ID
	const plain, call = "SELECT name FROM people", "SELECT dbo.f_upper(name) AS name FROM people"

	ask(plain, "login too powerful")
	change(http.MethodPatch, path, map[string]any{"allow_powerful_login": true}, nil)
	ask(plain, `{"name":"ANN"}`)
	ask(call, "Function not allowed: dbo.f_upper")

	functions := func() (f struct{ Signature, Hash, Status, Source string }) {
		t.Helper()
		list := []struct{ Signature, Hash, Status, Source string }{}
		change(http.MethodGet, path+"/functions", nil, &list)
		if len(list) != 1 {
			t.Fatalf("functions %v", list)
		}
		return list[0]
	}
	f := functions()
	if f.Signature != "dbo.f_upper(nvarchar)" || f.Status != "proposed" || !strings.Contains(f.Source, "UPPER(@x)") {
		t.Fatalf("proposed %+v", f)
	}
	change(http.MethodPost, path+"/functions", map[string]string{"signature": f.Signature, "hash": f.Hash}, nil)
	ask(call, `{"name":"ANN"}`)

	server.definition.Store("CREATE FUNCTION dbo.f_upper(@x nvarchar(9)) RETURNS nvarchar(9) AS BEGIN RETURN @x END")
	if f := functions(); f.Status != "changed" {
		t.Errorf("edited: %+v", f)
	}
	change(http.MethodPatch, path, map[string]any{"description": "read again"}, nil) // a new pool reads the catalogue at once
	ask(call, "Function not allowed: dbo.f_upper(nvarchar). An administrator can allow it for this connection.")
	change(http.MethodDelete, path+"/functions?signature="+url.QueryEscape(f.Signature), nil, nil)
	ask(call, "Function not allowed: dbo.f_upper")
	if functions().Status != "proposed" {
		t.Error("removed and still listed")
	}
}
