package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

func TestImpliedOperatorsAndTypes(t *testing.T) {
	tests := map[string]sqlguard.Implied{
		"SELECT a + b, -c":                            {Operators: []string{"+", "-"}},
		"SELECT 1 ORDER BY a USING >":                 {Operators: []string{">"}},
		"SELECT a IN (1), a NOT IN (2)":               {Operators: []string{"=", "<>"}},
		"SELECT a IN (SELECT 1)":                      {Operators: []string{"="}},
		"SELECT a <= ALL (SELECT 1), a <> ANY ('{}')": {Operators: []string{"<=", "<>"}},
		"SELECT EXISTS (SELECT 1)":                    {},
		"SELECT a BETWEEN 1 AND 2":                    {Operators: []string{"<", "<=", ">", ">="}},
		"SELECT a NOT BETWEEN SYMMETRIC 1 AND 2":      {Operators: []string{"<", "<=", ">", ">="}},
		"SELECT a LIKE 'x', a NOT ILIKE 'x'":          {Operators: []string{"~~", "!~~*"}},
		"SELECT a SIMILAR TO 'x'":                     {Operators: []string{"~"}},
		"SELECT a IS NOT DISTINCT FROM 1":             {Operators: []string{"="}},
		"SELECT nullif(a, 1)":                         {Operators: []string{"="}},
		"SELECT CASE a WHEN 1 THEN 2 END":             {Operators: []string{"="}},
		"SELECT CASE WHEN a THEN 2 END":               {},
		"SELECT 1 FROM a JOIN b USING (c)":            {Operators: []string{"="}},
		"SELECT 1 FROM a NATURAL JOIN b":              {Operators: []string{"="}},
		"SELECT 1 FROM a CROSS JOIN b":                {},
		"SELECT 1 OPERATOR(pg_catalog.+) 2":           {Operators: []string{"+"}},
		"SELECT a::int, date 'x', CAST(b AS text[])":  {Types: []string{"int4", "date", "text"}},
		"SELECT * FROM json_to_record(a) AS r(x uuid)": {
			Types: []string{"uuid"},
		},
	}
	guard := New()
	for sql, want := range tests {
		t.Run(sql, func(t *testing.T) {
			stmt, err := guard.Check(sql)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, stmt.Implied); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestImpliedFields: unknown is what only the database can tell, a list of
// relations what their columns tell, and none what is a column for certain.
func TestImpliedFields(t *testing.T) {
	type sources = []sqlguard.Source
	unknown := sources{nil}
	tests := map[string]sources{
		"SELECT q.f FROM q":                                                           {{"q"}},
		"SELECT s.q.f FROM s.q":                                                       {{"s.q"}},
		"SELECT q.f FROM s.t q":                                                       {{"s.t"}},
		"SELECT q.f FROM t AS q(f)":                                                   nil,
		"SELECT q.f FROM t AS q(g)":                                                   unknown,
		`SELECT "q.r".f FROM "q.r"`:                                                   unknown,
		"SELECT q.f FROM other":                                                       unknown,
		"SELECT (q).f FROM q":                                                         unknown,
		"SELECT (q).f FROM (SELECT 1 AS f), q":                                        unknown,
		"SELECT q.f FROM a q WHERE EXISTS (SELECT FROM b q)":                          {{"a"}, {"b"}},
		"SELECT q.f FROM (SELECT f FROM t) q":                                         nil,
		"SELECT q.f FROM (SELECT 1 AS f) q":                                           nil,
		"SELECT q.f FROM (SELECT 1 AS g) q":                                           unknown,
		"SELECT q.f FROM (SELECT * FROM a, b JOIN c ON true) q":                       {{"a", "b", "c"}},
		"SELECT q.f FROM (SELECT a.*, 1 AS g FROM a, b) q":                            {{"a"}},
		"SELECT q.f FROM (SELECT * FROM (SELECT 1 AS f) x) q":                         nil,
		"SELECT q.f FROM (SELECT 1 AS f UNION SELECT g FROM t) q":                     nil,
		"SELECT q.f FROM (SELECT 1 AS g UNION SELECT f FROM t) q":                     unknown,
		"SELECT q.column1, q.f FROM (VALUES (1)) q(column1, f)":                       nil,
		"WITH q AS (SELECT * FROM t) SELECT q.f FROM q":                               {{"t"}},
		"WITH c AS (SELECT * FROM t) SELECT q.f FROM c q":                             {{"t"}},
		"WITH q(f) AS (SELECT 1) SELECT q.f FROM q":                                   nil,
		"WITH q(f) AS (SELECT 1) SELECT q.f FROM q AS q(g)":                           unknown,
		"WITH q(g) AS (SELECT * FROM t) SELECT q.f FROM q":                            unknown,
		"WITH q AS (SELECT * FROM q) SELECT q.f FROM q":                               {{"q"}, {"q"}},
		"WITH RECURSIVE q AS (SELECT 1 AS f UNION SELECT 2 FROM q) SELECT q.f FROM q": nil,
		"WITH RECURSIVE q AS (SELECT * FROM q) SELECT q.f FROM q":                     {nil, nil},
		"SELECT q.f FROM unnest(a) q(f)":                                              nil,
		"SELECT q.f FROM unnest(a) q":                                                 unknown,
		"SELECT unnest.f FROM unnest(a) WHERE EXISTS (SELECT FROM t unnest)":          {nil, {"t"}},
		"SELECT q.f FROM json_to_record(a) q(f int)":                                  nil,
		"SELECT q.f FROM (a CROSS JOIN b) q WHERE EXISTS (SELECT FROM t q)":           unknown,
		"SELECT q.f FROM a JOIN b USING (x) AS q, LATERAL (SELECT FROM t q) y":        unknown,
		`SELECT q.f FROM t q, current_date`:                                           unknown,
		"SELECT unnamed_subquery.f FROM (SELECT 1), t AS unnamed_subquery":            {nil, {"t"}},
	}
	guard := New()
	for sql, want := range tests {
		t.Run(sql, func(t *testing.T) {
			stmt, err := guard.Check(sql)
			if err != nil {
				t.Fatal(err)
			}
			for _, field := range stmt.Implied.Fields {
				if diff := cmp.Diff(want, field.Sources); field.Name == "f" && diff != "" {
					t.Error(diff)
				}
			}
			if len(stmt.Implied.Fields) == 0 {
				t.Error("no field is implied")
			}
		})
	}
}

// TestImpliedIsBounded feeds WITH queries that double what there is to prove.
func TestImpliedIsBounded(t *testing.T) {
	var with strings.Builder
	with.WriteString("WITH c0 AS (SELECT * FROM t)")
	for i := range 60 {
		fmt.Fprintf(&with, ", c%d AS (SELECT * FROM c%d a, c%d b)", i+1, i, i)
	}
	stmt, err := New().Check(with.String() + " SELECT c60.f FROM c60")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(stmt.Implied.Fields[0].Sources); n != 1 {
		t.Errorf("%d sources, want one", n)
	}
}

func TestObjectsJudge(t *testing.T) {
	objects := NewObjects([]Object{
		{Kind: FieldFunction, Name: "f", Relations: []string{"a", "public.a"}},
		{Kind: FieldFunction, Name: "g"},
		{Kind: NamesakeFunction, Name: "similarity", Always: true},
		{Kind: Operator, Name: "##", Always: true},
		{Kind: Operator, Name: "=", Relations: []string{"hot"}},
		{Kind: Operator, Name: "=", Relations: []string{"s.hot"}},
		{Kind: Conversion, Name: "int4", Relations: []string{"hot"}},
		{Kind: HiddenCast, Name: "turn", Relations: []string{"wet"}},
	})
	tests := map[string]string{ // refused name by statement
		"SELECT a.f FROM a":                                         "",
		"SELECT x.f FROM public.a x":                                "",
		"SELECT a.f FROM s.a":                                       "f",
		"SELECT b.f FROM b":                                         "f",
		"SELECT x.f FROM a x, LATERAL (SELECT FROM b x) y":          "f",
		"SELECT x.f FROM (SELECT * FROM b, a) x":                    "",
		"SELECT f, g FROM b":                                        "",
		"SELECT a.g FROM a":                                         "g",
		"SELECT similarity('a', 'b')":                               "similarity",
		"SELECT word_similarity('a', 'b')":                          "",
		"SELECT 1 ## 2":                                             "##",
		"SELECT 1 FROM hot WHERE a = b":                             "=",
		"SELECT 1 FROM s.hot h WHERE a IN (1)":                      "=",
		"SELECT 1 FROM cold WHERE a = b":                            "",
		"WITH hot AS (SELECT 1 AS a) SELECT 1 FROM hot WHERE a = 2": "",
		"SELECT a::int FROM hot":                                    "int4",
		"SELECT a::int FROM cold":                                   "",
		"SELECT a FROM wet":                                         "turn",
	}
	guard := New()
	for sql, name := range tests {
		t.Run(sql, func(t *testing.T) {
			stmt, err := guard.Check(sql)
			if err != nil {
				t.Fatal(err)
			}
			got, want := "", ""
			if err := objects.Judge(stmt); err != nil {
				got = err.Error()
			}
			if name != "" {
				want = sqlguard.FunctionNotAllowed(name).Error()
			}
			if got != want {
				t.Errorf("judged %q, want %q", got, want)
			}
		})
	}
}

func TestNoObjectsRefuseNothing(t *testing.T) {
	guard, none := New(), NewObjects(nil)
	for _, c := range sqlguardtest.Load(t, "postgres", "accept.sql") {
		stmt, err := guard.Check(c.SQL)
		if err != nil {
			t.Fatal(err)
		}
		if err := none.Judge(stmt); err != nil {
			t.Errorf("%s: %v", c.SQL, err)
		}
	}
}

// TestListsNeedNoQuoting: the dialect writes them into its SQL.
func TestListsNeedNoQuoting(t *testing.T) {
	known := KnownNames()
	for _, list := range [][]string{known.Extensions, known.Functions, known.Types} {
		for _, name := range list {
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
				t.Errorf("%q needs quoting", name)
			}
		}
	}
}
