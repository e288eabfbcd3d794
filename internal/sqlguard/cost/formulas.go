package cost

import (
	"math"
	"strings"
)

// The formulas return upper bounds of what calls return.

// characterBytes is the length of the longest character in UTF-8.
const characterBytes = 4

func repeated(_ *Expr, args []extent) extent {
	return unknown(product(max(at(args, 0).bytes, 1), at(args, 1).number))
}

func blanks(_ *Expr, args []extent) extent { return unknown(at(args, 0).number) }

// corners is the polygon of so many points around a circle.
func corners(_ *Expr, args []extent) extent {
	if len(args) < 2 {
		return unknown(total(args).bytes)
	}
	const pointBytes = 16
	return unknown(product(pointBytes, at(args, 0).number))
}

func characters(_ *Expr, args []extent) extent {
	return unknown(characterBytes * float64(len(args)))
}

// padded is also a call that casts to a type that fills up.
func padded(_ *Expr, args []extent) extent {
	if len(args) < 2 {
		return anyOf(nil, args)
	}
	return unknown(product(at(args, 1).number, characterBytes))
}

// replaced has the new text for every place where the old one fits.
func replaced(_ *Expr, args []extent) extent {
	text, from, to := at(args, 0), at(args, 1), at(args, 2)
	return unknown(product(text.bytes, max(1, to.bytes/max(from.least, 1))))
}

// rewritten can have the new text between all characters, and the whole text
// wherever the new one refers to it.
func rewritten(_ *Expr, args []extent) extent {
	text, to := at(args, 0), at(args, 2)
	return unknown(product(text.bytes+1, 1+to.bytes))
}

// separated has an array's elements with a separator between each two, a text's
// words within marks, or a document's lines with an indentation of its depth.
func separated(e *Expr, args []extent) extent {
	const levels = 16
	text, separator := at(args, 0), at(args, 1)
	switch {
	case e.Name == "array_to_string":
		return unknown(product(text.bytes, max(1, separator.bytes)))
	case e.Name == "ts_headline":
		return unknown(product(total(args).longest, max(1, at(args, len(args)-1).bytes)))
	case len(args) > 1:
		// Every other byte can be a bracket that opens one level and one line.
		return unknown(product(product(text.bytes, max(text.bytes/4, 1)), separator.bytes))
	}
	return unknown(text.bytes * levels * characterBytes)
}

// formatted needs a constant format: another one can hold any width.
func formatted(e *Expr, args []extent) extent {
	bytes := total(args).bytes
	if len(e.Args) == 0 || e.Args[0].Kind != Text {
		return unknown(math.Inf(1))
	}
	width := 0.0
	for _, c := range []byte(e.Args[0].Name) {
		switch {
		case '0' <= c && c <= '9':
			width = width*10 + float64(c-'0')
			continue
		case c == '*', c == '{' && e.Name == "sformat":
			for _, a := range args[1:] {
				if !math.IsInf(a.number, 1) {
					width = max(width, a.number)
				}
			}
		}
		bytes, width = bytes+product(width, characterBytes), 0
	}
	return unknown(bytes)
}

func doubled(_ *Expr, args []extent) extent { return unknown(2*total(args).bytes + 2) }

// exported has 64 texts with separators.
func exported(_ *Expr, args []extent) extent {
	const bits = 64
	return unknown(product(bits, max(at(args, 1).bytes, at(args, 2).bytes)+at(args, 3).bytes))
}

// inflated is the best that deflate compresses.
func inflated(_ *Expr, args []extent) extent { return unknown(product(total(args).bytes, 1_032)) }

// split is what the many short elements of an array take.
func split(_ *Expr, args []extent) extent { return unknown(product(at(args, 0).bytes, 2*elementBytes)) }

// spelled has up to a month's name in some language for two letters.
func spelled(_ *Expr, args []extent) extent { return unknown(total(args).bytes*8 + numberBytes) }

// raised is a power. Types without bounds have many digits.
func raised(e *Expr, args []extent) extent {
	base, exponent := at(args, 0).number, at(args, 1).number
	if len(args) < 2 {
		base, exponent = math.E, base
		if strings.HasSuffix(e.Name, "factorial") {
			base = exponent
		}
	}
	power := math.Pow(max(base, 1), exponent)
	bytes := float64(numberBytes)
	if !(power < math.MaxInt64) {
		bytes = digitsBytes
	}
	return extent{bytes: bytes, number: power}
}

// digits is the length of what arithmetic makes: of numbers one number, of
// ranges and arrays all of them.
func digits(args []extent) float64 {
	if t := total(args); t.longest > columnBytes {
		return t.bytes
	}
	return total(args).longest
}

func added(_ *Expr, args []extent) extent {
	e := extent{bytes: digits(args)}
	for _, a := range args {
		e.number += a.number
	}
	return e
}

// joined is a sum of numbers, or a text that holds both texts.
func joined(_ *Expr, args []extent) extent {
	e := added(nil, args)
	if t := total(args); t.longest > numberBytes || math.IsInf(t.number, 1) {
		e.bytes = t.bytes
	}
	return e
}

func multiplied(_ *Expr, args []extent) extent {
	e := extent{bytes: digits(args), number: 1}
	for _, a := range args {
		e.number = product(e.number, a.number)
	}
	return e
}

// divided gets smaller where the divisor is a constant of at least one.
func divided(e *Expr, args []extent) extent {
	result := extent{bytes: total(args).bytes + numberBytes, number: at(args, 0).number}
	if len(e.Args) > 1 && e.Args[1].Kind == Number && e.Args[1].Number != 0 {
		result.number /= math.Abs(e.Args[1].Number)
	}
	return result
}

func least(_ *Expr, args []extent) extent {
	e := extent{bytes: total(args).bytes, number: math.Inf(1)}
	for _, a := range args {
		e.number = min(e.number, a.number)
	}
	return e
}

func anyOf(_ *Expr, args []extent) extent {
	t := total(args)
	return extent{bytes: max(t.longest, numberBytes), number: t.number}
}

func truth(*Expr, []extent) extent { return plain(1) }

func measuredLength(e *Expr, args []extent) extent {
	longest := total(args).longest
	if e.Name == "bit_length" {
		longest *= 8
	}
	return plain(longest)
}

func shortened(e *Expr, args []extent) extent {
	if e.Name == "translate" {
		return unknown(product(at(args, 0).bytes, characterBytes))
	}
	return unknown(at(args, 0).bytes)
}

func cut(_ *Expr, args []extent) extent {
	return unknown(min(at(args, 0).bytes, product(at(args, 1).number, characterBytes)))
}

func bucket(_ *Expr, args []extent) extent {
	if len(args) < 4 {
		return plain(at(args, 1).bytes)
	}
	return plain(at(args, 3).number + 1)
}

func counted(*Expr, []extent) extent { return plain(tableRows) }

func summed(_ *Expr, args []extent) extent { return plain(max(total(args).number, columnNumber)) }

// datePart is a small number unless it counts from the beginning of time.
func datePart(e *Expr, _ []extent) extent {
	if len(e.Args) > 0 && (e.Args[0].Kind == Text || e.Args[0].Kind == Column) {
		switch fold(e.Args[0].Name) {
		case "year", "month", "day", "hour", "minute", "second", "week", "quarter", "dow", "isodow", "doy", "isoyear",
			"decade", "century", "weekday", "dayofyear", "hh", "yy", "yyyy", "mm", "dd":
			return plain(columnNumber)
		}
	}
	return unknown(numberBytes)
}
