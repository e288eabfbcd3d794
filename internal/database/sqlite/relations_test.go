package sqlite_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// library makes tables, views over them and over views, and virtual tables.
func library() []string {
	return []string{
		`CREATE TABLE Books (id INTEGER PRIMARY KEY, title TEXT, author INTEGER)`,
		`CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT)`,
		`CREATE TABLE loans (book INTEGER, day TEXT, late GENERATED ALWAYS AS (day > '2026') VIRTUAL)`,
		`CREATE VIEW titles AS SELECT title, name FROM Books JOIN authors ON author = authors.id`,
		`CREATE VIEW overview AS SELECT count(*) AS n FROM titles WHERE title IN (SELECT day FROM loans)`,
		`CREATE VIEW tags AS SELECT value FROM Books, json_each('["a","b"]')`,
		`CREATE VIRTUAL TABLE search USING fts5(body)`,
		`CREATE VIRTUAL TABLE places USING rtree(id, x0, x1)`,
		`CREATE VIEW found AS SELECT body FROM search`,
		`CREATE INDEX by_author ON Books (author)`,
		`ANALYZE`,
	}
}

func TestRelations(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", library()...))
	for sql, want := range map[string][]string{
		`SELECT 1`:                                            {},
		`SELECT * FROM books`:                                 {"Books"},
		`SELECT count(*) FROM BOOKS`:                          {"Books"},
		`SELECT 1 FROM "Books" b, books c`:                    {"Books"},
		`SELECT name FROM titles`:                             {"Books", "authors", "titles"},
		`SELECT count(*) FROM titles`:                         {"Books", "authors", "titles"},
		`SELECT * FROM overview`:                              {"Books", "authors", "loans", "overview", "titles"},
		`SELECT late FROM loans`:                              {"loans"},
		`SELECT (SELECT max(id) FROM authors), 1`:             {"authors"},
		`SELECT 1 WHERE EXISTS (SELECT 1 FROM loans)`:         {"loans"},
		`SELECT * FROM json_each('[1]')`:                      {},
		`SELECT * FROM tags`:                                  {"Books", "tags"},
		`WITH c AS (SELECT id FROM books) SELECT * FROM c`:    {"Books"},
		`SELECT * FROM search WHERE search MATCH 'x'`:         {"search"},
		`SELECT * FROM search_content`:                        {"search_content"},
		`SELECT count(*) FROM found`:                          {"found", "search"},
		`SELECT * FROM places WHERE x0 > 1`:                   {"places"},
		`SELECT name FROM sqlite_master`:                      {"sqlite_schema"},
		`SELECT * FROM pragma_table_info('books')`:            {},
		`PRAGMA table_info(books)`:                            {},
		`EXPLAIN QUERY PLAN SELECT * FROM titles`:             {"Books", "authors", "titles"},
		`SELECT id FROM authors UNION SELECT book FROM loans`: {"authors", "loans"},
	} {
		// Twice in each order, because the first look at a virtual table opens
		// it; and once more after the statement has run.
		for range 2 {
			stmt := &sqlguard.Statement{SQL: sql}
			got, err := conn.Relations(t.Context(), stmt)
			if err != nil {
				t.Errorf("%s: %v", sql, err)
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" || !slices.IsSorted(got) {
				t.Errorf("%s (-want +got):\n%s", sql, diff)
			}
			if _, err := conn.Query(t.Context(), stmt, database.Limit{}); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
		}
	}
}

// TestRelationsAgree asks two fresh connections, one of which has run
// something before: what was compiled earlier must not change the answer.
func TestRelationsAgree(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/a.db", library()...)
	for _, sql := range []string{`SELECT * FROM search`, `SELECT * FROM places`, `SELECT * FROM found`, `SELECT * FROM titles`} {
		fresh, used := mustOpen(t, dir, path), mustOpen(t, dir, path)
		stmt := &sqlguard.Statement{SQL: sql}
		_, err := used.Query(t.Context(), stmt, database.Limit{})
		mustDo(t, err)
		one, err := fresh.Relations(t.Context(), stmt)
		mustDo(t, err)
		two, err := used.Relations(t.Context(), stmt)
		mustDo(t, err)
		if diff := cmp.Diff(one, two); diff != "" {
			t.Errorf("%s (-fresh +used):\n%s", sql, diff)
		}
	}
}

// TestRelationsOfARefusedStatement is refused like the statement itself.
func TestRelationsOfARefusedStatement(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)"))
	for sql, want := range map[string]string{
		"SELECT * FROM missing":              "no such table: missing",
		"SELECT load_extension('x')":         "not authorized to use function: load_extension",
		"DELETE FROM t":                      "not authorized",
		"SELECT 1; SELECT 2":                 "exactly one statement is allowed",
		"SELECT * FROM pragma_database_list": "access to pragma_database_list.seq is prohibited",
	} {
		if _, err := conn.Relations(t.Context(), &sqlguard.Statement{SQL: sql}); publicText(err) != want {
			t.Errorf("%s: %q, want %q", sql, publicText(err), want)
		}
	}
}

// TestRelationsThatChanged redefines a view between the question and the
// statement: it must not run as something else than was judged.
func TestRelationsThatChanged(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/a.db"
	writer := mustWriter(t, path, "CREATE TABLE open (a)", "CREATE TABLE secret (a)", "INSERT INTO secret VALUES (7)",
		"CREATE VIEW v AS SELECT a FROM open")
	conn := mustOpen(t, dir, path)
	stmt := &sqlguard.Statement{SQL: "SELECT a FROM v"}
	ask := func() []string {
		names, err := conn.Relations(t.Context(), stmt)
		mustDo(t, err)
		return names
	}
	run := func() (rows int, err error) {
		table, err := conn.Query(t.Context(), stmt, database.Limit{})
		if err == nil {
			rows = table.Len()
		}
		return rows, err
	}
	if diff := cmp.Diff([]string{"open", "v"}, ask()); diff != "" {
		t.Fatal(diff)
	}
	if rows, err := run(); rows != 0 || err != nil {
		t.Fatalf("%d rows, %v", rows, err)
	}
	for _, change := range []string{"CREATE TABLE other (a)", "DROP VIEW v; CREATE VIEW v AS SELECT a FROM open WHERE a > 1"} {
		_, err := writer.Exec(change)
		mustDo(t, err)
		if _, err := run(); err != nil {
			t.Errorf("%s, which changes nothing for the statement: %v", change, err)
		}
	}
	_, err := writer.Exec("DROP VIEW v; CREATE VIEW v AS SELECT a FROM secret")
	mustDo(t, err)
	if _, err := run(); !fault.Is(err, fault.Invalid) || publicText(err) != "the schema of the database has changed, try again" {
		t.Errorf("a view of something else: %v", err)
	}
	if diff := cmp.Diff([]string{"secret", "v"}, ask()); diff != "" {
		t.Error(diff)
	}
	if rows, err := run(); rows != 1 || err != nil {
		t.Errorf("afterwards %d rows, %v", rows, err)
	}
}

// TestHostileViews opens a file whose maker put into views, generated columns
// and triggers what no statement may name.
func TestHostileViews(t *testing.T) {
	dir := t.TempDir()
	conn := mustOpen(t, dir, mustCreate(t, dir+"/a.db",
		"CREATE TABLE t (a)", "INSERT INTO t VALUES (1)",
		"CREATE VIEW extension AS SELECT load_extension('x') FROM t",
		"CREATE VIEW deep AS SELECT * FROM extension",
		"CREATE VIEW blob AS SELECT length(randomblob(9)) FROM t",
		"CREATE VIEW counts AS SELECT changes(), last_insert_rowid()",
		"CREATE VIEW pages AS SELECT * FROM sqlite_dbpage",
		"CREATE VIEW stats AS SELECT * FROM dbstat",
		"CREATE VIEW files AS SELECT * FROM pragma_database_list",
		"CREATE VIEW list AS SELECT value FROM t, json_each('[5]')",
		"CREATE VIRTUAL TABLE f USING fts5(x)",
		"CREATE VIEW words AS SELECT x FROM f",
		"CREATE TABLE g (a, b AS (json_patch('{}', a)))",
		"CREATE TRIGGER tr INSTEAD OF INSERT ON list BEGIN SELECT load_extension('x'); END",
	))
	for sql, want := range map[string]string{
		"SELECT * FROM extension": "unsafe use of load_extension()",
		"SELECT * FROM deep":      "unsafe use of load_extension()",
		"SELECT * FROM blob":      "not authorized to use function: randomblob",
		"SELECT * FROM counts":    "not authorized to use function: changes",
		"SELECT * FROM pages":     `unsafe use of virtual table "sqlite_dbpage"`,
		"SELECT * FROM stats":     `unsafe use of virtual table "dbstat"`,
		"SELECT * FROM files":     `unsafe use of virtual table "pragma_database_list"`,
		"SELECT * FROM list":      "",
		"SELECT * FROM words":     "",
		"SELECT * FROM g":         "",
	} {
		stmt := &sqlguard.Statement{SQL: sql}
		_, err := conn.Query(t.Context(), stmt, database.Limit{})
		if got := publicText(err); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
		_, err = conn.Relations(t.Context(), stmt)
		if got := publicText(err); got != want {
			t.Errorf("relations of %s: %q, want %q", sql, got, want)
		}
	}
}
