package cost

import (
	"math"
	"slices"
)

// with is a WITH query in scope.
type with struct {
	*With
	name   string
	end    int // of the part of the scope that it sees
	state  state
	result result // while it is measured, what is known of a recursive query so far
	refers bool   // to itself
}

type state uint8

const (
	pending state = iota
	measuring
	done
)

// withs puts a WITH clause into scope. In a plain one each query sees those
// before it, in a recursive one all.
func (m *meter) withs(list []With) {
	if len(list) == 0 {
		return
	}
	m.checkNames(list)
	start := len(m.scope)
	m.scope = m.scope[:start:start]
	for i := range list {
		m.scope = append(m.scope, &with{With: &list[i], name: fold(list[i].Name), end: start + i})
		if list[i].Recursive {
			m.scope[start+i].end = start + len(list)
		}
	}
	for _, w := range m.scope[start:] {
		m.resolve(w)
	}
}

// checkNames refuses a WITH query whose name differs from another's in scope in
// letter case only, or in nothing within one clause: which of them a reference
// means depends on the engine and its settings, and the smaller would be counted.
func (m *meter) checkNames(list []With) {
	outer := make(map[string]string, len(m.scope))
	for _, w := range m.scope {
		outer[w.name] = w.Name
	}
	own := make(map[string]bool, len(list))
	for _, w := range list {
		name := fold(w.Name)
		if same, ok := outer[name]; own[name] || ok && same != w.Name {
			m.refuse(refuseNames())
		}
		own[name] = true
	}
}

// resolve measures a WITH query once.
func (m *meter) resolve(w *with) {
	if w.state != pending {
		return
	}
	w.state = measuring
	scope, references := m.scope, m.references
	m.scope = scope[:w.end:w.end]
	if w.Recursive && len(w.Query.Arms) > 1 {
		w.result = m.recursive(w)
	} else {
		w.result = m.query(w.Query)
	}
	w.result.references = m.references - references
	if w.Inlined {
		m.references = references // they count where it is referred to
	}
	m.scope = scope
	m.named(&w.result, w.Columns)
	m.publish(w.result, w.Columns)
	w.state = done
}

// withResult returns what is known of the WITH query that a name stands for.
func (m *meter) withResult(table string) (result, bool) {
	name := fold(table)
	for i := len(m.scope) - 1; i >= 0; i-- {
		w := m.scope[i]
		if w.name != name {
			continue
		}
		m.resolve(w)
		if w.state == measuring {
			w.refers = true
		} else if w.Inlined {
			m.refer(w.result.references)
		}
		return w.result, true
	}
	return result{}, false
}

// named gives a WITH query's columns their names.
func (m *meter) named(r *result, columns []string) {
	if r.starred && len(columns) > 0 { // which is which is not known
		r.names, r.starred = columns, false
		r.outputs = slices.Repeat([]extent{m.widestKnown()}, len(columns))
		return
	}
	r.names = slices.Clone(r.names)
	copy(r.names, columns)
}

// measured is how many rounds of a recursive query are measured. Growth that
// goes around two or three columns shows within them.
const measured = 4

// recursive measures a query that refers to itself. A few rounds are measured:
// they show how much a round adds to the values, and whether it adds the same
// again or ever more.
func (m *meter) recursive(w *with) result {
	m.withs(w.Query.With)
	var states [measured + 1]result
	states[0] = m.query(w.Query.Arms[0])
	m.named(&states[0], w.Columns)
	next := m.round(w, states[0])
	if !w.refers {
		return united(states[0], next)
	}
	if m.nested++; m.nested > maxNested {
		m.refuse(refuseNested())
	}
	defer func() { m.nested-- }()
	states[1] = grown(states[0], next)
	for i := 1; i < measured; i++ {
		references, made := m.references, m.made
		states[i+1] = grown(states[i], m.round(w, states[i]))
		m.references, m.made = references, made
	}
	return m.extrapolate(w, states)
}

// grown is a state with the values of the round after it.
func grown(state, next result) result {
	state.outputs = slices.Clone(state.outputs)
	for i := range min(len(state.outputs), len(next.outputs)) {
		state.outputs[i] = widest(state.outputs[i], next.outputs[i])
	}
	return state
}

// round measures all arms but the first, for which the query's own name stands
// for what is known of it so far.
func (m *meter) round(w *with, state result) result {
	state.references, state.rows = 0, 1
	w.result = state
	m.publish(state, nil)
	r := m.query(w.Query.Arms[1])
	for _, arm := range w.Query.Arms[2:] {
		r = united(r, m.query(arm))
	}
	if state.starred && !sameStars(state.names, r.names) { // any column can be any of these
		for name := range m.names {
			for _, output := range r.outputs {
				m.know(name, output)
			}
		}
	}
	return r
}

// sameStars reports whether * stands in the same places.
func sameStars(a, b []string) bool {
	return slices.EqualFunc(a, b, func(a, b string) bool { return (a == "*") == (b == "*") })
}

// extrapolate returns what the columns of a recursive query can become.
func (m *meter) extrapolate(w *with, states [measured + 1]result) result {
	var bytes, numbers [measured + 1]float64
	for i, state := range states {
		for _, output := range state.outputs {
			bytes[i] += output.bytes
			numbers[i] += output.number
		}
	}
	if accelerates(bytes) {
		m.refuse(refuseGrowth(w.Name))
	}
	last, before := states[measured], states[measured-1]
	last.rows, last.relations = 1, max(last.relations, 1) // how many is not known
	for i := range last.outputs {
		e := &last.outputs[i]
		e.bytes += product(rounds, e.bytes-before.outputs[i].bytes)
		if accelerates(numbers) {
			e.number = math.Inf(1)
		} else if added := e.number - before.outputs[i].number; added > 0 { // neither is infinite
			e.number += columnNumber * added
		}
		e.fixed = false
	}
	return last
}

// accelerates reports whether a sum grows by more in later rounds than in
// earlier ones. Two rounds are compared with two, since values can swap places.
func accelerates(sums [measured + 1]float64) bool {
	early, late := sums[3]-sums[1], sums[4]-sums[2]
	return late > 1.1*early+0.5
}
