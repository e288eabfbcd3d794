package mysql_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// publicKey is a key as a server offers it to encrypt the password with.
func publicKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// TestServerAsksForThePassword proves contract 15.2 A4: whatever a server asks
// for, the password does not leave in a form that it, or who listens, can read.
func TestServerAsksForThePassword(t *testing.T) {
	key := publicKey(t)
	challenge := strings.Repeat("x", 20) + "\x00"
	for name, ask := range map[string]func(*peer){
		"clear text":        switchTo("mysql_clear_password\x00"),
		"dialog":            switchTo("dialog\x00Password: \x00" + challenge),
		"unknown plug-in":   switchTo("mysql_windows_password\x00" + challenge),
		"old password":      func(p *peer) { p.send("\xfe") },
		"old by name":       switchTo("mysql_old_password\x00" + challenge),
		"sha256 with a key": switchTo("sha256_password\x00"+challenge, "\x01"+key),
		"sha2 with a key":   switchTo("caching_sha2_password\x00"+challenge, "\x01\x04", "\x01"+key),
		"switch twice":      switchTo("mysql_native_password\x00"+challenge, "\xfemysql_clear_password\x00"+challenge),
	} {
		t.Run(name, func(t *testing.T) {
			server := fake(t, func(p *peer) {
				p.greet(plainCaps, "mysql_native_password")
				if p.packet() != nil {
					ask(p)
				}
			})
			wantFailure(t, server, "")
			if got := server.wire(); bytes.Contains(got, []byte(fakeSecret)) || len(got) > maxProof {
				t.Errorf("the server was told %d bytes: %q", len(got), got)
			}
		})
	}
}

// maxProof is more than a login takes with a scrambled password and an answer to
// a second challenge, and less than with an RSA cipher text.
const maxProof = 256

// switchTo asks for another plug-in, and sends the rest as the client answers.
func switchTo(request string, rest ...string) func(*peer) {
	return func(p *peer) {
		p.send("\xfe" + request)
		for _, packet := range rest {
			if p.packet() == nil {
				return
			}
			p.send(packet)
		}
		p.packet()
	}
}

// wantFailure expects Probe to fail with the reason, or with any of the fixed
// set, and not to show the secret.
func wantFailure(t *testing.T, server *fakeServer, reason string) {
	t.Helper()
	target, err := dialect().Parse(server.url(), localEnv())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialect().Open(target, localEnv())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = conn.Probe(ctx)
	if !fault.Is(err, fault.Unavailable) || reason != "" && fault.Of(err).Public != reason {
		t.Errorf("Probe = %v, want %q", err, reason)
	}
	if err != nil && strings.Contains(err.Error(), fakeSecret) {
		t.Errorf("the secret is shown: %v", err)
	}
}

// TestServerAsksForAFile proves that LOCAL INFILE sends nothing.
func TestServerAsksForAFile(t *testing.T) {
	for _, file := range []string{"/etc/passwd", "Reader::x", "/x/Reader::y"} {
		answers := make(chan []byte, 1)
		server := fake(t, func(p *peer) {
			if !p.login() {
				return
			}
			p.serve(func(string) {
				p.send("\xfb" + file)
				answers <- p.packet()
				p.send(okPacket)
			})
		})
		_, err := open(t, server.url()).Query(t.Context(), statement("SELECT 1"), database.Limit{})
		if err == nil {
			t.Errorf("%s: no error", file)
		}
		if got := <-answers; len(got) != 0 {
			t.Errorf("%s: the server was sent %q", file, got)
		}
	}
}

// TestMalformedLogins sends packets whose lengths lie; none may end the
// process or leave a goroutine behind.
func TestMalformedLogins(t *testing.T) {
	full, config := greeting(plainCaps, "mysql_native_password"), selfSigned(t)
	for name, handle := range map[string]func(*peer){
		"empty greeting":      func(p *peer) { p.send("") },
		"one byte":            func(p *peer) { p.send("\x0a") },
		"no version":          func(p *peer) { p.send(strings.Repeat("\x0a", 40)) },
		"cut greeting":        func(p *peer) { p.send(full[:20]) },
		"cut in capabilities": func(p *peer) { p.send(full[:34]) },
		"cut in challenge":    func(p *peer) { p.send(full[:50]) },
		"short error":         func(p *peer) { p.send("\xff\x15") },
		"error without state": func(p *peer) { p.send("\xff\x15\x04#28") },
		"old protocol":        func(p *peer) { p.send("\x09" + full[1:]) },
		"huge greeting":       func(p *peer) { p.send(full + strings.Repeat("x", 1<<16)) },
		"another protocol":    func(p *peer) { _, _ = p.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) },
		"short ok":            afterLogin("\x00"),
		"short switch":        afterLogin("\xfemysql_native_password\x00abc"),
		"switch without end":  afterLogin("\xfemysql_native_password"),
		"short refusal":       afterLogin("\xff"),
		"short ok in TLS": func(p *peer) {
			p.greet(plainCaps|capSSL, "mysql_native_password")
			if p.secure(config) == nil && p.packet() != nil {
				p.send("\x00")
			}
		},
		"short challenge": afterLogin("\xfeclient_ed25519\x00abc"),
	} {
		t.Run(name, func(t *testing.T) {
			wantFailure(t, fake(t, handle), "")
		})
	}
}

func afterLogin(packet string) func(*peer) {
	return func(p *peer) {
		p.greet(plainCaps, "mysql_native_password")
		if p.packet() != nil {
			p.send(packet)
		}
	}
}

// TestMalformedResults does the same with results: a clear error, and the next
// statement has a connection that works.
func TestMalformedResults(t *testing.T) {
	for name, packets := range map[string][]string{
		"no columns follow":    {"\x01", eofPacket},
		"short column":         {"\x01", "\x03de"},
		"short end of columns": {"\x01", column("a"), "\xfe"},
		"short row":            {"\x01", column("a"), eofPacket, "\x05ab"},
		"more columns":         {"\x02", column("a"), column("b"), eofPacket, "\x01a"},
		"no number":            {"\x01", strings.Replace(column("a"), "\xfd", "\x08", 1), eofPacket, "\x01x"},
		"short ok":             {"\x00"},
		"too many columns":     {"\xfd\xff\xff\xff"},
		"far too many columns": {"\xfe\x00\x00\x00\x00\x10\x00\x00\x00"},
		"many after an ok":     {"\x00\x00\x00\x0a\x00\x00\x00", "\xfe\x00\x00\x00\x00\x10\x00\x00\x00"},
		"half a number":        {"\xfc\xff"},
		"short error":          {"\xff\x15"},
		"nothing":              nil,
	} {
		t.Run(name, func(t *testing.T) {
			server := fake(t, func(p *peer) {
				if p.login() {
					p.serve(func(sql string) {
						if sql == "SELECT 1" {
							p.result("1")
							return
						}
						for _, packet := range packets {
							p.send(packet)
						}
						p.Close()
					})
				}
			})
			conn := open(t, server.url())
			defer conn.Close()
			if _, err := conn.Query(t.Context(), statement("SELECT bad"), database.Limit{}); err == nil {
				t.Error("no error")
			}
			if got := mustQuery(t, conn, "SELECT 1"); got != `[{"c":"1"}]` {
				t.Errorf("next statement: %s", got)
			}
		})
	}
}

// TestEndlessRow has a server announce a row far beyond the byte limit and
// send without end: the result is cut before it.
func TestEndlessRow(t *testing.T) {
	server := fake(t, func(p *peer) {
		if !p.login() {
			return
		}
		p.serve(func(string) {
			p.send("\x01")
			p.send(column("a"))
			p.send(eofPacket)
			p.send("\x03one")
			chunk := bytes.Repeat([]byte{'x'}, 1<<20)
			for {
				if _, err := p.Write([]byte{0xff, 0xff, 0xff, p.seq}); err != nil {
					return
				}
				p.seq++
				for range 15 {
					if _, err := p.Write(chunk); err != nil {
						return
					}
				}
				if _, err := p.Write(chunk[:1<<20-1]); err != nil {
					return
				}
			}
		})
	})
	table, err := open(t, server.url()).Query(t.Context(), statement("SELECT a"), database.Limit{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if table.Len() != 1 || table.Cut() != tool.ByteCut {
		t.Errorf("%d rows, cut %q; want 1 row and the byte limit", table.Len(), table.Cut())
	}
}

// TestSilentServer lets the connect timeout end a login.
func TestSilentServer(t *testing.T) {
	quiet := make(chan struct{})
	server := fake(t, func(*peer) { <-quiet })
	defer close(quiet)
	conn := open(t, server.url()+"?connect_timeout=1")
	_, err := conn.Probe(t.Context())
	if e := fault.Of(err); err == nil || e.Public != database.ErrTimedOut {
		t.Errorf("Probe = %v", err)
	}
}

// TestEndlessCatalogue has a server list tables without end.
func TestEndlessCatalogue(t *testing.T) {
	server := fake(t, func(p *peer) {
		if !p.login() {
			return
		}
		p.serve(func(string) {
			p.send("\x04")
			for range 4 {
				p.send(column("a"))
			}
			p.send(eofPacket)
			const name = 60_000
			row := "\xfc\x60\xea" + strings.Repeat("t", name) + "\x05TABLE" + "\x011" + "\x00"
			for {
				n := len(row)
				if _, err := p.Write(append([]byte{byte(n), byte(n >> 8), byte(n >> 16), p.seq}, row...)); err != nil {
					return
				}
				p.seq++
			}
		})
	})
	if _, err := open(t, server.url()).Schema(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Schema = %v", err)
	}
}
