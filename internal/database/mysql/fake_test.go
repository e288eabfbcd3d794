package mysql_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// fakeServer speaks just enough of the protocol to misbehave in it. It keeps
// all that its clients send.
type fakeServer struct {
	address string
	handle  func(*peer)

	mu       sync.Mutex
	received []byte
}

// peer is one connection of a fake server.
type peer struct {
	net.Conn
	seq byte
	id  string // of the session behind a pooler
	// onStatement hears every statement before it is answered. It may be nil.
	onStatement func(sql string)
}

// Capabilities of a greeting.
const (
	capConnectWithDB = 1 << 3
	capProtocol41    = 1 << 9
	capSSL           = 1 << 11
	capTransactions  = 1 << 13
	capSecure        = 1 << 15
	capPluginAuth    = 1 << 19

	plainCaps = 1 | capConnectWithDB | capProtocol41 | capTransactions | capSecure | capPluginAuth
)

const fakeSecret = "s3cret-of-the-fake"

// fake starts a server on loopback whose connections go to handle, and checks
// that the test leaves no goroutine behind.
func fake(t testing.TB, handle func(*peer)) *fakeServer {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeServer{address: ln.Addr().String(), handle: handle}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				handle(&peer{Conn: tap{Conn: conn, server: s}})
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		all.Wait()
	})
	return s
}

func (s *fakeServer) url() string { return "mysql://u:" + fakeSecret + "@" + s.address + "/db" }

// wire returns what clients have sent, as it was on the wire.
func (s *fakeServer) wire() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.received)
}

// tap keeps what is read of a connection.
type tap struct {
	net.Conn
	server *fakeServer
}

func (c tap) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.server.mu.Lock()
	c.server.received = append(c.server.received, b[:n]...)
	c.server.mu.Unlock()
	return n, err
}

// packet reads one packet; nil at the end.
func (p *peer) packet() []byte {
	var header [4]byte
	if _, err := io.ReadFull(p, header[:]); err != nil {
		return nil
	}
	payload := make([]byte, int(header[0])|int(header[1])<<8|int(header[2])<<16)
	if _, err := io.ReadFull(p, payload); err != nil {
		return nil
	}
	p.seq = header[3] + 1
	return payload
}

// send writes one packet; a client that has left shows at the next read.
func (p *peer) send(payload string) {
	n := len(payload)
	_, _ = p.Write(append([]byte{byte(n), byte(n >> 8), byte(n >> 16), p.seq}, payload...))
	p.seq++
}

// greet sends a greeting that asks for the plug-in.
func (p *peer) greet(capabilities uint32, plugin string) { p.send(greeting(capabilities, plugin)) }

func greeting(capabilities uint32, plugin string) string {
	var b bytes.Buffer
	b.WriteString("\x0a5.7.99-fake\x00\x01\x00\x00\x0012345678\x00")
	_ = binary.Write(&b, binary.LittleEndian, uint16(capabilities))
	b.WriteString("\x2d\x02\x00")
	_ = binary.Write(&b, binary.LittleEndian, uint16(capabilities>>16))
	b.WriteString("\x15" + strings.Repeat("\x00", 10) + "123456789012\x00" + plugin + "\x00")
	return b.String()
}

// Packets.
const (
	okPacket  = "\x00\x00\x00\x02\x00\x00\x00"
	eofPacket = "\xfe\x00\x00\x02\x00"
)

func lenEnc(s string) string { return string([]byte{byte(len(s))}) + s }

// column describes a text column.
func column(name string) string {
	return lenEnc("def") + lenEnc("") + lenEnc("") + lenEnc("") + lenEnc(name) + lenEnc("") +
		"\x0c\x2d\x00\x00\x01\x00\x00\xfd\x00\x00\x00\x00\x00"
}

// result sends one row of text.
func (p *peer) result(values ...string) {
	p.send(string([]byte{byte(len(values))}))
	var row string
	for i, v := range values {
		p.send(column(strings.Repeat("c", i+1)))
		row += lenEnc(v)
	}
	p.send(eofPacket)
	p.send(row)
	p.send(eofPacket)
}

// login lets the client in.
func (p *peer) login() bool {
	p.greet(plainCaps, "mysql_native_password")
	if p.packet() == nil {
		return false
	}
	p.send(okPacket)
	return true
}

// serve answers what a session sends by itself, and leaves the rest to answer.
func (p *peer) serve(answer func(sql string)) { p.serveAs("fake:1:1", answer) }

func (p *peer) serveAs(identity string, answer func(sql string)) {
	for {
		packet := p.packet()
		if packet == nil || packet[0] != 3 {
			return
		}
		sql := string(packet[1:])
		if p.onStatement != nil {
			p.onStatement(sql)
		}
		switch {
		case strings.HasPrefix(sql, "SELECT CONNECTION_ID()"):
			p.result(p.number(), "8.0.99", identity)
		case strings.HasPrefix(sql, "SET "), strings.HasPrefix(sql, "START "), sql == "ROLLBACK":
			p.send(okPacket)
		default:
			answer(sql)
		}
	}
}

// number is what CONNECTION_ID() answers: that of the greeting, unless the
// test has set another.
func (p *peer) number() string {
	if p.id == "" {
		return "1"
	}
	return p.id
}

// secure turns the connection into TLS after the client's request for it.
func (p *peer) secure(config *tls.Config) error {
	if p.packet() == nil {
		return errors.New("no request for TLS")
	}
	conn := tls.Server(p.Conn, config)
	p.Conn = conn
	return conn.Handshake()
}
