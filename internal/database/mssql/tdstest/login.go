package tdstest

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// Login is what a client says about itself (MS-TDS 2.2.6.4).
type Login struct {
	User, Password, Database, App, Host string
	Version                             uint32 // of TDS
	ReadOnly                            bool   // ApplicationIntent
	Encrypted                           bool
	Strict                              bool // TLS came before TDS
}

// Fields of PRELOGIN (MS-TDS 2.2.6.5) and the values of its encryption field.
const (
	preloginVersion    = 0
	preloginEncryption = 1
	preloginInstance   = 2
	preloginThread     = 3
	preloginMARS       = 4
	preloginEnd        = 0xFF

	encryptOn           = 1
	encryptNotSupported = 2
)

// greet goes through PRELOGIN and TLS and returns what to read on.
func (s *Server) greet(c net.Conn) (rw io.ReadWriter, first message, strict bool, err error) {
	peeked := &peekedConn{Conn: c}
	if s.TLS != nil && peeked.first() == 0x16 { // a TLS record: encrypt=strict
		config := s.TLS.Clone()
		config.NextProtos = []string{"tds/8.0"}
		secure := tls.Server(peeked, config)
		if err := secure.Handshake(); err != nil {
			return nil, message{}, false, err
		}
		m, err := s.prelogin(secure, encryptNotSupported)
		return secure, m, true, err
	}
	encryption := byte(encryptNotSupported)
	if s.TLS != nil {
		encryption = encryptOn
	}
	m, err := s.prelogin(peeked, encryption)
	if err != nil || s.TLS == nil {
		return peeked, m, false, err
	}
	secure, err := handshake(peeked, s.TLS)
	if err != nil {
		return nil, message{}, false, err
	}
	m, err = readMessage(secure)
	return secure, m, false, err
}

// prelogin answers PRELOGIN. Without TLS it returns the message after it.
func (s *Server) prelogin(rw io.ReadWriter, encryption byte) (message, error) {
	m, err := readMessage(rw)
	switch {
	case err != nil:
		return message{}, err
	case m.typ != packetPrelogin:
		return message{}, fmt.Errorf("packet %#x instead of PRELOGIN", m.typ)
	}
	if err := writeMessage(rw, packetReply, preloginAnswer(encryption)); err != nil || encryption == encryptOn {
		return message{}, err
	}
	return readMessage(rw)
}

func preloginAnswer(encryption byte) []byte {
	fields := []struct {
		name byte
		data []byte
	}{
		{preloginVersion, []byte{16, 0, 0x10, 0, 0, 0}},
		{preloginEncryption, []byte{encryption}},
		{preloginInstance, []byte{0}},
		{preloginThread, nil},
		{preloginMARS, []byte{0}},
	}
	var head, body []byte
	start := 5*len(fields) + 1
	for _, f := range fields {
		head = append(head, f.name)
		head = binary.BigEndian.AppendUint16(head, uint16(start+len(body)))
		head = binary.BigEndian.AppendUint16(head, uint16(len(f.data)))
		body = append(body, f.data...)
	}
	return append(append(head, preloginEnd), body...)
}

// peekedConn gives back the byte that was looked at.
type peekedConn struct {
	net.Conn
	ahead []byte
}

func (c *peekedConn) first() byte {
	b := make([]byte, 1)
	if _, err := io.ReadFull(c.Conn, b); err != nil {
		return 0
	}
	c.ahead = b
	return b[0]
}

// Read implements [net.Conn].
func (c *peekedConn) Read(p []byte) (int, error) {
	if len(c.ahead) > 0 {
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// handshake makes a TLS connection whose handshake travels in PRELOGIN packets
// (MS-TDS 3.2.5.2).
func handshake(c net.Conn, config *tls.Config) (net.Conn, error) {
	config = config.Clone()
	// As SQL Server does below TDS 8.0; version 1.3 sends on after its handshake.
	config.MaxVersion, config.SessionTicketsDisabled = tls.VersionTLS12, true
	wrapped := &wrappedConn{Conn: c, wrapping: true}
	secure := tls.Server(wrapped, config)
	if err := secure.Handshake(); err != nil {
		return nil, err
	}
	wrapped.wrapping = false
	return secure, nil
}

// wrappedConn puts what it carries into packets while wrapping is set.
type wrappedConn struct {
	net.Conn
	wrapping bool
	rest     []byte
}

// Read implements [net.Conn].
func (c *wrappedConn) Read(p []byte) (int, error) {
	if !c.wrapping {
		return c.Conn.Read(p)
	}
	for len(c.rest) == 0 {
		_, _, data, err := readPacket(c.Conn)
		if err != nil {
			return 0, err
		}
		c.rest = data
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Write implements [net.Conn].
func (c *wrappedConn) Write(p []byte) (int, error) {
	if !c.wrapping {
		return c.Conn.Write(p)
	}
	if err := writeMessage(c.Conn, packetPrelogin, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// parseLogin reads LOGIN7.
func parseLogin(m message) (Login, error) {
	const fixed = 94
	if m.typ != packetLogin || len(m.data) < fixed {
		return Login{}, fmt.Errorf("packet %#x of %d bytes instead of LOGIN7", m.typ, len(m.data))
	}
	var broken bool
	field := func(at int) []byte {
		start := int(binary.LittleEndian.Uint16(m.data[at:]))
		end := start + 2*int(binary.LittleEndian.Uint16(m.data[at+2:]))
		if end > len(m.data) {
			broken = true
			return nil
		}
		return m.data[start:end]
	}
	password := bytes.Clone(field(44))
	for i, b := range password {
		b ^= 0xA5
		password[i] = b<<4 | b>>4
	}
	const readOnlyIntent = 0x20
	l := Login{
		Host: fromUTF16(field(36)), User: fromUTF16(field(40)), Password: fromUTF16(password),
		App: fromUTF16(field(48)), Database: fromUTF16(field(68)),
		Version: binary.LittleEndian.Uint32(m.data[4:]), ReadOnly: m.data[26]&readOnlyIntent != 0,
	}
	if broken {
		return Login{}, errors.New("LOGIN7 points outside of itself")
	}
	return l, nil
}
