package mssql

import "encoding/binary"

// valueKind says how the values of a column tell their length.
type valueKind struct {
	form  valueForm
	fixed int
}

type valueForm uint8

const (
	fixedForm valueForm = iota
	byteForm
	wordForm
	chunkForm   // PLP, MS-TDS 2.2.5.2.3
	pointerForm // text, ntext, image
	variantForm
)

// fields walks over parts of a token; at is negative once one is missing.
type fields struct {
	b  []byte
	at int
}

func (f *fields) skip(n int) {
	if f.at < 0 || f.at+n > len(f.b) {
		f.at = -1
		return
	}
	f.at += n
}

func (f *fields) byte() int {
	f.skip(1)
	if f.at < 0 {
		return 0
	}
	return int(f.b[f.at-1])
}

func (f *fields) word() int {
	f.skip(2)
	if f.at < 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint16(f.b[f.at-2:]))
}

func (f *fields) shortText() { f.skip(2 * f.byte()) }
func (f *fields) text()      { f.skip(2 * f.word()) }
func (f *fields) bytes()     { f.skip(f.byte()) }

// isMessage reports whether body is number, state, class, text, server,
// procedure and line, and nothing else (MS-TDS 2.2.7.10).
func isMessage(body []byte) bool {
	f := fields{b: body}
	f.skip(6)
	f.text()
	f.shortText()
	f.shortText()
	f.skip(4)
	return f.at == len(body)
}

// isEnvironment reports whether the driver reads every record of body to its
// end (MS-TDS 2.2.7.9).
func isEnvironment(body []byte) bool {
	f := fields{b: body}
	for f.at >= 0 && f.at < len(body) {
		switch kind := f.byte(); kind {
		case 7: // collation
			f.bytes()
			f.shortText()
		case 8, 9, 10: // transaction
			f.bytes()
			f.bytes()
		case 20: // routing
			f.skip(5)
			f.text()
			f.skip(2)
		case 1, 2, 3, 4, 5, 6, 11, 12, 13, 15, 16, 17, 18, 19:
			f.shortText()
			f.shortText()
		default:
			return false
		}
	}
	return f.at == len(body)
}

// typeInfo reads TYPE_INFO (MS-TDS 2.2.5.6) as the driver does.
func (f *fields) typeInfo() (kind valueKind, ok bool) {
	switch typ := f.byte(); typ {
	case 0x1F, 0x30, 0x32, 0x34, 0x38, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x7A, 0x7F:
		return valueKind{fixedForm, fixedSize(typ)}, true
	case 0x28: // date
		return valueKind{form: byteForm}, true
	case 0x29, 0x2A, 0x2B, 0x24, 0x26, 0x68, 0x6D, 0x6E, 0x6F, 0x25, 0x27, 0x2D, 0x2F: // scale or size
		f.skip(1)
		return valueKind{form: byteForm}, true
	case 0x37, 0x3F, 0x6A, 0x6C: // size, precision, scale
		f.skip(3)
		return valueKind{form: byteForm}, true
	case 0xA5, 0xAD:
		return f.wordType(0), true
	case 0xA7, 0xAF, 0xE7, 0xEF:
		return f.wordType(5), true
	case 0xF1: // XML with or without a schema
		if f.byte() != 0 {
			f.shortText()
			f.shortText()
			f.text()
		}
		return valueKind{form: chunkForm}, true
	case 0xF0: // CLR type
		f.skip(2)
		f.shortText()
		f.shortText()
		f.shortText()
		f.text()
		return valueKind{form: chunkForm}, true
	case 0x23, 0x63: // text, ntext
		f.skip(4 + 5)
		f.tableName()
		return valueKind{form: pointerForm}, true
	case 0x22: // image
		f.skip(4)
		f.tableName()
		return valueKind{form: pointerForm}, true
	case 0x62:
		f.skip(4)
		return valueKind{form: variantForm}, true
	default:
		return valueKind{}, f.at < 0
	}
}

func fixedSize(typ int) int {
	switch typ {
	case 0x1F:
		return 0
	case 0x30, 0x32:
		return 1
	case 0x34:
		return 2
	case 0x38, 0x3A, 0x3B, 0x7A:
		return 4
	default:
		return 8
	}
}

// wordType has a size, which may mean max, and a collation of so many bytes.
func (f *fields) wordType(collation int) valueKind {
	size := f.word()
	f.skip(collation)
	if size == 0xFFFF {
		return valueKind{form: chunkForm}
	}
	return valueKind{form: wordForm}
}

func (f *fields) tableName() {
	for range f.byte() {
		f.text()
	}
}

// pointed reads the text pointer, time stamp and length of an old large value.
func pointed(b []byte) (used int, size uint64, ok bool) {
	pointer := int(b[0])
	if pointer == 0 { // NULL
		return 1, 0, true
	}
	used = 1 + pointer + 8 + 4
	if len(b) < used {
		return 0, 0, false
	}
	n := int32(binary.LittleEndian.Uint32(b[used-4:]))
	if n == -1 { // NULL
		return used, 0, true
	}
	return used, uint64(uint32(n)), true // a negative one is too long
}

// variant reads the head of a sql_variant (MS-TDS 2.2.5.5.3). The driver reads
// as much as the base type takes, whatever the length says.
func variant(b []byte) (used int, size uint64, ok bool, err error) {
	if len(b) < 4 {
		return 0, 0, false, nil
	}
	total := int64(int32(binary.LittleEndian.Uint32(b)))
	if total == 0 { // NULL
		return 4, 0, true, nil
	}
	if len(b) < 6 {
		return 0, 0, false, nil
	}
	const longest = 2 + 7 + 8016
	properties, exact, known := baseType(b[4])
	data := total - 2 - int64(b[5])
	if !known || int(b[5]) != properties || data < 0 || total > longest || exact >= 0 && data != int64(exact) {
		return 0, 0, false, refused("a sql_variant of another length than its type")
	}
	return 6, uint64(total - 2), true, nil
}

// baseType returns the bytes of properties of a variant's base type, and those
// of its values where the driver does not go by the length.
func baseType(typ byte) (properties, exact int, known bool) {
	switch typ {
	case 0x32, 0x30:
		return 0, 1, true
	case 0x34:
		return 0, 2, true
	case 0x38, 0x3B:
		return 0, 4, true
	case 0x7F, 0x3E:
		return 0, 8, true
	case 0x24, 0x3D, 0x3A, 0x7A, 0x3C, 0x28:
		return 0, -1, true
	case 0x29, 0x2A, 0x2B:
		return 1, -1, true
	case 0xA5, 0xAD, 0x6A, 0x6C:
		return 2, -1, true
	case 0xA7, 0xAF, 0xE7, 0xEF:
		return 7, -1, true
	default:
		return 0, 0, false
	}
}
