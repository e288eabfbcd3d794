package mcp

import (
	"context"
	"io"
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// serveSSE opens an HTTP+SSE session (2024-11-05, contract 6.1): its first
// event says where messages go, the answers come back on the stream.
func (h *Handler) serveSSE(w http.ResponseWriter, v *visit) error {
	header := v.r.Header
	if !v.door.deprecated && (header.Get(headerVersion) != "" || header.Get("Mcp-Session-Id") != "") {
		// A Streamable HTTP client asking for a stream of its session.
		return h.refuseMethod(http.MethodPost)(w, v)
	}
	owner, err := h.authenticate(v)
	if err != nil {
		return err
	}
	x := &exchange{principal: owner, ip: v.ip, requestID: v.requestID, transport: transportSSE, version: v20241105}
	if err := h.connected(v.r.Context(), x, nil); err != nil {
		return fault.New(fault.Internal, err.message)
	}
	ctx, cancel := context.WithCancel(v.r.Context())
	s := newSession(ctx, v, owner)
	defer s.end() // after cancel
	defer cancel()
	h.sessions.add(s)
	defer h.sessions.remove(s)
	out := h.openStream(w)
	err = h.hold(ctx, &held{
		stream: out, opened: v.r, slug: v.slug, principal: owner, answers: s.answers,
		greet:   func() error { return out.event("endpoint", s.endpoint()) },
		changed: func() *answer { return h.listChanged(nil) },
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

// serveMessage takes one message of an HTTP+SSE session.
func (h *Handler) serveMessage(w http.ResponseWriter, v *visit) error {
	s, err := h.sessionOf(v)
	if err != nil {
		return err
	}
	p, err := h.bind(v, s)
	if err != nil {
		return err
	}
	body, err := httpx.ReadBody(w, v.r, httpx.MCPBody)
	if err != nil {
		return err
	}
	msgs, batch, refusal := h.parse(v.r, body)
	if refusal == nil && !batch {
		refusal = checkID(&msgs[0])
	}
	if refusal != nil || batch {
		return fault.New(fault.Invalid, "Could not parse message")
	}
	if !h.work(v, s, p, &msgs[0]) {
		return errNoSession
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "Accepted") // a caller that is gone needs no answer
	return nil
}

var errNoSession = fault.New(fault.NotFound, "Could not find session")

func (h *Handler) sessionOf(v *visit) (*session, error) {
	id := v.r.URL.Query().Get("session_id")
	switch {
	case id == "":
		return nil, fault.New(fault.Invalid, "session_id is required")
	case !validSessionID(id):
		return nil, fault.New(fault.Invalid, "Invalid session ID")
	}
	if s := h.sessions.find(id, v.slug); s != nil {
		return s, nil
	}
	return nil, errNoSession
}

// bind decides whether the message may speak for the session (contract 6.2).
// A session opened with a header credential takes only messages that carry a
// valid one of the same user. One opened with a query credential takes the id
// alone, but then its own credential must still be good.
func (h *Handler) bind(v *visit, s *session) (identity.Principal, error) {
	ctx := v.r.Context()
	if !s.byHeader && !anyCredential(v) {
		return h.authenticateRequest(ctx, s.opened, s.slug)
	}
	p, err := h.authenticate(v)
	if err != nil {
		return identity.Principal{}, err
	}
	if p.User != s.owner.User || p.Tenant != s.owner.Tenant {
		return identity.Principal{}, errNoSession // not told apart from one that does not exist
	}
	return p, nil
}

// work handles the message beside its POST, which is answered at once. It
// reports false when the session ended. A notification needs no place among
// the messages worked on: it may be there to free one.
func (h *Handler) work(v *visit, s *session, p identity.Principal, m *message) bool {
	x := &exchange{principal: p, ip: v.ip, requestID: v.requestID, transport: transportSSE, session: s.id, msg: m}
	if !m.isRequest() {
		h.notify(x)
		return s.ctx.Err() == nil
	}
	done := s.begin(v.r.Context())
	if done == nil {
		return false
	}
	x.version = s.settle(m)
	go func() {
		defer done()
		a := h.respond(s.ctx, x)
		if a == nil {
			return
		}
		select {
		case s.answers <- a:
		case <-s.ctx.Done():
			h.buffers.put(a.head)
		}
	}()
	return true
}
