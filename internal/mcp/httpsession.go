package mcp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// headerSession names a session of Streamable HTTP before 2026-07-28.
const headerSession = "Mcp-Session-Id"

// ClientSession is what the gateway keeps of a Streamable HTTP client between
// initialize and its end. Who it belongs to is checked with every request; the
// session says nothing about that.
type ClientSession struct {
	Version      string
	Capabilities []byte // the object that the client declared
	LogLevel     tool.Level
	// Subscribed are the addresses of the resources that the client wants to
	// hear of.
	Subscribed []string
}

// ClientSessions keeps sessions where every instance finds them. What is not
// there, or another user's, is a NotFound fault. key identifies a session and
// opens nothing by itself.
type ClientSessions interface {
	CreateSession(ctx context.Context, p identity.Principal, key string, s ClientSession) error
	// Session also notes that the session is in use.
	Session(ctx context.Context, p identity.Principal, key string) (ClientSession, error)
	SetLogLevel(ctx context.Context, p identity.Principal, key string, level tool.Level) error
	// Subscribe changes what the client has subscribed to. It may call change
	// more than once. Too much is an Invalid fault.
	Subscribe(ctx context.Context, p identity.Principal, key string, change func(uris []string) []string) error
	DeleteSession(ctx context.Context, p identity.Principal, key string) error
}

// sessionKey is what a session is stored under: its id is kept by the client
// only.
func sessionKey(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// openSession begins the session of an initialize and returns its id, "" when
// this build has no use for one.
func (h *Handler) openSession(ctx context.Context, x *exchange) (string, *rpcError) {
	if h.cfg.Sessions == nil {
		return "", nil
	}
	id := rand.Text() + rand.Text()
	s := ClientSession{Version: string(x.version), Capabilities: x.msg.params.capabilities, LogLevel: defaultLevel}
	if len(s.Capabilities) == 0 {
		s.Capabilities = []byte("{}")
	}
	if err := h.cfg.Sessions.CreateSession(ctx, x.principal, sessionKey(id), s); err != nil {
		return "", h.sessionFault(ctx, x, "open session", err)
	}
	return id, nil
}

// sessionFault says why a session could not be read or changed.
func (h *Handler) sessionFault(ctx context.Context, x *exchange, what string, err error) *rpcError {
	switch fault.KindOf(err) {
	case fault.NotFound:
		return errSessionGone
	case fault.Invalid:
		return invalidParams(fault.Of(err).Public)
	default:
		return h.internal(ctx, x, what, err)
	}
}

// sessionState is what a session remembers of its client.
type sessionState interface {
	setLevel(ctx context.Context, level tool.Level) error
	subscribe(ctx context.Context, change func(uris []string) []string) error
}

// storedState is that of a Streamable HTTP session.
type storedState struct {
	sessions  ClientSessions
	principal identity.Principal
	key       string
}

func (s storedState) setLevel(ctx context.Context, level tool.Level) error {
	return s.sessions.SetLogLevel(ctx, s.principal, s.key, level)
}

func (s storedState) subscribe(ctx context.Context, change func([]string) []string) error {
	return s.sessions.Subscribe(ctx, s.principal, s.key, change)
}

// defaultLevel is the least grave log message that a client hears which has
// not said what it wants.
const defaultLevel = tool.Info

// inSession adds to an exchange what its session knows. A request without one
// is served all the same: it only cannot be asked anything.
func (h *Handler) inSession(v *visit, x *exchange) *rpcError {
	if h.cfg.Sessions == nil || x.version.modern() || x.msg.method == "initialize" {
		return nil
	}
	x.logLevel = defaultLevel
	id := v.r.Header.Get(headerSession)
	if id == "" {
		return nil
	}
	ctx, key := v.r.Context(), sessionKey(id)
	s, err := h.cfg.Sessions.Session(ctx, x.principal, key)
	if err != nil {
		return h.sessionFault(ctx, x, "read session", err)
	}
	x.capabilities, x.logLevel = s.Capabilities, s.LogLevel
	x.state = storedState{h.cfg.Sessions, x.principal, key}
	return nil
}

// errSessionGone makes a client initialize again (MCP 2025-11-25,
// basic/transports, "Session Management").
var errSessionGone = &rpcError{status: http.StatusNotFound, code: codeInvalidRequest, message: "Session not found: initialize again"}

// setLogLevel answers logging/setLevel.
func (h *Handler) setLogLevel(ctx context.Context, x *exchange) (*answer, *rpcError) {
	text, _ := unquote(x.msg.params.level)
	level := tool.Level(text)
	switch {
	case !level.AtLeast(tool.Debug):
		return nil, invalidParams("level must be one of debug, info, notice, warning, error, critical, alert, emergency")
	case x.state == nil:
		return nil, invalidRequest("logging/setLevel needs the " + headerSession + " header that initialize was answered with")
	}
	if err := x.state.setLevel(ctx, level); err != nil {
		return nil, h.sessionFault(ctx, x, "set log level", err)
	}
	return h.splice(x.msg.id, []byte(`{}}`)), nil
}

// serveSession is the stream that a Streamable HTTP client may open beside its
// requests: it tells when the tools change, and resources it subscribed to.
func (h *Handler) serveSession(w http.ResponseWriter, v *visit) error {
	p, key, err := h.sessionOf(w, v)
	if err != nil || key == "" {
		return err
	}
	end, err := h.streams.add(&p)
	if err != nil {
		return err
	}
	defer end()
	out := h.openStream(w)
	err = h.hold(v.r.Context(), &held{
		stream: out, opened: v.r, slug: v.slug, principal: p,
		greet:   out.ping,
		changed: func() *answer { return h.listChanged(nil) },
		still: func(ctx context.Context, p identity.Principal) error {
			_, err := h.cfg.Sessions.Session(ctx, p, key)
			return err
		},
		subscribed: func(ctx context.Context, p identity.Principal) ([]string, error) {
			s, err := h.cfg.Sessions.Session(ctx, p, key)
			return s.Subscribed, err
		},
	})
	if err != nil {
		httpx.Note(w, err)
	}
	return nil
}

// endSession is DELETE: the client needs the session no more. Its streams end
// with their next check.
func (h *Handler) endSession(w http.ResponseWriter, v *visit) error {
	p, key, err := h.sessionOf(w, v)
	if err != nil || key == "" {
		return err
	}
	if err := h.cfg.Sessions.DeleteSession(v.r.Context(), p, key); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// sessionOf finds the session that a request without a message names. Where
// there can be none it answers 405, and the key is "".
func (h *Handler) sessionOf(w http.ResponseWriter, v *visit) (p identity.Principal, key string, err error) {
	id := v.r.Header.Get(headerSession)
	if h.cfg.Sessions == nil || id == "" {
		return p, "", h.refuseMethod(http.MethodPost)(w, v)
	}
	if p, err = h.authenticate(v); err != nil {
		return p, "", err
	}
	_, err = h.cfg.Sessions.Session(v.r.Context(), p, sessionKey(id))
	return p, sessionKey(id), err
}
