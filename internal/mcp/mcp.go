// Package mcp is the MCP door: Streamable HTTP for the stateless revision
// 2026-07-28 and for those that begin with initialize, and the older HTTP+SSE
// pair, all at the same tenant URL (contract 6.1). It translates; the gate
// decides, runs and records.
package mcp

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
)

// Authenticator turns the credential of a request into a live Principal.
type Authenticator interface {
	// Authenticate reads user, role and tenant afresh. slug is the tenant in
	// the path; "" means one of the deprecated endpoints, where the tenant is
	// the credential's own and ?token= is accepted. It returns faults with the
	// texts of contract 4.7. For an open stream it is called again and again,
	// also concurrently, with the request that opened it, so it only reads the
	// header and the URL.
	Authenticate(ctx context.Context, r *http.Request, slug string) (identity.Principal, error)
}

// Recorder stores an audit event durably before it returns.
type Recorder interface {
	Record(ctx context.Context, e audit.Event) error
}

// Memory bounds the bytes that a tenant's users hold (contract 15.2 P5). It
// waits for a place a while; a refusal is a RateLimited fault.
type Memory interface {
	Acquire(ctx context.Context, tenant, user string, bytes int) (release func(), err error)
}

// Config is what a Handler is made of.
type Config struct {
	Gate    *gate.Gate
	Auth    Authenticator
	Audit   Recorder
	BaseURL string   // without trailing slash; challenges point below it
	Origins []string // the CORS list: browsers elsewhere are refused
	Version string   // of the build
	Offers  Offers   // of the build
	Logger  *slog.Logger
	Now     func() time.Time

	Relay       Relay  // to the other instances
	SessionKeys Hasher // sign the ids of HTTP+SSE sessions

	// Seal seals the state of calls that ask their client.
	Seal Sealer
	// Interactive announces that tools of this build log to their client and
	// ask it. Sessions then remembers clients before 2026-07-28; nil otherwise.
	Interactive bool
	Sessions    ClientSessions

	// Bodies bounds the bytes of messages that are read and worked on, Decoded
	// the memory that their contents take. Nil is without bounds.
	Bodies  Memory
	Decoded Memory

	// StrictHeaders refuses QuirkHeaderMismatch as the specification says,
	// instead of serving it.
	StrictHeaders bool
	// Quirk counts a quirk that was served. May be nil.
	Quirk func(name string)

	// KeepAlive is the pause between comments on an idle stream, Recheck the
	// pause after which its credential is checked again, WriteTimeout how long
	// a peer may take to read a piece of an answer. 0 means the defaults below.
	KeepAlive    time.Duration
	Recheck      time.Duration
	WriteTimeout time.Duration

	// UserStreams and TenantStreams are how many streams of one user and of
	// one tenant may be open. 0 means the defaults of this package.
	UserStreams   int
	TenantStreams int
	// UserRequests and TenantRequests are how many requests of one user and of
	// one tenant are worked on at once. 0 means the defaults of this package.
	UserRequests   int
	TenantRequests int
}

// The times of contract 6.1 and 6.2: a comment every 15 s, and streams that
// end within 60 s of a revocation.
const (
	defaultKeepAlive    = 15 * time.Second
	defaultRecheck      = 30 * time.Second
	defaultWriteTimeout = 30 * time.Second
)

// Handler serves the MCP endpoints.
type Handler struct {
	cfg      Config
	origins  map[string]bool
	info     serverInfo
	offered  map[string]method // those of the Offers, never changed
	parsers  parsers
	buffers  buffers
	calls    calls
	asks     asks
	updates  updates
	sessions sessions
	streams  *quota
	requests *quota
	ids      sessionIDs

	stop     context.CancelFunc // ends every open stream
	stopping context.Context
}

// New returns a handler. Shutdown ends what it started.
func New(cfg Config) *Handler {
	cfg.KeepAlive = cmp.Or(cfg.KeepAlive, defaultKeepAlive)
	cfg.Recheck = cmp.Or(cfg.Recheck, defaultRecheck)
	cfg.WriteTimeout = cmp.Or(cfg.WriteTimeout, defaultWriteTimeout)
	if cfg.Quirk == nil {
		cfg.Quirk = func(string) {}
	}
	h := &Handler{cfg: cfg, origins: map[string]bool{}, info: encodeServerInfo(cfg.Version, cfg.capabilities())}
	for _, o := range cfg.Origins {
		h.origins[o] = true
	}
	h.streams = newStreams(cmp.Or(cfg.UserStreams, defaultUserStreams), cmp.Or(cfg.TenantStreams, defaultTenantStreams))
	h.requests = newRequests(cmp.Or(cfg.UserRequests, defaultUserRequests), cmp.Or(cfg.TenantRequests, defaultTenantRequests))
	h.offered = h.offeredMethods(cfg.Offers)
	h.ids = sessionIDs{instance: cfg.Relay.Instance(), keys: cfg.SessionKeys}
	cfg.Relay.Answer(topicMessage, h.answerMessage)
	cfg.Relay.Answer(topicResponse, h.answerResponse)
	cfg.Relay.Hear(topicCancelled, h.cancelledElsewhere)
	h.stopping, h.stop = context.WithCancel(context.Background())
	return h
}

// Mux is what endpoints are mounted on.
type Mux interface {
	Handle(pattern string, handler http.Handler)
}

// Routes mounts the endpoints of contract 6.1. The URLs that people paste work
// with a trailing slash too.
func (h *Handler) Routes(mux Mux) {
	post := methods{http.MethodPost: h.servePost}
	both := methods{http.MethodPost: h.servePost, http.MethodGet: h.serveSSE}
	if h.cfg.Sessions != nil {
		post[http.MethodGet], post[http.MethodDelete] = h.serveSession, h.endSession
		both[http.MethodDelete] = h.endSession
	}
	messages := methods{http.MethodPost: h.serveMessage}
	for pattern, endpoint := range map[string]http.Handler{
		"/t/{slug}/mcp":          h.endpoint(tenantDoor("mcp"), post),
		"/t/{slug}/mcp/{$}":      h.endpoint(tenantDoor("mcp"), post),
		"/t/{slug}/mcp/sse":      h.endpoint(tenantDoor("mcp/sse"), both),
		"/t/{slug}/mcp/sse/{$}":  h.endpoint(tenantDoor("mcp/sse"), both),
		"/t/{slug}/mcp/messages": h.endpoint(tenantDoor("mcp/sse"), messages),
		"/mcp/sse":               h.endpoint(deprecatedDoor("api_key or token query param required"), methods{http.MethodGet: h.serveSSE}),
		"/mcp/messages":          h.endpoint(deprecatedDoor(textNoCredential), messages),
	} {
		mux.Handle(pattern, endpoint)
	}
}

// Shutdown ends every open stream at once, with the calls of HTTP+SSE
// sessions, whose answers could go nowhere. Other running calls it waits for
// until ctx ends, then it cancels those that are left.
func (h *Handler) Shutdown(ctx context.Context) {
	h.stop()
	h.calls.drain(ctx)
}
