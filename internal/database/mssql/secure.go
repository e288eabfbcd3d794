package mssql

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
)

// Packet types and PRELOGIN fields of MS-TDS 2.2.3.1 and 2.2.6.5.
const (
	packetReply     = 0x04
	packetAttention = 0x06
	packetLogin     = 0x10
	packetPrelogin  = 0x12
	packetEnd       = 0x01
	packetHeader    = 8

	fieldVersion    = 0
	fieldEncryption = 1
	fieldInstance   = 2
	fieldThread     = 3
	fieldMARS       = 4
	fieldEnd        = 0xFF

	encryptOn           = 1
	encryptNotSupported = 2
	encryptRequired     = 3
)

var errNoTLS = errors.New("server does not support encryption")

// secure puts TLS over conn, as PRELOGIN negotiates it or, when strict, before
// the first byte of TDS. It is done here and not by the driver, so that the
// bytes can be looked at before the driver believes them. It never returns a
// connection without TLS.
func secure(ctx context.Context, conn net.Conn, config *tls.Config, strict bool) (net.Conn, error) {
	if strict {
		config.NextProtos = []string{"tds/8.0"}
		c := tls.Client(conn, config)
		if err := c.HandshakeContext(ctx); err != nil {
			return nil, handshakeError{err}
		}
		_, err := negotiate(c, encryptOn)
		return c, err
	}
	switch encryption, err := negotiate(conn, encryptOn); {
	case err != nil:
		return nil, err
	case encryption != encryptOn && encryption != encryptRequired:
		return nil, errNoTLS
	}
	wrapped := &handshakeConn{Conn: conn, wrapping: true}
	c := tls.Client(wrapped, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, handshakeError{err}
	}
	wrapped.wrapping = false
	return c, nil
}

// handshakeError tells a failed handshake from other failures.
type handshakeError struct{ error }

// Unwrap returns the cause.
func (e handshakeError) Unwrap() error { return e.error }

// negotiate sends PRELOGIN and returns the server's word on encryption.
func negotiate(rw io.ReadWriter, encryption byte) (byte, error) {
	if err := writePacket(rw, packetPrelogin, prelogin(encryption)); err != nil {
		return 0, err
	}
	typ, _, payload, err := readPacket(rw)
	switch {
	case err != nil:
		return 0, err
	case typ != packetReply:
		return 0, refused("no answer to PRELOGIN")
	}
	return encryptionField(payload)
}

// prelogin writes the fields of PRELOGIN.
func prelogin(encryption byte) []byte {
	fields := []struct {
		name byte
		data []byte
	}{
		{fieldVersion, []byte{0, 0, 0, 0, 0, 0}},
		{fieldEncryption, []byte{encryption}},
		{fieldInstance, []byte{0}},
		{fieldThread, []byte{0, 0, 0, 0}},
		{fieldMARS, []byte{0}},
	}
	var head, body []byte
	start := 5*len(fields) + 1
	for _, f := range fields {
		head = append(head, f.name)
		head = binary.BigEndian.AppendUint16(head, uint16(start+len(body)))
		head = binary.BigEndian.AppendUint16(head, uint16(len(f.data)))
		body = append(body, f.data...)
	}
	return append(append(head, fieldEnd), body...)
}

func encryptionField(payload []byte) (byte, error) {
	for at := 0; at+5 <= len(payload) && payload[at] != fieldEnd; at += 5 {
		if payload[at] != fieldEncryption {
			continue
		}
		start := int(binary.BigEndian.Uint16(payload[at+1:]))
		if binary.BigEndian.Uint16(payload[at+3:]) != 1 || start >= len(payload) {
			break
		}
		return payload[start], nil
	}
	return 0, refused("PRELOGIN without a word on encryption")
}

func writePacket(w io.Writer, typ byte, payload []byte) error {
	p := []byte{typ, packetEnd, 0, 0, 0, 0, 1, 0}
	binary.BigEndian.PutUint16(p[2:], uint16(packetHeader+len(payload)))
	_, err := w.Write(append(p, payload...))
	return err
}

func readPacket(r io.Reader) (typ, status byte, payload []byte, err error) {
	var h [packetHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(h[2:])) - packetHeader
	if n < 0 {
		return 0, 0, nil, refused("a packet shorter than its header")
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r, payload)
	return h[0], h[1], payload, err
}

// handshakeConn carries the handshake in PRELOGIN packets (MS-TDS 3.2.5.2) and
// everything later as it is.
type handshakeConn struct {
	net.Conn
	wrapping bool
	rest     []byte
}

// Read implements [net.Conn].
func (c *handshakeConn) Read(p []byte) (int, error) {
	if !c.wrapping {
		return c.Conn.Read(p)
	}
	for len(c.rest) == 0 {
		typ, _, payload, err := readPacket(c.Conn)
		switch {
		case err != nil:
			return 0, err
		case typ != packetPrelogin && typ != packetReply:
			return 0, refused("no TLS within PRELOGIN")
		}
		c.rest = payload
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Write implements [net.Conn].
func (c *handshakeConn) Write(p []byte) (int, error) {
	if !c.wrapping {
		return c.Conn.Write(p)
	}
	if err := writePacket(c.Conn, packetPrelogin, p); err != nil {
		return 0, err
	}
	return len(p), nil
}
