package mysql

import (
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// columnsOf returns names and types as the driver knows them. The names are
// copied: the driver's point into its read buffer's lifetime no longer than
// the result.
func columnsOf(rows driver.Rows) []tool.Column {
	var columns []tool.Column
	types, _ := rows.(driver.RowsColumnTypeDatabaseTypeName)
	for i, name := range rows.Columns() {
		columns = append(columns, tool.Column{Name: name, Type: typeName(types.ColumnTypeDatabaseTypeName(i))})
	}
	return columns
}

// typeName writes the driver's "UNSIGNED BIGINT" as the servers do.
func typeName(name string) string {
	name = strings.ToLower(name)
	if base, ok := strings.CutPrefix(name, "unsigned "); ok {
		return base + " unsigned"
	}
	if name == "" {
		return "unknown"
	}
	return name
}

// tableSink encodes rows into a [tool.Table].
type tableSink struct {
	limit    database.Limit
	table    *tool.Table
	encoders []encoder
	values   []driver.Value
	cell     func(dst []byte, column int) ([]byte, error)
}

func (k *tableSink) start(columns []tool.Column) {
	k.table = k.limit.NewTable(columns)
	k.encoders = make([]encoder, len(columns))
	for i, c := range columns {
		k.encoders[i] = encoderOf(c.Type)
	}
	k.cell = func(dst []byte, column int) ([]byte, error) {
		return appendValue(dst, k.values[column], k.encoders[column]), nil
	}
}

func (k *tableSink) row(values []driver.Value) (bool, error) {
	if k.table.Len() >= k.limit.Rows {
		k.table.MarkCut(tool.RowLimit)
		return false, nil
	}
	k.values = values
	return k.table.Row(k.cell)
}

// tooLong cuts the result before the row, as [tool.Table.Row] would have.
func (k *tableSink) tooLong() error {
	k.table.MarkCut(tool.ByteCut)
	return nil
}

// maxCatalogue bounds a whole catalogue, which a hostile server could send
// without end.
const maxCatalogue = 64 << 20

var errCatalogue = errors.New("catalogue is too long")

// catalogueSink hands on the rows of this package's own statements.
type catalogueSink struct {
	each func(values []string) error
	size int
}

func (*catalogueSink) start([]tool.Column) {}

func (k *catalogueSink) row(values []driver.Value) (bool, error) {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = text(v)
		k.size += len(texts[i])
	}
	if k.size > maxCatalogue {
		return false, errCatalogue
	}
	err := k.each(texts)
	return err == nil, err
}

func (*catalogueSink) tooLong() error { return errCatalogue }
