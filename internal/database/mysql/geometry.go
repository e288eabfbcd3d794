package mysql

import (
	"encoding/binary"
	"math"
	"strconv"
)

// appendGeometry writes a geometry as well-known text, the servers' ST_AsText.
// They send a number of their reference system, which the text leaves out, and
// well-known binary (OGC 06-103r4, 8.2). What is not that becomes hex.
func appendGeometry(dst, src []byte) []byte {
	if len(src) < 4 {
		return appendHex(dst, src)
	}
	mark := len(dst)
	g := geometry{dst: append(dst, '"'), rest: src[4:]}
	g.any(0)
	if g.broken || len(g.rest) > 0 {
		return appendHex(g.dst[:mark], src)
	}
	return append(g.dst, '"')
}

// The kinds of geometry, by their number in well-known binary.
const (
	point = iota + 1
	lineString
	polygon
	multiPoint
	multiLineString
	multiPolygon
	collection
)

// maxNesting bounds collections of collections.
const maxNesting = 16

// geometry reads well-known binary and writes well-known text.
type geometry struct {
	dst    []byte
	rest   []byte
	order  binary.ByteOrder
	broken bool
}

// any writes one geometry with its name.
func (g *geometry) any(depth int) {
	kind := g.header()
	names := [...]string{
		point: "POINT", lineString: "LINESTRING", polygon: "POLYGON", multiPoint: "MULTIPOINT",
		multiLineString: "MULTILINESTRING", multiPolygon: "MULTIPOLYGON", collection: "GEOMETRYCOLLECTION",
	}
	if g.broken || depth > maxNesting || int(kind) >= len(names) || kind == 0 {
		g.broken = true
		return
	}
	g.dst = append(g.dst, names[kind]...)
	g.body(kind, depth)
}

// body writes what is in a geometry's parentheses.
func (g *geometry) body(kind uint32, depth int) {
	switch kind {
	case point:
		g.dst = append(g.dst, '(')
		g.position()
		g.dst = append(g.dst, ')')
	case lineString:
		g.list(g.position)
	case polygon:
		g.list(func() { g.list(g.position) })
	case collection:
		g.list(func() { g.any(depth + 1) })
	default: // the parts of a multi… repeat the kind, their text does not
		g.list(func() { g.part(kind) })
	}
}

func (g *geometry) part(of uint32) {
	kind := g.header()
	switch {
	case kind != of-multiPoint+point:
		g.broken = true
	case kind == point:
		g.position()
	default:
		g.body(kind, 0)
	}
}

// list writes as many items as the binary counts.
func (g *geometry) list(item func()) {
	n := g.uint32()
	g.dst = append(g.dst, '(')
	for i := uint32(0); i < n && !g.broken; i++ {
		if i > 0 {
			g.dst = append(g.dst, ',')
		}
		item()
	}
	g.dst = append(g.dst, ')')
}

// header reads byte order and kind.
func (g *geometry) header() uint32 {
	order := g.take(1)
	if g.broken {
		return 0
	}
	g.order = binary.LittleEndian
	if order[0] == 0 {
		g.order = binary.BigEndian
	}
	return g.uint32()
}

func (g *geometry) position() {
	g.number()
	g.dst = append(g.dst, ' ')
	g.number()
}

func (g *geometry) number() {
	b := g.take(8)
	if g.broken {
		return
	}
	f := math.Float64frombits(g.order.Uint64(b))
	g.dst = strconv.AppendFloat(g.dst, f, 'g', -1, 64)
}

func (g *geometry) uint32() uint32 {
	b := g.take(4)
	if g.broken {
		return 0
	}
	return g.order.Uint32(b)
}

// take returns the next n bytes; when there are not as many, the geometry is
// broken.
func (g *geometry) take(n int) []byte {
	if len(g.rest) < n {
		g.broken = true
		return nil
	}
	b := g.rest[:n]
	g.rest = g.rest[n:]
	return b
}
