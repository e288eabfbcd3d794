package mysql

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"syscall"
)

// Sizes of the wire. readBuffer spares system calls on long results: the
// driver alone would read in pieces of 4 KiB. A login takes a few hundred bytes.
const (
	readBuffer = 32 << 10
	maxLogin   = 16 << 10
)

// Reasons for the wire to end a connection.
var (
	// errServerKey: a server that offers a key to encrypt the password with,
	// on a connection where nobody has proven whose key it is. MySQL's own
	// clients do not take it unasked either.
	errServerKey = errors.New("server asks for the password without TLS")
	errProtocol  = errors.New("server broke the protocol")
	errTooLong   = errors.New("server sent more than it may")
)

// wire is the network connection below the driver. It bounds what the server
// may send, which the driver takes as it comes, and it reads along while a
// login is in plain text.
type wire struct {
	net.Conn
	reader  *bufio.Reader
	left    int   // bytes that the server may still send
	refusal error // why the wire ended the connection

	inspect bool // packets are checked before the driver sees them
	greeted bool
	unread  int // bytes of the checked packet that the driver has not read

	withTLS bool // TLS follows after the greeting
	stage   stage
}

// stage is how far a connection with TLS has come.
type stage uint8

const (
	greeting stage = iota
	handshaking
	encrypted
)

// recordOfData is the type of the TLS records that hold neither handshake nor
// alert (RFC 8446, 5.1).
const recordOfData = 23

func newWire(conn net.Conn, withTLS bool) *wire {
	return &wire{
		Conn: conn, reader: bufio.NewReaderSize(conn, readBuffer),
		left: maxLogin, withTLS: withTLS, inspect: true,
	}
}

// allow lets the server send up to n more bytes from here on.
func (w *wire) allow(n int) { w.left = n }

// loggedIn ends the inspection of packets.
func (w *wire) loggedIn() { w.inspect = false }

// Read implements [net.Conn].
func (w *wire) Read(p []byte) (int, error) {
	if w.left <= 0 {
		return 0, w.refuse(errTooLong)
	}
	p = p[:min(len(p), w.left)]
	if w.inspect {
		if w.unread == 0 {
			if err := w.inspectPacket(); err != nil {
				return 0, err
			}
		}
		p = p[:min(len(p), w.unread)]
	}
	n, err := w.reader.Read(p)
	w.left -= n
	if w.inspect {
		w.unread -= n
		w.inspect = w.unread > 0 || !w.withTLS // after the greeting, TLS records follow
	}
	return n, err
}

// Write notes the stage: the driver asks for TLS, shakes hands and then sends
// records of data.
func (w *wire) Write(p []byte) (int, error) {
	if w.withTLS && len(p) > 0 {
		switch {
		case w.stage == greeting:
			w.stage = handshaking
		case w.stage == handshaking && p[0] == recordOfData:
			w.stage = encrypted
		}
	}
	return w.Conn.Write(p)
}

// shaking reports whether a TLS handshake has begun and not ended.
func (w *wire) shaking() bool { return w.stage == handshaking }

// SyscallConn lets the driver ask whether an idle connection has died.
func (w *wire) SyscallConn() (syscall.RawConn, error) {
	c, ok := w.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return c.SyscallConn()
}

func (w *wire) refuse(err error) error {
	if w.refusal == nil {
		w.refusal = err
	}
	return w.refusal
}

// inspectPacket checks the next packet of a login in plain text.
func (w *wire) inspectPacket() error {
	header, err := w.reader.Peek(4)
	if err != nil {
		return err
	}
	size := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if size == 0 || size > maxLogin {
		return w.refuse(errProtocol)
	}
	packet, err := w.reader.Peek(4 + size)
	if err != nil {
		return err
	}
	check := checkReply
	if !w.greeted {
		check, w.greeted = checkGreeting, true
	}
	if err := check(packet[4:]); err != nil {
		return w.refuse(err)
	}
	w.unread = 4 + size
	return nil
}

// The first bytes of packets.
const (
	packetOK       = 0x00
	packetMoreData = 0x01
	packetSwitch   = 0xfe
	packetError    = 0xff
)

// greetingRest is what follows the version in a greeting of protocol 10, up
// to the second part of the challenge.
const greetingRest = 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10 + 13

// checkGreeting refuses greetings that are too short for the driver, which
// trusts their lengths and would leave a goroutine behind.
func checkGreeting(payload []byte) error {
	if payload[0] == packetError {
		return checkError(payload)
	}
	if end := bytes.IndexByte(payload, 0); end < 0 || len(payload)-end-1 < greetingRest {
		return errProtocol
	}
	return nil
}

// checkReply does the same for the answers to a login, and refuses the offer
// of a key.
func checkReply(payload []byte) error {
	switch payload[0] {
	case packetError:
		return checkError(payload)
	case packetOK:
		if len(payload) < 7 {
			return errProtocol
		}
	case packetMoreData:
		if bytes.Contains(payload, []byte("-----BEGIN")) {
			return errServerKey
		}
	case packetSwitch:
		// The plug-in's name and a challenge of 20 bytes, or nothing at all:
		// the old password scheme, which the driver declines.
		if end := bytes.IndexByte(payload, 0); len(payload) > 1 && (end < 0 || len(payload)-end-1 < 20) {
			return errProtocol
		}
	}
	return nil
}

// checkError wants a code and a state.
func checkError(payload []byte) error {
	if len(payload) < 9 {
		return errProtocol
	}
	return nil
}
