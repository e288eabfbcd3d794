// Package api is the management REST API (contract 3). Its surface is the one
// table in routes.go; each resource has a file of its own.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/page"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// Databases is what the API knows of users' databases.
type Databases struct {
	Dialects []database.Dialect
	// Env says what connections of the tenant with this slug may reach.
	Env func(slug string) database.Env
	// Drop closes the pool of a connection that changed or is gone.
	Drop func(tenant, connection string)
	// Functions lists the functions that users have defined in the database of
	// a connection of the caller's tenant.
	Functions func(ctx context.Context, who identity.Principal, connection string) ([]database.Function, error)
}

// Registration says who may register a tenant (contract 3.3).
type Registration struct {
	Closed bool
	Token  string // asked for unless empty
}

// Config is what the API is made of.
type Config struct {
	Store        *store.DB
	Auth         *auth.Authenticator
	SSO          *auth.SSO
	Pages        *page.Set
	Keys         *seal.Hasher
	Passwords    *seal.Passwords
	Ring         *seal.Ring
	Databases    Databases
	Catalog      *gate.Catalog
	Audit        auth.Recorder
	Limits       *limit.Limiter
	Registration Registration
	Log          *slog.Logger
	Now          func() time.Time

	Version string
	Base    string   // BASE_URL without trailing slash
	Origins []string // the CORS list: whose pages may ask for changes
	// Ready reports what else GET /readyz depends on (Redis, draining). Nil
	// means nothing.
	Ready func(context.Context) error
	// Metrics serves GET /metrics to who has MetricsToken; without a token the
	// route does not exist on this listener.
	Metrics      http.Handler
	MetricsToken string
}

type server struct {
	Config
	dialects map[string]database.Dialect
}

// API is the management API with its routes.
type API struct {
	server   *server
	routes   []*route
	document []byte // the OpenAPI document, encoded
	page     []byte // the HTML reference made from it
}

// New returns the API.
func New(cfg Config) (*API, error) {
	if cfg.Store == nil || cfg.Auth == nil || cfg.SSO == nil || cfg.Pages == nil || cfg.Catalog == nil {
		return nil, errors.New("api: store, auth, SSO, pages and catalog are needed")
	}
	s := &server{Config: cfg, dialects: map[string]database.Dialect{}}
	for _, d := range cfg.Databases.Dialects {
		s.dialects[d.Name()] = d
	}
	a := &API{server: s, routes: s.routes()}
	registry := newRegistry()
	for _, rt := range a.routes {
		if rt.do.in != nil {
			rt.body = newSchema(registry, rt.do.in)
		}
	}
	doc := describe(registry, a.routes, cfg.Version, cfg.Base)
	var err error
	if a.document, err = doc.MarshalJSON(); err != nil {
		return nil, err
	}
	a.page, err = renderReference(doc, a.routes)
	return a, err
}

// Mount adds every route, under all of its spellings.
func (a *API) Mount(mux *httpx.Mux) {
	for _, rt := range a.routes {
		serve := a.server.serve(rt)
		if rt.do.out == nil {
			serve = a.server.Pages.Errors(serve)
		}
		mux.HandleManagement(rt.method, rt.path, serve)
	}
	a.mountInfrastructure(mux)
}
