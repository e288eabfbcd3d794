package mysql

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// Sizes of the wire. readBuffer spares system calls on long results: the
// driver alone would read in pieces of 4 KiB. A login takes a few hundred
// bytes. maxColumns is both servers' own limit.
const (
	readBuffer = 32 << 10
	maxLogin   = 16 << 10
	maxColumns = 4096
)

// Reasons for the wire to end a connection.
var (
	// errServerKey: a server that offers a key to encrypt the password with,
	// where nobody has proven whose key it is. MySQL's own clients do not take
	// it unasked either.
	errServerKey = errors.New("server asks for the password without TLS")
	// errSHA256: the same under sha256_password, with TLS as well: the driver
	// does not see the wire's.
	errSHA256    = errors.New("server asks for sha256_password")
	errHandshake = errors.New("TLS handshake")
	errProtocol  = errors.New("server broke the protocol")
	errTooLong   = errors.New("server sent more than it may")
)

// wire is the network connection below the driver, which takes what a server
// sends as it comes. The wire bounds it, checks the packets of a login and the
// head of every answer, and speaks TLS for the driver: inside the driver,
// nothing could be checked above it.
type wire struct {
	net.Conn             // to the server; its methods may be called at any time
	stream   net.Conn    // the same, or TLS over it: what Read and Write use
	config   *tls.Config // nil without TLS
	proofs   *proofs
	scheme   string // that the server has asked for last
	native   bool   // mysql_native_password is among those asked for

	reader  *bufio.Reader // of stream
	left    int           // bytes that the server may still send
	refusal error         // why the wire ended the connection

	thread uint32 // the session's number in the greeting

	login   bool // every packet is checked
	greeted bool
	head    bool // the next packet is the head of an answer
	unread  int  // bytes of a checked packet that the driver has not read
}

func newWire(conn net.Conn, config *tls.Config, p *proofs) *wire {
	return &wire{
		Conn: conn, stream: conn, config: config, proofs: p,
		reader: bufio.NewReaderSize(conn, readBuffer), left: maxLogin, login: true,
	}
}

// allow lets the server send up to n more bytes from here on.
func (w *wire) allow(n int) { w.left = n }

// loggedIn ends the login.
func (w *wire) loggedIn() { w.login = false }

func (w *wire) secured() bool { return w.stream != w.Conn }

func (w *wire) refuse(err error) error {
	if w.refusal == nil {
		w.refusal = err
	}
	return w.refusal
}

// SyscallConn lets the driver ask whether an idle connection has died.
func (w *wire) SyscallConn() (syscall.RawConn, error) {
	c, ok := w.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return c.SyscallConn()
}

// Read implements [net.Conn].
func (w *wire) Read(p []byte) (int, error) {
	if w.left <= 0 {
		return 0, w.refuse(errTooLong)
	}
	if w.unread == 0 && (w.login || w.head) {
		if err := w.inspect(); err != nil {
			return 0, err
		}
	}
	p = p[:min(len(p), w.left)]
	if w.unread > 0 {
		p = p[:min(len(p), w.unread)]
	}
	n, err := w.reader.Read(p)
	w.left -= n
	w.unread = max(0, w.unread-n)
	return n, err
}

// inspect checks the next packet.
func (w *wire) inspect() error {
	header, err := w.reader.Peek(4)
	if err != nil {
		return err
	}
	size := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if size == 0 || w.login && size > maxLogin {
		return w.refuse(errProtocol)
	}
	if w.secured() && w.login {
		header[3]-- // the driver does not know of the request for TLS
	}
	needed := size
	if !w.login {
		needed = min(size, 3) // what checkHead looks at
	}
	packet, err := w.reader.Peek(4 + needed)
	if err != nil {
		return err
	}
	if err := w.check(packet[4:]); err != nil {
		return w.refuse(err)
	}
	if w.login || w.head {
		w.unread = 4 + size
	}
	return nil
}

func (w *wire) check(payload []byte) error {
	switch {
	case !w.login:
		// What comes after an OK may be the head of another result.
		w.head = payload[0] == packetOK
		return checkHead(payload)
	case w.greeted:
		return w.checkReply(payload)
	default:
		w.greeted = true
		if err := checkGreeting(payload, w.config != nil); err != nil || payload[0] == packetError {
			return err
		}
		w.thread = threadOf(payload)
		return w.asked(schemeOfGreeting(payload), true)
	}
}

// asked takes the scheme that the server wants the password proven by.
func (w *wire) asked(scheme string, greeting bool) error {
	w.scheme = scheme
	w.native = w.native || scheme == nativePassword
	return w.proofs.check(scheme, greeting)
}

// Write implements [net.Conn]. The driver writes whole packets.
func (w *wire) Write(p []byte) (int, error) {
	if !w.login {
		w.head, w.unread = true, 0
		return w.stream.Write(p)
	}
	if w.config == nil {
		return w.stream.Write(p)
	}
	packet := bytes.Clone(p)
	if !w.secured() {
		if err := w.secure(packet); err != nil {
			return 0, w.refuse(err)
		}
	}
	packet[3]++ // after the request for TLS
	return w.stream.Write(packet)
}

// maxReply is the longest answer to a command that has no result.
const maxReply = 4 << 10

// command sends a command of the protocol that the driver does not know, and
// reports whether the server did it. The driver has read all that came before.
func (w *wire) command(code byte) (done bool, err error) {
	if _, err := w.stream.Write([]byte{1, 0, 0, 0, code}); err != nil {
		return false, err
	}
	header, err := w.reader.Peek(4)
	if err != nil {
		return false, err
	}
	size := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if size == 0 || size > maxReply || header[3] != 1 {
		return false, w.refuse(errProtocol)
	}
	packet, err := w.reader.Peek(4 + size)
	if err != nil {
		return false, err
	}
	done = packet[4] == packetOK
	_, err = w.reader.Discard(4 + size)
	return done, err
}

// secure turns the connection into TLS before the driver's answer to the
// greeting is sent. The request is the beginning of that answer.
func (w *wire) secure(response []byte) error {
	if len(response) < 4+requestSize {
		return errProtocol
	}
	response[5] |= flagTLS >> 8
	request := append([]byte{requestSize, 0, 0, response[3]}, response[4:4+requestSize]...)
	if _, err := w.Conn.Write(request); err != nil {
		return err
	}
	conn := tls.Client(w.Conn, w.config)
	if err := conn.Handshake(); err != nil {
		return fmt.Errorf("%w: %w", errHandshake, err)
	}
	w.stream = conn
	w.reader.Reset(conn) // drops what came before TLS and does not belong here
	return nil
}

// The first bytes of packets, the flag of servers and clients that have TLS,
// and the size of a request for it.
const (
	packetOK       = 0x00
	packetMoreData = 0x01
	packetFile     = 0xfb
	packetWord     = 0xfc // a number of two bytes follows
	packetSwitch   = 0xfe
	packetError    = 0xff

	flagTLS     = 1 << 11
	requestSize = 32
)

// Places in a greeting of protocol 10, after the version: the lower flags,
// and the end of the challenge's second part.
const (
	greetingFlags = 4 + 8 + 1
	greetingRest  = greetingFlags + 2 + 1 + 2 + 2 + 1 + 10 + 13
)

// checkGreeting refuses greetings that are too short for the driver, which
// trusts their lengths and would leave a goroutine behind, and those of
// servers without the TLS that is wanted.
func checkGreeting(payload []byte, wantTLS bool) error {
	if payload[0] == packetError {
		return checkError(payload)
	}
	end := bytes.IndexByte(payload, 0)
	if end < 0 || len(payload)-end-1 < greetingRest {
		return errProtocol
	}
	if wantTLS && payload[end+1+greetingFlags+1]&(flagTLS>>8) == 0 {
		return mysql.ErrNoTLS
	}
	return nil
}

// threadOf returns the number of the session, which follows the version in a
// greeting that has been checked.
func threadOf(payload []byte) uint32 {
	end := bytes.IndexByte(payload, 0)
	return binary.LittleEndian.Uint32(payload[end+1:])
}

// checkReply does the same for the answers to a login, judges the schemes that
// they ask for, and refuses the offer of a key.
func (w *wire) checkReply(payload []byte) error {
	switch payload[0] {
	case packetError:
		return checkError(payload)
	case packetOK:
		if len(payload) < 7 {
			return errProtocol
		}
	case packetMoreData:
		switch {
		case !bytes.Contains(payload, []byte("-----BEGIN")):
		case w.scheme == sha256Password:
			return errSHA256
		default:
			return errServerKey
		}
	case packetSwitch:
		// The plug-in's name and a challenge of 20 bytes, or nothing at all:
		// the old password scheme, which the driver declines.
		if end := bytes.IndexByte(payload, 0); len(payload) > 1 && (end < 0 || len(payload)-end-1 < 20) {
			return errProtocol
		}
		return w.asked(schemeOfSwitch(payload), false)
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

// checkHead refuses a number of columns that no server has: the driver takes
// memory for all of them at once.
func checkHead(payload []byte) error {
	switch first := payload[0]; {
	case first <= packetFile, first == packetError:
		return nil
	case first == packetWord && len(payload) >= 3 && int(payload[1])|int(payload[2])<<8 <= maxColumns:
		return nil
	default:
		return errProtocol
	}
}
