package mssql_test

import (
	"context"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// BenchmarkRows reads rows of six columns. The stand-in's share is in it: it
// writes the rows on the same machine.
func BenchmarkRows(b *testing.B) {
	for name, n := range map[string]int{"1k": 1_000, "100k": 100_000} {
		b.Run(name, func(b *testing.B) {
			s := start(b)
			s.server.Backend = &scripted{run: func(_ context.Context, _ tdstest.Request, r *tdstest.Reply) error {
				return sendOrders(r, n)
			}}
			conn := open(b, s.owner())
			limit := database.Limit{Rows: n, Bytes: 64 << 20}
			b.ReportAllocs()
			for b.Loop() {
				table, err := conn.Query(testContext(b), &sqlguard.Statement{SQL: "SELECT * FROM orders"}, limit)
				if err != nil || table.Len() != n {
					b.Fatal(table.Len(), err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func sendOrders(r *tdstest.Reply, n int) error {
	if err := r.Columns(
		tdstest.Column{Name: "id", Type: tdstest.Int(8)},
		tdstest.Column{Name: "customer", Type: tdstest.NVarChar(40)},
		tdstest.Column{Name: "total", Type: tdstest.Decimal(10, 2)},
		tdstest.Column{Name: "placed", Type: tdstest.DateTime2(3)},
		tdstest.Column{Name: "paid", Type: tdstest.Bit()},
		tdstest.Column{Name: "note", Type: tdstest.NVarChar(0)},
	); err != nil {
		return err
	}
	note, placed := strings.Repeat("n", 30), at(2026, 1, 31, 12, 0, 0, 120000000)
	for i := range n {
		if err := r.Row(int64(i), "Some customer", "1234.50", placed, i%2 == 0, note); err != nil {
			return err
		}
	}
	return nil
}
