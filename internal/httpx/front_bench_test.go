package httpx

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkFront is what every request pays before its door: id, client
// address, headers, routing, one JSON log line.
func BenchmarkFront(b *testing.B) {
	m := NewMux()
	m.Handle("POST /t/{slug}/mcp", Handler(func(w http.ResponseWriter, r *http.Request) error {
		if _, err := ReadBody(w, r, MCPBody); err != nil {
			return err
		}
		return WriteJSON(w, http.StatusOK, []byte(`{"ok":true}`))
	}))
	f := NewFront(FrontConfig{Next: m, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Origins: []string{"https://ui.example"}})
	b.ReportAllocs()
	for b.Loop() {
		f.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/t/acme/mcp", strings.NewReader(`{"jsonrpc":"2.0"}`)))
	}
}
