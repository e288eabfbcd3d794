package mssql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
)

// TestAllowing lets exactly the listed functions of users pass, where scalar
// and table functions stand, whatever the spelling.
func TestAllowing(t *testing.T) {
	plain := mssql.New()
	g := plain.Allowing([]string{"dbo.f_upper", "sales.f_orders"})
	if g.Version() == plain.Version() || g.Version() == plain.Allowing([]string{"dbo.f_upper"}).Version() {
		t.Errorf("version %q does not tell the lists apart", g.Version())
	}
	for sql, functions := range map[string]string{
		"SELECT dbo.f_upper(name) FROM customers":                         "dbo.f_upper",
		"SELECT [DBO].[F_Upper](UPPER(name)) FROM customers":              "dbo.f_upper upper",
		"SELECT o.id FROM sales.f_orders(3) o":                            "sales.f_orders",
		"SELECT c.id FROM customers c CROSS APPLY sales.f_orders(c.id) o": "sales.f_orders",
	} {
		stmt, err := g.Check(sql)
		if err != nil || strings.Join(stmt.Functions, " ") != functions {
			t.Errorf("%s: %+v, %v", sql, stmt, err)
		}
		if _, err := plain.Check(sql); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: unlisted: %v", sql, err)
		}
	}
	for _, sql := range []string{
		"SELECT dbo.f_other(name) FROM customers",
		"SELECT x.f_upper(name) FROM customers",
		"SELECT f_upper(name) FROM customers",
		"SELECT shop.dbo.f_upper(name) FROM customers",
		"SELECT * FROM shop.sales.f_orders(3) o",
		"SELECT * FROM srv.shop.sales.f_orders(3) o",
		"SELECT * FROM f_orders(3) o",
		"SELECT dbo.f_upper(xp_cmdshell('x')) FROM customers",
		"EXEC dbo.f_upper 'x'",
	} {
		if stmt, err := g.Check(sql); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: accepted as %+v, %v", sql, stmt, err)
		}
	}
}

// TestMethodsAreNotedWithTheirTarget tells the dialect enough to find a user's
// function behind what looks like a method.
func TestMethodsAreNotedWithTheirTarget(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT dbo.ToString() FROM t":                                "dbo.tostring",
		"SELECT x.value('a', 'int') FROM t":                           "x.value",
		"SELECT t.c.STArea() FROM t":                                  "t.c.starea",
		"SELECT n.v.query('a') FROM t CROSS APPLY x.nodes('/a') n(v)": "n.v.query x.nodes",
	} {
		stmt, err := mssql.New().Check(sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		for name := range strings.FieldsSeq(want) {
			if !strings.Contains(" "+strings.Join(stmt.Functions, " ")+" ", " "+name+" ") {
				t.Errorf("%s: functions %v, want %s", sql, stmt.Functions, name)
			}
		}
	}
}

func TestViewQuery(t *testing.T) {
	for definition, want := range map[string]string{
		"CREATE VIEW v AS SELECT 1 AS a": "SELECT 1 AS a",
		"/* as */ create or alter view [dbo].[as] (a, b)\n with schemabinding as\nselect a,b from dbo.t -- x": "select a , b from dbo . t",
		"CREATE VIEW v AS WITH q AS (SELECT 1 AS a) SELECT a FROM q WITH CHECK OPTION;":                       "WITH q AS ( SELECT 1 AS a ) SELECT a FROM q",
		"CREATE VIEW v AS SELECT a AS [with], b FROM t WITH CHECK OPTION":                                     "SELECT a AS [with] , b FROM t",
		"CREATE VIEW v AS SELECT [shop].dbo.a, x FROM shop.dbo.t JOIN [SHOP]..[u] ON 1=1 JOIN shop.x ON 1=1 JOIN other.shop.y ON 1=1 JOIN srv.shop.dbo.z ON shop=1": "SELECT dbo . a , x FROM dbo . t " +
			"JOIN [u] ON 1 = 1 JOIN shop . x ON 1 = 1 JOIN other . shop . y ON 1 = 1 JOIN srv . shop . dbo . z ON shop = 1",
		"CREATE VIEW v AS SELECT 1; DROP TABLE t": "SELECT 1 ; DROP TABLE t",
	} {
		got, err := mssql.ViewQuery(definition, "Shop")
		if err != nil || got != want {
			t.Errorf("%s:\n%q, %v, want\n%q", definition, got, err, want)
		}
	}
	for name, definition := range map[string]string{
		"empty": "", "procedure": "CREATE PROCEDURE p AS SELECT 1", "no query": "CREATE VIEW v (a)", "unclosed": "CREATE VIEW v AS SELECT 'x",
		"binary": "CREATE VIEW v\x00 AS SELECT 1", "long": "CREATE VIEW v AS SELECT '" + strings.Repeat("x", 100_001) + "'",
	} {
		if got, err := mssql.ViewQuery(definition, "Shop"); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestExpansions bounds what WITH queries that refer to each other stand for:
// the server writes each of them out where it is referred to.
func TestExpansions(t *testing.T) {
	chain := func(links int) string {
		var b strings.Builder
		b.WriteString("WITH c0 AS (SELECT 1 AS x FROM t)")
		for i := 1; i <= links; i++ {
			fmt.Fprintf(&b, ", c%d AS (SELECT 1 AS x FROM c%d a, c%d b)", i, i-1, i-1)
		}
		fmt.Fprintf(&b, " SELECT count(*) FROM c%d", links)
		return b.String()
	}
	if _, err := mssql.New().Check(chain(8)); err != nil { // 511 references, those of the WITH queries included
		t.Errorf("some: %v", err)
	}
	for name, sql := range map[string]string{
		"many": chain(10), "very many": chain(60),
		"from the query":       "WITH c AS (SELECT 1 AS x" + strings.Repeat(" UNION ALL SELECT 1 FROM t", 101) + ") SELECT 1 AS x FROM c" + strings.Repeat(", c", 10),
		"in other letter case": strings.ReplaceAll(chain(12), "FROM c", "FROM C"),
		"in derived tables":    strings.ReplaceAll(chain(12), "FROM c3 a", "FROM (SELECT * FROM c3) a"),
	} {
		if _, err := mssql.New().Check(sql); !fault.Is(err, fault.Invalid) || !strings.HasPrefix(fault.Of(err).Public, "Statement too expensive: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	recursive := "WITH r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT n FROM r"
	if _, err := mssql.New().Check(recursive); err != nil {
		t.Errorf("a recursive query: %v", err)
	}
}
