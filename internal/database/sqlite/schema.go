package sqlite

import (
	"context"
	"errors"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
)

// Schema reads the tables and views of the file from one state of it.
func (c *conn) Schema(ctx context.Context) (*database.Schema, error) {
	var schema *database.Schema
	err := c.with(ctx, database.QueryTimeout, func(w *worker) (err error) {
		if err := w.exec("BEGIN"); err != nil {
			return err
		}
		schema, err = readSchema(w)
		// The transaction has read only; a failure to end it shows in the
		// worker's next use.
		_ = w.exec("ROLLBACK")
		return err
	})
	if err != nil {
		return nil, err
	}
	return schema, nil
}

func readSchema(w *worker) (*database.Schema, error) {
	tables, err := readTables(w)
	if err != nil {
		return nil, err
	}
	counts, err := readCounts(w)
	if err != nil {
		return nil, err
	}
	size, err := fileSize(w)
	if err != nil {
		return nil, err
	}
	for i := range tables {
		t := &tables[i]
		if err := readTable(w, t); err != nil {
			return nil, err
		}
		if n, ok := counts[t.Name]; ok {
			t.Rows = n
		} else if t.Kind == "table" {
			t.Rows = estimate(w, t.Name, size)
		}
	}
	completeReferences(tables)
	return &database.Schema{Tables: tables}, nil
}

// readTables lists what belongs to the user: not the tables behind virtual
// tables, and not SQLite's own.
func readTables(w *worker) ([]database.Table, error) {
	const sql = `SELECT name, CASE type WHEN 'virtual' THEN 'virtual table' ELSE type END FROM pragma_table_list
		WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`
	var tables []database.Table
	err := w.each(sql, func(r row) error {
		tables = append(tables, database.Table{Name: r.text(0), Kind: r.text(1), Rows: -1})
		return nil
	})
	return tables, err
}

func readTable(w *worker, t *database.Table) error {
	err := readColumns(w, t)
	if e := (*protocol.Error)(nil); errors.As(err, &e) && t.Kind != "table" && e.Primary() == protocol.CodeError {
		return nil // a view that no longer fits its tables, or a foreign extension's table
	}
	if err != nil || t.Kind != "table" {
		return err
	}
	if err := readForeignKeys(w, t); err != nil {
		return err
	}
	return readIndexes(w, t)
}

func readColumns(w *worker, t *database.Table) error {
	// hidden = 1 are the parameters of virtual tables; 2 and 3 are generated.
	sql := `SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo(` + quote(t.Name) + `) WHERE hidden <> 1 ORDER BY cid`
	key := map[int64]string{}
	err := w.each(sql, func(r row) error {
		t.Columns = append(t.Columns, database.Column{
			Name: r.text(0), Type: r.text(1), Nullable: r.integer(2) == 0, Default: r.text(3),
		})
		if pk := r.integer(4); pk > 0 {
			key[pk] = r.text(0)
		}
		return nil
	})
	for i := int64(1); i <= int64(len(key)); i++ {
		t.PrimaryKey = append(t.PrimaryKey, key[i])
	}
	markRowID(t)
	return err
}

// markRowID says that a rowid is never NULL: SQLite does not call it NOT NULL.
func markRowID(t *database.Table) {
	if len(t.PrimaryKey) != 1 {
		return
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Name == t.PrimaryKey[0] && strings.EqualFold(c.Type, "INTEGER") {
			c.Nullable = false
		}
	}
}

func readForeignKeys(w *worker, t *database.Table) error {
	// The last declared key has id 0.
	sql := `SELECT seq, "table", "from", "to" FROM pragma_foreign_key_list(` + quote(t.Name) + `) ORDER BY id DESC, seq`
	return w.each(sql, func(r row) error {
		if r.integer(0) == 0 {
			t.ForeignKeys = append(t.ForeignKeys, database.ForeignKey{RefTable: r.text(1)})
		}
		fk := &t.ForeignKeys[len(t.ForeignKeys)-1]
		fk.Columns = append(fk.Columns, r.text(2))
		if to := r.text(3); to != "" {
			fk.RefColumns = append(fk.RefColumns, to)
		}
		return nil
	})
}

// completeReferences fills in what REFERENCES t without columns means: the
// primary key of t.
func completeReferences(tables []database.Table) {
	keys := map[string][]string{}
	for _, t := range tables {
		keys[strings.ToLower(t.Name)] = t.PrimaryKey
	}
	for i := range tables {
		for j := range tables[i].ForeignKeys {
			if fk := &tables[i].ForeignKeys[j]; len(fk.RefColumns) == 0 {
				fk.RefColumns = keys[strings.ToLower(fk.RefTable)]
			}
		}
	}
}

func readIndexes(w *worker, t *database.Table) error {
	sql := `SELECT l.name, l.origin, l."unique", i.seqno, coalesce(i.name, '(expression)')
		FROM pragma_index_list(` + quote(t.Name) + `) l, pragma_index_info(l.name) i
		WHERE l.origin <> 'pk' ORDER BY l.seq DESC, i.seqno`
	return w.each(sql, func(r row) error {
		addIndexColumn(t, r.text(0), r.text(1) == "u", r.integer(2) == 1, r.integer(3) == 0, r.text(4))
		return nil
	})
}

func addIndexColumn(t *database.Table, name string, constraint, unique, first bool, column string) {
	switch {
	case constraint && first:
		t.Unique = append(t.Unique, []string{column})
	case constraint:
		last := &t.Unique[len(t.Unique)-1]
		*last = append(*last, column)
	case first:
		t.Indexes = append(t.Indexes, database.Index{Name: name, Unique: unique, Columns: []string{column}})
	default:
		last := &t.Indexes[len(t.Indexes)-1]
		last.Columns = append(last.Columns, column)
	}
}

// readCounts reads the row counts that ANALYZE left.
func readCounts(w *worker) (map[string]int64, error) {
	analysed := false
	err := w.each(`SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'`, func(row) error {
		analysed = true
		return nil
	})
	if err != nil || !analysed {
		return nil, err
	}
	counts := map[string]int64{}
	err = w.each(`SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE stat IS NOT NULL GROUP BY tbl`, func(r row) error {
		counts[r.text(0)] = r.integer(1)
		return nil
	})
	return counts, err
}

// estimate guesses the rows of a table by the span of its rowids, which costs
// two steps down the tree; -1 when there are none or the span cannot be true.
func estimate(w *worker, table string, size int64) int64 {
	const leastRow = 4 // bytes of a row: its header and rowid
	rows := int64(-1)
	name := `"` + strings.ReplaceAll(table, `"`, `""`) + `"`
	err := w.each(`SELECT coalesce((SELECT max(rowid) FROM `+name+`) - (SELECT min(rowid) FROM `+name+`) + 1, 0)`, func(r row) error {
		rows = r.integer(0)
		return nil
	})
	if err != nil || rows < 0 || rows > size/leastRow {
		return -1
	}
	return rows
}

func fileSize(w *worker) (size int64, err error) {
	err = w.each(`SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`, func(r row) error {
		size = r.integer(0)
		return nil
	})
	return size, err
}

// quote writes an SQL string literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
