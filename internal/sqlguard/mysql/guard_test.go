package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

func TestVerdict(t *testing.T) {
	tests := map[string]struct {
		sql  string
		want sqlguard.Statement
	}{
		"names and functions without duplicates": {
			"select Upper(u.name), upper(email), count(*) from lab.users u join orders o on o.user_id = u.id join orders p on 1",
			sqlguard.Statement{
				SQL: "SELECT UPPER(`u`.`name`) AS `Upper(u.name)`,UPPER(`email`) AS `upper(email)`,COUNT(1) AS `count(*)` " +
					"FROM (`lab`.`users` AS `u` JOIN `orders` AS `o` ON `o`.`user_id` = `u`.`id`) JOIN `orders` AS `p` ON 1",
				Kind: "SELECT", Tables: []string{"lab.users", "orders"}, Functions: []string{"upper", "count"},
			},
		},
		"a CTE is no relation, but its own query reads the table of that name": {
			"WITH users AS (SELECT id FROM users) SELECT * FROM users",
			sqlguard.Statement{
				SQL:  "WITH `users` AS (SELECT `id` FROM `users`) SELECT * FROM `users`",
				Kind: "WITH", Tables: []string{"users"},
			},
		},
		"a CTE is known in its own query only": {
			"SELECT * FROM (WITH c AS (SELECT 1 AS x) SELECT x FROM c) d, c",
			sqlguard.Statement{
				SQL:  "SELECT * FROM (WITH `c` AS (SELECT 1 AS `x`) SELECT `x` FROM `c`) AS `d`, `c`",
				Kind: "SELECT", Tables: []string{"c"},
			},
		},
		"backslashes cannot end a string elsewhere": {
			`SELECT '\\' AS a, ' , sleep(1) -- ' AS b`,
			sqlguard.Statement{SQL: `SELECT '\\' AS ` + "`a`,' , sleep(1) -- ' AS `b`", Kind: "SELECT"},
		},
		"DESC": {"desc users", sqlguard.Statement{SQL: "DESC `users`", Kind: "DESCRIBE", Tables: []string{"users"}}},
		"EXPLAIN": {
			"explain select 1 AS x",
			sqlguard.Statement{SQL: "EXPLAIN FORMAT = 'TRADITIONAL' SELECT 1 AS `x`", Kind: "EXPLAIN"},
		},
		"parentheses": {"((select 1 as x))", sqlguard.Statement{SQL: "(SELECT 1 AS `x`)", Kind: "SELECT"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := mysql.New(mysql.MySQL).Check(tc.sql)
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
		" ; ":                            "Generated SQL is empty after parsing",
		"SELECT FROM":                    `Generated SQL failed to parse: line 1 column 11 near "FROM"`,
		"SELECT 1\n  FROM 'x":            "Generated SQL failed to parse: line 2 column 8: unterminated '",
		"DELETE FROM users":              "Non-SELECT statement in generated SQL: DeleteStmt",
		"SELECT 1; SELECT 2":             "Multiple statements are not allowed",
		"SELECT 1 FROM t FOR UPDATE":     "Forbidden operation in SQL AST: SelectLockInfo",
		"SELECT SLEEP(1)":                "Function not allowed: sleep",
		"SELECT a.f(1)":                  "Function not allowed: a.f. An administrator can allow it for this connection.",
		"SELECT 1\x00":                   "Generated SQL failed to parse: control character U+0000 at byte 8",
		"SELECT '\xff'":                  "Generated SQL failed to parse: statement is not valid UTF-8",
		strings.Repeat("SELECT 1 ", 1e5): "Generated SQL failed to parse: statement is longer than 100000 characters",
	}
	for sql, want := range tests {
		_, err := mysql.New(mysql.MySQL).Check(sql)
		if err == nil || fault.Of(err).Public != want {
			t.Errorf("%.40q: got %v, want %s", sql, err, want)
		}
	}
}

// TestFlavoursDiffer holds that a name which only one server has natively is
// refused for the other, where it would be a stored function.
func TestFlavoursDiffer(t *testing.T) {
	for sql, only := range map[string]mysql.Flavour{
		"SELECT ANY_VALUE(id) FROM users":         mysql.MySQL,
		"SELECT REGEXP_LIKE(name, 'x') FROM t":    mysql.MySQL,
		"SELECT NVL(name, 'x') FROM users":        mysql.MariaDB,
		"SELECT JSON_QUERY(meta, '$') FROM t":     mysql.MariaDB,
		"SELECT TO_CHAR(created_at, 'YY') FROM t": mysql.MariaDB,
	} {
		for _, flavour := range []mysql.Flavour{mysql.MySQL, mysql.MariaDB} {
			_, err := mysql.New(flavour).Check(sql)
			if (err == nil) != (flavour == only) {
				t.Errorf("%s: %s: %v", flavour, sql, err)
			}
		}
	}
}

func TestVersionNamesFlavour(t *testing.T) {
	a, b := mysql.New(mysql.MySQL).Version(), mysql.New(mysql.MariaDB).Version()
	if a == b || a == "" || a != mysql.New(mysql.MySQL).Version() {
		t.Errorf("versions %q and %q", a, b)
	}
}

// TestHostileShapes holds that no shape of a statement below the limits costs
// more than a refusal: a stack overflow would end the process.
func TestHostileShapes(t *testing.T) {
	const many = 7900
	repeat := func(part string, n int) string { return strings.Repeat(part, n) }
	shapes := map[string]string{
		"parentheses":        "SELECT " + repeat("(", 5000) + "1" + repeat(")", 5000),
		"not":                "SELECT " + repeat("NOT ", many) + "1",
		"minus":              "SELECT " + repeat("- ", many) + "1",
		"tilde":              "SELECT " + repeat("~", many) + "1",
		"bang":               "SELECT " + repeat("!", many) + "1",
		"binary":             "SELECT " + repeat("BINARY ", many) + "1",
		"case":               "SELECT " + repeat("CASE WHEN 1 THEN ", many/4),
		"closed case":        "SELECT " + repeat("CASE WHEN 1 THEN ", many/6) + "1 " + repeat("END ", many/6),
		"case without end":   "SELECT " + repeat("CASE end WHEN ", many/3),
		"interval":           "SELECT " + repeat("INTERVAL 1 + ", many/3),
		"interval names":     "SELECT " + repeat("INTERVAL day + ", 100) + "1",
		"interval columns":   "SELECT " + repeat("INTERVAL a.day + ", 100) + "1",
		"interval not":       "SELECT " + repeat("INTERVAL NOT day + ", 100) + "1",
		"interval case":      "SELECT " + repeat("INTERVAL CASE end WHEN ", 100) + "1",
		"interval nested":    "SELECT " + repeat("INTERVAL (1 + ", 60) + "1" + repeat(") DAY", 60),
		"interval calls":     "SELECT " + repeat("INTERVAL(1, ", 60) + "1" + repeat(")", 60),
		"interval in calls":  "SELECT " + repeat("INTERVAL ABS(1 + ", 60) + "1" + repeat(")", 60),
		"interval plus":      "SELECT 1 " + repeat("+ INTERVAL (1) + 1 ", 100),
		"interval broken":    "SELECT INTERVAL " + repeat("(1 + ", 60) + repeat("1 + INTERVAL 1 DAY", 100),
		"json_value":         "SELECT " + repeat("JSON_VALUE(", 60) + "1" + repeat(", '$')", 60),
		"quoted json_value":  "SELECT " + repeat("`json_value`(", 60) + "1" + repeat(", '$')", 60),
		"unions":             "SELECT " + repeat("((SELECT ", 30) + "1" + repeat(") UNION (SELECT 1))", 30),
		"broken unions":      "SELECT " + repeat("((SELECT 1 + ", 30) + "1 1",
		"in unions":          "SELECT " + repeat("1 IN ((SELECT ", 30) + "1" + repeat(") UNION (SELECT 1))", 30),
		"table unions":       repeat("SELECT * FROM ((", 30) + "SELECT 1" + repeat(") a JOIN b)", 30),
		"table broken":       repeat("SELECT * FROM ((", 30) + "SELECT 1 1",
		"deep runs":          "SELECT " + repeat("(", 62) + "SELECT 1 1 1",
		"deep runs values":   "SELECT " + repeat("(", 62) + "VALUES ROW(1)) UNION",
		"in lists broken":    "SELECT " + repeat("1 IN (", 62) + "1 1",
		"mixed":              "SELECT " + repeat("((SELECT JSON_VALUE(INTERVAL (", 15) + "1 1",
		"plus":               "SELECT 1" + repeat("+1", many/2),
		"and":                "SELECT 1" + repeat(" AND 1", many/2),
		"power of or":        "SELECT 1" + repeat(" OR 1", many/2),
		"union":              "SELECT 1" + repeat(" UNION SELECT 1", many/3-2),
		"join":               "SELECT * FROM a" + repeat(" JOIN a", many/2-2),
		"join on":            "SELECT * FROM " + repeat("a JOIN ", many/2-10) + "a" + repeat(" ON 1", 10),
		"comma":              "SELECT * FROM a" + repeat(",a", many/2-2),
		"explain":            repeat("EXPLAIN ", many) + "SELECT 1",
		"with":               repeat("WITH a AS (SELECT 1) ", 1000) + "SELECT 1",
		"between":            "SELECT 1" + repeat(" BETWEEN 1 AND 1", many/4),
		"collate":            "SELECT 'a'" + repeat(" COLLATE utf8mb4_bin", many/2-2),
		"arrows":             "SELECT a" + repeat("->'$'", many/3),
		"show parse tree":    repeat("SHOW PARSE_TREE ", many/2) + "SELECT 1",
		"a string of 99 kB":  "SELECT '" + repeat("x", 99_000) + "'",
		"one name of 99 kB":  "SELECT `" + repeat("x", 99_000) + "`",
		"comments":           "SELECT " + repeat("/**/", many) + "1",
		"select list":        "SELECT 1" + repeat(",1", many/2-2),
		"braces":             "SELECT " + repeat("{d ", many/2) + "1",
		"quotes":             "SELECT " + repeat("''", 4000),
		"in lists":           "SELECT 1 IN (1" + repeat(",1", many/2-4) + ")",
		"calls":              "SELECT " + repeat("ABS(", 64) + "1" + repeat(")", 64),
		"subqueries":         repeat("SELECT * FROM (", 64) + "SELECT 1" + repeat(") t", 64),
		"semicolons":         "SELECT 1" + repeat(";", many-2),
		"escaped":            "SELECT '" + repeat(`\`, 49_999) + "'",
		"unbalanced closing": "SELECT 1" + repeat(")", many),
	}
	guard := mysql.New(mysql.MariaDB)
	for name, sql := range shapes {
		t.Run(name, func(t *testing.T) {
			_, err := guard.Check(sql)
			if err != nil && !sqlguardtest.IsReason(err) {
				t.Errorf("not a reason: %v", err)
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
		})
	}
}

// TestGuardIsConcurrent runs under the race detector.
func TestGuardIsConcurrent(t *testing.T) {
	guard := mysql.New(mysql.MySQL)
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for range 50 {
				if _, err := guard.Check(kilobyte()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
