package tdstest

import (
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
)

// Packet types (MS-TDS 2.2.3.1.1).
const (
	packetBatch     = 0x01
	packetRPC       = 0x03
	packetReply     = 0x04
	packetAttention = 0x06
	packetTxManager = 0x0E
	packetLogin     = 0x10
	packetPrelogin  = 0x12
)

// Bits of a packet's status (MS-TDS 2.2.3.1.2).
const (
	statusEnd   = 0x01
	statusReset = 0x08
)

const (
	headerSize = 8
	packetSize = 4096
	maxMessage = 16 << 20
)

// message is what the client sent, its packets put together.
type message struct {
	typ   byte
	reset bool
	data  []byte
}

func readPacket(r io.Reader) (typ, status byte, data []byte, err error) {
	var h [headerSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(h[2:4]))
	if n < headerSize {
		return 0, 0, nil, errors.New("packet shorter than its header")
	}
	data = make([]byte, n-headerSize)
	_, err = io.ReadFull(r, data)
	return h[0], h[1], data, err
}

func readMessage(r io.Reader) (message, error) {
	var m message
	for first := true; ; first = false {
		typ, status, data, err := readPacket(r)
		if err != nil {
			return message{}, err
		}
		if first {
			m.typ, m.reset = typ, status&statusReset != 0
		}
		m.data = append(m.data, data...)
		switch {
		case len(m.data) > maxMessage:
			return message{}, errors.New("message too large")
		case status&statusEnd != 0:
			return m, nil
		}
	}
}

// packetWriter cuts a message into packets as it is written.
type packetWriter struct {
	w   io.Writer
	typ byte
	seq byte
	buf []byte
}

func newPacketWriter(w io.Writer, typ byte) *packetWriter {
	return &packetWriter{w: w, typ: typ, buf: make([]byte, headerSize, packetSize)}
}

// Write implements [io.Writer].
func (p *packetWriter) Write(data []byte) (int, error) {
	written := 0
	for len(data) > 0 {
		if len(p.buf) == packetSize {
			if err := p.flush(0); err != nil {
				return written, err
			}
		}
		n := min(len(data), packetSize-len(p.buf))
		p.buf = append(p.buf, data[:n]...)
		data = data[n:]
		written += n
	}
	return written, nil
}

// end sends the last packet.
func (p *packetWriter) end() error { return p.flush(statusEnd) }

func (p *packetWriter) flush(status byte) error {
	p.seq++
	p.buf[0], p.buf[1], p.buf[6] = p.typ, status, p.seq
	binary.BigEndian.PutUint16(p.buf[2:], uint16(len(p.buf)))
	_, err := p.w.Write(p.buf)
	p.buf = p.buf[:headerSize]
	return err
}

func writeMessage(w io.Writer, typ byte, data []byte) error {
	p := newPacketWriter(w, typ)
	if _, err := p.Write(data); err != nil {
		return err
	}
	return p.end()
}

func appendUTF16(dst []byte, s string) []byte {
	for _, c := range utf16.Encode([]rune(s)) {
		dst = binary.LittleEndian.AppendUint16(dst, c)
	}
	return dst
}

func fromUTF16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// appendShortText appends a B_VARCHAR (MS-TDS 2.2.5.1.2).
func appendShortText(dst []byte, s string) []byte {
	text := appendUTF16(nil, s)
	return append(append(dst, byte(len(text)/2)), text...)
}
