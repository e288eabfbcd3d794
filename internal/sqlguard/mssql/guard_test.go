package mssql_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

func TestVerdict(t *testing.T) {
	tests := map[string]struct {
		sql  string
		want sqlguard.Statement
	}{
		"comments are gone, tokens as written": {
			"select Len(u.name)/*x*/,len(email) -- y\nfrom dbo.users u join [order items] o on o.id=u.id, dbo.users v;",
			sqlguard.Statement{
				SQL: "select Len ( u . name ) , len ( email ) from dbo . users u " +
					"join [order items] o on o . id = u . id , dbo . users v",
				Kind: "SELECT", Tables: []string{"dbo.users", "order items"}, Functions: []string{"len"},
			},
		},
		"a CTE is no relation": {
			";WITH a AS (SELECT id FROM dbo.a), b AS (SELECT id FROM a) SELECT * FROM b CROSS JOIN c",
			sqlguard.Statement{
				SQL: "WITH a AS ( SELECT id FROM dbo . a ) , b AS ( SELECT id FROM a ) " +
					"SELECT * FROM b CROSS JOIN c",
				Kind: "WITH", Tables: []string{"dbo.a", "c"},
			},
		},
		"a CTE is not known before its declaration": {
			"WITH a AS (SELECT 1 AS x FROM b), b AS (SELECT 1 AS y) SELECT x FROM a, b",
			sqlguard.Statement{
				SQL:  "WITH a AS ( SELECT 1 AS x FROM b ) , b AS ( SELECT 1 AS y ) SELECT x FROM a , b",
				Kind: "WITH", Tables: []string{"b"},
			},
		},
		"what only the parser does not know stays": {
			"SELECT type FROM t WHERE a > ALL (SELECT b FROM u) ORDER BY a COLLATE Latin1_General_BIN DESC",
			sqlguard.Statement{
				SQL: "SELECT type FROM t WHERE a > ALL ( SELECT b FROM u ) " +
					"ORDER BY a COLLATE Latin1_General_BIN DESC",
				Kind: "SELECT", Tables: []string{"t", "u"},
			},
		},
		"functions with a node of their own": {
			"(SELECT CAST(a AS int), IIF(1=1,LEFT(b,1),c) FROM OPENJSON(d))",
			sqlguard.Statement{
				SQL:  "( SELECT CAST ( a AS int ) , IIF ( 1 = 1 , LEFT ( b , 1 ) , c ) FROM OPENJSON ( d ) )",
				Kind: "SELECT", Functions: []string{"cast", "iif", "left", "openjson"},
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := mssql.New().Check(tc.sql)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReasons(t *testing.T) {
	tests := map[string]string{
		"":                               "Generated SQL is empty after parsing",
		"/* a /* b */ */ ;":              "Generated SQL is empty after parsing",
		"DELETE FROM users":              "Non-SELECT statement in generated SQL: DELETE",
		"sp_who":                         "Non-SELECT statement in generated SQL: SP_WHO",
		"SELECT 1; SELECT 2":             "Multiple statements are not allowed",
		"SELECT 1 SELECT 2":              "Multiple statements are not allowed",
		"SELECT 1 DELETE FROM users":     "Forbidden operation in SQL AST: DELETE",
		"SELECT 1 FROM a.b.c":            "Forbidden operation in SQL AST: name with a server or database part",
		"SELECT dbo.f(1)":                "Function not allowed: dbo.f",
		"SELECT SUSER_NAME()":            "Function not allowed: SUSER_NAME",
		"SELECT 1\n\n  + 'x":             "Generated SQL failed to parse: line 3 column 5: unterminated '",
		"SELECT ((1)":                    "Generated SQL failed to parse: line 1 column 12: missing )",
		"SELECT 1\x00":                   "Generated SQL failed to parse: control character U+0000 at byte 8",
		"SELECT 1\u00a0+ 1":              "Generated SQL failed to parse: line 1 column 9: character U+00A0 outside quotes",
		strings.Repeat("SELECT 1 ", 1e5): "Generated SQL failed to parse: statement is longer than 100000 characters",
	}
	for sql, want := range tests {
		_, err := mssql.New().Check(sql)
		if err == nil || fault.Of(err).Public != want {
			t.Errorf("%.40q: got %v, want %s", sql, err, want)
		}
	}
}

func TestVersionIsStable(t *testing.T) {
	if v := mssql.New().Version(); v == "" || v != mssql.New().Version() {
		t.Errorf("version %q", v)
	}
}

// TestHostileShapes holds that no shape of a statement below the limits costs
// more than a refusal: a stack overflow would end the process.
func TestHostileShapes(t *testing.T) {
	const many = 7900
	repeat := strings.Repeat
	shapes := map[string]string{
		"parentheses":    "SELECT " + repeat("(", 5000) + "1" + repeat(")", 5000),
		"not":            "SELECT 1 WHERE " + repeat("NOT ", many-10) + "1 = 1",
		"minus":          "SELECT " + repeat("- ", many) + "1",
		"tilde":          "SELECT " + repeat("~", many) + "1",
		"case":           "SELECT " + repeat("CASE WHEN 1 = 1 THEN ", many/6),
		"closed case":    "SELECT " + repeat("CASE WHEN 1 = 1 THEN ", many/8) + "1 " + repeat("END ", many/8),
		"plus":           "SELECT 1" + repeat("+1", many/2),
		"and":            "SELECT 1 WHERE 1=1" + repeat(" AND 1=1", many/4-4),
		"union":          "SELECT 1" + repeat(" UNION SELECT 1", many/3-2),
		"join":           "SELECT * FROM a" + repeat(" CROSS JOIN a", many/3-2),
		"comma":          "SELECT * FROM a" + repeat(",a", many/2-2),
		"collate":        "SELECT 'a'" + repeat(" COLLATE x", many/2-2),
		"at time zone":   "SELECT a" + repeat(" AT TIME ZONE 'UTC'", many/4-2),
		"dots":           "SELECT a" + repeat(".a", many/2-2),
		"calls":          "SELECT " + repeat("ABS(", 64) + "1" + repeat(")", 64),
		"subqueries":     repeat("SELECT * FROM (", 64) + "SELECT 1 AS a" + repeat(") t", 64),
		"broken queries": repeat("SELECT * FROM (", 64) + "SELECT 1 1 1",
		"runs":           "SELECT " + repeat("(", 63) + "SELECT 1 1 1",
		"mixed runs":     "SELECT " + repeat("((SELECT ", 30) + "1 1",
		"exists":         "SELECT 1 WHERE " + repeat("EXISTS (SELECT 1 WHERE ", 60) + "1=1" + repeat(")", 60),
		"in":             "SELECT 1 WHERE " + repeat("1 IN (SELECT 1 WHERE ", 60) + "1=1" + repeat(")", 60),
		"bool parens":    "SELECT 1 WHERE " + repeat("(", 63) + "1=1 AND" + repeat(")", 63),
		"bool runs":      "SELECT 1 WHERE " + repeat("((1=1) AND (", 30) + "1",
		"json":           "SELECT " + repeat("JSON_VALUE(", 60) + "1" + repeat(", '$')", 60),
		"apply":          "SELECT * FROM a" + repeat(" CROSS APPLY OPENJSON(a.b)", many/10),
		"pivot":          "SELECT * FROM a" + repeat(" PIVOT (SUM(x) FOR y IN ([a])) p", many/20),
		"comments":       "SELECT " + repeat("/*", 20000) + repeat("*/", 20000) + "1",
		"open comments":  "SELECT " + repeat("/*", 49_000),
		"a long string":  "SELECT '" + repeat("x", 99_000) + "'",
		"a long name":    "SELECT [" + repeat("x", 99_000) + "]",
		"quotes":         "SELECT " + repeat("''", 49_000),
		"semicolons":     "SELECT 1" + repeat(";", many-2),
		"closing":        "SELECT 1" + repeat(")", many),
		"ctes":           "WITH a AS (SELECT 1 x)" + repeat(", a AS (SELECT 1 x)", many/10) + " SELECT 1",
		"nested ctes":    repeat("WITH a AS (", 60) + "SELECT 1",
	}
	guard := mssql.New()
	for name, sql := range shapes {
		t.Run(name, func(t *testing.T) {
			_, err := guard.Check(sql)
			if err != nil && !sqlguardtest.IsReason(err) {
				t.Errorf("not a reason: %v", err)
			}
			if err != nil && len(err.Error()) > 800 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
		})
	}
}

// TestGuardIsConcurrent runs under the race detector.
func TestGuardIsConcurrent(t *testing.T) {
	guard := mssql.New()
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 50 {
				if _, err := guard.Check(kilobyte()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
