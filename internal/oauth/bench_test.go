package oauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// BenchmarkRefresh is a whole turn of the token endpoint: rotation, record and
// commit in the store, and two signatures.
func BenchmarkRefresh(b *testing.B) {
	r := newRig(b)
	visitor := r.browser(b)
	p := visitor.tokens(b)
	b.ReportAllocs()
	for b.Loop() {
		r.clock.advance(time.Minute)
		p = pairOf(b, p.client, visitor.token(b, renewal(p)))
	}
}

// BenchmarkTokenRefusal is what a guess at a code costs us.
func BenchmarkTokenRefusal(b *testing.B) {
	r := newRig(b)
	visitor := r.browser(b)
	form := redemption("nobody", "guess")
	b.ReportAllocs()
	for b.Loop() {
		r.clock.advance(time.Minute)
		if a := visitor.token(b, form); a.status != http.StatusBadRequest {
			b.Fatal(a.body)
		}
	}
}

// BenchmarkBearer is the check of an MCP access token: signature, claims, the
// live user and the token family.
func BenchmarkBearer(b *testing.B) {
	r := newRig(b)
	p := r.browser(b).tokens(b)
	req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/t/acme/mcp", nil)
	req.Header.Set("Authorization", "Bearer "+p.access)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.auth.Authenticate(req.Context(), req, "acme"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAuthorize is opening the sign-in page.
func BenchmarkAuthorize(b *testing.B) {
	r := newRig(b)
	visitor := r.browser(b)
	q := authorization(visitor.register(b, loopback)).Encode()
	b.ReportAllocs()
	for b.Loop() {
		r.clock.advance(time.Minute)
		visitor.http = mustBrowser(b) // or it would collect cookies
		if a := visitor.get(b, "/t/acme/oauth/authorize?"+q); a.status != http.StatusOK {
			b.Fatal(a.body)
		}
	}
}
