package postgres_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// selfSigned is the certificate of a server that nobody vouches for.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fake"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// TestTLSModes runs every sslmode against a server with and without TLS. The
// server lets everybody in, or asks for the password in clear text.
func TestTLSModes(t *testing.T) {
	const works = ""
	for _, tt := range []struct {
		mode                string
		plain, secured      string // the outcome on a server without and with TLS
		encryptedWhenOnBoth bool
	}{
		{"disable", works, works, false},
		{"allow", works, works, false},
		{"prefer", works, works, true},
		{"require", database.ErrTLS, works, true},
		{"verify-ca", database.ErrTLS, database.ErrTLS, false},
		{"verify-full", database.ErrTLS, database.ErrTLS, false},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			if got, _ := probeTLS(t, tt.mode, nil, false); got != tt.plain {
				t.Errorf("without TLS: %q, want %q", got, tt.plain)
			}
			got, encrypted := probeTLS(t, tt.mode, selfSigned(t), false)
			if got != tt.secured || encrypted != tt.encryptedWhenOnBoth {
				t.Errorf("with TLS: %q, encrypted %t", got, encrypted)
			}
			// TLS alone proves nothing about the server.
			if got, _ = probeTLS(t, tt.mode, selfSigned(t), true); tt.secured == works && got != unprovenWords {
				t.Errorf("asked for a clear password: %q", got)
			}
		})
	}
}

// probeTLS returns the reason why a connection fails, and whether it was
// encrypted.
func probeTLS(t *testing.T, mode string, config *tls.Config, askPassword bool) (reason string, encrypted bool) {
	t.Helper()
	s := &fakeServer{tls: config, query: func(_ io.Writer, be *pgproto3.Backend) { describeText(be, 25) }}
	if askPassword {
		s.startup = func(_ io.Writer, be *pgproto3.Backend) bool {
			be.Send(&pgproto3.AuthenticationCleartextPassword{})
			return be.Flush() != nil
		}
	}
	connString := strings.Replace(fake(t, s), "sslmode=disable", "sslmode="+mode, 1)
	_, err := openFake(t, connString).Query(context.Background(), statement("SELECT 1"), database.Limit{})
	select {
	case heard := <-s.heard:
		if strings.Contains(heard, fakePassword) {
			t.Errorf("the client sent %q", heard)
		}
	default:
	}
	if err != nil {
		return fault.Of(err).Public, false
	}
	return "", s.encrypted.Load()
}
