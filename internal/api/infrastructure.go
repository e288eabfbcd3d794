package api

import (
	"context"
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// mountInfrastructure adds the routes that have one spelling and no caller
// (contract 1, Unversioned only; 3.1).
func (a *API) mountInfrastructure(mux *httpx.Mux) {
	s := a.server
	mux.Handle("GET /livez", status("ok", func(context.Context) error { return nil }))
	mux.Handle("GET /health", status("ok", s.healthy))
	mux.Handle("GET /readyz", status("ready", s.ready))
	mux.Handle("GET /metrics", httpx.RequireBearer(s.MetricsToken, s.Metrics))
	mux.Handle("GET /openapi.json", httpx.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		return httpx.WriteJSON(w, http.StatusOK, a.document)
	}))
	a.mountReference(mux)
}

// status answers with a word while check passes.
func status(word string, check func(context.Context) error) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := check(r.Context()); err != nil {
			return err
		}
		return httpx.Write(w, http.StatusOK, map[string]string{"status": word})
	}
}

// healthy reports whether the database answers and has at least the schema of
// this program.
func (s *server) healthy(ctx context.Context) error {
	err := s.Store.CheckSchema(ctx)
	if err == nil || pendingMigrations(err) {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "Database unavailable")
}

// pendingMigrations tells the store's own finding, which has no cause, from a
// failure to ask.
func pendingMigrations(err error) bool {
	f := fault.Of(err)
	return f.Kind == fault.Unavailable && f.Cause == nil
}

// ready adds what else a request needs.
func (s *server) ready(ctx context.Context) error {
	if err := s.healthy(ctx); err != nil || s.Ready == nil {
		return err
	}
	return s.Ready(ctx)
}
