package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

const tooExpensive = "Statement too expensive: "

func TestExpensiveStatementsAreRefused(t *testing.T) {
	sqlguardtest.MustFindExpensive(t, New(), sqlguardtest.Load(t, "postgres", "expensive.sql"))
}

func TestAffordableStatementsAreAccepted(t *testing.T) {
	sqlguardtest.MustAccept(t, New(), sqlguardtest.Load(t, "postgres", "affordable.sql"))
}

func TestExpansions(t *testing.T) {
	capitals := regexp.MustCompile(`(c(\d+) AS NOT MATERIALIZED \([^)]*\))`)
	const join = "FROM c%d a, c%d b"
	type expansion struct {
		sql     string
		refused bool
	}
	tests := map[string]expansion{
		"30 doublings":      {"EXPLAIN " + sqlguardtest.Doubling(30, "NOT MATERIALIZED", join), true},
		"12 doublings":      {sqlguardtest.Doubling(12, "NOT MATERIALIZED", join), true},
		"7 doublings":       {sqlguardtest.Doubling(7, "NOT MATERIALIZED", join), false},
		"planned once":      {sqlguardtest.Doubling(30, "", join), false},
		"materialized":      {sqlguardtest.Doubling(30, "MATERIALIZED", join), false},
		"in a condition":    {sqlguardtest.Doubling(30, "NOT MATERIALIZED", "WHERE EXISTS (TABLE c%d) AND 1 IN (SELECT x FROM c%d)"), true},
		"in a scalar":       {sqlguardtest.Doubling(30, "NOT MATERIALIZED", "WHERE (SELECT x FROM c%d) = (SELECT x FROM c%d)"), true},
		"in a union":        {sqlguardtest.Doubling(30, "NOT MATERIALIZED", "FROM c%d UNION ALL SELECT x FROM c%d"), true},
		"in derived tables": {sqlguardtest.Doubling(30, "NOT MATERIALIZED", "FROM (SELECT * FROM c%d) a JOIN LATERAL (SELECT * FROM c%d) b ON true"), true},
		"in the WITH of a subquery": {sqlguardtest.Doubling(30, "NOT MATERIALIZED",
			"FROM (WITH d AS NOT MATERIALIZED (SELECT x FROM c%d) SELECT 1 FROM d a, d b) a, c%d b"), true},
		"behind names in other letter case": {capitals.ReplaceAllString(sqlguardtest.Doubling(30, "NOT MATERIALIZED", join), `$1, "C$2" AS (SELECT 1)`), true},
		"behind one such name":              {`WITH a AS NOT MATERIALIZED (TABLE users), "A" AS MATERIALIZED (TABLE users) SELECT 1 FROM a`, true},
		"the same name further in":          {"WITH a AS (TABLE users) SELECT 1 FROM (WITH a AS (SELECT 1) TABLE a) b, a", false},
		"within a WITH query":               {"WITH z AS (" + sqlguardtest.Doubling(30, "NOT MATERIALIZED", join) + ") SELECT * FROM z", true},
		"never referred to":                 {strings.Replace(sqlguardtest.Doubling(30, "NOT MATERIALIZED", join), "FROM c30", "FROM users", 1), true},
		"in recursive order":                {backwards(30), true},
		"ten times ten":                     {"WITH a AS NOT MATERIALIZED (SELECT 1), b AS NOT MATERIALIZED (SELECT 1 FROM " + list("a", 10) + ") SELECT 1 FROM " + list("b", 9), false},
		"many relations":                    {"SELECT 1 FROM " + list("users", 65), true},
		"sixty relations":                   {"SELECT 1 FROM " + list("users", 60), false},
	}
	nested, united := 3, 30
	if maxChain == maxTokens { // the parser without a C compiler takes less
		nested, united = 30, 300
		tests["many many in a union"] = expansion{"SELECT 1 FROM users" + strings.Repeat(" UNION ALL SELECT 1 FROM users", 1_000), true}
	}
	tests["many in a union"] = expansion{"SELECT 1 FROM users" + strings.Repeat(" UNION ALL SELECT 1 FROM users", united), false}
	for name, series := range map[string]string{"FROM": "(SELECT 1 FROM generate_series(1, ", "outputs": "(SELECT generate_series(1, "} {
		// Measured twice at each level, this would take hours.
		sql := strings.Repeat(series, nested) + "1" + strings.Repeat("))", nested)
		tests["series within series, in "+name] = expansion{"SELECT " + sql, false}
	}
	guard := New()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := guard.Check(tt.sql)
			switch {
			case tt.refused && err == nil:
				t.Error("accepted")
			case tt.refused && !strings.HasPrefix(fault.Of(err).Public, tooExpensive), !tt.refused && err != nil:
				t.Errorf("refused with %v", err)
			}
		})
	}
}

// backwards is a chain in which each WITH query refers to the two that follow.
func backwards(n int) string {
	var b strings.Builder
	b.WriteString("WITH RECURSIVE ")
	for i := n; i > 0; i-- {
		fmt.Fprintf(&b, "c%d AS NOT MATERIALIZED (SELECT 1 AS x FROM c%d a, c%d b), ", i, i-1, i-1)
	}
	fmt.Fprintf(&b, "c0 AS NOT MATERIALIZED (SELECT 1 AS x) SELECT 1 FROM c%d", n)
	return b.String()
}

// list names a relation n times, under different aliases.
func list(relation string, n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf("%s %s%d", relation, relation, i)
	}
	return strings.Join(items, ", ")
}

// TestCheckingHostileShapesIsCheap nests what the measuring itself repeats.
func TestCheckingHostileShapesIsCheap(t *testing.T) {
	recursive := "SELECT 'a' AS x"
	for range 20 {
		recursive = "WITH RECURSIVE r(x) AS (SELECT 'a' UNION ALL SELECT x FROM r, (" + recursive + ") s) SELECT x FROM r"
	}
	unions := "WITH RECURSIVE " + strings.Repeat("r(x) AS (SELECT 'a' UNION ALL SELECT x FROM r), ", 200) + "z AS (SELECT 1) SELECT 1"
	for name, sql := range map[string]string{
		"nested recursion": recursive,
		"many recursions":  unions,
		"a long chain":     sqlguardtest.Doubling(200, "", "FROM c%d a, c%d b"),
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = New().Check(sql)
			}()
			select {
			case <-done:
			case <-time.After(20 * time.Second):
				t.Fatal("the check does not end")
			}
		})
	}
}

// TestAffordableStatementsRun makes sure that the corpus is what it says: it
// runs within a second each.
func TestAffordableStatementsRun(t *testing.T) {
	e := startEngine(t)
	conn, err := pgx.ConnectConfig(t.Context(), e.login)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	guard := New()
	for _, c := range sqlguardtest.Load(t, "postgres", "affordable.sql") {
		t.Run(c.Name, func(t *testing.T) {
			stmt, err := guard.Check(c.SQL)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Exec(t.Context(), "SET statement_timeout = '5s'; "+stmt.SQL); err != nil {
				t.Errorf("%v\n%s", err, stmt.SQL)
			}
		})
	}
}
