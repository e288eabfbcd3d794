package database

import (
	"fmt"
	"strings"
	"unicode"
)

// tableView is what is shown of one table, in both forms of contract 6.6.
type tableView struct {
	Schema      string       `json:"schema,omitempty"`
	Name        string       `json:"name"`
	Kind        string       `json:"kind"`
	Comment     string       `json:"comment,omitempty"`
	Rows        *int64       `json:"rows,omitempty"` // estimate
	Columns     []Column     `json:"columns,omitempty"`
	PrimaryKey  []string     `json:"primary_key,omitempty"`
	Unique      [][]string   `json:"unique,omitempty"`
	ForeignKeys []ForeignKey `json:"foreign_keys,omitempty"`
	Indexes     []Index      `json:"indexes,omitempty"`
}

func viewOf(t *Table, d detail) tableView {
	v := tableView{Schema: t.Schema, Name: t.Name, Kind: t.Kind, PrimaryKey: t.PrimaryKey}
	if t.Rows >= 0 {
		v.Rows = &t.Rows
	}
	if d < noComments {
		v.Comment = t.Comment
	}
	v.Columns = columnsOf(t, d)
	if d < noIndexes {
		v.Indexes = t.Indexes
	}
	if d < noKeys {
		v.Unique, v.ForeignKeys = t.Unique, t.ForeignKeys
	}
	return v
}

func columnsOf(t *Table, d detail) []Column {
	if d == everything {
		return t.Columns
	}
	columns := make([]Column, len(t.Columns))
	for i, c := range t.Columns {
		c.Comment = ""
		if d >= noDefaults {
			c.Default = ""
		}
		columns[i] = c
	}
	return columns
}

// summary is the one line form.
func (v *tableView) summary() tableView {
	return tableView{Schema: v.Schema, Name: v.Name, Kind: v.Kind, Rows: v.Rows}
}

func (v *tableView) oneLine() bool { return len(v.Columns) == 0 && len(v.PrimaryKey) == 0 }

// render writes the text form: a head line, then indented columns, keys and
// indexes.
func (v *tableView) render(b *strings.Builder) {
	b.WriteString("Table: ")
	if v.Schema != "" {
		b.WriteString(singleLine(v.Schema))
		b.WriteByte('.')
	}
	b.WriteString(singleLine(v.Name))
	b.WriteString(v.marks())
	writeComment(b, v.Comment)
	b.WriteByte('\n')
	for i := range v.Columns {
		renderColumn(b, &v.Columns[i])
	}
	v.renderKeys(b)
	for _, x := range v.Indexes {
		kind := "INDEX"
		if x.Unique {
			kind = "UNIQUE INDEX"
		}
		fmt.Fprintf(b, "  %s %s (%s)\n", kind, singleLine(x.Name), nameList(x.Columns))
	}
}

// marks is " (view, ~12 rows)", " (~12 rows)", " (view)" or nothing.
func (v *tableView) marks() string {
	var marks []string
	if v.Kind != "table" && v.Kind != "" {
		marks = append(marks, v.Kind)
	}
	if v.Rows != nil {
		marks = append(marks, fmt.Sprintf("~%d rows", *v.Rows))
	}
	if len(marks) == 0 {
		return ""
	}
	return " (" + strings.Join(marks, ", ") + ")"
}

func renderColumn(b *strings.Builder, c *Column) {
	b.WriteString("  ")
	b.WriteString(singleLine(c.Name))
	if c.Type != "" {
		b.WriteByte(' ')
		b.WriteString(singleLine(c.Type))
	}
	if !c.Nullable {
		b.WriteString(" NOT NULL")
	}
	if c.Default != "" {
		b.WriteString(" DEFAULT ")
		b.WriteString(singleLine(c.Default))
	}
	b.WriteByte(',')
	writeComment(b, c.Comment)
	b.WriteByte('\n')
}

func (v *tableView) renderKeys(b *strings.Builder) {
	if len(v.PrimaryKey) > 0 {
		fmt.Fprintf(b, "  PRIMARY KEY (%s)\n", nameList(v.PrimaryKey))
	}
	for _, u := range v.Unique {
		fmt.Fprintf(b, "  UNIQUE (%s)\n", nameList(u))
	}
	for _, f := range v.ForeignKeys {
		fmt.Fprintf(b, "  FOREIGN KEY (%s) REFERENCES %s", nameList(f.Columns), singleLine(f.RefTable))
		if len(f.RefColumns) > 0 {
			fmt.Fprintf(b, " (%s)", nameList(f.RefColumns))
		}
		b.WriteByte('\n')
	}
}

func writeComment(b *strings.Builder, comment string) {
	if comment != "" {
		b.WriteString(" -- ")
		b.WriteString(singleLine(comment))
	}
}

func nameList(names []string) string { return singleLine(strings.Join(names, ", ")) }

// singleLine replaces control characters, so that a name or comment out of a
// database cannot pose as another line of the schema.
func singleLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
