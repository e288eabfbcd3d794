package httpx

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func testMux() *Mux {
	echo := func(text string) http.Handler {
		return Handler(func(w http.ResponseWriter, r *http.Request) error {
			_, err := io.WriteString(w, text+r.PathValue("id")+r.PathValue("tool_name"))
			return err
		})
	}
	m := NewMux()
	m.HandleManagement("GET", "/tenants/", echo("list"))
	m.HandleManagement("POST", "/tenants/", echo("create"))
	m.HandleManagement("DELETE", "/tenants/users/{id}", echo("delete "))
	m.HandleManagement("PATCH", "/tools/{tool_name...}", echo("patch "))
	m.Handle("GET /health", echo("ok"))
	return m
}

func TestRoutes(t *testing.T) {
	for _, tc := range []struct {
		method, path string
		status       int
		body, allow  string
	}{
		{"GET", "/tenants", 200, "list", ""},
		{"GET", "/tenants/", 200, "list", ""},
		{"GET", "/api/v1/tenants", 200, "list", ""},
		{"POST", "/api/v1/tenants/", 200, "create", ""},
		{"DELETE", "/tenants/users/7", 200, "delete 7", ""},
		{"DELETE", "/api/v1/tenants/users/7/", 200, "delete 7", ""},
		{"PATCH", "/tools/a/b", 200, "patch a/b", ""},
		{"PATCH", "/tools/a%2Fb", 200, "patch a/b", ""},
		{"PATCH", "/api/v1/tools/a/b/", 200, "patch a/b/", ""},
		{"GET", "/health", 200, "ok", ""},
		{"GET", "/health/", 404, `{"detail":"Not Found"}`, ""},
		{"GET", "/api/v1/health", 404, `{"detail":"Not Found"}`, ""},
		{"GET", "/tenants/zzz", 404, `{"detail":"Not Found"}`, ""},
		{"GET", "/api/v1", 404, `{"detail":"Not Found"}`, ""},
		{"GET", "/", 404, `{"detail":"Not Found"}`, ""},
		{"POST", "//tenants", 404, `{"detail":"Not Found"}`, ""},
		{"POST", "/x/../tenants", 404, `{"detail":"Not Found"}`, ""},
		{"POST", "/./tenants/", 404, `{"detail":"Not Found"}`, ""},
		{"DELETE", "/tenants", 405, `{"detail":"Method Not Allowed"}`, "GET, HEAD, POST"},
		{"PUT", "/api/v1/tenants/users/7", 405, `{"detail":"Method Not Allowed"}`, "DELETE"},
		{"POST", "/health", 405, `{"detail":"Method Not Allowed"}`, "GET, HEAD"},
	} {
		w := httptest.NewRecorder()
		testMux().ServeHTTP(w, httptest.NewRequest(tc.method, "http://x"+tc.path, nil))
		if w.Code != tc.status || w.Body.String() != tc.body || w.Header().Get("Allow") != tc.allow {
			t.Errorf("%s %s: %d %s (Allow %q), want %d %s (Allow %q)", tc.method, tc.path, w.Code, w.Body, w.Header().Get("Allow"), tc.status, tc.body, tc.allow)
		}
	}
}
