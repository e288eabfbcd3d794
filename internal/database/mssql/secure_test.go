package mssql

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	"net"
	"testing"
	"time"

	mssqldb "github.com/microsoft/go-mssqldb"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
)

// logins is a backend that only counts who comes.
type logins []tdstest.Login

func (l *logins) Login(login tdstest.Login) (tdstest.Session, error) {
	*l = append(*l, login)
	return nil, &tdstest.Error{Number: 18456, Message: "enough"}
}

// fixedDialer gives the driver one connection.
type fixedDialer struct{ conn net.Conn }

func (d fixedDialer) DialContext(context.Context, string, string) (net.Conn, error) {
	return d.conn, nil
}

// TestSecure goes through both ways of encryption with a certificate that is
// trusted, which a connection string cannot arrange for a test's.
func TestSecure(t *testing.T) {
	serverTLS, roots := certificate(t)
	for _, tt := range []struct {
		name    string
		strict  bool
		version uint32
	}{
		{"strict", true, 0x08000000},
		{"mandatory", false, 0x74000004},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var seen logins
			conn := dialServer(t, &tdstest.Server{Backend: &seen, TLS: serverTLS})
			target := &target{ConnURL: database.ConnURL{Host: "127.0.0.1", Port: 1, User: "u", Password: "p"}, strict: tt.strict}
			config := target.tlsConfig("127.0.0.1")
			config.RootCAs = roots
			secured, err := secure(t.Context(), conn, config, tt.strict)
			if err != nil {
				t.Fatal(err)
			}
			c := mssqldb.NewConnectorConfig(target.config())
			c.Dialer = fixedDialer{newWire(secured, tt.strict, controlBytes)}
			if _, err := c.Connect(t.Context()); err == nil {
				t.Fatal("logged in")
			}
			if len(seen) != 1 || seen[0].Strict != tt.strict || seen[0].Version != tt.version || seen[0].Password != "p" {
				t.Errorf("logins: %+v", seen)
			}
		})
	}
}

func dialServer(t *testing.T, server *tdstest.Server) net.Conn {
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
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		_ = l.Close()
		<-done
		server.Close()
	})
	return conn
}

func certificate(t *testing.T) (server *tls.Config, roots *x509.CertPool) {
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
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

// FuzzInspector: whatever a server sends, the inspector neither panics nor
// loops, and its verdict does not depend on how the bytes are cut up.
func FuzzInspector(f *testing.F) {
	done := append([]byte{0xFD, 0x10, 0, 0, 0}, make([]byte, 8)...)
	column := []byte{0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0xE7, 0xFF, 0xFF, 9, 4, 0xD0, 0, 0x34, 1, 'v', 0}
	value := []byte{0xD1, 4, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 'a', 0, 'b', 0, 0, 0, 0, 0}
	for _, seed := range [][]byte{
		done,
		append(append(append([]byte{}, column...), value...), done...),
		append(append([]byte{}, column...), 0xD2, 1, 0xD2, 1, 0xFD),
		{0xE3, 6, 0, 1, 1, 'a', 0, 0, 0, 0xFD},
		binary.LittleEndian.AppendUint64(append(append([]byte{}, column...), 0xD1), 1<<31),
		{0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0x62, 0, 0, 0, 0, 0, 0xD1, 6, 0, 0, 0, 0x38, 0, 1, 2, 3, 4},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole, cut inspector
		whole.most.Store(1 << 20)
		cut.most.Store(1 << 20)
		_, want := whole.feed(data, false)
		var got error
		for i := 0; i < len(data) && got == nil; i++ {
			if cut.over {
				t.Fatal("over is kept beyond its packet")
			}
			_, got = cut.feed(data[i:i+1], false)
		}
		// Only that an answer ends its packet depends on the packets.
		if want != nil && got == nil && !endsEarly(data) || want == nil && got != nil {
			t.Errorf("whole: %v, cut up: %v", want, got)
		}
	})
}

// endsEarly reports whether the data could hold the end of an answer.
func endsEarly(data []byte) bool {
	for _, b := range data {
		if b >= 0xFD {
			return true
		}
	}
	return false
}
