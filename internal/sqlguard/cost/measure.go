package cost

import (
	"math"
	"strings"
)

// Check refuses a statement whose text shows that it is too expensive, with a
// *fault.Error of kind Invalid. Its time is linear in the size of the tree.
func Check(q *Query) error {
	var m meter
	m.query(q)
	return m.err
}

// meter measures one statement. Names are not told apart by scope: a column
// counts with the largest value that any subquery gives to its name.
type meter struct {
	err        error // the first refusal
	references float64
	made       float64
	names      map[string]extent // output columns and the rows of subqueries
	tables     map[string]bool   // names that relations go by
	derived    map[string]bool   // names that subqueries and calls go by
	scope      []*with           // WITH queries, innermost last
	unnamed    extent            // of outputs whose name is not known here
	nested     int               // WITH RECURSIVE within itself

	inner
}

// inner is what is known of the query that is being measured.
type inner struct {
	rows       float64 // that constants make
	series     float64 // the rows of the longest series among the expressions of late
	relations  int
	aggregated bool
	windowed   bool
}

// result is what is known of a query's rows.
type result struct {
	references float64
	rows       float64 // as far as constants make them; 1 if unknown
	relations  int     // that they come from
	outputs    []extent
	names      []string
	starred    bool // outputs are not all
}

func (m *meter) refuse(err error) {
	if m.err == nil {
		m.err = err
	}
}

// query measures a query with all below it.
func (m *meter) query(q *Query) result {
	if q == nil || m.err != nil {
		return result{rows: 1}
	}
	outer := *m
	m.withs(q.With)
	var r result
	if len(q.Arms) > 0 {
		r = m.arms(q)
	} else {
		r = m.plain(q)
	}
	if q.Limit > 0 {
		r.rows = min(r.rows, q.Limit)
	}
	m.scope, m.inner = outer.scope, outer.inner
	r.references = m.references - outer.references
	return r
}

// arms measures the queries of a set operation; the first one names the columns.
func (m *meter) arms(q *Query) result {
	r := m.query(q.Arms[0])
	for _, arm := range q.Arms[1:] {
		r = united(r, m.query(arm))
	}
	m.publish(r, nil)
	m.rows = r.rows
	m.exprs(q.Exprs)
	return r
}

func united(r, other result) result {
	r.rows += other.rows
	r.relations = max(r.relations, other.relations)
	r.starred = r.starred || other.starred
	for i := range min(len(r.outputs), len(other.outputs)) {
		r.outputs[i] = widest(r.outputs[i], other.outputs[i])
	}
	return r
}

// plain measures a SELECT or VALUES.
func (m *meter) plain(q *Query) result {
	m.inner = inner{rows: max(q.Rows, 1)}
	for i := range q.From {
		m.source(&q.From[i])
	}
	if len(q.From) > maxJoined {
		m.refuse(refuseJoined())
	}
	if q.Sets > maxSets {
		m.refuse(refuseSets())
	}
	m.rename(q.Renamed)
	m.series = 1
	r := result{outputs: make([]extent, len(q.Outputs)), names: make([]string, len(q.Outputs))}
	for i := range q.Outputs {
		r.outputs[i], r.names[i] = m.expr(&q.Outputs[i].Expr), q.Outputs[i].Name
		r.starred = r.starred || q.Outputs[i].Name == "*"
		if r.names[i] != "" {
			m.know(r.names[i], r.outputs[i]) // some engines let the other clauses use it
		}
	}
	m.multiply(m.series) // PostgreSQL runs those of one row side by side
	m.exprs(q.Exprs)
	if m.rows > maxSeries && (q.Holds || q.Grouped || m.windowed) {
		m.refuse(refuseSeries())
	}
	r.rows, r.relations = m.rows, m.relations
	if m.aggregated && !q.Grouped {
		r.rows, r.relations = 1, 0
	}
	return r
}

// refer counts references to relations.
func (m *meter) refer(n float64) {
	if m.references += n; m.references > maxReferences {
		m.refuse(refuseReferences())
	}
}

// multiply takes the rows of one more item of a FROM clause.
func (m *meter) multiply(rows float64) {
	m.rows = product(m.rows, max(rows, 1))
}

// source measures one item of a FROM clause and makes its columns known.
func (m *meter) source(s *Source) {
	m.refer(1)
	switch {
	case s.Query != nil:
		r := m.query(s.Query)
		m.multiply(r.rows)
		m.relations += r.relations
		m.publish(r, s.Columns)
		m.publishRow(s.Alias, r)
	case len(s.Calls) > 0:
		m.calls(s)
	default:
		m.relation(s)
	}
}

// relation measures a relation or WITH query by its name.
func (m *meter) relation(s *Source) {
	alias := fold(s.Alias)
	if alias == "" {
		alias = fold(s.Table)
	}
	if r, ok := m.withResult(s.Table); ok {
		m.multiply(r.rows)
		m.relations += r.relations
		m.publish(r, s.Columns)
		m.publishRow(alias, r)
		return
	}
	if m.tables == nil {
		m.tables = make(map[string]bool)
	}
	m.tables[alias] = true
	m.relations++
}

// calls measures functions that stand for a relation. Their rows are counted
// where constants say how many there are.
func (m *meter) calls(s *Source) {
	rows := 1.0
	var r result
	for i := range s.Calls {
		call := &s.Calls[i]
		m.series = 1
		output := m.expr(call)
		if !output.fixed && math.IsInf(output.number, 1) {
			output.number = columnNumber // it comes from data
		}
		r.outputs = append(r.outputs, output)
		r.names = append(r.names, call.Name)
		rows = max(rows, m.series)
		if rows > maxSeries && call.Name == "generate_series" {
			m.refuse(refuseSeries()) // PostgreSQL stores all of them
		}
	}
	m.multiply(rows)
	for i := len(r.outputs); i < len(s.Columns); i++ { // a record's
		r.outputs, r.names = append(r.outputs, r.outputs[0]), append(r.names, s.Columns[i])
	}
	m.publish(r, s.Columns)
	m.publishRow(s.Alias, r)
}

// Sequence is the name of a call that makes the numbers between its arguments
// one after the other.
const Sequence = "sequence"

// seriesRows returns how many rows a call makes as far as constants say it.
func seriesRows(call *Expr, args []extent) float64 {
	if call.Name != "generate_series" && call.Name != Sequence || len(args) < 2 {
		return 1
	}
	span := args[1].number + args[0].number
	if from, to := &call.Args[0], &call.Args[1]; from.Kind == Number && to.Kind == Number {
		span = math.Abs(to.Number - from.Number)
	}
	if math.IsInf(span, 0) || !args[0].fixed || !args[1].fixed {
		return 1
	}
	if step := at(args, 2); len(args) > 2 && step.fixed && step.number > 0 {
		return span/step.number + 1
	}
	return span + 1
}

// publish makes the columns of a result known by their names, or by those
// that are given to them.
func (m *meter) publish(r result, columns []string) {
	for i, output := range r.outputs {
		name := r.names[i]
		if i < len(columns) && !r.starred {
			name = columns[i]
		}
		m.know(name, output)
	}
	if r.starred {
		m.rename(columns)
	}
}

// publishRow makes a row known by the name of its source.
func (m *meter) publishRow(alias string, r result) {
	if alias == "" {
		return
	}
	if m.derived == nil {
		m.derived = make(map[string]bool)
	}
	m.derived[fold(alias)] = true
	row := extent{}
	for _, output := range r.outputs {
		row.bytes += output.bytes
		row.number = max(row.number, output.number)
	}
	if len(r.outputs) > 0 {
		m.know(alias, row)
	}
}

func (m *meter) know(name string, e extent) {
	if name == "" || name == "*" {
		m.unnamed = widest(m.unnamed, e)
		return
	}
	if m.names == nil {
		m.names = make(map[string]extent)
	}
	name = fold(name)
	if known, ok := m.names[name]; ok {
		e = widest(known, e)
	}
	m.names[name] = e
}

// rename makes names known that can stand for any column.
func (m *meter) rename(columns []string) {
	if len(columns) == 0 {
		return
	}
	all := m.widestKnown()
	for _, name := range columns {
		m.know(name, all)
	}
}

// widestKnown is what any column can be.
func (m *meter) widestKnown() extent {
	all := widest(column(), m.unnamed)
	for _, known := range m.names {
		all = widest(all, known)
	}
	return all
}

// column returns what a column can be. A relation's own columns, by its name,
// are data.
func (m *meter) column(e *Expr) extent {
	if e.Qualifier != "" {
		qualifier := fold(e.Qualifier)
		if m.tables[qualifier] && !m.derived[qualifier] {
			return column()
		}
	}
	if known, ok := m.names[fold(e.Name)]; ok {
		return known
	}
	return widest(column(), m.unnamed)
}

// fold makes names equal that differ in letter case only.
func fold(name string) string { return strings.ToLower(name) }

func (m *meter) exprs(list []Expr) {
	for i := range list {
		m.expr(&list[i])
	}
}
