package httpx

import (
	"net/http/httptest"
	"testing"
)

func TestRequireBearer(t *testing.T) {
	for _, tc := range []struct {
		token, sent string
		status      int
		body        string
	}{
		{"operator-token", "Bearer operator-token", 200, ""},
		{"operator-token", "bearer  operator-token", 200, ""},
		{"operator-token", "", 401, `{"detail":"Not authenticated"}`},
		{"operator-token", "Basic operator-token", 401, `{"detail":"Not authenticated"}`},
		{"operator-token", "Bearer operator-toke", 401, `{"detail":"Invalid token"}`},
		{"operator-token", "Bearer ", 401, `{"detail":"Invalid token"}`},
		{"", "Bearer ", 404, `{"detail":"Not Found"}`},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		if tc.sent != "" {
			r.Header.Set("Authorization", tc.sent)
		}
		w := httptest.NewRecorder()
		RequireBearer(tc.token, failing(nil)).ServeHTTP(w, r)
		if w.Code != tc.status || w.Body.String() != tc.body {
			t.Errorf("token %q, sent %q: %d %s, want %d %s", tc.token, tc.sent, w.Code, w.Body, tc.status, tc.body)
		}
	}
}
