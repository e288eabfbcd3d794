package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"
)

// secret is a password that must not cross the network in the clear.
const secret = "treasure-in-the-clear"

// postgresTLS stands between the gateway and a real PostgreSQL and answers its
// wish for TLS in one of these ways.
type postgresTLS struct {
	name   string
	answer func(f *front, conn net.Conn) // to the request for TLS
	mode   string                        // the connection string's sslmode
	works  bool                          // a query has to succeed
}

func postgresTLSForms() []postgresTLS {
	plainOK := []byte{'R', 0, 0, 0, 8, 0, 0, 0, 0}             // authentication is fine
	askClear := []byte{'R', 0, 0, 0, 8, 0, 0, 0, 3}            // the password in the clear, please
	failure := append([]byte{'E', 0, 0, 0, 6}, "M\x00\x00"...) // an error without a text
	say := func(parts ...[]byte) func(*front, net.Conn) {
		return func(f *front, conn net.Conn) {
			_, _ = conn.Write(bytes.Join(parts, nil))
			f.listen(conn)
		}
	}
	return []postgresTLS{
		{"a certificate that nobody vouches for", (*front).serveTLS, "require", true},
		{"a certificate that nobody vouches for", (*front).serveTLS, "verify-ca", false},
		{"a certificate that nobody vouches for", (*front).serveTLS, "verify-full", false},
		{"no TLS after all", say([]byte("N"), askClear), "require", false},
		{"no TLS after all", say([]byte("N"), askClear), "verify-full", false},
		{"TLS, then plain text", say([]byte("S"), askClear), "require", false},
		{"TLS, then plain text that lets in", say([]byte("S"), plainOK), "require", false},
		{"an error in the clear", say(failure, askClear), "require", false},
		{"plain text at once", say(askClear), "require", false},
		{"plain text before the handshake", func(f *front, conn net.Conn) {
			_, _ = conn.Write(append([]byte("S"), plainOK...)) // one segment: it must not count as if it had come through TLS
			f.relay(tls.Server(conn, f.config))
		}, "require", false},
	}
}

// switchedTLS registers each form and queries through it. No form may see the
// password in the clear.
func switchedTLS(ctx context.Context, r *rig) (all []attempt, err error) {
	address, _, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "tls")
	if err != nil {
		return nil, err
	}
	for i, form := range postgresTLSForms() {
		f, through, err := r.startFront(address, form)
		if err != nil {
			return nil, err
		}
		all = append(all, attempt{name: form.mode + ": " + form.name, run: func(ctx context.Context, r *rig) (string, bool) {
			tool, _, err := r.connection(ctx, fmt.Sprint("tls ", i), "postgres", through, true)
			if err != nil {
				return err.Error(), false
			}
			answer, failed := r.query(ctx, tool, "SELECT 41 + 1 AS n")
			seen := f.sawSecret()
			return fmt.Sprintf("%s; password seen in the clear: %t", answer, seen), failed != form.works && !seen && (form.works || strings.Contains(answer, "TLS failed"))
		}})
	}
	return all, nil
}

// front is such a server.
type front struct {
	behind string // address of the real server
	config *tls.Config

	mu    sync.Mutex
	heard []byte // in the clear, after the request for TLS
}

func (r *rig) startFront(address string, form postgresTLS) (*front, string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, "", err
	}
	certificate, err := selfSigned()
	if err != nil {
		return nil, "", err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	r.onCleanUp(func(context.Context) error { return ln.Close() })
	f := &front{behind: u.Host, config: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go f.meet(conn, form.answer)
		}
	}()
	u.Host, u.User, u.RawQuery = ln.Addr().String(), url.UserPassword(u.User.Username(), secret), "sslmode="+form.mode
	return f, u.String(), nil
}

// sslRequest is the number of PostgreSQL's request for TLS.
const sslRequest = 80877103

// meet answers a request for TLS, and notes whatever else comes in the clear.
// A request to cancel has the same form.
func (f *front) meet(conn net.Conn, answer func(*front, net.Conn)) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	var first [8]byte
	if _, err := io.ReadFull(conn, first[:]); err != nil {
		return
	}
	if binary.BigEndian.Uint32(first[4:]) != sslRequest {
		f.listen(conn)
		return
	}
	answer(f, conn)
}

func (f *front) serveTLS(conn net.Conn) {
	if _, err := conn.Write([]byte("S")); err == nil {
		f.relay(tls.Server(conn, f.config))
	}
}

// relay passes everything on to the real server, decrypted.
func (f *front) relay(conn net.Conn) {
	server, err := net.Dial("tcp", f.behind)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	}()
	_, _ = io.Copy(conn, server)
}

// listen keeps what comes in the clear.
func (f *front) listen(conn net.Conn) {
	buf := make([]byte, 4<<10)
	_ = conn.SetReadDeadline(time.Now().Add(3 * time.Second))
	for {
		n, err := conn.Read(buf)
		f.mu.Lock()
		f.heard = append(f.heard, buf[:n]...)
		f.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (f *front) sawSecret() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bytes.Contains(f.heard, []byte(secret))
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nobody"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
