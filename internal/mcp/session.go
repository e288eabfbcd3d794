package mcp

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// maxInFlight is how many messages of one HTTP+SSE session are worked on at a
// time; the next one waits at its POST. It bounds the results that wait for a
// slow reader.
const maxInFlight = 8

// session is one HTTP+SSE stream with what its messages are bound to.
type session struct {
	id       string
	slug     string        // "" for the deprecated endpoints
	opened   *http.Request // the GET; its credential is what the session lives by
	byHeader bool          // opened with a header credential: messages need one too
	owner    identity.Principal

	ctx     context.Context // ends with the stream
	answers chan *answer
	slots   chan struct{}

	// mu guards what messages change.
	mu           sync.Mutex
	version      version
	capabilities []byte
	logLevel     tool.Level
	subscribed   []string
	closed       bool
	work         sync.WaitGroup
}

func newSession(ctx context.Context, id string, v *visit, owner identity.Principal) *session {
	return &session{
		id: id, slug: v.slug, opened: v.r,
		byHeader: headerCredential(v.r), owner: owner, ctx: ctx, version: v20241105, logLevel: defaultLevel,
		answers: make(chan *answer), slots: make(chan struct{}, maxInFlight),
	}
}

// begin claims a place for one message. It returns nil when the session or the
// message's request ends first.
func (s *session) begin(ctx context.Context) (done func()) {
	select {
	case s.slots <- struct{}{}:
	case <-s.ctx.Done():
		return nil
	case <-ctx.Done():
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.work.Add(1)
	return func() { <-s.slots; s.work.Done() }
}

// maxCapabilities bounds what is kept of a client's capabilities, in bytes. One
// that declares more declares nothing.
const maxCapabilities = 16 << 10

// settle adds to an exchange what its session knows: what initialize says,
// and the way to the client.
func (s *session) settle(h *Handler, x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := &x.msg.params; x.msg.method == "initialize" && x.msg.isRequest() {
		asked, _ := unquote(p.protocolVersion)
		s.version, s.capabilities = negotiate(asked), nil
		if len(p.capabilities) <= maxCapabilities {
			s.capabilities = slices.Clone(p.capabilities)
		}
	}
	x.version, x.capabilities, x.out = s.version, s.capabilities, sessionOutlet{h, s}
	if h.cfg.Interactive {
		x.logLevel = s.logLevel
	}
	x.state = s
}

func (s *session) setLevel(_ context.Context, level tool.Level) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logLevel = level
	return nil
}

// maxSubscribed bounds what one session subscribes to.
const maxSubscribed = 1000

var errSubscriptions = fault.New(fault.Invalid, "Too many subscriptions")

func (s *session) subscribe(_ context.Context, change func([]string) []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := change(s.subscribed)
	if len(changed) > maxSubscribed {
		return errSubscriptions
	}
	s.subscribed = changed
	return nil
}

func (s *session) subscriptions(context.Context, identity.Principal) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.subscribed, nil
}

// sessionOutlet puts messages on the stream of a session.
type sessionOutlet struct {
	h *Handler
	s *session
}

// send implements outlet. The stream outlives the call, so that what comes
// after the call's end is dropped here.
func (o sessionOutlet) send(ctx context.Context, a *answer) error {
	if ctx.Err() != nil {
		o.h.done(a)
		return ctx.Err()
	}
	select {
	case o.s.answers <- a: // whose reader gives the buffer back
		return nil
	case <-o.s.ctx.Done():
	case <-ctx.Done():
	}
	o.h.done(a)
	return cmp.Or(ctx.Err(), context.Canceled)
}

// end waits for the session's messages. Its context has ended before.
func (s *session) end() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.work.Wait()
}

// sessions are the open HTTP+SSE sessions of this process, by id. The zero
// value is ready; it is safe for concurrent use.
type sessions struct {
	mu   sync.RWMutex
	byID map[string]*session
}

func (s *sessions) add(n *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID == nil {
		s.byID = map[string]*session{}
	}
	s.byID[n.id] = n
}

func (s *sessions) remove(n *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, n.id)
}

// find returns the session of this id at this tenant, nil if there is none.
func (s *sessions) find(id, slug string) *session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if found := s.byID[id]; found != nil && found.slug == slug {
		return found
	}
	return nil
}

// headerCredential reports whether the request names its caller in a header.
func headerCredential(r *http.Request) bool {
	return len(r.Header["Authorization"]) > 0 || len(r.Header["X-Api-Key"]) > 0
}

// anyCredential reports whether the request names its caller at all. ?token=
// means something at the deprecated endpoints only.
func anyCredential(v *visit) bool {
	q := v.r.URL.Query()
	return headerCredential(v.r) || q.Has("api_key") || v.door.deprecated && q.Has("token")
}
