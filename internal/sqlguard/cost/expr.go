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

// rangeBytes is what range_agg holds for each range (PostgreSQL 15, measured).
const rangeBytes = 2_000

// list measures an array constructor. As a number it is the product of its
// elements, as array_fill takes them.
func list(args []extent) extent {
	e := extent{number: 1, fixed: true}
	for _, a := range args {
		e.bytes += a.bytes + elementBytes
		e.number = product(e.number, max(a.number, 1))
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
	return t.inherit(unknown(t.bytes + numberBytes))
}

// call measures a function or operator.
func (m *meter) call(e *Expr, args []extent) extent {
	f := lookUp(e.Name)
	m.windowed = m.windowed || e.Over
	m.series = max(m.series, seriesRows(e, args))
	t := total(args)
	if !f.linear {
		m.work(e.Name, steps(e.Name, t))
		m.search(e, args)
	}
	if f.aggregate {
		return m.aggregate(e, f, args)
	}
	if f.measure == nil {
		result := unknown(t.bytes + numberBytes)
		return m.limit(e.Name, t.inherit(result))
	}
	result := t.inherit(f.measure(e, args))
	if f.makes {
		return m.make(e.Name, result)
	}
	return m.limit(e.Name, result)
}

// limit takes a value that is about as long as the ones that it is made of.
func (m *meter) limit(name string, e extent) extent {
	if e.bytes > maxValue && !e.gathered() {
		m.refuse(refuseValue(name))
	}
	return e
}

// work takes the steps of a call that cannot be interrupted.
func (m *meter) work(name string, steps float64) {
	if steps > maxWork {
		m.refuse(refuseWork(name))
	}
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
		if f.sorts && t.longest > maxSorted {
			m.gather(e.Name, t.inherit(unknown(t.longest)), m.rows, m.relations)
		}
		result := f.measure(e, args)
		result.number = max(result.number, product(t.number, m.rows), m.rows)
		return result
	}
	element := unknown(t.bytes + elementBytes)
	if e.Name == "range_agg" {
		element.bytes += rangeBytes
	}
	return m.gather(e.Name, element, m.rows, m.relations)
}

// gather takes a value that is collected from rows.
func (m *meter) gather(name string, e extent, rows float64, relations int) extent {
	switch {
	case product(e.bytes, rows) > maxGathered,
		relations == 1 && e.bytes > maxElement,
		relations > 1 && e.bytes > maxJoinedElement:
		m.refuse(refuseGathered(name))
	}
	e.bytes = product(e.bytes, max(rows, 1))
	if e.weight = e.bytes; name == "array_agg" || name == "ARRAY" {
		e.weight = product(rows, elementBytes) // elements are compared, not bytes
	}
	switch {
	case relations == 1:
		e.weight = max(e.weight, tableRows)
	case relations > 1:
		e.weight = max(e.weight, joinedRows)
	}
	return e
}
