package mssql

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
)

// inspector follows the token stream of a server (MS-TDS 2.2.7) before the
// driver sees it. The driver reserves what a value claims to be long, up to
// two gigabytes, before a byte of it has come: three answers of a hostile
// server would exhaust the gateway. So that no length hides from it, it reads
// exactly as the driver does and refuses whatever the two could understand
// differently.
type inspector struct {
	most atomic.Uint64 // the longest value that may be claimed

	at      phase
	held    []byte // begun and not yet understood
	skip    uint64 // bytes of a value still to come
	over    bool   // the last token ended the answer
	columns []valueKind
	left    int    // columns still to be described
	column  int    // value of the row that comes next
	nulls   []byte // bitmap of an NBCROW
}

// phase is what comes next in the stream.
type phase uint8

const (
	atToken phase = iota
	atColumn
	atValue
	atChunk
	atFeature
)

// refused is a stream that no SQL Server sends, or one the driver would
// misread.
func refused(what string) error { return fmt.Errorf("%w: %s", errProtocol, what) }

// feed takes the payload of one packet. The last of a message must end with a
// token, and a token that ends an answer must end its packet: the driver drops
// what comes after it. good is how much of data lies before the token that the
// error is about.
func (i *inspector) feed(data []byte, last bool) (good int, err error) {
	rest := data
	if len(i.held) > 0 {
		rest = append(i.held, data...)
	}
	for len(rest) > 0 {
		if n := min(i.skip, uint64(len(rest))); n > 0 {
			rest, i.skip = rest[n:], i.skip-n
			continue
		}
		if i.at == atToken {
			good = max(0, len(data)-len(rest))
		}
		if i.over {
			return good, refused("data after the end of an answer")
		}
		used, ok, err := i.step(rest)
		if err != nil {
			return good, err
		}
		if !ok {
			break
		}
		rest = rest[used:]
	}
	i.held = append(i.held[:0], rest...)
	i.over = false
	if last && (len(i.held) > 0 || i.skip > 0 || i.at != atToken) {
		return good, refused("answer ends within a token")
	}
	return len(data), nil
}

// step takes the next part of the stream; when it is not ok, it needs more
// bytes.
func (i *inspector) step(b []byte) (used int, ok bool, err error) {
	switch i.at {
	case atColumn:
		return i.describe(b)
	case atValue:
		return i.value(b)
	case atChunk:
		return i.chunk(b)
	case atFeature:
		return i.feature(b)
	default:
		return i.token(b)
	}
}

// token begins the next one.
func (i *inspector) token(b []byte) (int, bool, error) {
	switch b[0] {
	case 0x81: // COLMETADATA
		return i.beginColumns(b)
	case 0xD1: // ROW
		i.nulls = nil
		i.beginRow()
		return 1, true, nil
	case 0xD2: // NBCROW
		n := 1 + (len(i.columns)+7)/8
		if len(b) < n {
			return 0, false, nil
		}
		i.nulls = slices.Clone(b[1:n])
		i.beginRow()
		return n, true, nil
	case 0xFD, 0xFE, 0xFF: // DONE, DONEPROC, DONEINPROC
		return i.done(b)
	case 0x79: // RETURNSTATUS
		return 5, len(b) >= 5, nil
	case 0xA4, 0xA5, 0xA9, 0xAA, 0xAB, 0xAD, 0xE3:
		return sizedToken(b)
	case 0xAE: // FEATUREEXTACK
		i.at = atFeature
		return 1, true, nil
	default: // RETURNVALUE, SSPI and FEDAUTHINFO answer what is never asked
		return 0, false, refused(fmt.Sprintf("token %#x", b[0]))
	}
}

func (i *inspector) done(b []byte) (int, bool, error) {
	if len(b) < 13 {
		return 0, false, nil
	}
	const more, serverError = 0x01, 0x100
	status := binary.LittleEndian.Uint16(b[1:])
	i.over = status&more == 0 || status&serverError != 0
	return 13, true, nil
}

// sizedToken takes a token that begins with its length, and checks that the
// driver will find the same end.
func sizedToken(b []byte) (int, bool, error) {
	if len(b) < 3 {
		return 0, false, nil
	}
	n := 3 + int(binary.LittleEndian.Uint16(b[1:]))
	if len(b) < n {
		return 0, false, nil
	}
	body, ok := b[3:n], true
	switch b[0] {
	case 0xAA, 0xAB: // ERROR, INFO
		ok = isMessage(body)
	case 0xE3: // ENVCHANGE
		ok = isEnvironment(body)
	case 0xA9: // ORDER
		ok = len(body)%2 == 0
	}
	if !ok {
		return 0, false, refused(fmt.Sprintf("token %#x of another length than its parts", b[0]))
	}
	return n, true, nil
}

// feature takes one part of FEATUREEXTACK. None was asked for; those whose
// contents the driver reads are refused.
func (i *inspector) feature(b []byte) (int, bool, error) {
	const federated, encryption, end = 0x02, 0x04, 0xFF
	switch {
	case b[0] == end:
		i.at = atToken
		return 1, true, nil
	case b[0] == federated || b[0] == encryption:
		return 0, false, refused("a feature that was not asked for")
	case len(b) < 5:
		return 0, false, nil
	}
	i.skip = uint64(binary.LittleEndian.Uint32(b[1:]))
	return 5, true, nil
}

func (i *inspector) beginColumns(b []byte) (int, bool, error) {
	if len(b) < 3 {
		return 0, false, nil
	}
	const none = 0xFFFF
	n := int(binary.LittleEndian.Uint16(b[1:]))
	i.columns = nil
	if n != none && n > 0 {
		i.left, i.at = n, atColumn
	}
	return 3, true, nil
}

// describe takes one column of COLMETADATA.
func (i *inspector) describe(b []byte) (int, bool, error) {
	f := fields{b: b}
	f.skip(6) // user type, flags
	kind, known := f.typeInfo()
	f.shortText() // name
	switch {
	case !known:
		return 0, false, refused("a column of an unknown type")
	case f.at < 0:
		return 0, false, nil
	}
	i.columns = append(i.columns, kind)
	if i.left--; i.left == 0 {
		i.at = atToken
	}
	return f.at, true, nil
}

func (i *inspector) beginRow() {
	i.column = -1
	i.advance()
}

// advance goes to the next value that is in the row.
func (i *inspector) advance() {
	for i.column++; i.column < len(i.columns); i.column++ {
		if c := i.column; i.nulls == nil || i.nulls[c/8]>>(c%8)&1 == 0 {
			i.at = atValue
			return
		}
	}
	i.at = atToken
}

// value takes the length of the next value.
func (i *inspector) value(b []byte) (used int, ok bool, err error) {
	var size uint64
	switch kind := i.columns[i.column]; kind.form {
	case fixedForm:
		size, ok = uint64(kind.fixed), true
	case byteForm:
		used, size, ok = 1, uint64(b[0]), true
	case wordForm:
		if used, ok = 2, len(b) >= 2; ok {
			size = uint64(binary.LittleEndian.Uint16(b))
		}
		if size == 0xFFFF { // NULL
			size = 0
		}
	case chunkForm:
		return i.chunked(b)
	case pointerForm:
		used, size, ok = pointed(b)
	case variantForm:
		used, size, ok, err = variant(b)
	}
	switch {
	case err != nil || !ok:
		return 0, false, err
	case size > i.most.Load():
		return 0, false, errFlood
	}
	i.skip = size
	i.advance()
	return used, true, nil
}

// chunked takes the length that a value of chunks claims.
func (i *inspector) chunked(b []byte) (int, bool, error) {
	if len(b) < 8 {
		return 0, false, nil
	}
	const null, unknown = math.MaxUint64, math.MaxUint64 - 1
	switch size := binary.LittleEndian.Uint64(b); {
	case size == null:
		i.advance()
	case size > i.most.Load() && size != unknown:
		return 0, false, errFlood
	default:
		i.at = atChunk
	}
	return 8, true, nil
}

func (i *inspector) chunk(b []byte) (int, bool, error) {
	if len(b) < 4 {
		return 0, false, nil
	}
	i.skip = uint64(binary.LittleEndian.Uint32(b))
	if i.skip == 0 {
		i.advance()
	}
	return 4, true, nil
}
