package mssql

import (
	"cmp"
	"context"
	"database/sql/driver"
	_ "embed"
	"fmt"
	"slices"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

//go:embed schema.sql
var schemaSQL string

// Schema reads the catalogue in one batch; see [database.Conn].
func (c *conn) Schema(ctx context.Context) (*database.Schema, error) {
	if _, err := c.recentObjects(ctx, database.CatalogueLife); err != nil {
		return nil, err
	}
	b := catalogue{tables: map[int64]*database.Table{}}
	if err := c.catalogue(ctx, schemaSQL, b.take); err != nil {
		return nil, err
	}
	return b.schema(), nil
}

// record is one row of this package's own statements.
type record []driver.Value

func (r record) text(i int) string {
	s, _ := r[i].(string)
	return s
}

func (r record) number(i int) int64 {
	n, _ := r[i].(int64)
	return n
}

func (r record) flag(i int) bool {
	b, _ := r[i].(bool)
	return b
}

// catalogue puts the results of schema.sql together by object_id.
type catalogue struct {
	tables map[int64]*database.Table
	last   member // what the last row belonged to
}

// member is a constraint or index of a table; set keeps those of the same name
// in different results apart.
type member struct {
	set   int
	table int64
	name  string
}

func (b *catalogue) take(set int, values []driver.Value) error {
	widths := []int{6, 12, 6, 6}
	if set >= len(widths) || len(values) != widths[set] {
		return errProtocol
	}
	r := record(values)
	if set == 0 {
		b.table(r)
		return nil
	}
	t := b.tables[r.number(0)]
	if t == nil {
		return nil // made between two of the results
	}
	this := member{set: set, table: r.number(0), name: r.text(1)}
	starts := this != b.last
	b.last = this
	switch set {
	case 1:
		addColumn(t, r)
	case 2:
		addIndex(t, r, starts)
	default:
		addForeignKey(t, r, starts)
	}
	return nil
}

func (b *catalogue) table(r record) {
	rows := int64(-1)
	if r[5] != nil {
		rows = r.number(5)
	}
	b.tables[r.number(0)] = &database.Table{
		Schema: r.text(1), Name: r.text(2), Kind: r.text(3), Comment: r.text(4), Rows: rows,
		Columns: []database.Column{},
	}
}

func addColumn(t *database.Table, r record) {
	c := database.Column{
		Name:     r.text(1),
		Type:     typeText(r.text(2), r.flag(3), r.number(4), r.number(5), r.number(6)),
		Nullable: r.flag(7),
		Default:  r.text(9),
		Comment:  r.text(11),
	}
	switch {
	case r.flag(8):
		c.Default = "identity"
	case r.text(10) != "":
		c.Default = "computed as " + r.text(10)
	}
	t.Columns = append(t.Columns, c)
}

// typeText writes a type as T-SQL declares it. max_length counts bytes.
func typeText(name string, alias bool, length, precision, scale int64) string {
	if alias {
		return name
	}
	switch name {
	case "char", "varchar", "binary", "varbinary":
	case "nchar", "nvarchar":
		if length > 0 {
			length /= 2
		}
	case "decimal", "numeric":
		return fmt.Sprintf("%s(%d,%d)", name, precision, scale)
	case "time", "datetime2", "datetimeoffset":
		return fmt.Sprintf("%s(%d)", name, scale)
	default:
		return name
	}
	if length < 0 {
		return name + "(max)"
	}
	return fmt.Sprintf("%s(%d)", name, length)
}

// addIndex adds a column to a key or index; starts says that r is its first.
func addIndex(t *database.Table, r record, starts bool) {
	column := r.text(5)
	switch {
	case r.flag(2):
		t.PrimaryKey = append(t.PrimaryKey, column)
	case r.flag(3):
		if starts || len(t.Unique) == 0 {
			t.Unique = append(t.Unique, nil)
		}
		last := &t.Unique[len(t.Unique)-1]
		*last = append(*last, column)
	default:
		if starts || len(t.Indexes) == 0 {
			t.Indexes = append(t.Indexes, database.Index{Name: r.text(1), Unique: r.flag(4)})
		}
		last := &t.Indexes[len(t.Indexes)-1]
		last.Columns = append(last.Columns, column)
	}
}

func addForeignKey(t *database.Table, r record, starts bool) {
	if starts || len(t.ForeignKeys) == 0 {
		t.ForeignKeys = append(t.ForeignKeys, database.ForeignKey{RefTable: r.text(3) + "." + r.text(4)})
	}
	fk := &t.ForeignKeys[len(t.ForeignKeys)-1]
	fk.Columns = append(fk.Columns, r.text(2))
	fk.RefColumns = append(fk.RefColumns, r.text(5))
}

// schema returns the tables by schema and name.
func (b *catalogue) schema() *database.Schema {
	s := &database.Schema{Tables: make([]database.Table, 0, len(b.tables))}
	for _, t := range b.tables {
		s.Tables = append(s.Tables, *t)
	}
	slices.SortFunc(s.Tables, func(x, y database.Table) int {
		return cmp.Or(cmp.Compare(x.Schema, y.Schema), cmp.Compare(x.Name, y.Name))
	})
	return s
}
