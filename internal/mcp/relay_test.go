package mcp_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// link connects the instances of one test, and keeps what they ask.
type link struct {
	mu        sync.Mutex
	answerers map[string]func(context.Context, []byte) []byte // by instance and topic
	hearers   map[string]func([]byte)                         // likewise
	asked     [][]byte
	told      [][]byte
	err       error // answers everything, when set

	asking, answered chan struct{} // receive once for each question
}

// end is one instance's end of a link.
type end struct {
	*link
	instance string
}

func (e end) Instance() string { return e.instance }

func (e end) Answer(topic string, answer func(context.Context, []byte) []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answerers[e.instance+"/"+topic] = answer
}

func (e end) Ask(ctx context.Context, instance, topic string, payload []byte) ([]byte, error) {
	e.mu.Lock()
	answer, err := e.answerers[instance+"/"+topic], e.err
	e.asked = append(e.asked, payload)
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	e.asking <- struct{}{}
	defer func() { e.answered <- struct{}{} }()
	return answer(ctx, payload), nil
}

func (e end) Hear(topic string, received func([]byte)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hearers[e.instance+"/"+topic] = received
}

func (e end) Publish(_ context.Context, topic string, payload []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told = append(e.told, payload)
	if e.err != nil {
		return e.err
	}
	for of, received := range e.hearers {
		if strings.HasSuffix(of, "/"+topic) && !strings.HasPrefix(of, e.instance) {
			received(payload)
		}
	}
	return nil
}

func (l *link) events() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told
}

func (l *link) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *link) questions() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

func newLink() *link {
	return &link{
		answerers: map[string]func(context.Context, []byte) []byte{}, hearers: map[string]func([]byte){}, asking: make(chan struct{}, 100), answered: make(chan struct{}, 100),
	}
}

// startTwo starts two instances of one gateway, which know the same users.
func startTwo(t *testing.T, providers []tool.Provider) (one, two *gateway, between *link) {
	t.Helper()
	between = newLink()
	one = start(t, providers, func(c *mcp.Config) { c.Relay = end{between, "0000000000000001"} })
	two = start(t, providers, func(c *mcp.Config) { c.Relay, c.Auth = end{between, "0000000000000002"}, one.users })
	return one, two, between
}

// post sends a message as the analyst and checks the answer to the POST.
func (g *gateway) post(t *testing.T, endpoint, body string, want int) {
	t.Helper()
	status, answer := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, endpoint, analystKey, body))
	if status != want {
		t.Fatalf("POST = %d %s, want %d", status, answer, want)
	}
}

// TestRelayedSession holds a whole conversation through another instance.
func TestRelayedSession(t *testing.T) {
	one, two, between := startTwo(t, []tool.Provider{basicTools()})
	const key = "mgw_secret"
	one.users.set(key, principal("analyst", identity.Analyst))
	e, endpoint := one.openSSE(t, "/t/acme/mcp/sse", key)
	for _, s := range []struct{ send, want string }{
		{`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}`, `{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"`},
		{`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"rows"}}`, `{"jsonrpc":"2.0","id":2,"result":{"structuredContent":{"columns"`},
		{` {"jsonrpc":"2.0",` + "\n" + `"id":3,"method":"ping"}`, `{"jsonrpc":"2.0","id":3,"result":{}}`},
		{`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"greet","arguments":{"name":"` + strings.Repeat("x", 1<<20) + `"}}}`, `{"jsonrpc":"2.0","id":4,"result":{"content"`},
	} {
		if res := two.send(t, t.Context(), http.MethodPost, endpoint, key, s.send); res.StatusCode != http.StatusAccepted {
			t.Fatalf("POST = %s", res.Status)
		}
		if got := e.message(t); !strings.HasPrefix(got, s.want) {
			t.Errorf("answer = %.200s, want %s…", got, s.want)
		}
	}
	for _, q := range between.questions() {
		if bytes.Contains(q, []byte(key)) {
			t.Errorf("a credential travelled: %.300s", q)
		}
	}
	if got := len(between.questions()); got != 4 {
		t.Errorf("%d questions, want 4", got)
	}
}

// TestRelayedCancellation: a call that came through one instance is cancelled
// through the other, in both directions, and a full session makes its POST
// wait, wherever that is.
func TestRelayedCancellation(t *testing.T) {
	const room = 8 // messages of a session at a time
	wait := waitTool()
	one, two, _ := startTwo(t, []tool.Provider{tool.Static{wait.Tool}})
	e, endpoint := one.openSSE(t, "/t/acme/mcp/sse", analystKey)
	through := []*gateway{one, two}
	for i := range room {
		call := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"wait"}}`, i)
		through[i%2].post(t, endpoint, call, http.StatusAccepted)
		<-wait.started
	}
	over := make(chan int, 1)
	go func() {
		res := two.send(t, t.Context(), http.MethodPost, endpoint, analystKey, pingMessage)
		over <- res.StatusCode
	}()
	for i := range room {
		cancel := fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, i)
		if i == room-1 { // by now there has been room
			if got := <-over; got != http.StatusAccepted {
				t.Errorf("the message over the limit: %d", got)
			}
		}
		through[(i+1)%2].post(t, endpoint, cancel, http.StatusAccepted)
		<-wait.ended
		e.message(t)
	}
}

// TestAbandonedRelayedMessage: who leaves while the session is full takes the
// message along.
func TestAbandonedRelayedMessage(t *testing.T) {
	wait := waitTool()
	one, two, between := startTwo(t, []tool.Provider{tool.Static{wait.Tool}})
	_, endpoint := one.openSSE(t, "/t/acme/mcp/sse", analystKey)
	for range 8 {
		two.post(t, endpoint, waitMessage, http.StatusAccepted)
		<-wait.started
		<-between.asking
		<-between.answered
	}
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, two.URL+endpoint, strings.NewReader(waitMessage))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+analystKey)
	go func() {
		<-between.asking
		leave()
	}()
	if res, err := two.Client().Do(r); err == nil {
		res.Body.Close()
		t.Errorf("answered %s", res.Status)
	}
	<-between.answered
	if len(wait.started) != 0 {
		t.Error("the abandoned call runs")
	}
}

// TestForgedSessionAsksNobody: ids that nobody was given, and messages that
// cannot be read, stay where they arrive.
func TestForgedSessionAsksNobody(t *testing.T) {
	one, two, between := startTwo(t, []tool.Provider{basicTools()})
	_, endpoint := one.openSSE(t, "/t/acme/mcp/sse", analystKey)
	_, gone := two.openSSE(t, "/t/acme/mcp/sse", analystKey)
	foreign := strings.Replace(endpoint, ".0000000000000001.", ".0000000000000003.", 1)
	for name, tt := range map[string]struct {
		endpoint, key, body string
		want                int
	}{
		"instance forged":  {foreign, analystKey, pingMessage, 404},
		"malformed":        {"/t/acme/mcp/messages?session_id=x", analystKey, pingMessage, 400},
		"none":             {"/t/acme/mcp/messages", analystKey, pingMessage, 400},
		"bad credential":   {endpoint, "mgw_bad", pingMessage, 401},
		"not JSON":         {endpoint, analystKey, "{", 400},
		"too large":        {endpoint, analystKey, `"` + strings.Repeat("x", 16<<20), 413},
		"held here, other": {strings.Replace(gone, "acme", "other", 1), otherKey, pingMessage, 404},
	} {
		if status, body := statusAndBody(t, two.send(t, t.Context(), http.MethodPost, tt.endpoint, tt.key, tt.body)); status != tt.want {
			t.Errorf("%s: %d %s, want %d", name, status, body, tt.want)
		}
	}
	if got := between.questions(); len(got) != 0 {
		t.Errorf("asked %d times", len(got))
	}
}

// TestUnreachableInstance: a session whose instance is gone is as good as none.
func TestUnreachableInstance(t *testing.T) {
	one, two, between := startTwo(t, []tool.Provider{basicTools()})
	_, endpoint := one.openSSE(t, "/t/acme/mcp/sse", analystKey)
	between.fail(fault.New(fault.NotFound, "nobody answers"))
	two.post(t, endpoint, pingMessage, http.StatusNotFound)
	between.fail(fault.New(fault.Unavailable, "Redis unavailable"))
	two.post(t, endpoint, pingMessage, http.StatusServiceUnavailable)
}

// TestRelayedRefusalsAreTold: what the session's instance refuses comes back
// with its challenge.
func TestRelayedRefusalsAreTold(t *testing.T) {
	one, two, _ := startTwo(t, []tool.Provider{basicTools()})
	_, byHeader := one.openSSE(t, "/t/acme/mcp/sse", analystKey)
	res := two.send(t, t.Context(), http.MethodPost, byHeader, "", pingMessage)
	if got := res.Header.Get("WWW-Authenticate"); res.StatusCode != 401 || !strings.Contains(got, "/t/acme/mcp/sse") {
		t.Errorf("id alone: %s, challenge %q", res.Status, got)
	}
	_, byQuery := one.openSSE(t, "/t/acme/mcp/sse?api_key="+analystKey, "")
	if res := two.send(t, t.Context(), http.MethodPost, byQuery, "", pingMessage); res.StatusCode != http.StatusAccepted {
		t.Errorf("query session, id alone: %s", res.Status)
	}
	one.users.revoke(analystKey)
	if status, body := statusAndBody(t, two.send(t, t.Context(), http.MethodPost, byQuery, "", pingMessage)); status != 401 || !strings.Contains(body, "Invalid or revoked API key") {
		t.Errorf("query session, key revoked: %d %s", status, body)
	}
}
