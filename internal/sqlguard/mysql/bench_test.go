package mysql_test

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
)

// kilobyte is an analytical statement of about 1 KB.
func kilobyte() string {
	return strings.TrimSpace(`
WITH monthly AS (
  SELECT o.user_id, DATE_FORMAT(o.created_at, '%Y-%m') AS month, SUM(o.amount) AS total, COUNT(*) AS n
  FROM orders o JOIN order_items i ON i.order_id = o.id
  WHERE o.status IN ('paid', 'shipped', 'done') AND o.created_at >= NOW() - INTERVAL 12 MONTH
  GROUP BY o.user_id, DATE_FORMAT(o.created_at, '%Y-%m')
), ranked AS (
  SELECT m.*, ROW_NUMBER() OVER (PARTITION BY m.month ORDER BY m.total DESC) AS position,
         AVG(m.total) OVER (PARTITION BY m.user_id ORDER BY m.month ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS moving
  FROM monthly m
)
SELECT u.id, u.name, d.name AS department, r.month, r.total, ROUND(r.moving, 2) AS moving,
       CASE WHEN r.total > 1000 THEN 'high' WHEN r.total > 100 THEN 'middle' ELSE 'low' END AS band,
       COALESCE(JSON_UNQUOTE(JSON_EXTRACT(u.meta, '$.city')), 'unknown') AS city
FROM ranked r
JOIN users u ON u.id = r.user_id
LEFT JOIN departments d ON d.dept_id = u.dept_id
WHERE r.position <= 10 AND NOT EXISTS (SELECT 1 FROM orders x WHERE x.user_id = u.id AND x.status = 'fraud')
ORDER BY r.month DESC, r.position LIMIT 100`)
}

// BenchmarkCheckFirst measures a statement that nobody checked before: scan,
// parse, policy, regenerate, and all of it again. Budget: 0.6 ms of CPU.
func BenchmarkCheckFirst(b *testing.B) {
	guard, sql := mysql.New(mysql.MySQL), kilobyte()
	b.ReportAllocs()
	b.SetBytes(int64(len(sql)))
	for b.Loop() {
		if _, err := guard.Check(sql); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckCached measures a statement that was checked before. Budget:
// 5 µs.
func BenchmarkCheckCached(b *testing.B) {
	guard, sql := sqlguard.Cached(mysql.New(mysql.MySQL), sqlguard.CacheConfig{Entries: 1024, Bytes: 8 << 20}), kilobyte()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := guard.Check(sql); err != nil {
			b.Fatal(err)
		}
	}
}
