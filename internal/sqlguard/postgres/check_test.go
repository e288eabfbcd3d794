package postgres

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

func TestReasons(t *testing.T) {
	tests := map[string]string{
		"":                               "Generated SQL is empty after parsing",
		" ; -- nothing":                  "Generated SQL is empty after parsing",
		"SELECT 1; SELECT 2":             "Multiple statements are not allowed",
		"DELETE FROM users":              "Non-SELECT statement in generated SQL: DeleteStmt",
		"COMMIT":                         "Non-SELECT statement in generated SQL: TransactionStmt",
		"EXPLAIN DELETE FROM users":      "Forbidden operation in SQL AST: DeleteStmt",
		"SELECT 1 INTO x":                "Forbidden operation in SQL AST: IntoClause",
		"SELECT * FROM users FOR UPDATE": "Forbidden operation in SQL AST: LockingClause",
		"WITH d AS (DELETE FROM users RETURNING 1) SELECT 1": "Forbidden operation in SQL AST: DeleteStmt",
		"SELECT $1":                                           "Forbidden operation in SQL AST: ParamRef",
		"SELECT * FROM pg_authid":                             "Forbidden operation in SQL AST: RangeVar pg_authid",
		"SELECT 1::evil":                                      "Forbidden operation in SQL AST: TypeName evil",
		"SELECT 1 OPERATOR(public.+) 2":                       "Forbidden operation in SQL AST: A_Expr OPERATOR(public.+)",
		"SHOW data_directory":                                 "Forbidden operation in SQL AST: VariableShowStmt data_directory",
		"EXPLAIN (SETTINGS) SELECT 1":                         "Forbidden operation in SQL AST: ExplainStmt option settings",
		"SELECT PG_Sleep(1)":                                  "Function not allowed: pg_sleep",
		"SELECT public.f(1)":                                  "Function not allowed: public.f. An administrator can allow it for this connection.",
		"SELECT f(1)":                                         "Function not allowed: f. An administrator can allow it for this connection.",
		"SELECT set_config('a', 'b', true)":                   "Function not allowed: set_config",
		"SELECT current_setting('a')":                         "Function not allowed: current_setting",
		"SELECT dblink_exec('a', 'b')":                        "Function not allowed: dblink_exec",
		"SELECT public.similarity('a', 'b')":                  "Function not allowed: public.similarity",
		"SELECT to_regrole('a')":                              "Function not allowed: to_regrole",
		"SELECT lo_put(1, 2, 'x')":                            "Function not allowed: lo_put",
		"SELECT a.b.c()":                                      "Function not allowed: a.b.c",
		"SELECT information_schema._pg_truetypid(NULL, NULL)": "Function not allowed: information_schema._pg_truetypid",
		"SELECT (1).pg_sleep":                                 "Function not allowed: pg_sleep",
		"SELECT * FROM t TABLESAMPLE x(1)":                    "Function not allowed: x",
		"SELECT *\nFORM users":                                `Generated SQL failed to parse: syntax error at or near "FORM" (line 2, column 1)`,
		"SELECT 'größe' /* ü */ 'x'":                          `Generated SQL failed to parse: syntax error at or near "'x'" (line 1, column 25)`,
		"SELECT 'open":                                        `Generated SQL failed to parse: unterminated quoted string at or near "'open" (line 1, column 8)`,
		"SELECT '\xff'":                                       "Generated SQL failed to parse: statement is not valid UTF-8",
		"SELECT \x001":                                        "Generated SQL failed to parse: control character U+0000 at byte 7",
	}
	guard := New()
	for sql, want := range tests {
		t.Run(sql, func(t *testing.T) {
			_, err := guard.Check(sql)
			if err == nil {
				t.Fatal("accepted")
			}
			if got := fault.Of(err); got.Kind != fault.Invalid || got.Public != want {
				t.Errorf("refused with %q, want %q", got.Public, want)
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	tests := map[string]struct {
		sql  string
		want sqlguard.Statement
	}{
		"comments go": {
			"/* a */ SELECT 1 -- b\n;",
			sqlguard.Statement{SQL: "SELECT 1", Kind: "SELECT"},
		},
		"calls are bound to pg_catalog": {
			"SELECT Lower(name), count(*) FROM users",
			sqlguard.Statement{
				SQL:    "SELECT pg_catalog.lower(name), pg_catalog.count(*) FROM users",
				Kind:   "SELECT",
				Tables: []string{"users"}, Functions: []string{"lower", "count"},
			},
		},
		"extensions' calls are not": {
			"SELECT similarity(a, 'x') FROM public.t",
			sqlguard.Statement{
				SQL:    "SELECT similarity(a, 'x') FROM public.t",
				Kind:   "SELECT",
				Tables: []string{"public.t"}, Functions: []string{"similarity"},
			},
		},
		"a WITH query is no table": {
			"WITH a AS (SELECT * FROM t), b AS (SELECT * FROM a) SELECT * FROM a, b, c",
			sqlguard.Statement{
				SQL:    "WITH a AS (SELECT * FROM t), b AS (SELECT * FROM a) SELECT * FROM a, b, c",
				Kind:   "SELECT",
				Tables: []string{"t", "c"},
			},
		},
		"but the table it hides is": {
			"WITH users AS (SELECT * FROM users) SELECT * FROM users",
			sqlguard.Statement{
				SQL:    "WITH users AS (SELECT * FROM users) SELECT * FROM users",
				Kind:   "SELECT",
				Tables: []string{"users"},
			},
		},
		"a recursive one sees itself": {
			"WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 2 FROM r) SELECT * FROM r",
			sqlguard.Statement{
				SQL:  "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 2 FROM r) SELECT * FROM r",
				Kind: "SELECT",
			},
		},
		"its name ends with its clause": {
			"SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) q, t",
			sqlguard.Statement{
				SQL:    "SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) q, t",
				Kind:   "SELECT",
				Tables: []string{"t"},
			},
		},
		"values":  {"values (1)", sqlguard.Statement{SQL: "VALUES (1)", Kind: "VALUES"}},
		"show":    {"show search_path", sqlguard.Statement{SQL: "SHOW search_path", Kind: "SHOW"}},
		"table":   {"TABLE t", sqlguard.Statement{SQL: "SELECT * FROM t", Kind: "SELECT", Tables: []string{"t"}}},
		"explain": {"explain select 1", sqlguard.Statement{SQL: "EXPLAIN SELECT 1", Kind: "EXPLAIN"}},
		"no parameters are made of text": {
			`SELECT ':a ?1 $1 %s', j ? 'k', j ?| '{a}', 5 % 2 FROM t`,
			sqlguard.Statement{
				SQL:    `SELECT ':a ?1 $1 %s', j ? 'k', j ?| '{a}', 5 % 2 FROM t`,
				Kind:   "SELECT",
				Tables: []string{"t"}, Implied: sqlguard.Implied{Operators: []string{"?", "?|", "%"}},
			},
		},
		"a backslash is written so that no setting changes it": {
			`SELECT 'a\'`,
			sqlguard.Statement{SQL: `SELECT E'a\\'`, Kind: "SELECT"},
		},
	}
	guard := New()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := guard.Check(tt.sql)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestHostileShapes feeds what exhausts stacks. Each must be refused or
// accepted in bounded time, and the guard must work afterwards.
func TestHostileShapes(t *testing.T) {
	tests := map[string]struct {
		sql  string
		want string // part of the refusal, empty when either outcome is right
	}{
		"5,000 brackets":     {"SELECT " + strings.Repeat("(", 5_000) + "1" + strings.Repeat(")", 5_000), "nested deeper than 64"},
		"5,000 open":         {"SELECT " + strings.Repeat("(", 5_000), "nested deeper than 64"},
		"65 subscripts":      {"SELECT a" + strings.Repeat("[a", 65) + strings.Repeat("]", 65), "nested deeper than 64"},
		"65 cases":           {"SELECT " + strings.Repeat("CASE WHEN ", 65) + "1", "nested deeper than 64"},
		"a long list":        {"SELECT 1 IN (" + strings.Repeat("1,", 4_000) + "1)", "more than 8000 tokens"},
		"a megabyte":         {"SELECT '" + strings.Repeat("x", 1<<20) + "'", "longer than 100000 characters"},
		"a sum":              {"SELECT 1" + strings.Repeat("+1", 3_990), ""},
		"negations":          {"SELECT " + strings.Repeat("NOT ", 7_990) + "true", ""},
		"signs":              {"SELECT " + strings.Repeat("- ", 7_990) + "1", ""},
		"casts":              {"SELECT 1" + strings.Repeat("::int", 2_600), ""},
		"a union":            {"SELECT 1" + strings.Repeat(" UNION SELECT 1", 2_600), ""},
		"joins":              {"SELECT 1 FROM t" + strings.Repeat(" CROSS JOIN t", 2_600), ""},
		"ends without cases": {"SELECT " + strings.Repeat("END ", 7_000), "syntax error"},
		"an open comment":    {"SELECT 1 " + strings.Repeat("/*", 40_000), "unterminated /* comment"},
		"nested comments":    {"SELECT 1 " + strings.Repeat("/*", 20_000) + strings.Repeat("*/", 20_000), ""},
		"many comments":      {"SELECT 1 " + strings.Repeat("/**/", 20_000), ""},
		"pluses":             {"SELECT 1 " + strings.Repeat("+", 7_900) + "1", "operator is longer"},
		"runs of pluses":     {"SELECT 1 " + strings.Repeat(strings.Repeat("+", 60)+" ", 130) + "1", ""},
		"dollars":            {"SELECT $x$ " + strings.Repeat("$a", 40_000), "unterminated dollar"},
		"quotes":             {"SELECT " + strings.Repeat("''", 40_000), ""},
		"an open dollar":     {"SELECT $a$ " + strings.Repeat("(", 9_000), "unterminated dollar-quoted string"},
	}
	guard := New()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := guard.Check(tt.sql)
			switch {
			case err == nil && tt.want != "":
				t.Fatal("accepted")
			case err != nil && !sqlguardtest.IsReason(err):
				t.Fatalf("refused with %v, which is no reason of contract 6.5", err)
			case err != nil && !strings.Contains(err.Error(), tt.want):
				t.Fatalf("refused with %v, want %q", err, tt.want)
			}
			if _, err := guard.Check("SELECT lower('A')"); err != nil {
				t.Errorf("the guard does not work afterwards: %v", err)
			}
		})
	}
}

func TestBoundReadsQuoting(t *testing.T) {
	brackets := strings.Repeat("(", maxDepth+1)
	tests := map[string]bool{
		"SELECT '" + brackets + "'":                      true,
		"SELECT '''" + brackets + "'":                    true,
		`SELECT "` + brackets + `"`:                      true,
		`SELECT """` + brackets + `"`:                    true,
		`SELECT E'\'` + brackets + `'`:                   true,
		`SELECT e'\\' ` + brackets:                       false,
		`SELECT '\' ` + brackets:                         false,
		"SELECT $$" + brackets + "$$":                    true,
		"SELECT $x$ $$ $y$" + brackets + "$x$":           true,
		"SELECT $1 " + brackets:                          false,
		"SELECT a$b$ " + brackets:                        false,
		"SELECT 1 -- " + brackets:                        true,
		"SELECT 1 -- a\n" + brackets:                     false,
		"SELECT 1 /* /* */ " + brackets + " */":          true,
		"SELECT 1 /* /* */ */ " + brackets:               false,
		"SELECT name'x' " + brackets:                     false,
		"SELECT " + strings.Repeat("() ", 2*maxDepth):    true,
		"SELECT " + strings.Repeat("END ", 9) + brackets: false,
	}
	for sql, want := range tests {
		t.Run(sql[:min(len(sql), 25)], func(t *testing.T) {
			if _, err := bound(sql); (err == nil) != want {
				t.Errorf("bound(%q) = %v, want accepted %v", sql, err, want)
			}
		})
	}
}

func TestConcurrentChecks(t *testing.T) {
	guard := New()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := guard.Check(kilobyte); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestVersionNamesTheLists(t *testing.T) {
	if a, b := New().Version(), New().Version(); a != b || !strings.HasPrefix(a, rules+"-") {
		t.Errorf("versions %q and %q, want one that starts with %q", a, b, rules)
	}
}

// TestNodeListNamesNodes catches a typing error, which would refuse reads.
func TestNodeListNamesNodes(t *testing.T) {
	shapes := newShapes()
	for _, name := range words("nodes") {
		found := false
		for known := range shapes {
			found = found || string(known.Name()) == name
		}
		if !found {
			t.Errorf("lists/nodes.txt names %q, which libpg_query does not have", name)
		}
	}
}

// TestListsDoNotContradict keeps what is refused after a dot off the list of
// what may be called, and each name on one list alone.
func TestListsDoNotContradict(t *testing.T) {
	lists := readLists()
	for name := range lists.notation {
		if lists.functions.has(name) || lists.extensionFunctions.has(name) {
			t.Errorf("%q is both allowed and refused", name)
		}
	}
	for _, name := range words("stored") {
		if lists.functions.has(name) || lists.builtin.has(name) {
			t.Errorf("%q is for stored code alone and on another list", name)
		}
	}
	for name := range lists.builtin {
		if lists.functions.has(name) || lists.extensionFunctions.has(name) {
			t.Errorf("%q is both allowed and refused", name)
		}
	}
}
