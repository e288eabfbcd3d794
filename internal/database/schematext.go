package database

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The size rule of contract 6.6, in characters of text.
const (
	maxSchemaText      = 12_000
	maxSchemaTextAsked = 100_000
	// closingRoom is kept free for the closing line.
	closingRoom = 400
)

// The values of SchemaQuery.Detail. Empty means as much as fits.
const (
	DetailSummary = "summary" // one line per table
	DetailFull    = "full"    // everything
)

// SchemaQuery says which part of a schema is wanted (contract 6.6). The
// filters narrow one another.
type SchemaQuery struct {
	Tables []string // exact or schema-qualified names
	Search string   // part of a table name, column name or comment, any case
	Detail string
}

func (q SchemaQuery) limit() int {
	if len(q.Tables) > 0 || q.Search != "" || q.Detail == DetailFull {
		return maxSchemaTextAsked
	}
	return maxSchemaText
}

// SchemaText is a schema for a reading model: text, and the same as JSON.
type SchemaText struct {
	Text       string
	Structured json.RawMessage
}

// Describe renders the tables that q asks for. What does not fit is left out
// in the order of contract 6.6, never cut, and the closing line says so.
func Describe(s *Schema, q SchemaQuery) (*SchemaText, error) {
	tables, unknown := filterTables(s.Tables, q.Tables)
	tables = searchTables(tables, q.Search)
	fit := fitTables(tables, q.Detail, q.limit()-closingRoom-utf8.RuneCountInString(quoteSome(unknown)))
	doc := schemaDocument{Tables: fit.views, Omitted: fit.omitted, Unknown: unknown}
	structured, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode schema: %w", err)
	}
	return &SchemaText{Text: doc.text(), Structured: structured}, nil
}

// schemaDocument is the structured form; text renders the same.
type schemaDocument struct {
	Tables  []tableView `json:"tables"`
	Omitted []string    `json:"omitted,omitempty"`
	Unknown []string    `json:"unknown_tables,omitempty"`
}

func (d schemaDocument) text() string {
	var b strings.Builder
	for i := range d.Tables {
		if i > 0 && !(d.Tables[i].oneLine() && d.Tables[i-1].oneLine()) {
			b.WriteByte('\n')
		}
		d.Tables[i].render(&b)
	}
	if len(d.Tables) == 0 {
		b.WriteString("No tables match.\n")
	}
	if len(d.Unknown) > 0 {
		fmt.Fprintf(&b, "\nUnknown tables: %s\n", quoteSome(d.Unknown))
	}
	if len(d.Omitted) > 0 {
		fmt.Fprintf(&b, "\nLeft out to keep this short: %s. Ask for more with tables [\"name\"], search \"text\" or detail \"full\".\n", strings.Join(d.Omitted, ", "))
	}
	return b.String()
}

// quoteSome lists the first names; a caller who sent many knows the rest.
func quoteSome(names []string) string {
	const most = 10
	shown := make([]string, 0, most+1)
	for _, n := range names[:min(len(names), most)] {
		shown = append(shown, singleLine(n))
	}
	if len(names) > most {
		shown = append(shown, fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(shown, ", ")
}

// filterTables keeps the named tables and returns the names that matched none.
func filterTables(all []Table, names []string) (kept []Table, unknown []string) {
	if len(names) == 0 {
		return all, nil
	}
	found := map[string]bool{}
	for _, t := range all {
		bare, full := slices.Contains(names, t.Name), slices.Contains(names, t.qualified())
		if bare || full {
			kept = append(kept, t)
		}
		found[t.Name], found[t.qualified()] = true, true
	}
	for _, n := range names {
		if !found[n] && !slices.Contains(unknown, n) {
			unknown = append(unknown, n)
		}
	}
	return kept, unknown
}

func searchTables(all []Table, search string) []Table {
	if search == "" {
		return all
	}
	search = strings.ToLower(search)
	var kept []Table
	for _, t := range all {
		if t.mentions(search) {
			kept = append(kept, t)
		}
	}
	return kept
}

// mentions reports whether the lower-case text occurs in a name or comment.
func (t *Table) mentions(lower string) bool {
	in := func(s string) bool { return strings.Contains(strings.ToLower(s), lower) }
	if in(t.qualified()) || in(t.Comment) {
		return true
	}
	return slices.ContainsFunc(t.Columns, func(c Column) bool { return in(c.Name) || in(c.Comment) })
}

func (t *Table) qualified() string {
	if t.Schema == "" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// fitted is what remains of the tables after the size rule.
type fitted struct {
	views   []tableView
	omitted []string
}

// detail says what is shown of every table, most first.
type detail int

const (
	everything detail = iota
	noComments
	noDefaults
	noIndexes
	noKeys // neither unique nor foreign ones
)

// omitted names what d leaves out, as far as the tables have it.
func (d detail) omitted(tables []Table) []string {
	column := func(has func(Column) bool) func(Table) bool {
		return func(t Table) bool { return slices.ContainsFunc(t.Columns, has) }
	}
	parts := []struct {
		name string
		in   func(Table) bool
	}{
		{"comments", func(t Table) bool {
			return t.Comment != "" || column(func(c Column) bool { return c.Comment != "" })(t)
		}},
		{"defaults", column(func(c Column) bool { return c.Default != "" })},
		{"indexes", func(t Table) bool { return len(t.Indexes) > 0 }},
		{"unique and foreign keys", func(t Table) bool { return len(t.Unique)+len(t.ForeignKeys) > 0 }},
	}
	var omitted []string
	for _, p := range parts[:d] {
		if slices.ContainsFunc(tables, p.in) {
			omitted = append(omitted, p.name)
		}
	}
	return omitted
}

// fitTables drops detail until the text fits into room.
func fitTables(tables []Table, wanted string, room int) fitted {
	if wanted == DetailSummary {
		return fitSummaries(summaries(tables), nil, room)
	}
	for d := everything; ; d++ {
		views := make([]tableView, len(tables))
		for i := range tables {
			views[i] = viewOf(&tables[i], d)
		}
		sizes, total := measure(views)
		switch {
		case total <= room:
			return fitted{views: views, omitted: d.omitted(tables)}
		case d == noKeys:
			return dropColumns(views, sizes, room, d.omitted(tables))
		}
	}
}

// dropColumns leaves out the column lists of the largest tables, then of all,
// then tables.
func dropColumns(views []tableView, sizes []int, room int, omitted []string) fitted {
	total := 0
	largest := make([]int, len(views))
	for i, size := range sizes {
		largest[i] = i
		total += size
	}
	slices.SortStableFunc(largest, func(a, b int) int { return sizes[b] - sizes[a] })
	for n, i := range largest {
		summary := views[i].summary()
		total -= sizes[i] - summary.size()
		views[i] = summary
		if total <= room && n+1 < len(views) {
			return fitted{views: views, omitted: append(omitted, fmt.Sprintf("the columns of the %d largest tables", n+1))}
		}
	}
	return fitSummaries(views, append(omitted, "the columns of all tables"), room)
}

// fitSummaries leaves out whole tables, last ones first, when not even one
// line for each fits.
func fitSummaries(views []tableView, omitted []string, room int) fitted {
	total := 0
	for i := range views {
		if total += views[i].size(); total > room {
			return fitted{views: views[:i], omitted: append(omitted, fmt.Sprintf("%d more tables", len(views)-i))}
		}
	}
	return fitted{views: views, omitted: omitted}
}

func summaries(tables []Table) []tableView {
	views := make([]tableView, len(tables))
	for i := range tables {
		full := viewOf(&tables[i], everything)
		views[i] = full.summary()
		views[i].Comment = full.Comment
	}
	return views
}

func measure(views []tableView) (sizes []int, total int) {
	sizes = make([]int, len(views))
	for i := range views {
		sizes[i] = views[i].size()
		total += sizes[i]
	}
	return sizes, total
}

// size is the table's share of the text: itself and the blank line after it.
func (v *tableView) size() int {
	var b strings.Builder
	v.render(&b)
	return utf8.RuneCountInString(b.String()) + 1
}
