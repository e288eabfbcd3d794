package mcp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// serveSSE opens an HTTP+SSE session (2024-11-05, contract 6.1): its first
// event says where messages go, the answers come back on the stream.
func (h *Handler) serveSSE(w http.ResponseWriter, v *visit) error {
	header := v.r.Header
	if !v.door.deprecated && (header.Get(headerVersion) != "" || header.Get(headerSession) != "") {
		// A Streamable HTTP client asking for a stream of its session.
		return h.serveSession(w, v)
	}
	owner, err := h.authenticate(v)
	if err != nil {
		return err
	}
	end, err := h.streams.add(&owner)
	if err != nil {
		return err
	}
	defer end()
	x := &exchange{principal: owner, ip: v.ip, requestID: v.requestID, transport: transportSSE, version: v20241105}
	if err := h.connected(v.r.Context(), x, nil); err != nil {
		return fault.New(fault.Internal, err.message)
	}
	ctx, cancel := context.WithCancel(v.r.Context())
	s := newSession(ctx, h.ids.next(), v, owner)
	defer s.end() // after cancel
	defer cancel()
	h.sessions.add(s)
	defer h.sessions.remove(s)
	out := h.openStream(w)
	err = h.hold(ctx, &held{
		stream: out, opened: v.r, slug: v.slug, principal: owner, answers: s.answers,
		greet:   func() error { return out.event("endpoint", s.endpoint()) },
		changed: func() *answer { return h.listChanged(nil) }, subscribed: s.subscriptions,
	})
	if err != nil {
		httpx.Note(w, err)
	}
	return nil
}

// endpoint is where the session's messages go.
func (s *session) endpoint() string {
	if s.slug == "" {
		return "/mcp/messages?session_id=" + s.id
	}
	return "/t/" + s.slug + "/mcp/messages?session_id=" + s.id
}

// posted is a message of an HTTP+SSE session and who sent it, as far as it
// travels between instances.
type posted struct {
	Session   string `json:"session"`
	Slug      string `json:"slug"` // of the path, "" at the deprecated endpoints
	IP        string `json:"ip"`
	RequestID string `json:"request_id"`
	// Caller is whose credential came with the message, nil when none did.
	Caller *identity.Principal `json:"caller,omitempty"`
	At     time.Time           `json:"at"` // when that was found out
}

// serveMessage takes one message of an HTTP+SSE session, wherever that is held.
func (h *Handler) serveMessage(w http.ResponseWriter, v *visit) error {
	id := v.r.URL.Query().Get("session_id")
	if id == "" {
		return fault.New(fault.Invalid, "session_id is required")
	}
	holder, err := h.ids.holder(id)
	if err != nil {
		return err
	}
	p := &posted{Session: id, Slug: v.slug, IP: v.ip, RequestID: v.requestID, At: h.cfg.Now()}
	if p.Caller, err = h.sender(v); err != nil {
		return err
	}
	if holder == h.cfg.Relay.Instance() {
		err = h.deliver(v.r.Context(), p, func(caller *identity.Principal) (*body, *message, error) {
			return h.readMessage(w, v, caller)
		})
	} else {
		err = h.relay(w, v, holder, p)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "Accepted") // a caller that is gone needs no answer
	return nil
}

// sender returns whose credential came with the message, nil when none did.
func (h *Handler) sender(v *visit) (*identity.Principal, error) {
	if !anyCredential(v) {
		return nil, nil
	}
	p, err := h.authenticate(v)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// readMessage reads the one message that the body of the visit holds, whose
// memory is the caller's.
func (h *Handler) readMessage(w http.ResponseWriter, v *visit, caller *identity.Principal) (*body, *message, error) {
	b, err := h.readBody(w, v, caller)
	if err != nil {
		return nil, nil, err
	}
	m, err := soleMessage(h.parse(v.r, b, caller))
	if err != nil {
		b.free()
		return nil, nil, err
	}
	return b, m, nil
}

func soleMessage(msgs []message, batch bool, refusal *rpcError, err error) (*message, error) {
	if err != nil {
		return nil, err
	}
	if refusal != nil || batch || checkID(&msgs[0]) != nil {
		return nil, fault.New(fault.Invalid, "Could not parse message")
	}
	return &msgs[0], nil
}

// deliver gives a message to its session, which this instance holds. It is the
// one way there, from this instance's door and from those of others. ctx is
// that of the POST.
func (h *Handler) deliver(ctx context.Context, p *posted, read func(caller *identity.Principal) (*body, *message, error)) error {
	s := h.sessions.find(p.Session, p.Slug)
	if s == nil {
		return errNoSession
	}
	caller, err := h.bind(ctx, s, p.Caller)
	if err != nil {
		return err
	}
	b, m, err := read(&caller)
	if err != nil {
		return err
	}
	x := &exchange{principal: caller, ip: p.IP, requestID: p.RequestID, transport: transportSSE, session: s.id, msg: m, body: b}
	x.again = func(ctx context.Context) (identity.Principal, error) {
		return h.authenticateRequest(ctx, s.opened, s.slug)
	}
	if !h.work(ctx, s, x) {
		return errNoSession
	}
	return nil
}

// bind decides for whom the message speaks, if it may speak for the session at
// all (contract 6.2). A session opened with a header credential takes only
// messages that came with a valid one of the same user. One opened with a
// query credential takes the id alone, but then its own credential must still
// be good.
func (h *Handler) bind(ctx context.Context, s *session, sender *identity.Principal) (identity.Principal, error) {
	switch {
	case sender == nil && s.byHeader:
		return identity.Principal{}, fault.New(fault.Unauthenticated, textNoCredential)
	case sender == nil:
		return h.authenticateRequest(ctx, s.opened, s.slug)
	case sender.User != s.owner.User || sender.Tenant != s.owner.Tenant:
		return identity.Principal{}, errNoSession // not told apart from one that does not exist
	}
	return *sender, nil
}

// work handles the message beside its POST, which is answered at once. It
// reports false when the session ended. A notification needs no place among
// the messages worked on: it may be there to free one.
func (h *Handler) work(ctx context.Context, s *session, x *exchange) bool {
	if !x.msg.isRequest() {
		defer x.body.free()
		h.notify(ctx, x)
		return s.ctx.Err() == nil
	}
	done := s.begin(ctx)
	if done == nil {
		x.body.free()
		return false
	}
	s.settle(h, x)
	go func() {
		defer done()
		a := h.respondApart(s.ctx, x)
		x.body.free()
		select {
		case s.answers <- a:
		case <-s.ctx.Done():
			h.done(a)
		}
	}()
	return true
}

// respondApart is respond for a goroutine of the gateway's own, in which a
// panic would end the process.
func (h *Handler) respondApart(ctx context.Context, x *exchange) (a *answer) {
	defer func() {
		if v := recover(); v != nil {
			h.cfg.Logger.ErrorContext(ctx, "message panicked", "request_id", x.requestID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			a = h.buffers.refuse(x.version, x.msg.id, internalError("Internal error", x.requestID))
			a.release = x.release
		}
	}()
	return h.respond(ctx, x)
}
