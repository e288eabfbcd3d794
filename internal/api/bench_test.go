package api_test

import (
	"testing"
)

// BenchmarkAuthenticate measures a bearer check at the MCP door: signature or
// hash, and the one query that reads the live user.
func BenchmarkAuthenticate(b *testing.B) {
	g := start(b)
	key := decode[object](b, g.do(b, request{method: "POST", path: "/api-keys", token: g.acme.viewer.token, body: `{"name":"k"}`})).text("raw_key")
	for name, credential := range map[string]string{"token": g.acme.viewer.token, "key": key} {
		r := bearer(credential)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.authMCP(r, "acme"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("query alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := g.store.Live(b.Context(), g.acme.tenant.ID, g.acme.viewer.ID); err != nil {
				b.Fatal(err)
			}
		}
	})
}
