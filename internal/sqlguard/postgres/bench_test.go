package postgres

import (
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// kilobyte is a report query of about 1 KB, issue 4's measure.
const kilobyte = `WITH monthly AS (SELECT date_trunc('month', o.created_at) AS m, o.user_id, sum(o.amount) AS total,
count(*) AS n FROM orders o WHERE o.status IN ('paid', 'shipped') AND o.created_at >= now() - interval '12 months'
GROUP BY 1, 2), ranked AS (SELECT m.*, rank() OVER (PARTITION BY m.m ORDER BY m.total DESC) AS r,
lag(m.total) OVER (PARTITION BY m.user_id ORDER BY m.m) AS prev FROM monthly m)
SELECT u.id, u.name, d.name AS dept, r.m, r.total, r.n, CASE WHEN r.prev IS NULL THEN 0 WHEN r.prev = 0 THEN NULL
ELSE round((r.total - r.prev) / r.prev * 100, 2) END AS growth, coalesce(u.meta->>'city', 'n/a') AS city,
to_char(r.m, 'YYYY-MM') AS label, upper(left(u.name, 3)) AS short FROM ranked r JOIN users u ON u.id = r.user_id
LEFT JOIN departments d ON d.dept_id = u.dept_id WHERE r.r <= 10 AND (u.email ILIKE '%@x.io'
OR EXISTS (SELECT 1 FROM order_items i WHERE i.order_id = r.user_id AND i.qty > 2))
ORDER BY r.m DESC, r.total DESC NULLS LAST LIMIT 100`

// BenchmarkCheckFirst is a statement that the cache has not seen.
func BenchmarkCheckFirst(b *testing.B) { benchmark(b, New()) }

// BenchmarkCheckCached is a repeated one.
func BenchmarkCheckCached(b *testing.B) {
	benchmark(b, sqlguard.Cached(New(), sqlguard.CacheConfig{Entries: 1_000, Bytes: 16 << 20}))
}

// BenchmarkJudge is what a database with objects of its own adds to each run.
func BenchmarkJudge(b *testing.B) {
	objects := NewObjects([]Object{
		{Kind: FieldFunction, Name: "name", Relations: []string{"users", "departments"}},
		{Kind: Operator, Name: "=", Relations: []string{"diary"}},
		{Kind: HiddenCast, Name: "turn", Relations: []string{"diary"}},
	})
	stmt, err := New().Check(kilobyte)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := objects.Judge(stmt); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmark(b *testing.B, guard sqlguard.Guard) {
	b.Helper()
	b.SetBytes(int64(len(kilobyte)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := guard.Check(kilobyte); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCost is the part of a first check that measures the statement.
func BenchmarkCost(b *testing.B) {
	tree, err := New().parse(kilobyte)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := checkCost(tree); err != nil {
			b.Fatal(err)
		}
	}
}
