package tdstest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mssqldb "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"
	"go.uber.org/goleak"

	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
)

// echo is a backend that answers with what it was asked, and keeps a diary.
type echo struct {
	diary []string
	runs  func() // called when the endless statement runs
}

func (e *echo) Login(l tdstest.Login) (tdstest.Session, error) {
	if l.Password != "right" {
		return nil, &tdstest.Error{Number: 18456, Class: 14, Message: "Login failed for user '" + l.User + "'."}
	}
	e.diary = append(e.diary, fmt.Sprintf("login %s %s strict=%t", l.User, l.Database, l.Strict))
	return e, nil
}

func (e *echo) note(what string) error {
	e.diary = append(e.diary, what)
	return nil
}

func (e *echo) Begin() error    { return e.note("begin") }
func (e *echo) Commit() error   { return e.note("commit") }
func (e *echo) Rollback() error { return e.note("rollback") }
func (e *echo) Reset() error    { return e.note("reset") }
func (e *echo) Close() error    { return nil }

func (e *echo) Run(ctx context.Context, q tdstest.Request, r *tdstest.Reply) error {
	switch {
	case q.SQL == "SELECT broken":
		return &tdstest.Error{Number: 207, Message: "Invalid column name 'broken'."}
	case q.SQL == "SELECT for ever":
		e.runs()
		<-ctx.Done()
		return ctx.Err()
	case q.SQL == "SELECT two":
		_ = r.Columns(tdstest.Column{Name: "a", Type: tdstest.Int(4)})
		_ = r.Row(int64(1))
		_ = r.Columns(tdstest.Column{Name: "b", Type: tdstest.NVarChar(10)})
		return r.Row("zwei")
	}
	_ = r.Columns(tdstest.Column{Name: "sql", Type: tdstest.NVarChar(0)}, tdstest.Column{Name: "call", Type: tdstest.NVarChar(0)})
	return r.Row(q.SQL, fmt.Sprintf("%t %s %v", q.RPC, q.Procedure, q.Args))
}

// serve returns a client's configuration for a server of the backend.
func serve(t *testing.T, backend tdstest.Backend, withTLS bool) msdsn.Config {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	server := &tdstest.Server{Backend: backend}
	client := msdsn.Config{User: "u", Password: "right", Database: "db", Protocols: []string{"tcp"}, Encryption: msdsn.EncryptionDisabled}
	if withTLS {
		server.TLS, client.TLSConfig = certificates(t)
		client.Encryption = msdsn.EncryptionRequired
	}
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
		goleak.VerifyNone(t, ignore)
	})
	host, p, _ := net.SplitHostPort(l.Addr().String())
	client.Host = host
	client.Port, _ = strconv.ParseUint(p, 10, 16)
	return client
}

func certificates(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
}

func open(t *testing.T, c msdsn.Config) *sql.DB {
	t.Helper()
	db := sql.OpenDB(mssqldb.NewConnectorConfig(c))
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestLogin(t *testing.T) {
	for name, withTLS := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, &echo{}, withTLS)
			if err := open(t, c).PingContext(t.Context()); err != nil {
				t.Error(err)
			}
			c.Password = "wrong"
			var refused mssqldb.Error
			if err := open(t, c).PingContext(t.Context()); !errors.As(err, &refused) || refused.Number != 18456 {
				t.Errorf("wrong password: %v", err)
			}
		})
	}
}

func TestStrict(t *testing.T) {
	e := &echo{}
	c := serve(t, e, true)
	c.Encryption = msdsn.EncryptionStrict
	if err := open(t, c).PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.diary[0] != "login u db strict=true" {
		t.Error(e.diary)
	}
}

func TestBatchAndCalls(t *testing.T) {
	db := open(t, serve(t, &echo{}, true))
	long := "SELECT '" + strings.Repeat("x", 100_000) + "' AS wide"
	for _, tt := range []struct {
		sql, wantSQL, wantCall string
		args                   []any
	}{
		{sql: "SELECT 1", wantSQL: "SELECT 1", wantCall: "false  map[]"},
		{sql: long, wantSQL: long, wantCall: "false  map[]"},
		{sql: "sp_who", wantCall: "true sp_who map[]"},
		{
			sql: "SELECT @p1, @p2, @p3, @p4", args: []any{int64(-7), 1.5, true, "x"},
			wantSQL: "SELECT @p1, @p2, @p3, @p4", wantCall: "true  map[@p1:-7 @p2:1.5 @p3:true @p4:x]",
		},
	} {
		var gotSQL, gotCall string
		if err := db.QueryRowContext(t.Context(), tt.sql, tt.args...).Scan(&gotSQL, &gotCall); err != nil {
			t.Fatalf("%.40s: %v", tt.sql, err)
		}
		if gotSQL != tt.wantSQL || gotCall != tt.wantCall {
			t.Errorf("%.40s: %.40s, %s", tt.sql, gotSQL, gotCall)
		}
	}
}

func TestResultSetsAndErrors(t *testing.T) {
	db := open(t, serve(t, &echo{}, false))
	rows, err := db.QueryContext(t.Context(), "SELECT two")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for more := true; more; more = rows.NextResultSet() {
		columns, _ := rows.Columns()
		for rows.Next() {
			var v string
			if err := rows.Scan(&v); err != nil {
				t.Fatal(err)
			}
			got = append(got, columns[0]+"="+v)
		}
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"a=1", "b=zwei"}, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	var answered mssqldb.Error
	if _, err := db.ExecContext(t.Context(), "SELECT broken"); !errors.As(err, &answered) || answered.Number != 207 || answered.Class != 16 {
		t.Errorf("error = %v", err)
	}
}

func TestTransactionsAndAttention(t *testing.T) {
	e := &echo{}
	db := open(t, serve(t, e, true))
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	e.runs = cancel
	if _, err := tx.ExecContext(ctx, "SELECT for ever"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := tx.ExecContext(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("after the attention: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	if tx, err = db.BeginTx(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	want := []string{"login u db strict=false", "reset", "begin", "rollback", "reset", "begin", "commit"}
	if diff := cmp.Diff(want, e.diary); diff != "" {
		t.Errorf("diary (-want +got):\n%s", diff)
	}
}
