package mssql

import (
	"database/sql/driver"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Flags of a serialised geometry (MS-SSCLRT 2.1.1).
const (
	spatialZ      = 0x01
	spatialM      = 0x02
	spatialPoint  = 0x08 // one point, without the tables
	spatialLine   = 0x10 // two points, without the tables
	maxShapeDepth = 32
)

// shape is an OGC feature: a kind, its parent, and its first figure.
type shape struct {
	parent, figure int
	kind           byte
}

// spatial is a geometry or geography as MS-SSCLRT 2.1 lays it out.
type spatial struct {
	geographic bool // coordinates are stored latitude first
	flags      byte
	x, y, z, m []float64
	figures    []int // the first point of each
	shapes     []shape
}

// appendSpatial returns the encoder of geometry or geography: well-known text,
// as ToString gives. What cannot be read, and curves composed of several
// kinds, is hex.
func appendSpatial(geographic bool) encoder {
	return func(dst []byte, v driver.Value) []byte {
		b, ok := v.([]byte)
		if !ok {
			return appendValue(dst, v)
		}
		s := spatial{geographic: geographic}
		if !s.parse(b) {
			return appendHex(dst, b)
		}
		text, ok := s.appendShape(nil, 0, 0)
		if !ok {
			return appendHex(dst, b)
		}
		return tool.AppendString(dst, string(text))
	}
}

// spatialReader reads little-endian fields; ok turns false at the end.
type spatialReader struct {
	rest []byte
	ok   bool
}

func (r *spatialReader) take(n int) []byte {
	if !r.ok || n < 0 || n > len(r.rest) {
		r.ok = false
		return make([]byte, 8)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *spatialReader) int() int { return int(int32(binary.LittleEndian.Uint32(r.take(4)))) }

// count reads the length of a table whose entries take size bytes each.
func (r *spatialReader) count(size int) int {
	n := r.int()
	if n < 0 || n > len(r.rest)/size {
		r.ok = false
		return 0
	}
	return n
}

func (r *spatialReader) float() float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(r.take(8)))
}

func (s *spatial) parse(b []byte) bool {
	r := spatialReader{rest: b, ok: true}
	r.take(4) // SRID
	version := r.take(1)[0]
	s.flags = r.take(1)[0]
	if !r.ok || version < 1 || version > 2 {
		return false
	}
	switch {
	case s.flags&spatialPoint != 0:
		s.points(&r, 1)
		s.figures, s.shapes = []int{0}, []shape{{parent: -1, kind: 1}}
	case s.flags&spatialLine != 0:
		s.points(&r, 2)
		s.figures, s.shapes = []int{0}, []shape{{parent: -1, kind: 2}}
	default:
		s.points(&r, r.count(16))
		s.tables(&r)
	}
	return r.ok && s.consistent()
}

func (s *spatial) points(r *spatialReader, n int) {
	for range n {
		x, y := r.float(), r.float()
		if s.geographic {
			x, y = y, x
		}
		s.x, s.y = append(s.x, x), append(s.y, y)
	}
	if s.flags&spatialZ != 0 {
		for range n {
			s.z = append(s.z, r.float())
		}
	}
	if s.flags&spatialM != 0 {
		for range n {
			s.m = append(s.m, r.float())
		}
	}
}

func (s *spatial) tables(r *spatialReader) {
	for range r.count(5) {
		r.take(1) // kind of the figure
		s.figures = append(s.figures, r.int())
	}
	for range r.count(9) {
		parent, figure := r.int(), r.int()
		s.shapes = append(s.shapes, shape{parent: parent, figure: figure, kind: r.take(1)[0]})
	}
}

// maxShapeWork bounds how many shapes are looked at: every collection looks
// through those after it for its parts.
const maxShapeWork = 10_000_000

// consistent checks that no entry points outside of the others, that none is
// written twice and that the work is bounded: the bytes are the server's.
func (s *spatial) consistent() bool {
	for i, start := range s.figures {
		if start < 0 || start > len(s.x) || i > 0 && start < s.figures[i-1] {
			return false
		}
	}
	figure, collections := 0, 0
	for i, sh := range s.shapes {
		if sh.parent >= i || sh.figure > len(s.figures) || sh.figure >= 0 && sh.figure < figure {
			return false
		}
		figure = max(figure, sh.figure)
		if sh.kind >= 4 && sh.kind <= 7 {
			collections++
		}
	}
	return len(s.shapes) > 0 && collections*len(s.shapes) <= maxShapeWork
}

// kindName names the kinds of MS-SSCLRT 2.1.3 that are written here.
func kindName(kind byte) string {
	switch kind {
	case 1:
		return "POINT"
	case 2:
		return "LINESTRING"
	case 3:
		return "POLYGON"
	case 4:
		return "MULTIPOINT"
	case 5:
		return "MULTILINESTRING"
	case 6:
		return "MULTIPOLYGON"
	case 7:
		return "GEOMETRYCOLLECTION"
	case 8:
		return "CIRCULARSTRING"
	case 11:
		return "FULLGLOBE"
	default:
		return ""
	}
}

// appendShape writes a shape with its name.
func (s *spatial) appendShape(dst []byte, i, depth int) ([]byte, bool) {
	name := kindName(s.shapes[i].kind)
	if name == "" || depth > maxShapeDepth {
		return dst, false
	}
	dst = append(dst, name...)
	if name == "FULLGLOBE" {
		return dst, true
	}
	return s.appendBody(append(dst, ' '), i, depth)
}

// appendBody writes what stands in a shape's parentheses.
func (s *spatial) appendBody(dst []byte, i, depth int) ([]byte, bool) {
	switch s.shapes[i].kind {
	case 1, 2, 8:
		from, to := s.figuresOf(i)
		if from == to {
			return append(dst, "EMPTY"...), true
		}
		return s.appendFigure(dst, from), true
	case 3:
		return s.appendRings(dst, i), true
	default:
		return s.appendParts(dst, i, depth)
	}
}

func (s *spatial) appendRings(dst []byte, i int) []byte {
	from, to := s.figuresOf(i)
	if from == to {
		return append(dst, "EMPTY"...)
	}
	dst = append(dst, '(')
	for f := from; f < to; f++ {
		if f > from {
			dst = append(dst, ", "...)
		}
		dst = s.appendFigure(dst, f)
	}
	return append(dst, ')')
}

// appendParts writes the shapes that are part of shape i, with their names
// only in a collection.
func (s *spatial) appendParts(dst []byte, i, depth int) (_ []byte, ok bool) {
	empty := true
	for part := i + 1; part < len(s.shapes); part++ {
		if s.shapes[part].parent != i {
			continue
		}
		if empty {
			dst = append(dst, '(')
		} else {
			dst = append(dst, ", "...)
		}
		empty = false
		if s.shapes[i].kind == 7 {
			dst, ok = s.appendShape(dst, part, depth+1)
		} else {
			dst, ok = s.appendBody(dst, part, depth+1)
		}
		if !ok || depth > maxShapeDepth {
			return dst, false
		}
	}
	if empty {
		return append(dst, "EMPTY"...), true
	}
	return append(dst, ')'), true
}

// figuresOf returns the figures of a shape: up to the next shape that has any.
func (s *spatial) figuresOf(i int) (from, to int) {
	from = s.shapes[i].figure
	if from < 0 {
		return 0, 0
	}
	for _, next := range s.shapes[i+1:] {
		if next.figure >= 0 {
			return from, max(from, next.figure)
		}
	}
	return from, len(s.figures)
}

func (s *spatial) appendFigure(dst []byte, f int) []byte {
	end := len(s.x)
	if f+1 < len(s.figures) {
		end = s.figures[f+1]
	}
	dst = append(dst, '(')
	for p := s.figures[f]; p < end; p++ {
		if p > s.figures[f] {
			dst = append(dst, ", "...)
		}
		dst = s.appendPoint(dst, p)
	}
	return append(dst, ')')
}

// appendPoint writes the coordinates that are there; a missing height before
// a measure is NULL, as SQL Server writes it.
func (s *spatial) appendPoint(dst []byte, p int) []byte {
	dst = appendCoordinate(dst, s.x[p])
	dst = appendCoordinate(append(dst, ' '), s.y[p])
	hasM := s.m != nil && !math.IsNaN(s.m[p])
	switch {
	case s.z != nil && !math.IsNaN(s.z[p]):
		dst = appendCoordinate(append(dst, ' '), s.z[p])
	case hasM:
		dst = append(dst, " NULL"...)
	}
	if hasM {
		dst = appendCoordinate(append(dst, ' '), s.m[p])
	}
	return dst
}

func appendCoordinate(dst []byte, f float64) []byte {
	return strconv.AppendFloat(dst, f, floatFormat(f), -1, 64)
}
