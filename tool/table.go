package tool

import (
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Column is one column of a result.
type Column struct {
	Name string // unique within the table, contract 6.5
	Type string // the engine's type name, for people and masks
}

// Cut says why a table ends before the data did (contract 6.5).
type Cut string

// The reasons for a cut.
const (
	NotCut   Cut = ""
	RowLimit Cut = "row_limit"
	ByteCut  Cut = "byte_limit"
)

// Mask rewrites the JSON of one cell: it appends the masked form to dst.
type Mask func(dst, cell []byte) []byte

// Table is a result set whose cells were encoded to JSON once, as they came
// off the database's wire. Doors assemble them into a response with the masks
// of the gate applied column by column; no cell is ever decoded again.
//
// Cells lie one after another in one buffer; ends[i] is the end of cell i.
// A Table is filled by one goroutine and read-only afterwards.
type Table struct {
	columns []Column
	keys    [][]byte // `"name":`, encoded once
	masks   []Mask   // nil, or one entry per column (nil = as is)
	cells   []byte
	ends    []uint32
	size    int // bytes of the row objects so far
	maxSize int
	cut     Cut
	ask     func(bytes int) error // see AskToGrow, may be nil
}

// MaxTableBytes is the most that a table may hold: ends are 32 bit offsets.
const MaxTableBytes = 1 << 30

// NewTable returns an empty table whose row objects may take maxBytes of JSON
// together (contract 6.5, byte cut). Names are made unique as the contract
// says: duplicates get _2, _3, …, unnamed columns column_<n>.
func NewTable(columns []Column, maxBytes int) *Table {
	t := &Table{columns: uniqueNames(columns), maxSize: min(maxBytes, MaxTableBytes), keys: make([][]byte, len(columns))}
	for i, c := range t.columns {
		key := make([]byte, 0, len(c.Name)+len(`"":`))
		t.keys[i] = append(AppendString(key, c.Name), ':')
	}
	return t
}

// Row appends one row: encode appends the JSON of column i to dst. It reports
// false when the row does not fit the byte limit any more; the table is then
// cut and unchanged.
func (t *Table) Row(encode func(dst []byte, column int) ([]byte, error)) (bool, error) {
	if err := t.reserve(); err != nil {
		return false, err
	}
	cells, ends, size := len(t.cells), len(t.ends), t.size+2
	for i := range t.columns {
		before := len(t.cells)
		next, err := encode(t.cells, i)
		if err != nil {
			t.cells, t.ends = t.cells[:cells], t.ends[:ends]
			return false, err
		}
		t.cells = next
		size += len(t.keys[i]) + len(next) - before + 1
		if size > t.maxSize {
			t.cells, t.ends, t.cut = t.cells[:cells], t.ends[:ends], ByteCut
			return false, nil
		}
		t.ends = append(t.ends, uint32(len(next)))
	}
	t.size = size
	return true, nil
}

// growsOnceAbove is the size from which a table gets all the room it may need
// at once: growing bit by bit would hold two large copies at a time.
const growsOnceAbove = 2 << 20

func (t *Table) reserve() error {
	if len(t.cells) <= growsOnceAbove || cap(t.cells) >= t.maxSize {
		return nil
	}
	if t.ask != nil {
		if err := t.ask(t.maxSize); err != nil {
			return err
		}
	}
	t.cells = append(make([]byte, 0, t.maxSize), t.cells...)
	return nil
}

// AskToGrow makes the table ask before it gets the room of a large one, with
// the bytes of that room. An error then is one of Row.
func (t *Table) AskToGrow(ask func(bytes int) error) { t.ask = ask }

// MarkCut records that rows were left out.
func (t *Table) MarkCut(why Cut) { t.cut = why }

// SetMask makes every cell of the column go through m.
func (t *Table) SetMask(column int, m Mask) {
	if t.masks == nil {
		t.masks = make([]Mask, len(t.columns))
	}
	t.masks[column] = m
}

// Columns returns the columns, names made unique.
func (t *Table) Columns() []Column { return t.columns }

// Len returns the number of rows.
func (t *Table) Len() int {
	if len(t.columns) == 0 {
		return 0
	}
	return len(t.ends) / len(t.columns)
}

// Cut returns why the table is incomplete, NotCut when it is complete.
func (t *Table) Cut() Cut { return t.cut }

// Cell returns the JSON of one cell, masked.
func (t *Table) Cell(row, column int) []byte {
	return t.appendCell(nil, row*len(t.columns)+column, column)
}

func (t *Table) appendCell(dst []byte, i, column int) []byte {
	var start uint32
	if i > 0 {
		start = t.ends[i-1]
	}
	cell := t.cells[start:t.ends[i]]
	if t.masks != nil && t.masks[column] != nil {
		return t.masks[column](dst, cell)
	}
	return append(dst, cell...)
}

// AppendJSON appends the compact result object of contract 6.5.
func (t *Table) AppendJSON(dst []byte) []byte {
	return t.appendTail(t.AppendRows(t.appendHead(dst)))
}

// AppendRows appends the rows as a JSON array of objects.
func (t *Table) AppendRows(dst []byte) []byte {
	dst = append(dst, '[')
	for row := range t.Len() {
		dst = t.appendRow(dst, row)
	}
	return append(dst, ']')
}

// JSONChunks yields what AppendJSON appends in pieces of about size bytes, so
// that a large table need not be held a second time. A piece is valid until
// the next one.
func (t *Table) JSONChunks(size int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		piece := append(t.appendHead(make([]byte, 0, size+size/4)), '[')
		for row := range t.Len() {
			if piece = t.appendRow(piece, row); len(piece) < size {
				continue
			}
			if !yield(piece) {
				return
			}
			piece = piece[:0]
		}
		yield(t.appendTail(append(piece, ']')))
	}
}

func (t *Table) appendHead(dst []byte) []byte {
	dst = append(dst, `{"columns":[`...)
	for i, c := range t.columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, c.Name)
	}
	dst = append(dst, `],"row_count":`...)
	dst = strconv.AppendInt(dst, int64(t.Len()), 10)
	return append(dst, `,"rows":`...)
}

func (t *Table) appendRow(dst []byte, row int) []byte {
	if row > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, '{')
	for c, key := range t.keys {
		if c > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, key...)
		dst = t.appendCell(dst, row*len(t.columns)+c, c)
	}
	return append(dst, '}')
}

func (t *Table) appendTail(dst []byte) []byte {
	dst = append(dst, `,"truncated":`...)
	dst = strconv.AppendBool(dst, t.cut != NotCut)
	if t.cut != NotCut {
		dst = append(dst, `,"truncation_reason":`...)
		dst = AppendString(dst, string(t.cut))
	}
	return append(dst, '}')
}

// JSONSize estimates the length of AppendJSON's output, for allocation.
func (t *Table) JSONSize() int {
	n := 96 + t.size
	for _, k := range t.keys {
		n += len(k)
	}
	return n
}

// MarshalJSON makes a Table usable where a json.Marshaler is expected.
func (t *Table) MarshalJSON() ([]byte, error) {
	return t.AppendJSON(make([]byte, 0, t.JSONSize())), nil
}

var _ json.Marshaler = (*Table)(nil)

// uniqueNames applies the naming rule of contract 6.5: an unnamed column
// becomes column_<n>, a repeated name gets _2, _3, … avoiding names that
// other columns already have. Names are compared in the form they are sent in:
// two that differ only in bytes that are not UTF-8 would become one member.
func uniqueNames(in []Column) []Column {
	if len(in) <= fewColumns && areUnique(in) {
		return slices.Clone(in)
	}
	out := make([]Column, len(in))
	taken := make(map[string]bool, len(in))
	for i, c := range in {
		c.Name = strings.ToValidUTF8(c.Name, "\uFFFD")
		out[i], taken[c.Name] = c, true
	}
	seen := make(map[string]bool, len(in))
	for i, c := range out {
		if c.Name == "" {
			c.Name = freeName("column", i+1, taken)
		} else if seen[c.Name] {
			c.Name = freeName(c.Name, 2, taken)
		}
		seen[c.Name], taken[c.Name] = true, true
		out[i] = c
	}
	return out
}

// fewColumns is up to where comparing all names with each other is cheaper
// than collecting them.
const fewColumns = 16

func areUnique(columns []Column) bool {
	for i, c := range columns {
		same := func(other Column) bool { return other.Name == c.Name }
		if c.Name == "" || !utf8.ValidString(c.Name) || slices.ContainsFunc(columns[:i], same) {
			return false
		}
	}
	return true
}

func freeName(base string, n int, taken map[string]bool) string {
	for ; ; n++ {
		name := base + "_" + strconv.Itoa(n)
		if !taken[name] {
			return name
		}
	}
}
