package tool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func columns(names ...string) []Column {
	out := make([]Column, len(names))
	for i, n := range names {
		out[i].Name = n
	}
	return out
}

// mustAdd appends rows of ready JSON cells and fails when one does not fit.
func mustAdd(t *testing.T, table *Table, rows ...[]string) {
	t.Helper()
	for _, row := range rows {
		if ok, err := addRow(table, row); err != nil || !ok {
			t.Fatalf("row %q: %v, %v", row, ok, err)
		}
	}
}

func addRow(table *Table, cells []string) (bool, error) {
	return table.Row(func(dst []byte, i int) ([]byte, error) { return append(dst, cells[i]...), nil })
}

func TestTableGolden(t *testing.T) {
	empty := NewTable(columns("a"), 1000)
	plain := NewTable(columns("id", `na"me`, "é"), 1000)
	mustAdd(t, plain, []string{`1`, `"x"`, `null`}, []string{`2.50`, `{"k":[1]}`, `true`})
	cut := NewTable(columns("n"), 1000)
	mustAdd(t, cut, []string{`1`})
	cut.MarkCut(RowLimit)
	for want, table := range map[string]*Table{
		`{"columns":["a"],"row_count":0,"rows":[],"truncated":false}`:                                                                                     empty,
		`{"columns":["id","na\"me","é"],"row_count":2,"rows":[{"id":1,"na\"me":"x","é":null},{"id":2.50,"na\"me":{"k":[1]},"é":true}],"truncated":false}`: plain,
		`{"columns":["n"],"row_count":1,"rows":[{"n":1}],"truncated":true,"truncation_reason":"row_limit"}`:                                               cut,
	} {
		if got := string(table.AppendJSON(nil)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		marshalled, err := json.Marshal(table)
		if err != nil || !json.Valid(marshalled) {
			t.Errorf("json.Marshal: %s, %v", marshalled, err)
		}
	}
}

func TestColumnNamesBecomeUnique(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"a,b", "a,b"},
		{"a,a,a", "a,a_2,a_3"},
		{"a,a,a_2", "a,a_3,a_2"},
		{"a_2,a,a", "a_2,a,a_3"},
		{",x,", "column_1,x,column_3"},
		{",column_1", "column_2,column_1"},
		{"a,A", "a,A"},
		{"a_2,a_2", "a_2,a_2_2"},
	} {
		var got []string
		for _, c := range NewTable(columns(strings.Split(tc.in, ",")...), 10).Columns() {
			got = append(got, c.Name)
		}
		if strings.Join(got, ",") != tc.want {
			t.Errorf("%s: %s, want %s", tc.in, strings.Join(got, ","), tc.want)
		}
	}
}

func TestByteCutLeavesWholeRows(t *testing.T) {
	table := NewTable(columns("a", "b"), 40)
	mustAdd(t, table, []string{`"first"`, `1`})
	for range 2 {
		ok, err := addRow(table, []string{`2`, `"far too long for what is left"`})
		if ok || err != nil {
			t.Fatalf("a row beyond the limit: %v, %v", ok, err)
		}
	}
	if table.Len() != 1 || table.Cut() != ByteCut {
		t.Errorf("%d rows, cut %q", table.Len(), table.Cut())
	}
	want := `{"columns":["a","b"],"row_count":1,"rows":[{"a":"first","b":1}],"truncated":true,"truncation_reason":"byte_limit"}`
	if got := string(table.AppendJSON(nil)); got != want {
		t.Errorf("got %s", got)
	}
}

func TestFailedRowLeavesNoTrace(t *testing.T) {
	table := NewTable(columns("a", "b"), 1000)
	mustAdd(t, table, []string{`1`, `2`})
	broken := errors.New("connection lost")
	_, err := table.Row(func(dst []byte, i int) ([]byte, error) {
		if i == 1 {
			return nil, broken
		}
		return append(dst, `"half"`...), nil
	})
	if !errors.Is(err, broken) || table.Len() != 1 || table.Cut() != NotCut {
		t.Errorf("%v, %d rows, cut %q", err, table.Len(), table.Cut())
	}
	mustAdd(t, table, []string{`3`, `4`})
	if got := string(table.AppendRows(nil)); got != `[{"a":1,"b":2},{"a":3,"b":4}]` {
		t.Errorf("got %s", got)
	}
}

func TestMasksApplyToOneColumnEverywhere(t *testing.T) {
	table := NewTable(columns("name", "card"), 1000)
	mustAdd(t, table, []string{`"Ann"`, `"4111"`}, []string{`"Bob"`, `null`})
	table.SetMask(1, func(dst, cell []byte) []byte {
		if string(cell) == "null" {
			return append(dst, cell...)
		}
		return append(dst, `"***"`...)
	})
	if got := string(table.AppendRows(nil)); got != `[{"name":"Ann","card":"***"},{"name":"Bob","card":null}]` {
		t.Errorf("got %s", got)
	}
	cells := []string{string(table.Cell(0, 0)), string(table.Cell(0, 1)), string(table.Cell(1, 1))}
	if d := cmp.Diff([]string{`"Ann"`, `"***"`, `null`}, cells); d != "" {
		t.Error(d)
	}
	if got := table.AppendJSON(nil); bytes.Contains(got, []byte("4111")) {
		t.Errorf("the masked value is sent: %s", got)
	}
}

func TestTableWithoutColumns(t *testing.T) {
	table := NewTable(nil, 100)
	mustAdd(t, table, []string{})
	if got := string(table.AppendJSON(nil)); !json.Valid([]byte(got)) || table.Len() != 0 {
		t.Errorf("%d rows: %s", table.Len(), got)
	}
}

// FuzzTable builds a table of arbitrary names and texts and compares it with
// what encoding/json makes of the same data.
func FuzzTable(f *testing.F) {
	f.Add("a\nb\na", "1\nx\n\"\ny", 4000)
	f.Add("\n\ncolumn_1", "\x00\u2028\n</script>", 60)
	f.Add("é\xff\né\xfe", "\xff\n\xfe", 500)
	f.Fuzz(func(t *testing.T, names, values string, limit int) {
		limit = min(max(limit, 0), 1<<16)
		table := NewTable(columns(strings.Split(names, "\n")...), limit)
		width := len(table.Columns())
		cells := strings.Split(values, "\n")
		var want []map[string]string
		for len(cells) >= width {
			ok, err := table.Row(func(dst []byte, i int) ([]byte, error) { return AppendString(dst, cells[i]), nil })
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			want = append(want, asMap(table.Columns(), cells))
			cells = cells[width:]
		}
		checkTable(t, table, want, limit)
	})
}

func asMap(columns []Column, cells []string) map[string]string {
	row := make(map[string]string)
	for i, c := range columns {
		row[strings.ToValidUTF8(c.Name, "\uFFFD")] = strings.ToValidUTF8(cells[i], "\uFFFD")
	}
	return row
}

func checkTable(t *testing.T, table *Table, want []map[string]string, limit int) {
	t.Helper()
	var got struct {
		Columns  []string
		RowCount int `json:"row_count"`
		Rows     []map[string]string
	}
	text := table.AppendJSON(nil)
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if got.RowCount != len(want) || len(got.Rows) != len(want) || fmt.Sprint(got.Rows) != fmt.Sprint(want) {
		t.Errorf("got %s, want %q", text, want)
	}
	for _, row := range got.Rows {
		if len(row) != len(table.Columns()) {
			t.Errorf("two columns have one name: %q in %s", got.Columns, text)
		}
	}
	if rows := table.AppendRows(nil); len(rows) > limit+2 {
		t.Errorf("%d bytes of rows, at most %d and brackets", len(rows), limit)
	}
}

func TestTableAsksBeforeItGrows(t *testing.T) {
	row := []string{`"` + strings.Repeat("x", 1<<20) + `"`}
	table := NewTable(columns("a"), 10<<20)
	asked, full := 0, errors.New("no room")
	table.AskToGrow(func(bytes int) error {
		asked = bytes
		return full
	})
	mustAdd(t, table, row, row)
	if asked != 0 {
		t.Errorf("a table of 2 MiB asked for %d bytes", asked)
	}
	if ok, err := addRow(table, row); ok || !errors.Is(err, full) || asked != 10<<20 {
		t.Errorf("without room: %t, %v, asked for %d", ok, err, asked)
	}
	full = nil
	mustAdd(t, table, row)
	if table.Len() != 3 || table.Cut() != NotCut {
		t.Errorf("%d rows, cut %q", table.Len(), table.Cut())
	}
	asked = 0
	mustAdd(t, table, row)
	if asked != 0 {
		t.Error("asked twice")
	}
}

func TestSizeOfEveryResult(t *testing.T) {
	table := NewTable(columns("a"), 1000)
	mustAdd(t, table, []string{`1`})
	text := strings.Repeat("x", 1000)
	contents := Contents{Text: text, Blob: []byte(text)}
	for name, tt := range map[string]struct {
		result Result
		want   int
	}{
		"text":      {Result{Text: text, Structured: []byte(text)}, 2000},
		"JSON":      {Result{JSON: []byte(text)}, 1000},
		"table":     {Result{Table: table}, table.JSONSize()},
		"content":   {Result{Content: []Content{{Text: text}, {Data: []byte(text)}, {Resource: &contents}}}, 4000},
		"messages":  {Result{Messages: []Message{{Content: Content{Text: text}}}}, 1000},
		"resources": {Result{Contents: []Contents{contents, contents}}, 4000},
	} {
		if got := tt.result.Size(); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}
