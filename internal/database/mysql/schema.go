package mysql

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// The catalogue of one database, in four statements: a join of these views
// would open every table for every row of the other side.
const (
	tablesSQL = `SELECT table_name, table_type, COALESCE(table_rows, -1), table_comment
FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')`

	columnsSQL = `SELECT table_name, column_name, column_type, is_nullable, column_default, extra, column_comment, generation_expression
FROM information_schema.columns
WHERE table_schema = DATABASE()
ORDER BY table_name, ordinal_position`

	indexesSQL = `SELECT table_name, index_name, non_unique, COALESCE(column_name, '(expression)')
FROM information_schema.statistics
WHERE table_schema = DATABASE()
ORDER BY table_name, index_name, seq_in_index`

	foreignKeysSQL = `SELECT table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL
ORDER BY BINARY table_name, constraint_name, ordinal_position`
)

// Schema reads the catalogue; see [database.Conn].
func (c *conn) Schema(ctx context.Context) (*database.Schema, error) {
	b := builder{database: c.target.Database, tables: map[string]*database.Table{}}
	for _, step := range []struct {
		sql string
		row func([]string) error
	}{
		{tablesSQL, b.table},
		{columnsSQL, b.column},
		{indexesSQL, b.index},
		{foreignKeysSQL, b.foreignKey},
	} {
		if err := c.catalogue(ctx, step.sql, step.row); err != nil {
			return nil, err
		}
	}
	return b.schema(), nil
}

// builder puts a schema together from rows of the catalogue. Rows of tables
// it does not know are left out: sequences, and what came while it read.
type builder struct {
	database string
	tables   map[string]*database.Table
	key      string // the foreign key that the last row was part of
}

func (b *builder) table(v []string) error {
	t := &database.Table{Schema: b.database, Name: v[0], Kind: "table", Comment: v[3], Rows: -1}
	if rows, err := strconv.ParseInt(v[2], 10, 64); err == nil {
		t.Rows = rows
	}
	if v[1] == "VIEW" {
		t.Kind, t.Comment, t.Rows = "view", "", -1 // the comment is "VIEW", or what is wrong with it
	}
	b.tables[t.Name] = t
	return nil
}

func (b *builder) column(v []string) error {
	if t := b.tables[v[0]]; t != nil {
		t.Columns = append(t.Columns, database.Column{
			Name: v[1], Type: v[2], Nullable: v[3] == "YES", Default: defaultOf(v[4], v[5], v[7]), Comment: v[6],
		})
	}
	return nil
}

// defaultOf says where values come from that a row does not give. MariaDB
// writes NULL for a nullable column without a default.
func defaultOf(value, extra, expression string) string {
	switch {
	case expression != "":
		return "generated as (" + expression + ")"
	case extra == "auto_increment":
		return extra
	case value == "NULL":
		return ""
	default:
		return value
	}
}

func (b *builder) index(v []string) error {
	t := b.tables[v[0]]
	if t == nil {
		return nil
	}
	name, unique, column := v[1], v[2] == "0", v[3]
	if name == "PRIMARY" {
		t.PrimaryKey = append(t.PrimaryKey, column)
		return nil
	}
	if n := len(t.Indexes); n == 0 || t.Indexes[n-1].Name != name {
		t.Indexes = append(t.Indexes, database.Index{Name: name, Unique: unique})
	}
	last := &t.Indexes[len(t.Indexes)-1]
	last.Columns = append(last.Columns, column)
	return nil
}

func (b *builder) foreignKey(v []string) error {
	t := b.tables[v[0]]
	if t == nil {
		return nil
	}
	if key := v[0] + "\x00" + v[1]; key != b.key {
		b.key = key
		t.ForeignKeys = append(t.ForeignKeys, database.ForeignKey{RefTable: v[3] + "." + v[4]})
	}
	last := &t.ForeignKeys[len(t.ForeignKeys)-1]
	last.Columns = append(last.Columns, v[2])
	last.RefColumns = append(last.RefColumns, v[5])
	return nil
}

func (b *builder) schema() *database.Schema {
	s := &database.Schema{Tables: make([]database.Table, 0, len(b.tables))}
	for _, t := range b.tables {
		separateUnique(t)
		s.Tables = append(s.Tables, *t)
	}
	slices.SortFunc(s.Tables, func(x, y database.Table) int { return cmp.Compare(x.Name, y.Name) })
	return s
}

// separateUnique moves the unique indexes to the unique keys: here they are
// the same thing.
func separateUnique(t *database.Table) {
	t.Indexes = slices.DeleteFunc(t.Indexes, func(x database.Index) bool {
		if x.Unique {
			t.Unique = append(t.Unique, x.Columns)
		}
		return x.Unique
	})
}
