package postgres

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// TestAllowing accepts calls of the listed names only, and tells of them what
// the database must be asked.
func TestAllowing(t *testing.T) {
	plain := New()
	guard := plain.Allowing([]string{
		"public.f_upper", `"Odd.Schema"."F ""x"`, "sales.total", "public.lower", "public.similarity", "pg_catalog.pg_sleep",
		"bare", ".nothing", "a.b.c", `"open`, `"a"x.y`, "", "x.", `"".""`,
	})
	for sql, want := range map[string][]sqlguard.Call{
		"SELECT f_upper(a), F_Upper(b), public.f_upper(a, b) FROM t": {{Name: "f_upper", Args: 1}, {Schema: "public", Name: "f_upper", Args: 2}},
		`SELECT * FROM "Odd.Schema"."F ""x"()`:                       {{Schema: "Odd.Schema", Name: `F "x`}},
		"SELECT total(DISTINCT a) OVER (ORDER BY b) FROM t":          {{Name: "total", Args: 1}},
		"SELECT total(a) WITHIN GROUP (ORDER BY b) FROM t":           {{Name: "total", Args: sqlguard.AnyArgs}},
		"SELECT public.lower('a')":                                   {{Schema: "public", Name: "lower", Args: 1}},
		"SELECT lower('a'), similarity('a', 'b')":                    nil,
		"EXPLAIN SELECT f_upper(a => 1, b => 2)":                     {{Name: "f_upper", Args: 2}},
		"SELECT f_upper(VARIADIC a) FROM t":                          {{Name: "f_upper", Args: 1}},
		"SELECT total(*) FROM t":                                     {{Name: "total"}},
	} {
		stmt, err := guard.Check(sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if diff := cmp.Diff(want, stmt.Implied.Calls); diff != "" {
			t.Errorf("%s: %s", sql, diff)
		}
		if len(want) > 0 {
			if _, err := plain.Check(sql); err == nil {
				t.Errorf("%s: the guard without the list accepts it", sql)
			}
		}
	}
	for _, sql := range []string{
		`SELECT "F_Upper"(a) FROM t`, "SELECT other.f_upper(a) FROM t", "SELECT db.public.f_upper(a) FROM t", "SELECT pg_catalog.pg_sleep(1)",
		"SELECT bare()", "SELECT c()", "SELECT f_upper((SELECT pg_read_file('x')))", "SELECT * FROM t TABLESAMPLE total(1)",
		"SELECT public.f_upper(a) FROM t FOR UPDATE", "SELECT (x).pg_sleep FROM f_upper(1) x", "SELECT nothing()", "SELECT b.c()",
	} {
		if _, err := guard.Check(sql); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if a, b := plain.Version(), guard.Version(); a == b || !strings.HasPrefix(b, a) {
		t.Errorf("versions %q and %q", a, b)
	}
	if plain.Version() != New().Version() || len(plain.policy.allowed.bare) > 0 {
		t.Error("the guard itself has changed")
	}
}
