package cost

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// extent is an upper bound of what an expression's value can be. Bounds are
// floating point: only their magnitude matters, and they saturate at infinity
// where integers would wrap around.
type extent struct {
	bytes  float64 // length of the value
	number float64 // magnitude of the value as a number; infinite if unknown
	least  float64 // the value is at least so long
	// weight counts where two values are compared with each other: the length,
	// if it is 0, or how much an aggregate over relations could make of it.
	weight float64
	fixed  bool // made of constants alone
}

// These are assumed of a column of a relation. A statement cannot choose them,
// except by choosing among the data that is there.
const (
	columnBytes  = 100
	columnNumber = 10_000
	tableRows    = 10_000  // of one relation
	joinedRows   = 100_000 // of more, whatever is said about their joining
	rounds       = 100     // of WITH RECURSIVE
)

func unknown(bytes float64) extent { return extent{bytes: bytes, number: math.Inf(1)} }

func column() extent { return extent{bytes: columnBytes, number: columnNumber} }

// plain is a number of at most so much.
func plain(number float64) extent { return extent{bytes: numberBytes, number: number} }

// numberBytes is the length of a number that needs no more than 64 bits.
const numberBytes = 24

// digitsBytes is the length of the longest number of a type without bounds.
const digitsBytes = 150_000

func literal(text string) extent {
	e := extent{bytes: float64(len(text)), number: math.Inf(1), least: float64(len(text)), fixed: true}
	if len(text) > numberBytes {
		return e
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	switch {
	case err == nil && !math.IsNaN(n):
		e.number = math.Abs(n)
	case len(text) >= len(time.DateOnly) && text[4] == '-' && text[7] == '-': // between dates are days
		e.number = columnNumber
	}
	return e
}

func number(value float64) extent {
	return extent{bytes: numberBytes, number: math.Abs(value), fixed: true}
}

// widest is what either value can be.
func widest(a, b extent) extent {
	e := extent{
		bytes:  max(a.bytes, b.bytes),
		number: max(a.number, b.number),
		least:  min(a.least, b.least),
		fixed:  a.fixed && b.fixed,
	}
	if a.gathered() || b.gathered() {
		e.weight = max(a.effort(), b.effort())
	}
	return e
}

// effort is what the value weighs where it is compared.
func (e extent) effort() float64 {
	switch {
	case e.gathered():
		return e.weight
	case e.bytes <= numberBytes:
		return 1
	}
	return e.bytes
}

// gathered reports whether an aggregate made the value.
func (e extent) gathered() bool { return e.weight > 0 }

// product multiplies bounds. Nothing times anything is nothing: the infinite
// stands for "more than can be told" and not for a limit.
func product(a, b float64) float64 {
	if a == 0 || b == 0 {
		return 0
	}
	return a * b
}

// totals are sums and extremes over the arguments of a call. The work of a
// call that compares its two weightiest arguments is their product.
type totals struct {
	bytes, longest, number float64
	effort, second         float64 // the two largest
	gathered, fixed        bool
}

func total(args []extent) totals {
	t := totals{fixed: true}
	for _, a := range args {
		t.bytes += a.bytes
		t.number = max(t.number, a.number)
		t.fixed = t.fixed && a.fixed
		t.longest = max(t.longest, a.bytes)
		t.gathered = t.gathered || a.gathered()
		if effort := a.effort(); effort > t.effort {
			t.effort, t.second = effort, t.effort
		} else {
			t.second = max(t.second, effort)
		}
	}
	return t
}

// inherit gives a result what it has from its arguments.
func (t totals) inherit(e extent) extent {
	e.fixed = t.fixed
	if t.gathered && e.bytes > numberBytes {
		e.weight = max(t.effort, e.bytes)
	}
	return e
}

// at returns an argument, or nothing where there is none.
func at(args []extent, i int) extent {
	if i < 0 || i >= len(args) {
		return extent{fixed: true}
	}
	return args[i]
}
