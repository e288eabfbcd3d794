package sqlite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

func TestReasons(t *testing.T) {
	tests := map[string]string{
		"":                                  "Generated SQL is empty after parsing",
		" ; -- nothing":                     "Generated SQL is empty after parsing",
		"SELECT 1; SELECT 2":                "Multiple statements are not allowed",
		"DELETE FROM users":                 "Non-SELECT statement in generated SQL: DeleteStmt",
		"ATTACH 'x' AS y":                   "Non-SELECT statement in generated SQL: AttachStmt",
		"EXPLAIN DELETE FROM users":         "Forbidden operation in SQL AST: DeleteStmt",
		"PRAGMA journal_mode = DELETE":      "Forbidden operation in SQL AST: PragmaStmt journal_mode",
		"SELECT ?":                          "Forbidden operation in SQL AST: BindParam",
		"SELECT * FROM sqlite_dbpage":       "Forbidden operation in SQL AST: table sqlite_dbpage",
		"SELECT RAISE(IGNORE)":              "Forbidden operation in SQL AST: RaiseExpr",
		"SELECT Load_Extension('x')":        "Function not allowed: load_extension",
		"SELECT * FROM readfile('x')":       "Function not allowed: readfile",
		"SELECT printf('%.*c', 9, 'x')":     "Function not allowed: printf with *",
		"SELECT format('%1000d', 9)":        "Function not allowed: format with a width over 999",
		"SELECT format(name) FROM users":    "Function not allowed: format with a computed format",
		"SELECT *\nFORM users":              `Generated SQL failed to parse: near "FORM": syntax error (line 2, column 1)`,
		"SELECT 'open":                      `Generated SQL failed to parse: unrecognized token: "'open" (line 1, column 8)`,
		"SELECT (1":                         "Generated SQL failed to parse: incomplete input (line 1, column 10)",
		"SELECT '\xff'":                     "Generated SQL failed to parse: statement is not valid UTF-8",
		"SELECT 1\x00; DROP TABLE users":    "Generated SQL failed to parse: control character U+0000 at byte 8",
		"SELECT 1 \ufeff; DROP TABLE users": "Multiple statements are not allowed",
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
		"comments and closing semicolons go": {
			"/* a */ SELECT\t1 -- b\n, 2; ;",
			sqlguard.Statement{SQL: "SELECT 1 , 2", Kind: "SELECT"},
		},
		"a comment between two words leaves a space": {
			"SELECT/**/1",
			sqlguard.Statement{SQL: "SELECT 1", Kind: "SELECT"},
		},
		"names keep their quotes": {
			"SELECT [a b], `c`, \"d\", 'e--f' FROM main.\"t\"",
			sqlguard.Statement{
				SQL:    "SELECT [a b], `c`, \"d\", 'e--f' FROM main.\"t\"",
				Kind:   "SELECT",
				Tables: []string{"main.t"},
			},
		},
		"functions": {
			"SELECT Lower(a), count(*) FROM t, json_each(t.b) WHERE c IN u",
			sqlguard.Statement{
				SQL:    "SELECT Lower(a), count(*) FROM t, json_each(t.b) WHERE c IN u",
				Kind:   "SELECT",
				Tables: []string{"t", "u"}, Functions: []string{"lower", "count", "json_each"},
			},
		},
		"a WITH query is no table": {
			"WITH a AS (SELECT * FROM t) SELECT * FROM A, b",
			sqlguard.Statement{
				SQL:    "WITH a AS (SELECT * FROM t) SELECT * FROM A, b",
				Kind:   "SELECT",
				Tables: []string{"t", "b"},
			},
		},
		"its name ends with its clause": {
			"SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t), t",
			sqlguard.Statement{
				SQL:    "SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t), t",
				Kind:   "SELECT",
				Tables: []string{"t"},
			},
		},
		"values":  {"values (1)", sqlguard.Statement{SQL: "values (1)", Kind: "VALUES"}},
		"pragma":  {"pragma table_info(t)", sqlguard.Statement{SQL: "pragma table_info(t)", Kind: "PRAGMA"}},
		"explain": {"explain query plan select 1", sqlguard.Statement{SQL: "explain query plan select 1", Kind: "EXPLAIN"}},
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
// accepted with a reason in bounded time.
func TestHostileShapes(t *testing.T) {
	tests := map[string]struct {
		sql  string
		want string // part of the refusal, empty when either outcome is right
	}{
		"3,000 brackets":  {"SELECT " + strings.Repeat("(", 3_000) + "1" + strings.Repeat(")", 3_000), "nested deeper than 64"},
		"65 cases":        {"SELECT " + strings.Repeat("CASE WHEN ", 65) + "1", "nested deeper than 64"},
		"a long list":     {"SELECT 1 IN (" + strings.Repeat("1,", 4_000) + "1)", "more than 8000 tokens"},
		"a megabyte":      {"SELECT '" + strings.Repeat("x", 1<<20) + "'", "longer than 100000 characters"},
		"a sum":           {"SELECT 1" + strings.Repeat("+1", 3_990), ""},
		"negations":       {"SELECT " + strings.Repeat("NOT ", 7_990) + "1", ""},
		"signs":           {"SELECT " + strings.Repeat("- ", 7_990) + "1", ""},
		"a union":         {"SELECT 1" + strings.Repeat(" UNION SELECT 1", 2_600), ""},
		"joins":           {"SELECT 1 FROM t" + strings.Repeat(" JOIN t", 3_900), ""},
		"comment openers": {"SELECT 1 " + strings.Repeat("/*", 40_000), ""},
		"many comments":   {"SELECT 1 " + strings.Repeat("/**/", 20_000), ""},
		"quotes":          {"SELECT " + strings.Repeat("''", 40_000), ""},
		"digits":          {"SELECT " + strings.Repeat("1", 90_000), ""},
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
		})
	}
}

func TestAllowedPragma(t *testing.T) {
	tests := []struct {
		name     string
		hasValue bool
		want     bool
	}{
		{"table_info", true, true},
		{"TABLE_INFO", true, true},
		{"user_version", false, true},
		{"user_version", true, false},
		{"database_list", false, false},
		{"query_only", false, false},
		{"unknown", false, false},
	}
	for _, tt := range tests {
		if got := AllowedPragma(tt.name, tt.hasValue); got != tt.want {
			t.Errorf("AllowedPragma(%q, %v) = %v, want %v", tt.name, tt.hasValue, got, tt.want)
		}
	}
}

func TestAllowedTable(t *testing.T) {
	tests := map[string]bool{
		"users": true, "sqlite_master": true, "SQLITE_SCHEMA": true, "pragma_table_info": true,
		"sqlite_stat4": false, "sqlite_dbpage": false, "DBSTAT": false, "pragma_database_list": false,
		"pragma_query_only": false, "fsdir": false,
	}
	for name, want := range tests {
		if got := AllowedTable(name); got != want {
			t.Errorf("AllowedTable(%q) = %v, want %v", name, got, want)
		}
	}
}
