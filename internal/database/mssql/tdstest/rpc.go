package tdstest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// executeSQL is the number of sp_executesql (MS-TDS 2.2.6.6).
const executeSQL = 10

var errRPC = errors.New("broken RPC request")

// parseRPC reads a remote procedure call. Of sp_executesql the first
// parameter is the text and the second declares the others.
func parseRPC(data []byte) (q Request, err error) {
	defer func() {
		if recover() != nil { // an index out of range
			err = errRPC
		}
	}()
	r := rpcReader{data: data}
	id := r.procedure(&q)
	r.skip(2) // options
	q.Args = map[string]any{}
	for i := 0; len(r.data) > 0 && r.data[0] != 0x80 && r.data[0] != 0xFF; i++ {
		name := fromUTF16(r.take(2 * int(r.byte())))
		r.skip(1) // status
		v, err := r.value()
		switch {
		case err != nil:
			return Request{}, err
		case id == executeSQL && i == 0:
			q.SQL, _ = v.(string)
		case id == executeSQL && i == 1:
		default:
			q.Args[name] = v
		}
	}
	return q, nil
}

type rpcReader struct{ data []byte }

func (r *rpcReader) take(n int) []byte {
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *rpcReader) skip(n int)     { r.take(n) }
func (r *rpcReader) byte() byte     { return r.take(1)[0] }
func (r *rpcReader) uint16() uint16 { return binary.LittleEndian.Uint16(r.take(2)) }

// procedure reads a name, or 0xFFFF and a number.
func (r *rpcReader) procedure(q *Request) (id uint16) {
	n := r.uint16()
	if n == 0xFFFF {
		return r.uint16()
	}
	q.Procedure = fromUTF16(r.take(2 * int(n)))
	return 0
}

// value reads a parameter of the types that the driver sends for Go's own.
func (r *rpcReader) value() (any, error) {
	switch typ := r.byte(); typ {
	case 0x26, 0x6D, 0x68:
		r.skip(1) // size
		return number(typ, r.take(int(r.byte()))), nil
	case 0xE7, 0xA7, 0xA5:
		size := r.uint16()
		if typ != 0xA5 {
			r.skip(len(collation))
		}
		text := r.text(size)
		switch {
		case text == nil:
			return nil, nil
		case typ == 0xE7:
			return fromUTF16(text), nil
		default:
			return text, nil
		}
	default:
		return nil, fmt.Errorf("RPC parameter of type %#x", typ)
	}
}

func number(typ byte, b []byte) any {
	var n uint64
	for i := len(b) - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	switch {
	case len(b) == 0:
		return nil
	case typ == 0x26:
		return int64(n)
	case typ == 0x68:
		return n != 0
	default:
		return math.Float64frombits(n)
	}
}

// text reads a value with its length, in chunks when the type is a max one.
func (r *rpcReader) text(size uint16) []byte {
	if size != 0xFFFF {
		n := r.uint16()
		if n == 0xFFFF {
			return nil
		}
		return r.take(int(n))
	}
	if binary.LittleEndian.Uint64(r.take(8)) == math.MaxUint64 {
		return nil
	}
	out := []byte{}
	for {
		n := binary.LittleEndian.Uint32(r.take(4))
		if n == 0 {
			return out
		}
		out = append(out, r.take(int(n))...)
	}
}
