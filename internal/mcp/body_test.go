package mcp_test

import (
	"context"
	"encoding/json"
	"io"
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

// ledger is a Memory that knows who has taken how much.
type ledger struct {
	mu      sync.Mutex
	full    bool
	held    int
	largest int // taken at once
	user    string
}

func (l *ledger) Acquire(_ context.Context, tenant, user string, bytes int) (func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return nil, &fault.Error{Kind: fault.RateLimited, Public: "Too many large requests at once", RetryAfter: time.Second}
	}
	l.held += bytes
	l.largest, l.user = max(l.largest, bytes), tenant+"/"+user
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.held -= bytes
	}), nil
}

// reset returns what was taken at the most, and by whom.
func (l *ledger) reset() (largest int, user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	largest, user = l.largest, l.user
	l.largest, l.user = 0, ""
	return largest, user
}

func (l *ledger) holds() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// counted makes a gateway count its memory in two ledgers.
func counted(bodies, decoded *ledger) func(*mcp.Config) {
	return func(c *mcp.Config) { c.Bodies, c.Decoded, c.Offers.Updates = bodies, decoded, true }
}

const megabyte = 1 << 20

func greetMessage(id, name string) string {
	return `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"name":"greet","arguments":{"name":` + name + `}}}`
}

// largeText is a JSON string of a megabyte.
func largeText() string { return `"` + strings.Repeat("x", megabyte) + `"` }

// TestMessagesTakeMemory: a message takes memory for its body and for what it
// decodes to, under its sender's name, and every end of it gives that back.
func TestMessagesTakeMemory(t *testing.T) {
	for name, c := range map[string]struct {
		message       string
		body, decoded bool // is taken
	}{
		"a small message":          {greetMessage("1", `"you"`), false, false},
		"a large one":              {greetMessage("1", largeText()), true, true},
		"refused by the schema":    {greetMessage("1", `[`+largeText()+`]`), true, true},
		"of an unknown tool":       {strings.Replace(greetMessage("1", largeText()), "greet", "nothing", 1), true, true},
		"a notification":           {`{"jsonrpc":"2.0","method":"notifications/x","params":{"x":` + largeText() + `}}`, true, true},
		"an answer to nothing":     {`{"jsonrpc":"2.0","id":"x","result":{"x":` + largeText() + `}}`, true, true},
		"without an id":            {`{"jsonrpc":"2.0","method":"tools/call","params":{"x":` + largeText() + `}}`, true, true},
		"an id that is too long":   {`{"jsonrpc":"2.0","method":"ping","id":` + largeText() + `}`, true, true},
		"no JSON":                  {largeText() + "]", true, true},
		"two texts":                {largeText() + largeText(), true, true},
		"nested too deeply":        {strings.Repeat("[", megabyte), true, false},
		"too many values":          {"[" + strings.Repeat("{},", megabyte/3) + "{}]", true, false},
		"meta":                     {`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"x":` + largeText() + `}}}`, true, true},
		"a batch":                  {`[` + greetMessage("1", largeText()) + `,` + greetMessage("2", largeText()) + `]`, true, true},
		"a batch with a bad entry": {`[` + greetMessage("1", largeText()) + `,1]`, true, true},
		"small but dense":          {greetMessage("1", `[`+strings.Repeat(`{"":0},`, 5000)+`0]`), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var bodies, decoded ledger
			g := start(t, []tool.Provider{basicTools()}, counted(&bodies, &decoded))
			res := g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, c.message, "MCP-Protocol-Version", "2025-03-26")
			_, _ = io.Copy(io.Discard, res.Body)
			<-g.answered
			checkTaken(t, "body", &bodies, c.body, len(c.message))
			checkTaken(t, "decoded", &decoded, c.decoded, 0)
		})
	}
}

// checkTaken compares what was taken and reports what was not given back.
func checkTaken(t *testing.T, what string, l *ledger, want bool, least int) {
	t.Helper()
	largest, user := l.reset()
	if (largest > 0) != want || want && (largest < least || user != "tenant-acme/analyst") {
		t.Errorf("%s: %d bytes taken by %q, want any: %v, at least %d", what, largest, user, want, least)
	}
	if held := l.holds(); held != 0 {
		t.Errorf("%s: %d bytes are held at the end", what, held)
	}
}

// TestOpenStreamsHoldNoMemory: what opened a stream is given back while it is
// open.
func TestOpenStreamsHoldNoMemory(t *testing.T) {
	var bodies, decoded ledger
	g := start(t, []tool.Provider{basicTools()}, counted(&bodies, &decoded))
	listen := `{"jsonrpc":"2.0","id":"L","method":"subscriptions/listen","params":{"padding":` + largeText() + `,"notifications":{"toolsListChanged":true},"_meta":` + modernMeta + `}}`
	g.open(t, http.MethodPost, "/t/acme/mcp", analystKey, listen, "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen").message(t)
	checkTaken(t, "body", &bodies, true, len(listen))
	checkTaken(t, "decoded", &decoded, true, 0)
}

// TestSessionMessagesTakeMemory: so does a message of an HTTP+SSE session, at
// the instance that reads it and at the one that works on it.
func TestSessionMessagesTakeMemory(t *testing.T) {
	between := newLink()
	var bodies, decoded, bodiesThere, decodedThere ledger
	here := start(t, []tool.Provider{basicTools()}, counted(&bodies, &decoded), func(c *mcp.Config) { c.Relay = end{between, "0000000000000001"} })
	there := start(t, []tool.Provider{basicTools()}, counted(&bodiesThere, &decodedThere), func(c *mcp.Config) {
		c.Relay, c.Auth = end{between, "0000000000000002"}, here.users
	})
	e, endpoint := here.openSSE(t, "/t/acme/mcp/sse", analystKey)
	message := greetMessage("1", largeText())
	here.post(t, endpoint, message, http.StatusAccepted)
	e.message(t)
	checkTaken(t, "body", &bodies, true, len(message))
	checkTaken(t, "decoded", &decoded, true, len(message))

	there.post(t, endpoint, message, http.StatusAccepted)
	e.message(t)
	<-there.answered
	for what, l := range map[string]*ledger{"body": &bodies, "decoded": &decoded, "body there": &bodiesThere, "decoded there": &decodedThere} {
		checkTaken(t, what, l, true, len(message))
	}
	for _, refused := range []string{strings.Repeat("[", megabyte), largeText(), `[` + message + `]`} {
		here.post(t, endpoint, refused, http.StatusBadRequest)
		checkTaken(t, "body of what is refused", &bodies, true, len(refused))
		checkTaken(t, "what is refused", &decoded, refused[1] != '[', 0)
	}
}

// TestNoMemoryForMessages: a message for which there is no memory is refused in
// words before it is worked on, and holds nothing.
func TestNoMemoryForMessages(t *testing.T) {
	for name, full := range map[string]func(bodies, decoded *ledger){
		"bodies":  func(bodies, _ *ledger) { bodies.full = true },
		"decoded": func(_, decoded *ledger) { decoded.full = true },
	} {
		t.Run(name, func(t *testing.T) {
			between := newLink()
			var bodies, decoded ledger
			called := plain("greet", identity.Viewer, func(context.Context) (*tool.Result, error) {
				t.Error("the tool was called")
				return tool.Text("ok"), nil
			})
			here := start(t, []tool.Provider{tool.Static{called}}, counted(&bodies, &decoded), func(c *mcp.Config) { c.Relay = end{between, "0000000000000001"} })
			there := start(t, nil, func(c *mcp.Config) { c.Relay, c.Auth = end{between, "0000000000000002"}, here.users })
			_, endpoint := here.openSSE(t, "/t/acme/mcp/sse", analystKey)
			full(&bodies, &decoded)
			for where, send := range map[string]func() *http.Response{
				"POST": func() *http.Response {
					return here.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, greetMessage("1", largeText()))
				},
				"session": func() *http.Response {
					return here.send(t, t.Context(), http.MethodPost, endpoint, analystKey, greetMessage("1", largeText()))
				},
				"session elsewhere": func() *http.Response {
					return there.send(t, t.Context(), http.MethodPost, endpoint, analystKey, greetMessage("1", largeText()))
				},
			} {
				status, text := statusAndBody(t, send())
				if status != http.StatusTooManyRequests || text != `{"detail":"Too many large requests at once"}` {
					t.Errorf("%s: %d %s", where, status, text)
				}
			}
			if bodies.holds()+decoded.holds() != 0 {
				t.Errorf("%d and %d bytes are held at the end", bodies.holds(), decoded.holds())
			}
			status, text := statusAndBody(t, here.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, `{"jsonrpc":"2.0","id":1,"method":"ping"}`))
			if status != http.StatusOK {
				t.Errorf("a small message: %d %s", status, text)
			}
		})
	}
}

// TestBoundsOfMessages: the contents of a message are bounded whatever it is
// about, and wherever in it they are.
func TestBoundsOfMessages(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()}, interactive, sealed(t), func(c *mcp.Config) { c.Offers, c.Offers.Updates, c.Quirk = everyOffer, true, nil })
	values := map[string]struct{ value, refusal string }{
		"values":  {"[" + strings.Repeat("0,", 100_000) + "0]", "The message holds more than 100000 JSON values"},
		"members": {"{" + strings.Repeat(`"a":[],`, 100_000) + `"a":[]}`, "The message holds more than 100000 JSON values"},
		"depth":   {strings.Repeat("[", 128) + strings.Repeat("]", 128), "Parse error: nested too deeply"},
		"digits":  {strings.Repeat("7", 1001), "The message is refused: a number is longer than 1000 characters"},
	}
	for _, method := range []string{"tools/call", "tools/list", "prompts/get", "resources/read", "completion/complete", "logging/setLevel", "initialize", "ping", "subscriptions/listen", "server/discover"} {
		for _, member := range []string{"arguments", "argument", "ref", "capabilities", "inputResponses", "notifications", "_meta", "other"} {
			for name, v := range values {
				body := `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{"` + member + `":` + v.value + `}}`
				status, text := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, body))
				if status != http.StatusBadRequest || !strings.Contains(text, `"message":"`+v.refusal+`"`) || len(text) > 200 {
					t.Errorf("%s with %s of %s: %d %.300s", method, name, member, status, text)
				}
			}
		}
	}
	for name, body := range map[string]string{
		"id":     `{"jsonrpc":"2.0","method":"ping","id":` + values["values"].value + `}`,
		"result": `{"jsonrpc":"2.0","id":1,"result":` + values["values"].value + `}`,
		"error":  `{"jsonrpc":"2.0","id":1,"error":` + values["depth"].value + `}`,
		"batch":  `[` + strings.Repeat(`{"jsonrpc":"2.0","id":1,"method":"ping"},`, 100_000) + `1]`,
	} {
		if status, text := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, body)); status != http.StatusBadRequest || len(text) > 200 {
			t.Errorf("%s: %d %.300s", name, status, text)
		}
	}
}

// TestArgumentsWithinBounds: the bounds leave room for large arguments of each
// kind.
func TestArgumentsWithinBounds(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()})
	for name, arguments := range map[string]string{
		"a document": `{"a":` + largeText() + `}`,
		"a table":    `{"a":[` + strings.Repeat(`[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20],`, 4700) + `[]]}`,
		"digits":     `{"a":` + strings.Repeat("7", 300) + `}`,
		"depth":      `{"a":` + strings.Repeat("[", 124) + strings.Repeat("]", 124) + `}`,
	} {
		body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"object","arguments":` + arguments + `}}`
		status, text := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, body))
		if status != http.StatusOK || !strings.Contains(text, `"isError":false`) {
			t.Errorf("%s: %d %.300s", name, status, text)
		}
	}
}

// TestAnswersRepeatLittle: whatever text a request holds, its answer and its
// audit record repeat no more of it than a person needs to recognise it.
func TestAnswersRepeatLittle(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()}, interactive, sealed(t), func(c *mcp.Config) { c.Offers, c.Offers.Updates, c.Quirk = everyOffer, true, nil })
	large := largeText()
	session := append(g.earlierSession(t, analystKey), "Accept", "application/json")
	for _, method := range []string{
		"tools/call", "tools/list", "prompts/get", "resources/read", "resources/subscribe", "completion/complete", "logging/setLevel",
		"initialize", "ping", "server/discover", "subscriptions/listen", "notifications/cancelled",
	} {
		for _, params := range []string{
			`"name":` + large, `"uri":` + large, `"cursor":` + large, `"level":` + large, `"protocolVersion":` + large, `"requestState":` + large,
			`"name":"greet","arguments":{"name":[` + large + `]}`, `"name":"greet","arguments":{` + large + `:1}`, `"name":"greet","arguments":` + large,
			`"ref":{"type":"ref/prompt","name":` + large + `},"argument":{"name":"x","value":"y"}`, `"argument":` + large, `"requestId":` + large,
			`"clientInfo":{"name":` + large + `,"version":` + large + `},"protocolVersion":"2025-06-18"`, large + `:1`, `"Name":` + large,
		} {
			for meta, header := range map[string][]string{
				`"_meta":{"progressToken":` + large + `}`: session,
				`"_meta":` + modernMeta:                   {"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", method, "Mcp-Name", "greet"},
			} {
				body := `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{` + params + `,` + meta + `}}`
				status, text := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, body, header...))
				if len(text) > 5000 || status >= 500 {
					t.Errorf("%s with %.40s: %d, %d bytes: %.300s", method, params, status, len(text), text)
				}
			}
		}
	}
	for name, body := range map[string]string{
		"method": `{"jsonrpc":"2.0","id":1,"method":` + large + `}`,
		"id":     `{"jsonrpc":"2.0","id":` + large + `,"method":"ping"}`,
		"member": `{"jsonrpc":"2.0","id":1,"method":"ping",` + large + `:1}`,
		"digits": `{"jsonrpc":"2.0","id":` + strings.Repeat("7", 1000) + `,"method":"ping"}`,
	} {
		if status, text := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey, body)); len(text) > 2000 || status >= 500 {
			t.Errorf("%s: %d, %d bytes: %.300s", name, status, len(text), text)
		}
	}
	for _, e := range g.audit.recorded() {
		if text, err := json.Marshal(e); err != nil || len(text) > 5000 {
			t.Errorf("a record of %d bytes: %.300s (%v)", len(text), text, err)
		}
	}
}
