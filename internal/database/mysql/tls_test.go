package mysql_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"

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

// TestTLSModes runs every ssl-mode against a server without and with TLS.
func TestTLSModes(t *testing.T) {
	const works = ""
	for _, tt := range []struct {
		mode           string
		plain, secured string // the outcome on a server without and with TLS
		encrypted      bool
	}{
		{"disabled", works, works, false},
		{"preferred", works, works, true},
		{"required", database.ErrTLS, works, true},
		{"verify-ca", database.ErrTLS, database.ErrTLS, false},
		{"verify-identity", database.ErrTLS, database.ErrTLS, false},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			if got, _ := probeTLS(t, tt.mode, nil); got != tt.plain {
				t.Errorf("without TLS: %q, want %q", got, tt.plain)
			}
			got, encrypted := probeTLS(t, tt.mode, selfSigned(t))
			if got != tt.secured || encrypted != tt.encrypted {
				t.Errorf("with TLS: %q, encrypted %t", got, encrypted)
			}
		})
	}
}

// probeTLS returns the reason why a connection fails, and whether it was
// encrypted.
func probeTLS(t *testing.T, mode string, config *tls.Config) (reason string, encrypted bool) {
	t.Helper()
	var secured atomic.Bool
	server := fake(t, func(p *peer) {
		capabilities := uint32(plainCaps)
		if config != nil {
			capabilities |= capSSL
		}
		p.greet(capabilities, "mysql_native_password")
		if config != nil && mode != "disabled" {
			if p.secure(config) != nil {
				return
			}
			secured.Store(true)
		}
		if p.packet() == nil {
			return
		}
		p.send(okPacket)
		p.serve(func(string) { p.result("1", "2") })
	})
	_, err := open(t, server.url()+"?ssl-mode="+mode).Probe(t.Context())
	if err == nil {
		return "", secured.Load()
	}
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("%s: %v", mode, err)
	}
	return fault.Of(err).Public, secured.Load()
}

// TestFullAuthentication has a MySQL 8 server ask for the password because it
// has not seen the login before: it gets it through TLS only.
func TestFullAuthentication(t *testing.T) {
	config := selfSigned(t)
	told := make(chan []byte, 1)
	server := fake(t, func(p *peer) {
		p.greet(plainCaps|capSSL, "caching_sha2_password")
		if p.secure(config) != nil || p.packet() == nil {
			return
		}
		p.send("\x01\x04")
		told <- p.packet()
		p.send(okPacket)
		p.serve(func(string) { p.result("1", "2") })
	})
	if _, err := open(t, server.url()).Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-told; string(got) != fakeSecret+"\x00" {
		t.Errorf("the server was told %q", got)
	}
	if bytes.Contains(server.wire(), []byte(fakeSecret)) {
		t.Error("the secret is readable on the wire")
	}
}

// TestTLSRefusedByPolicy: an account that requires TLS on a plain connection.
func TestTLSRefusedByPolicy(t *testing.T) {
	server := fake(t, func(p *peer) {
		p.greet(plainCaps, "mysql_native_password")
		if p.packet() != nil {
			p.send("\xff\x57\x0c#HY000Connections using insecure transport are prohibited")
		}
	})
	wantFailure(t, server, database.ErrTLS)
}
