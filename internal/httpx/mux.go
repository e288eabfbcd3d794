package httpx

import (
	"net/http"
	"path"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// APIPrefix is the versioned form of the management routes (contract 1).
const APIPrefix = "/api/v1"

// Mux is an http.ServeMux that answers unknown routes and wrong methods in
// JSON and never redirects.
type Mux struct{ mux *http.ServeMux }

// NewMux returns an empty Mux.
func NewMux() *Mux { return &Mux{http.NewServeMux()} }

// Handle registers a handler for one pattern of http.ServeMux. A pattern that
// ends in a slash needs "{$}", or it would serve everything below.
func (m *Mux) Handle(pattern string, h http.Handler) { m.mux.Handle(pattern, h) }

// HandleManagement registers a management route under all of its spellings.
func (m *Mux) HandleManagement(method, canonical string, h http.Handler) {
	for _, p := range Aliases(canonical) {
		m.mux.Handle(method+" "+p, h)
	}
}

// Aliases returns the patterns of a management route: with and without
// trailing slash, short and under /api/v1 (contract 1). A path that ends in a
// rest wildcard takes the slash itself.
func Aliases(canonical string) []string {
	p := strings.TrimSuffix(canonical, "/")
	if strings.HasSuffix(p, "...}") {
		return []string{p, APIPrefix + p}
	}
	return []string{p, p + "/{$}", APIPrefix + p, APIPrefix + p + "/{$}"}
}

// ServeHTTP serves one request.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// ServeMux would redirect an unclean path, and so turn a POST into a GET.
	if !isClean(r.URL.EscapedPath()) {
		Handler(NotFound).ServeHTTP(w, r)
		return
	}
	h, pattern := m.mux.Handler(r)
	if pattern == "" {
		refuse(w, r, h)
		return
	}
	m.mux.ServeHTTP(w, r)
}

func isClean(p string) bool {
	clean := path.Clean(p)
	return p == clean || p == clean+"/"
}

// refuse asks ServeMux's own handler for an unmatched request whether the path
// or only the method is unknown.
func refuse(w http.ResponseWriter, r *http.Request, unmatched http.Handler) {
	verdict := discard{header: make(http.Header)}
	unmatched.ServeHTTP(&verdict, r)
	if verdict.status != http.StatusMethodNotAllowed {
		Handler(NotFound).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Allow", verdict.header.Get("Allow"))
	Note(w, fault.New(fault.Invalid, "Method Not Allowed"))
	answer(w, http.StatusMethodNotAllowed, errorBody{Detail: "Method Not Allowed"})
}

// discard keeps only status and header.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
