package cost

import "math"

// expr measures an expression and refuses what would cost too much.
func (m *meter) expr(e *Expr) extent {
	if m.err != nil {
		return extent{}
	}
	switch e.Kind {
	case Text:
		return literal(e.Name)
	case Number:
		return number(e.Number)
	case Column:
		return m.column(e)
	case Scalar:
		return m.scalar(e)
	}
	var room [4]extent
	args := room[:0]
	for i := range e.Args {
		args = append(args, m.expr(&e.Args[i]))
	}
	switch e.Kind {
	case Padded:
		t := total(args)
		return m.make("a cast", extent{bytes: max(t.bytes, e.Number), number: t.number, fixed: t.fixed})
	case List:
		return list(args)
	case Call:
		return m.call(e, args)
	}
	return together(args)
}

// scalar measures a subquery in an expression.
func (m *meter) scalar(e *Expr) extent {
	m.exprs(e.Args)
	r := m.query(e.Query)
	result := extent{}
	for i, output := range r.outputs {
		if i == 0 {
			result = output
		}
		result = widest(result, output)
	}
	if len(r.outputs) == 0 || r.starred {
		result = widest(result, widest(column(), m.unnamed))
	}
	if e.Name == ArrayQuery {
		result.bytes += elementBytes
		return m.gather("ARRAY", result, r.rows, r.relations)
	}
	result.fixed = result.fixed && r.rows <= 1
	return result
}

// ArrayQuery is the name of a subquery whose rows become one array.
const ArrayQuery = "array"

// elementBytes is what an element of an array takes besides its value.
const elementBytes = 8

// list measures an array constructor. As a number it is the product of its
// elements, as array_fill takes them.
func list(args []extent) extent {
	e := extent{number: 1, fixed: true}
	for _, a := range args {
		e.bytes += a.bytes + elementBytes
		e.number = product(e.number, a.number)
		e.fixed = e.fixed && a.fixed
	}
	return e
}

// together is what is known of an expression by its parts alone: it can be as
// long as all of them, and which number it is cannot be told. Casts and
// brackets, with one part, change nothing.
func together(args []extent) extent {
	if len(args) == 1 {
		return args[0]
	}
	t := total(args)
	return extent{bytes: t.bytes + numberBytes, number: math.Inf(1), weight: t.weight, fixed: t.fixed}
}

// call measures a function or operator.
func (m *meter) call(e *Expr, args []extent) extent {
	f := lookUp(e.Name)
	t := total(args)
	if !f.linear && product(t.weight, t.second) > maxWork {
		m.refuse(refuseWork(e.Name))
	}
	if f.aggregate {
		return m.aggregate(e, f, args)
	}
	if f.measure == nil {
		result := unknown(t.bytes + numberBytes)
		result.weight, result.fixed = t.weight, t.fixed
		return result
	}
	result := f.measure(e, args)
	result.fixed = t.fixed
	if result.bytes > numberBytes {
		result.weight = t.weight
	}
	if f.makes {
		return m.make(e.Name, result)
	}
	return result
}

// make takes a value whose length the statement chooses.
func (m *meter) make(name string, e extent) extent {
	m.made += e.bytes
	switch {
	case math.IsInf(e.bytes, 1):
		m.refuse(refuseUnknownLength(name))
	case e.bytes > maxValue:
		m.refuse(refuseValue(name))
	case m.made > maxMade:
		m.refuse(refuseMade())
	}
	return e
}

// aggregate measures a function over rows. Where constants do not say how many
// rows there are, the value counts once in the result, whose length is then
// the data's, and many times in what is held meanwhile.
func (m *meter) aggregate(e *Expr, f function, args []extent) extent {
	m.aggregated = m.aggregated || !e.Over
	t := total(args)
	if f.measure != nil {
		result := f.measure(e, args)
		result.number = max(result.number, product(t.number, m.rows), m.rows)
		return result
	}
	return m.gather(e.Name, unknown(t.bytes+elementBytes), m.rows, m.relations)
}

// gather takes a value that is collected from rows.
func (m *meter) gather(name string, e extent, rows float64, relations int) extent {
	if product(e.bytes, max(rows, tableRows)) > maxGathered {
		m.refuse(refuseGathered(name))
	}
	e.bytes = product(e.bytes, max(rows, 1))
	switch {
	case relations == 1:
		e.weight = max(e.bytes, tableRows)
	case relations > 1:
		e.weight = max(e.bytes, joinedRows)
	}
	return e
}
