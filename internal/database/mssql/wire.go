package mssql

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// errFlood ends a connection whose server sends more than was asked for.
var errFlood = errors.New("server sent more than the limit")

// wire is what the driver takes for a plain connection: TLS is below it, done
// already. It bounds what one exchange may read, because the driver reads whole
// rows whatever their size; shows every packet to the inspector first; and lets
// go of a server that no longer answers.
type wire struct {
	net.Conn // TLS
	strict   bool

	left    atomic.Int64 // bytes the server may still send
	failed  error        // what the next read returns
	flood   atomic.Bool
	inspect inspector
	packet  []byte // buffer of the packet being delivered
	pending []byte // what the driver has not read of it

	mu   sync.Mutex    // guards owed
	owed chan struct{} // closed when the server owes no answer; nil before the first request
}

// asked notes that the server owes an answer.
func (w *wire) asked() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.owed == nil || isClosed(w.owed) {
		w.owed = make(chan struct{})
	}
}

// answered notes the end of an answer, or that none will come.
func (w *wire) answered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.owed != nil && !isClosed(w.owed) {
		close(w.owed)
	}
}

// awaitAnswer waits until the server has ended its answer, the connection is
// gone or life has ended; never longer than a place is held for a server.
func (w *wire) awaitAnswer(life context.Context) {
	w.mu.Lock()
	owed := w.owed
	w.mu.Unlock()
	if owed == nil {
		return
	}
	timer := time.NewTimer(stuckPatience)
	defer timer.Stop()
	select {
	case <-owed:
	case <-life.Done():
	case <-timer.C:
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func newWire(secured net.Conn, strict bool, allowed int64) *wire {
	w := &wire{Conn: secured, strict: strict}
	w.allow(allowed)
	return w
}

// allow sets what the next exchange may read.
func (w *wire) allow(n int64) {
	w.left.Store(n)
	w.inspect.most.Store(uint64(n))
}

func (w *wire) flooded() bool { return w.flood.Load() }

// Read implements [net.Conn].
func (w *wire) Read(p []byte) (int, error) {
	if len(w.pending) == 0 {
		if err := w.receive(); err != nil {
			return 0, w.fail(err)
		}
	}
	n := copy(p, w.pending)
	w.pending = w.pending[n:]
	return n, nil
}

func (w *wire) fail(err error) error {
	w.failed = err
	w.answered()
	if errors.Is(err, errFlood) {
		w.flood.Store(true)
	}
	return err
}

// receive reads one packet and has it inspected. Of a packet with a value that
// is too long, the driver gets what comes before it: rows that still count.
func (w *wire) receive() error {
	if w.failed != nil {
		return w.failed
	}
	if cap(w.packet) == 0 {
		w.packet = make([]byte, 1<<16)
	}
	head := w.packet[:packetHeader]
	if _, err := io.ReadFull(w.Conn, head); err != nil {
		return err
	}
	size := int(binary.BigEndian.Uint16(head[2:]))
	switch {
	case head[0] != packetReply || size < packetHeader:
		return refused("a packet that is no answer")
	case w.left.Add(-int64(size)) < 0:
		return errFlood
	}
	packet := w.packet[:size]
	if _, err := io.ReadFull(w.Conn, packet[packetHeader:]); err != nil {
		return err
	}
	// The driver takes any status but 0 for the end of a message.
	good, err := w.inspect.feed(packet[packetHeader:], head[1] != 0)
	switch {
	case err == nil:
	case errors.Is(err, errFlood) && good > 0:
		packet = packet[:packetHeader+good]
		packet[1] = 0
		binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
		w.failed = err
	default:
		return err
	}
	w.pending = packet
	if packet[1] != 0 {
		w.answered()
	}
	return nil
}

// Write implements [net.Conn]. The driver's PRELOGIN is answered here: the
// server has had one. It says that there is no encryption, which from here on
// is true.
func (w *wire) Write(p []byte) (int, error) {
	switch {
	case len(p) > packetHeader && p[0] == packetPrelogin:
		answer := prelogin(encryptNotSupported)
		w.pending = binary.BigEndian.AppendUint16([]byte{packetReply, packetEnd}, uint16(packetHeader+len(answer)))
		w.pending = append(append(w.pending, 0, 0, 1, 0), answer...)
		return len(p), nil
	case w.strict && p[0] == packetLogin && p[6] == 1:
		p = asVersion8(p)
	}
	if len(p) > 0 && p[0] != packetAttention {
		w.asked()
	}
	return w.Conn.Write(p)
}

// asVersion8 makes a LOGIN7 one of TDS 8.0, which is what strict encryption
// asks for. The version follows the length (MS-TDS 2.2.6.4).
func asVersion8(login []byte) []byte {
	const version8, at = 0x08000000, packetHeader + 4
	if len(login) < at+4 {
		return login
	}
	login = append([]byte(nil), login...)
	binary.LittleEndian.PutUint32(login[at:], version8)
	return login
}

// Close implements [net.Conn]. It closes the network below TLS at once: a
// farewell could block.
func (w *wire) Close() error {
	_ = w.SetDeadline(time.Now())
	return w.Conn.Close()
}

// watch gives the other side patience once ctx has ended; then reads and
// writes fail. The function it returns ends the watch.
func watch(ctx context.Context, conn net.Conn, patience time.Duration) (stop func()) {
	done := make(chan struct{})
	unregister := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = conn.SetDeadline(time.Now().Add(patience))
	})
	return func() {
		if !unregister() {
			<-done
		}
		_ = conn.SetDeadline(time.Time{})
	}
}
