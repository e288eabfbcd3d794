package mcp

import (
	"context"
	"net/http"
	"sync"

	"github.com/mcp-gateway/mcp-gateway/identity"
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
	mu      sync.Mutex
	version version
	closed  bool
	work    sync.WaitGroup
}

func newSession(ctx context.Context, id string, v *visit, owner identity.Principal) *session {
	return &session{
		id: id, slug: v.slug, opened: v.r,
		byHeader: headerCredential(v.r), owner: owner, ctx: ctx, version: v20241105,
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

// settle returns the version of the session, which initialize sets.
func (s *session) settle(m *message) version {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.method == "initialize" && m.isRequest() {
		asked, _ := unquote(m.params.protocolVersion)
		s.version = negotiate(asked)
	}
	return s.version
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
