package databasetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

func (f Fixture) testSchema(t *testing.T) {
	schema, err := f.open(t, f.Owner).Schema(f.context(t))
	if err != nil {
		t.Fatal(err)
	}
	customers, orders := find(t, schema, "customers"), find(t, schema, "orders")
	view := find(t, schema, "customer_totals")

	kinds := []string{customers.Kind, orders.Kind, view.Kind}
	if diff := cmp.Diff([]string{"table", "table", "view"}, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"id", "name", "email", "city"}, names(customers)); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"id", "name", "total"}, names(view)); diff != "" {
		t.Errorf("view columns (-want +got):\n%s", diff)
	}
	checkColumns(t, customers)
	checkKeys(t, customers, orders)
	if !sorted(schema) {
		t.Error("tables are not ordered by schema and name")
	}
}

func checkColumns(t *testing.T, customers database.Table) {
	t.Helper()
	for i, nullable := range []bool{false, false, true, true} {
		c := customers.Columns[i]
		if c.Nullable != nullable || c.Type == "" {
			t.Errorf("column %+v: want nullable %t and a type", c, nullable)
		}
	}
	if d := customers.Columns[3].Default; !strings.Contains(d, "Bern") {
		t.Errorf("default of city = %q", d)
	}
}

func checkKeys(t *testing.T, customers, orders database.Table) {
	t.Helper()
	if diff := cmp.Diff([]string{"id"}, customers.PrimaryKey); diff != "" {
		t.Errorf("primary key (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"email"}}, customers.Unique); diff != "" {
		t.Errorf("unique keys (-want +got):\n%s", diff)
	}
	if len(orders.ForeignKeys) != 1 {
		t.Fatalf("foreign keys = %+v", orders.ForeignKeys)
	}
	fk := orders.ForeignKeys[0]
	if !slices.Equal(fk.Columns, []string{"customer_id"}) || !slices.Equal(fk.RefColumns, []string{"id"}) ||
		fk.RefTable != "customers" && !strings.HasSuffix(fk.RefTable, ".customers") {
		t.Errorf("foreign key = %+v", fk)
	}
	i := slices.IndexFunc(orders.Indexes, func(x database.Index) bool { return x.Name == "orders_by_day" })
	if i < 0 {
		t.Fatalf("indexes = %+v", orders.Indexes)
	}
	want := database.Index{Name: "orders_by_day", Columns: []string{"placed", "customer_id"}}
	if diff := cmp.Diff(want, orders.Indexes[i]); diff != "" {
		t.Errorf("index (-want +got):\n%s", diff)
	}
}

func find(t *testing.T, s *database.Schema, name string) database.Table {
	t.Helper()
	for _, table := range s.Tables {
		if table.Name == name {
			return table
		}
	}
	t.Fatalf("table %s is not in the schema", name)
	return database.Table{}
}

func names(t database.Table) []string {
	var out []string
	for _, c := range t.Columns {
		out = append(out, c.Name)
	}
	return out
}

func sorted(s *database.Schema) bool {
	return slices.IsSortedFunc(s.Tables, func(a, b database.Table) int {
		if c := strings.Compare(a.Schema, b.Schema); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
}
