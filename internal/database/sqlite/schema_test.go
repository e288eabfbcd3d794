package sqlite_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

func mustSchema(t testing.TB, statements ...string) *database.Schema {
	t.Helper()
	dir := t.TempDir()
	schema, err := mustOpen(t, dir, mustCreate(t, dir+"/a.db", statements...)).Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSchema(t *testing.T) {
	got := mustSchema(t,
		`CREATE TABLE "it's ""odd""" (a INTEGER PRIMARY KEY AUTOINCREMENT, "from" TEXT, UNIQUE ("from", a), UNIQUE (a))`,
		`CREATE TABLE pairs (x INT NOT NULL, y INT NOT NULL, z AS (x + y) STORED, PRIMARY KEY (y, x)) WITHOUT ROWID`,
		`CREATE TABLE child (p INTEGER REFERENCES "it's ""odd""", y INT, x INT, any, FOREIGN KEY (y, x) REFERENCES pairs (y, x))`,
		`CREATE UNIQUE INDEX child_lower ON child (lower(y), x DESC) WHERE x > 0`,
		`CREATE VIEW broken AS SELECT * FROM gone`,
		`CREATE VIEW totals AS SELECT sum(x) AS total FROM pairs`,
		`CREATE VIRTUAL TABLE notes USING fts5(title, body)`,
		// A table of an extension that is not there.
		`PRAGMA writable_schema = 1`,
		`INSERT INTO sqlite_schema VALUES ('table', 'foreign', 'foreign', 0, 'CREATE VIRTUAL TABLE "foreign" USING unheard_of(a)')`,
		`INSERT INTO "it's ""odd""" VALUES (5, 'a'), (6, 'b'), (9, 'c')`,
	)
	want := &database.Schema{Tables: []database.Table{
		{Name: "broken", Kind: "view", Rows: -1},
		{
			Name: "child", Kind: "table", Rows: 0,
			Columns: []database.Column{
				{Name: "p", Type: "INTEGER", Nullable: true}, {Name: "y", Type: "INT", Nullable: true},
				{Name: "x", Type: "INT", Nullable: true}, {Name: "any", Nullable: true},
			},
			ForeignKeys: []database.ForeignKey{
				{Columns: []string{"p"}, RefTable: `it's "odd"`, RefColumns: []string{"a"}},
				{Columns: []string{"y", "x"}, RefTable: "pairs", RefColumns: []string{"y", "x"}},
			},
			Indexes: []database.Index{{Name: "child_lower", Columns: []string{"(expression)", "x"}, Unique: true}},
		},
		{Name: "foreign", Kind: "virtual table", Rows: -1},
		{
			Name: `it's "odd"`, Kind: "table", Rows: 5,
			Columns:    []database.Column{{Name: "a", Type: "INTEGER"}, {Name: "from", Type: "TEXT", Nullable: true}},
			PrimaryKey: []string{"a"}, Unique: [][]string{{"from", "a"}, {"a"}},
		},
		{
			Name: "notes", Kind: "virtual table", Rows: -1,
			Columns: []database.Column{{Name: "title", Nullable: true}, {Name: "body", Nullable: true}},
		},
		{
			Name: "pairs", Kind: "table", Rows: -1,
			Columns:    []database.Column{{Name: "x", Type: "INT"}, {Name: "y", Type: "INT"}, {Name: "z", Nullable: true}},
			PrimaryKey: []string{"y", "x"},
		},
		{Name: "totals", Kind: "view", Rows: -1, Columns: []database.Column{{Name: "total", Nullable: true}}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

func TestRowEstimates(t *testing.T) {
	got := mustSchema(t,
		`CREATE TABLE analysed (a, b)`, `CREATE INDEX by_a ON analysed (a)`,
		`INSERT INTO analysed WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 500) SELECT n, n FROM c`,
		`ANALYZE`,
		`CREATE TABLE plain (a)`, `INSERT INTO plain VALUES (1), (2), (3)`,
		`CREATE TABLE sparse (id INTEGER PRIMARY KEY)`, `INSERT INTO sparse VALUES (1), (1730000000000)`,
		`CREATE TABLE negative (id INTEGER PRIMARY KEY)`, `INSERT INTO negative VALUES (-9223372036854775808), (9223372036854775807)`,
	)
	rows := map[string]int64{}
	for _, table := range got.Tables {
		rows[table.Name] = table.Rows
	}
	if diff := cmp.Diff(map[string]int64{"analysed": 500, "plain": 3, "sparse": -1, "negative": -1}, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestVirtualTables reads the extensions that people have in their files.
// Opening them prepares statements of their own, writing ones included.
func TestVirtualTables(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db",
		`CREATE VIRTUAL TABLE notes USING fts5(title, body)`, `INSERT INTO notes VALUES ('one', 'a red fox'), ('two', 'a blue fox')`,
		`CREATE VIRTUAL TABLE places USING rtree(id, x0, x1, y0, y1)`, `INSERT INTO places VALUES (7, 1, 2, 1, 2)`,
	))
	for _, tt := range []struct{ sql, want string }{
		{`SELECT title FROM notes WHERE notes MATCH 'red'`, `"one"`},
		{`SELECT title FROM notes WHERE notes MATCH 'fox' ORDER BY rank LIMIT 1`, `"one"`},
		{`SELECT snippet(notes, 1, '<', '>', '', 3) FROM notes WHERE notes MATCH 'blue'`, `"a <blue> fox"`},
		{`SELECT id FROM places WHERE x0 > 0 AND x1 < 3`, `7`},
		{`SELECT value FROM json_each('[4]')`, `4`},
		{`SELECT name FROM pragma_table_info('notes') LIMIT 1`, `"title"`},
	} {
		table, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: tt.sql}, database.Limit{})
		if err != nil {
			t.Errorf("%s: %v", tt.sql, err)
			continue
		}
		if got := string(table.Cell(0, 0)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.sql, got, tt.want)
		}
	}
}

func BenchmarkSchema(b *testing.B) {
	dir := b.TempDir()
	var statements []string
	for i := range 500 {
		statements = append(statements, fmt.Sprintf(`CREATE TABLE t%d (id INTEGER PRIMARY KEY, a TEXT NOT NULL UNIQUE, b INT REFERENCES t0, c, d, e, f, g, h, i)`, i))
	}
	conn := mustOpen(b, dir, mustCreate(b, dir+"/a.db", statements...))
	for b.Loop() {
		if _, err := conn.Schema(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
