package postgres

import (
	"bytes"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// shapes knows of every message of the tree which fields hold positions in
// the text and which hold messages, by field number.
type shapes map[protoreflect.FullName]map[protowire.Number]*fieldShape

// fieldShape is what the comparison must know of a field. Fields that are
// neither a position nor a message have none.
type fieldShape struct {
	position bool
	message  map[protowire.Number]*fieldShape
}

func newShapes() shapes {
	s := make(shapes)
	s.add(new(pg.ParseResult).ProtoReflect().Descriptor())
	return s
}

// add describes a message and all that it can hold. Messages hold one
// another in circles, so the map is entered before it is filled.
func (s shapes) add(md protoreflect.MessageDescriptor) map[protowire.Number]*fieldShape {
	if known, ok := s[md.FullName()]; ok {
		return known
	}
	fields := make(map[protowire.Number]*fieldShape)
	s[md.FullName()] = fields
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		switch {
		case fd.Message() != nil:
			fields[fd.Number()] = &fieldShape{message: s.add(fd.Message())}
		case isPosition(fd):
			fields[fd.Number()] = &fieldShape{position: true}
		}
	}
	return fields
}

// isPosition reports whether a field says where in the text a node stood.
func isPosition(fd protoreflect.FieldDescriptor) bool {
	name := string(fd.Name())
	return fd.Kind() == protoreflect.Int32Kind && (strings.HasSuffix(name, "location") || name == "stmt_len")
}

// sameTree reports whether two encoded trees are equal but for positions.
// Working on the encoding spares decoding the second tree, a fifth of a
// check. Both encoders write fields in the order of their numbers; if one did
// not, equal trees would differ here, never the other way round.
func (s shapes) sameTree(a, b []byte) bool {
	return sameMessage(a, b, s[new(pg.ParseResult).ProtoReflect().Descriptor().FullName()])
}

func sameMessage(a, b []byte, fields map[protowire.Number]*fieldShape) bool {
	for {
		x, restA, okA := nextField(a, fields)
		y, restB, okB := nextField(b, fields)
		switch {
		case !okA || !okB:
			return false
		case x.end || y.end:
			return x.end && y.end
		case x.number != y.number || x.kind != y.kind:
			return false
		case x.shape != nil && x.kind == protowire.BytesType:
			if !sameMessage(x.content(), y.content(), x.shape.message) {
				return false
			}
		case !bytes.Equal(x.value, y.value):
			return false
		}
		a, b = restA, restB
	}
}

// field is one encoded field, or the end of its message.
type field struct {
	end    bool
	number protowire.Number
	kind   protowire.Type
	value  []byte // with its length prefix, where it has one
	shape  *fieldShape
}

// content is a length-prefixed value without the prefix.
func (f field) content() []byte {
	content, _ := protowire.ConsumeBytes(f.value)
	return content
}

// nextField returns the next field that is no position and what follows it.
func nextField(b []byte, fields map[protowire.Number]*fieldShape) (f field, rest []byte, ok bool) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return field{}, nil, false
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(number, kind, b)
		if n < 0 {
			return field{}, nil, false
		}
		shape := fields[number]
		if shape == nil || !shape.position {
			return field{number: number, kind: kind, value: b[:n], shape: shape}, b[n:], true
		}
		b = b[n:]
	}
	return field{end: true}, nil, true
}
