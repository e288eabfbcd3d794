package mcp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// keptSessions keeps the sessions of clients in memory.
type keptSessions struct {
	mu   sync.Mutex
	kept map[string]mcp.ClientSession
}

func keptAs(p identity.Principal, key string) string {
	return string(p.Tenant) + "/" + string(p.User) + "/" + key
}

func (k *keptSessions) CreateSession(_ context.Context, p identity.Principal, key string, s mcp.ClientSession) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept[keptAs(p, key)] = s
	return nil
}

func (k *keptSessions) Session(_ context.Context, p identity.Principal, key string) (mcp.ClientSession, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.kept[keptAs(p, key)]
	if !ok {
		return s, fault.New(fault.NotFound, "Session not found")
	}
	return s, nil
}

func (k *keptSessions) change(p identity.Principal, key string, change func(*mcp.ClientSession)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.kept[keptAs(p, key)]
	if !ok {
		return fault.New(fault.NotFound, "Session not found")
	}
	change(&s)
	k.kept[keptAs(p, key)] = s
	return nil
}

func (k *keptSessions) SetLogLevel(_ context.Context, p identity.Principal, key string, level tool.Level) error {
	return k.change(p, key, func(s *mcp.ClientSession) { s.LogLevel = level })
}

func (k *keptSessions) Subscribe(_ context.Context, p identity.Principal, key string, change func([]string) []string) error {
	return k.change(p, key, func(s *mcp.ClientSession) { s.Subscribed = change(s.Subscribed) })
}

func (k *keptSessions) DeleteSession(_ context.Context, p identity.Principal, key string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.kept, keptAs(p, key))
	return nil
}

// interactive makes the build one whose tools speak to their client.
func interactive(c *mcp.Config) {
	c.Interactive, c.Sessions = true, &keptSessions{kept: map[string]mcp.ClientSession{}}
}

var confirm = json.RawMessage(`{"type":"object","properties":{"sure":{"type":"boolean"}},"required":["sure"]}`)

// asking is a tool that puts the questions of these names to its client and
// says what came of it.
func asking(name string, min identity.Role, names ...string) tool.Tool {
	t := tool.Func(name, "Asks.", min, func(ctx context.Context, env tool.Env, _ struct{}) (*tool.Result, error) {
		questions := tool.Questions{}
		for _, name := range names {
			questions[name] = tool.Form(name+"?", confirm)
		}
		if _, err := env.Ask(ctx, questions); err != nil {
			return nil, err
		}
		return tool.Text("answered"), nil
	})
	t.Interactive = true
	return t
}

const canAnswer = `{"elicitation":{"form":{}}}`

// earlierSession opens a session of 2025-11-25 whose client can be asked.
func (g *gateway) earlierSession(t *testing.T, key string) (header []string) {
	t.Helper()
	res := g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", key,
		`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":`+canAnswer+`}}`)
	id := res.Header.Get("Mcp-Session-Id")
	if id == "" {
		t.Fatalf("initialize: %s without a session", res.Status)
	}
	return []string{"MCP-Protocol-Version", "2025-11-25", "Mcp-Session-Id", id}
}

// call calls a tool that speaks before it answers.
func (g *gateway) call(t *testing.T, key, name, meta string, header ...string) *events {
	t.Helper()
	return g.open(t, http.MethodPost, "/t/acme/mcp", key,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+name+`","_meta":{`+meta+`}}}`, header...)
}

// asked reads a question and returns its id.
func (e *events) asked(t *testing.T) string {
	t.Helper()
	var m struct{ ID, Method string }
	if text := e.message(t); json.Unmarshal([]byte(text), &m) != nil || m.Method != "elicitation/create" {
		t.Fatalf("not a question: %s", text)
	}
	return m.ID
}

// answer answers a question, for whoever has the key.
func (g *gateway) answer(t *testing.T, key, id string, header ...string) int {
	t.Helper()
	status, _ := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", key,
		`{"jsonrpc":"2.0","id":"`+id+`","result":{"action":"accept","content":{"sure":true}}}`, header...))
	return status
}

// TestWaitingCallEndsWithItsCredential: a stream on which a call waits for a
// person is one that ends with its credential (contract 6.2, 15.2 A14).
func TestWaitingCallEndsWithItsCredential(t *testing.T) {
	ask := asking("ask", identity.Viewer, "sure")
	g := start(t, []tool.Provider{tool.Static{ask}}, interactive, fast)
	e := g.call(t, analystKey, "ask", "", g.earlierSession(t, analystKey)...)
	id := e.asked(t)
	g.users.revoke(analystKey)
	if rest := e.rest(t); strings.Contains(rest, "answered") || strings.Contains(rest, `"result"`) {
		t.Errorf("after the key was revoked: %s", rest)
	}
	if status := g.answer(t, analystKey, id); status != http.StatusUnauthorized {
		t.Errorf("the answer got %d", status)
	}
}

// TestOnlyWhoWasAskedAnswers: not another user of the tenant, nor one of
// another tenant.
func TestOnlyWhoWasAskedAnswers(t *testing.T) {
	g := start(t, []tool.Provider{tool.Static{asking("ask", identity.Viewer, "sure")}}, interactive)
	header := g.earlierSession(t, analystKey)
	e := g.call(t, analystKey, "ask", "", header...)
	id := e.asked(t)
	g.answer(t, viewerKey, id, header[:2]...)
	statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/other/mcp", otherKey, `{"jsonrpc":"2.0","id":"`+id+`","result":{"action":"decline"}}`))
	for _, hostile := range []string{`null`, `{}`, `[]`, `"` + strings.Repeat("x", 1<<20) + `"`, `"` + id[:len(id)-1] + `x"`, `7`} {
		statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, `{"jsonrpc":"2.0","id":`+hostile+`,"result":{"action":"decline"}}`))
	}
	g.answer(t, analystKey, id, header...)
	g.answer(t, analystKey, id, header...) // a second answer goes nowhere
	if got := e.message(t); !strings.Contains(got, `"text":"answered"`) {
		t.Errorf("answer = %s", got)
	}
}

// TestAllQuestionsAreWithdrawn: when the first answer is a refusal, nobody
// waits for the others any more.
func TestAllQuestionsAreWithdrawn(t *testing.T) {
	g := start(t, []tool.Provider{tool.Static{asking("ask", identity.Viewer, "a", "b", "c")}}, interactive)
	header := g.earlierSession(t, analystKey)
	e := g.call(t, analystKey, "ask", "", header...)
	open := map[string]bool{e.asked(t): true, e.asked(t): true, e.asked(t): true}
	for id := range open {
		g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, `{"jsonrpc":"2.0","id":"`+id+`","error":{"code":-1,"message":"no"}}`, header...)
		delete(open, id)
		break
	}
	rest := e.rest(t)
	for id := range open {
		if !strings.Contains(rest, `"method":"notifications/cancelled","params":{"requestId":"`+id+`"`) {
			t.Errorf("%s was not withdrawn: %s", id, rest)
		}
	}
}

// TestAskingEndsWithTheCall: a tool that asks with a context of its own does
// not wait beyond its call.
func TestAskingEndsWithTheCall(t *testing.T) {
	ended := make(chan struct{}, 1)
	stubborn := tool.Func("stubborn", "Asks for ever.", identity.Viewer, func(_ context.Context, env tool.Env, _ struct{}) (*tool.Result, error) {
		_, err := env.Ask(context.Background(), tool.Questions{"sure": tool.Form("Sure?", confirm)})
		ended <- struct{}{}
		return nil, err
	})
	stubborn.Interactive = true
	g := start(t, []tool.Provider{tool.Static{stubborn}}, interactive)
	e := g.call(t, analystKey, "stubborn", "", g.earlierSession(t, analystKey)...)
	e.asked(t)
	e.leave()
	receive(t, ended, "the end of asking")
}

// TestLongProgressTokens: a token comes back with every message, so that a long
// one would make each of them large.
func TestLongProgressTokens(t *testing.T) {
	speak := tool.Func("speak", "Reports.", identity.Viewer, func(_ context.Context, env tool.Env, _ struct{}) (*tool.Result, error) {
		env.Progress(1, 2, "half")
		return tool.Text("done"), nil
	})
	g := start(t, []tool.Provider{tool.Static{speak}})
	for token, want := range map[string]bool{
		`"a"`: true, `7`: true, `"` + strings.Repeat("x", 1<<20) + `"`: false, `{"a":1}`: false, `[]`: false, `true`: false, `null`: false,
	} {
		_, body := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey,
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"speak","_meta":{"progressToken":`+token+`}}}`))
		if got := strings.Contains(body, "notifications/progress"); got != want {
			t.Errorf("token %.20s: progress = %v, want %v", token, got, want)
		}
		if !strings.Contains(body, `"text":"done"`) {
			t.Errorf("token %.20s: %.300s", token, body)
		}
	}
}

// TestToolSpeaksOnAfterItsBatch: a tool that ignores the end of its call goes
// on beside the next messages of the batch.
func TestToolSpeaksOnAfterItsBatch(t *testing.T) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	late := tool.Func("late", "Never stops.", identity.Viewer, func(ctx context.Context, env tool.Env, _ struct{}) (*tool.Result, error) {
		defer close(stopped)
		for done := 0.0; ; done++ {
			select {
			case <-stop:
				return nil, ctx.Err()
			default:
				env.Progress(done, 0, "")
			}
		}
	})
	late.Timeout = time.Millisecond
	g := start(t, []tool.Provider{tool.Static{late}})
	call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"late"}}`
	status, body := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, "["+call+","+pingMessage+"]"))
	close(stop)
	<-stopped
	if status != http.StatusOK || !strings.Contains(body, "timed out") {
		t.Errorf("%d %s", status, body)
	}
}

// TestLargeAnswers: an answer outlives the request that brought it, so that a
// large one is none, at whatever instance it arrives.
func TestLargeAnswers(t *testing.T) {
	between := newLink()
	sessions := &keptSessions{kept: map[string]mcp.ClientSession{}}
	here := start(t, []tool.Provider{tool.Static{asking("ask", identity.Viewer, "sure")}}, interactive, func(c *mcp.Config) {
		c.Relay, c.Sessions = end{between, "0000000000000001"}, sessions
	})
	there := start(t, nil, interactive, func(c *mcp.Config) {
		c.Relay, c.Sessions, c.Auth = end{between, "0000000000000002"}, sessions, here.users
	})
	for _, g := range []*gateway{here, there} {
		for size, want := range map[int]string{1 << 10: `"text":"answered"`, 1 << 20: "the client's answer is larger than 1 MiB"} {
			for _, kind := range []string{`"result":{"action":"accept","content":{"sure":true},"x":`, `"error":{"code":1,"message":`} {
				header := here.earlierSession(t, analystKey)
				call := here.call(t, analystKey, "ask", "", header...)
				answer := `{"jsonrpc":"2.0","id":"` + call.asked(t) + `",` + kind + `"` + strings.Repeat("x", size) + `"}}`
				status, _ := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, answer, header...))
				if status != http.StatusAccepted {
					t.Errorf("%d", status)
				}
				expect := want
				if size < 1<<20 && strings.HasPrefix(kind, `"error"`) {
					expect = "the client refused: xxx"
				}
				if got := call.message(t); !strings.Contains(got, expect) {
					t.Errorf("an answer of %d bytes: %.300s, want %s", len(answer), got, expect)
				}
			}
		}
	}
}

// TestCallsThatWaitAreBounded: a client that never answers takes some of its
// tenant's slots, not all, and other users are asked all the same.
func TestCallsThatWaitAreBounded(t *testing.T) {
	const most = 16
	g := start(t, []tool.Provider{tool.Static{asking("ask", identity.Viewer, "sure")}}, interactive)
	header := g.earlierSession(t, analystKey)
	waiting := make([]*events, most)
	ids := make([]string, most)
	for i := range waiting {
		waiting[i] = g.call(t, analystKey, "ask", "", header...)
		ids[i] = waiting[i].asked(t)
	}
	status, body := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ask"}}`, header...))
	if status != http.StatusOK || !strings.Contains(body, "Too many calls wait for your answers") {
		t.Errorf("one more: %d %s", status, body)
	}
	g.call(t, viewerKey, "ask", "", g.earlierSession(t, viewerKey)...).asked(t)
	g.answer(t, analystKey, ids[0], header...)
	waiting[0].message(t)
	g.call(t, analystKey, "ask", "", header...).asked(t)
}

// TestBatchKnowsItsSession: the messages of a batch belong to the session that
// it names. They cannot ask: the answers of a batch go out together.
func TestBatchKnowsItsSession(t *testing.T) {
	g := start(t, []tool.Provider{tool.Static{asking("ask", identity.Viewer, "sure")}}, interactive)
	header := g.earlierSession(t, analystKey)
	header[1] = "2025-03-26"
	const batch = `[{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"error"}},` +
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"ask"}},` +
		`{"jsonrpc":"2.0","id":"nobody","result":{}},{"jsonrpc":"2.0","method":"notifications/initialized"}]`
	status, body := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, batch, header...))
	if status != http.StatusOK || !strings.HasPrefix(body, `[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{`) ||
		!strings.Contains(body, "does not support elicitation") || strings.Count(body, `"id"`) != 2 {
		t.Errorf("%d %s", status, body)
	}
	header[3] = "unknown"
	_, body = statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, batch, header...))
	if strings.Count(body, "Session not found: initialize again") != 2 {
		t.Errorf("unknown session: %s", body)
	}
}
