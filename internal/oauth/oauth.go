// Package oauth is the authorization server of each tenant (contract 4): OAuth
// 2.1 for public clients, with PKCE, registration, client metadata documents,
// resource indicators, rotation and revocation, and the page on which a person
// signs in and allows a client.
//
// Every request passes one sequence in [Server.serve]: limit, tenant, then the
// endpoint. A sign-in is a row of oauth_states, and [Server.advance] alone
// decides what it becomes; tokens are made in [Server.issue] alone.
package oauth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/page"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// Config is what a Server is made of.
type Config struct {
	Store  *store.DB
	Auth   *auth.Authenticator
	Issuer *auth.Issuer
	Keys   *seal.Hasher // of refresh tokens
	Audit  auth.Recorder
	Limits *limit.Limiter
	Log    *slog.Logger
	Now    func() time.Time

	// Documents fetches client metadata documents. It must dial public
	// addresses only, follow no redirect and bound bodies (egress.NewClient).
	Documents *http.Client
	SSO       SSO
	Pages     *page.Set

	Base      string // BASE_URL without trailing slash
	Redirects Redirects

	StateLife   time.Duration // OAUTH_STATE_TTL_MINUTES
	CodeLife    time.Duration // OAUTH_CODE_TTL_MINUTES
	RefreshLife time.Duration // REFRESH_TOKEN_EXPIRE_DAYS
}

// Server is the authorization server of every tenant.
type Server struct {
	Config
	urls      auth.URLs
	secure    bool // Base is https
	documents *documents
}

// New returns the authorization server.
func New(cfg Config) (*Server, error) {
	if cfg.Store == nil || cfg.Auth == nil || cfg.Issuer == nil || cfg.Documents == nil || cfg.SSO == nil || cfg.Pages == nil {
		return nil, errors.New("oauth: store, auth, issuer, documents, SSO and pages are needed")
	}
	return &Server{
		Config: cfg, urls: auth.URLs{Base: cfg.Base}, secure: strings.HasPrefix(cfg.Base, "https://"),
		documents: newDocuments(cfg.Documents, cfg.Now),
	}, nil
}

// Routes adds every route (contract 4.2, 4.3).
func (s *Server) Routes(mux *httpx.Mux) {
	s.discovery(mux)
	for _, e := range s.endpoints() {
		mux.Handle(e.method+" /t/{slug}/oauth/"+e.path, s.serve(e))
	}
}

// Clean removes what has expired and clients that nobody used for 90 days
// (contract 4.4). It is to be called hourly, never by a request.
func (s *Server) Clean(ctx context.Context) error {
	_, err := s.Store.Sweep(ctx)
	return err
}

// endpoint is one route below /t/{slug}/oauth/.
type endpoint struct {
	method, path string
	bucket       bucket
	// browser routes are for people: their errors are pages.
	browser bool
	refused string // audit event of a refusal
	// closed endpoints serve disabled tenants too.
	closed bool
	do     func(*visit) error
}

// bucket is a row of contract 14, shared by all slugs.
type bucket struct {
	name  string
	count int
}

func (s *Server) endpoints() []endpoint {
	const get, post = http.MethodGet, http.MethodPost
	const registration, signIn, token, revocation = "oauth.registration_refused", "oauth.login_failure", "oauth.token_refused", "oauth.revocation_refused"
	callbacks := bucket{"sso_callback", 20}
	return []endpoint{
		{method: post, path: "register", bucket: bucket{"oauth_register", 10}, do: s.register, refused: registration},
		{method: get, path: "authorize", bucket: bucket{"oauth_authorize", 30}, do: s.authorize, refused: signIn, browser: true},
		{method: post, path: "login", bucket: bucket{"oauth_login", 10}, do: s.login, refused: signIn, browser: true},
		{method: post, path: "sso", bucket: bucket{"oauth_sso", 20}, do: s.startSSO, refused: signIn, browser: true},
		{method: get, path: "entra-callback", bucket: callbacks, do: s.callback("entra"), refused: signIn, browser: true},
		{method: get, path: "oidc-callback", bucket: callbacks, do: s.callback("oidc"), refused: signIn, browser: true},
		{method: post, path: "token", bucket: bucket{"oauth_token", 30}, do: s.token, refused: token},
		{method: post, path: "revoke", bucket: bucket{"oauth_revoke", 30}, do: s.revoke, refused: revocation, closed: true},
	}
}
