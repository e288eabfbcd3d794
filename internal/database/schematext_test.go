package database_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// shop is a small schema with one of everything.
func shop() *database.Schema {
	return &database.Schema{Tables: []database.Table{
		{
			Schema: "public", Name: "customers", Kind: "table", Rows: 1200, Comment: "people who\nbuy",
			Columns: []database.Column{
				{Name: "id", Type: "integer"},
				{Name: "email", Type: "text", Comment: "login name"},
				{Name: "since", Type: "date", Nullable: true, Default: "CURRENT_DATE"},
			},
			PrimaryKey: []string{"id"}, Unique: [][]string{{"email"}},
			Indexes: []database.Index{{Name: "customers_since", Columns: []string{"since", "id"}}},
		},
		{
			Schema: "public", Name: "orders", Kind: "table", Rows: -1,
			Columns: []database.Column{
				{Name: "id", Type: "bigint"},
				{Name: "customer_id", Type: "integer"},
			},
			PrimaryKey:  []string{"id"},
			ForeignKeys: []database.ForeignKey{{Columns: []string{"customer_id"}, RefTable: "public.customers", RefColumns: []string{"id"}}},
			Indexes:     []database.Index{{Name: "orders_customer", Columns: []string{"customer_id"}, Unique: true}},
		},
		{
			Schema: "report", Name: "sales", Kind: "view", Rows: -1,
			Columns: []database.Column{{Name: "total", Type: "numeric", Nullable: true}},
		},
	}}
}

func TestDescribeGolden(t *testing.T) {
	tests := map[string]database.SchemaQuery{
		"default": {},
		"summary": {Detail: database.DetailSummary},
		"tables":  {Tables: []string{"orders", "report.sales", "nothing", "orders\nTable: fake"}},
		"search":  {Search: "LOGIN", Detail: database.DetailFull},
		"none":    {Search: "no such thing"},
	}
	for name, q := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := database.Describe(shop(), q)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", got.Text)
			golden(t, name+".json", indent(t, got.Structured))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "schema", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func indent(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

// wide returns n tables of the given number of columns, with everything that
// can be dropped.
func wide(n, columns int) *database.Schema {
	s := &database.Schema{}
	for i := range n {
		t := database.Table{Schema: "public", Name: fmt.Sprintf("table_%03d", i), Kind: "table", Rows: 10, Comment: "a table"}
		for c := range columns {
			t.Columns = append(t.Columns, database.Column{
				Name: fmt.Sprintf("column_%02d", c), Type: "integer", Default: "0", Comment: "what it is for, at some length",
			})
		}
		t.PrimaryKey = []string{"column_00"}
		t.Unique = [][]string{{"column_01"}}
		t.Indexes = []database.Index{{Name: "by_column_02", Columns: []string{"column_02"}}}
		s.Tables = append(s.Tables, t)
	}
	return s
}

func TestDescribeDropsDetailInOrder(t *testing.T) {
	tests := []struct {
		name    string
		schema  *database.Schema
		query   database.SchemaQuery
		max     int
		omitted []string
	}{
		{"all fits", wide(5, 5), database.SchemaQuery{}, 12_000, nil},
		{"comments", wide(12, 20), database.SchemaQuery{}, 12_000, []string{"comments"}},
		{"defaults", wide(16, 20), database.SchemaQuery{}, 12_000, []string{"comments", "defaults"}},
		{"keys", wide(17, 20), database.SchemaQuery{}, 12_000, []string{"comments", "defaults", "indexes", "unique and foreign keys"}},
		{"some columns", wide(40, 20), database.SchemaQuery{}, 12_000, []string{"comments", "defaults", "indexes", "unique and foreign keys", "the columns of the 24 largest tables"}},
		{"tables", wide(500, 20), database.SchemaQuery{}, 12_000, []string{"comments", "defaults", "indexes", "unique and foreign keys", "the columns of all tables", "178 more tables"}},
		{"full", wide(60, 20), database.SchemaQuery{Detail: database.DetailFull}, 100_000, nil},
		{"summary", wide(240, 20), database.SchemaQuery{Detail: database.DetailSummary}, 12_000, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := database.Describe(tt.schema, tt.query)
			if err != nil {
				t.Fatal(err)
			}
			if n := utf8.RuneCountInString(got.Text); n > tt.max {
				t.Errorf("%d characters, want at most %d", n, tt.max)
			}
			var doc struct{ Omitted []string }
			if err := json.Unmarshal(got.Structured, &doc); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.omitted, doc.Omitted); diff != "" {
				t.Errorf("omitted (-want +got):\n%s", diff)
			}
			if told := strings.Contains(got.Text, "Left out"); told != (tt.omitted != nil) {
				t.Errorf("closing line present: %v", told)
			}
		})
	}
}

func BenchmarkDescribe(b *testing.B) {
	s := wide(500, 20)
	for b.Loop() {
		if _, err := database.Describe(s, database.SchemaQuery{}); err != nil {
			b.Fatal(err)
		}
	}
}
