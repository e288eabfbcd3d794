package store

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// BenchmarkSignLink is what chaining one record costs: its hash or signature,
// and the signature of the head.
func BenchmarkSignLink(b *testing.B) {
	signer, err := seal.NewSigner("first-9f8e7d6c5b4a39281706f5e4d3c2b1a0", nil)
	if err != nil {
		b.Fatal(err)
	}
	row := db.AuditLog{
		TenantID: newID(), ID: newID(), UserID: newID(), UserEmail: "a@b.example", Event: "tool.execute_sql", Family: "tool",
		IpAddress: "192.0.2.1", Metadata: strings.Repeat("x", 400), CreatedAt: 1,
	}
	for name, keys := range map[string]chainKeys{"plain": {}, "signed": {signer}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			l := link{tenant: row.TenantID, rows: []db.AuditLog{row}}
			for b.Loop() {
				l.follow(l.to, keys)
			}
		})
	}
}
