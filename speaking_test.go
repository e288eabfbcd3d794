package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	gateway "github.com/mcp-gateway/mcp-gateway"
	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// speakingTools are a build whose tools speak to their client. rows is what
// the tool "delete" would delete.
func speakingTools(rows *atomic.Int64) gateway.Option {
	type none struct{}
	type table struct {
		Table string `json:"table"`
	}
	confirm := json.RawMessage(`{"type":"object","properties":{"sure":{"type":"boolean"}},"required":["sure"]}`)
	tools := []tool.Tool{
		tool.Func("report", "Reports and logs.", identity.Viewer, func(_ context.Context, env tool.Env, _ none) (*tool.Result, error) {
			env.Progress(1, 2, "half")
			env.Progress(1, 2, "not more than before")
			env.Progress(2, 2, "whole")
			env.Log(tool.Debug, "", "fine print")
			env.Log(tool.Warning, "report", map[string]int{"left": 0})
			return tool.Text("done"), nil
		}),
		tool.Func("delete", "Deletes rows, if it may.", identity.Analyst, func(ctx context.Context, env tool.Env, in table) (*tool.Result, error) {
			question := tool.Form(fmt.Sprintf("Delete %d rows of %s?", rows.Load(), in.Table), confirm)
			answers, err := env.Ask(ctx, tool.Questions{"sure": question})
			if err != nil {
				return nil, err
			}
			var said struct{ Sure bool }
			if ok, err := answers.Form("sure", &said); err != nil || !ok || !said.Sure {
				return tool.Text("nothing deleted"), err
			}
			return tool.Text(fmt.Sprintf("%d rows deleted", rows.Load())), nil
		}),
	}
	for i := range tools {
		tools[i].Interactive = true
	}
	return gateway.WithTools(tools...)
}

// rpc is a JSON-RPC message, read.
type rpc struct {
	ID     json.RawMessage
	Method string
	Params struct {
		ProgressToken any
		Progress      float64
		Level         string
		Data          any
	}
	Result struct {
		ResultType    string
		Content       []struct{ Text string }
		IsError       bool
		InputRequests map[string]struct {
			Method string
			Params struct{ Message string }
		}
		RequestState string
	}
	Error *struct {
		Code    int
		Message string
		Data    json.RawMessage
	}
}

func (r *rpc) text() string {
	if len(r.Result.Content) == 0 {
		return ""
	}
	return r.Result.Content[0].Text
}

// door posts messages to /t/acme/mcp as one user.
type door struct {
	base, key string
	header    map[string]string
}

func newDoor(t *testing.T, g *gatewaytest.Gateway, who *client.Client) door {
	_, key := mustKey(t, who, "speaking")
	return door{base: g.Base, key: key}
}

func (d door) do(t *testing.T, method, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.base+"/t/acme/mcp", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+d.key)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for k, v := range d.header {
		r.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// call makes a modern tools/call with more members of params and of _meta. The
// last message that it returns is the answer.
func (d door) call(t *testing.T, name, params, meta string) (status int, messages []rpc) {
	t.Helper()
	d.header = map[string]string{"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": name}
	resp := d.do(t, http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+name+`",`+params+
		`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",`+meta+`}}}`)
	return resp.StatusCode, readMessages(t, resp)
}

func readMessages(t *testing.T, resp *http.Response) (messages []rpc) {
	t.Helper()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return []rpc{mustRPC(t, mustRead(t, resp.Body))}
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			messages = append(messages, mustRPC(t, data))
		}
	}
	return messages
}

func mustRPC(t *testing.T, text string) (m rpc) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return m
}

func mustRead(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const (
	canNothing = `"io.modelcontextprotocol/clientCapabilities":{}`
	canForms   = `"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}`
)

func startSpeaking(t *testing.T) (*gatewaytest.Gateway, *atomic.Int64) {
	rows := new(atomic.Int64)
	rows.Store(3)
	return gatewaytest.Start(t, gatewaytest.Options{Gateway: []gateway.Option{speakingTools(rows)}}), rows
}

func TestNotificationsComeBeforeTheAnswer(t *testing.T) {
	g, _ := startSpeaking(t)
	d := newDoor(t, g, g.Viewer)
	for name, tc := range map[string]struct{ meta, want string }{
		"nothing asked for": {canNothing, "done"},
		"progress":          {canNothing + `,"progressToken":"p-1"`, "p-1:1 p-1:2 done"},
		"number as token":   {canNothing + `,"progressToken":7`, "7:1 7:2 done"},
		"log":               {canNothing + `,"io.modelcontextprotocol/logLevel":"debug"`, "debug=fine print warning=map[left:0] done"},
		"grave log":         {canNothing + `,"io.modelcontextprotocol/logLevel":"warning"`, "warning=map[left:0] done"},
		"no such level":     {canNothing + `,"io.modelcontextprotocol/logLevel":"loud"`, "done"},
	} {
		t.Run(name, func(t *testing.T) {
			status, messages := d.call(t, "report", "", tc.meta)
			var got []string
			for _, m := range messages {
				switch m.Method {
				case "notifications/progress":
					got = append(got, fmt.Sprintf("%v:%v", m.Params.ProgressToken, m.Params.Progress))
				case "notifications/message":
					got = append(got, fmt.Sprintf("%s=%v", m.Params.Level, m.Params.Data))
				default:
					got = append(got, m.text())
				}
			}
			if status != http.StatusOK || strings.Join(got, " ") != tc.want {
				t.Errorf("status %d, %q, want %q", status, strings.Join(got, " "), tc.want)
			}
		})
	}
}

// TestToolAsksByItsResult is the way of 2026-07-28: the answer comes with the
// call repeated, and counts for the question that was asked and nothing else.
func TestToolAsksByItsResult(t *testing.T) {
	g, rows := startSpeaking(t)
	d := newDoor(t, g, g.Analyst)
	const (
		users = `"arguments":{"table":"users"},`
		yes   = `"inputResponses":{"sure":{"action":"accept","content":{"sure":true}}},`
	)
	status, asked := d.call(t, "delete", users, canForms)
	question := asked[0].Result
	if status != 200 || question.ResultType != "input_required" || question.InputRequests["sure"].Params.Message != "Delete 3 rows of users?" {
		t.Fatalf("status %d: %+v", status, question)
	}
	state := `"requestState":"` + question.RequestState + `",`
	for name, tc := range map[string]struct {
		door   door
		params string
		status int
		want   string
	}{
		"yes":                  {d, users + yes + state, 200, "3 rows deleted"},
		"arguments reordered":  {d, `"arguments": { "table" : "users" },` + yes + state, 200, "3 rows deleted"},
		"extra answers":        {d, users + strings.Replace(yes, `{"sure"`, `{"more":{"a":1},"sure"`, 1) + state, 200, "3 rows deleted"},
		"declined":             {d, users + `"inputResponses":{"sure":{"action":"decline"}},` + state, 200, "nothing deleted"},
		"without a state":      {d, users + yes, 200, "3 rows deleted"},
		"no answer":            {d, users + state, 200, "asks"},
		"other name":           {d, users + `"inputResponses":{"name":{"action":"accept","content":{}}},` + state, 200, "asks"},
		"not as the form says": {d, users + `"inputResponses":{"sure":{"action":"accept","content":{"sure":"maybe"}}},` + state, 200, "asks"},
		"no such action":       {d, users + `"inputResponses":{"sure":{"action":"shrug"}},` + state, 200, "asks"},
		"answer is a number":   {d, users + `"inputResponses":{"sure":1},` + state, 400, "-32602"},
		"answers are a list":   {d, users + `"inputResponses":[],` + state, 400, "-32602"},
		"state of other table": {d, `"arguments":{"table":"orders"},` + yes + state, 400, "-32602"},
		"state of other user":  {newDoor(t, g, g.Admin), users + yes + state, 400, "-32602"},
		"state cut short":      {d, users + yes + `"requestState":"` + question.RequestState[:40] + `",`, 400, "-32602"},
		"state of ones own":    {d, users + yes + `"requestState":"eyJhbnN3ZXJlZCI6e319",`, 400, "-32602"},
		"state is a number":    {d, users + yes + `"requestState":1,`, 400, "-32602"},
	} {
		t.Run(name, func(t *testing.T) {
			status, messages := tc.door.call(t, "delete", tc.params, canForms)
			m := messages[0]
			got := m.text()
			switch {
			case m.Error != nil:
				got = fmt.Sprint(m.Error.Code)
			case m.Result.ResultType == "input_required":
				got = "asks"
			}
			if status != tc.status || got != tc.want {
				t.Errorf("status %d, %q (%+v), want %d, %q", status, got, m.Error, tc.status, tc.want)
			}
		})
	}
	t.Run("the question has changed", func(t *testing.T) {
		rows.Store(4)
		_, messages := d.call(t, "delete", users+yes+state, canForms)
		if got := messages[0].Result.InputRequests["sure"].Params.Message; got != "Delete 4 rows of users?" {
			t.Errorf("a yes to 3 rows counted for 4: %+v", messages[0])
		}
	})
	t.Run("a client that cannot be asked", func(t *testing.T) {
		status, messages := d.call(t, "delete", users, canNothing)
		e := messages[0].Error
		if status != 400 || e == nil || e.Code != -32021 || string(e.Data) != `{"requiredCapabilities":{"elicitation":{}}}` {
			t.Errorf("status %d: %+v", status, e)
		}
	})
	entries, err := g.Admin.Audit(t.Context(), "tool.delete")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text := fmt.Sprint(e.Metadata)
		if strings.Contains(text, "accept") {
			t.Errorf("an answer was recorded: %s", text)
		}
		if e.Event == "tool.delete.input_required" && !strings.Contains(text, "waiting for answers from the client: sure") {
			t.Errorf("%s: %s", e.Event, text)
		}
	}
}

// TestToolAsksItsClient is the way before 2026-07-28: the official client gets
// a request while its call runs.
func TestToolAsksItsClient(t *testing.T) {
	g, _ := startSpeaking(t)
	_, key := mustKey(t, g.Analyst, "laptop")
	withKey := &http.Client{Transport: bearer(key)}
	accept := func(sure bool) func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
		return func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			return &sdk.ElicitResult{Action: "accept", Content: map[string]any{"sure": sure}}, nil
		}
	}
	for name, tc := range map[string]struct {
		answer func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error)
		want   string
	}{
		"yes": {accept(true), "3 rows deleted"},
		"no":  {accept(false), "nothing deleted"},
		"declined": {func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			return &sdk.ElicitResult{Action: "decline"}, nil
		}, "nothing deleted"},
		"fails": {func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			return nil, fmt.Errorf("no screen")
		}, "Error: the client refused: no screen"},
		"cannot": {nil, "Error: this client does not support elicitation, which the tool needs"},
	} {
		for way, opt := range map[string]struct {
			version   string
			transport sdk.Transport
		}{
			"HTTP+SSE":                    {"2024-11-05", &sdk.SSEClientTransport{Endpoint: g.Base + "/t/acme/mcp/sse", HTTPClient: withKey}},
			"streamable HTTP, 2025-11-25": {"2025-11-25", &sdk.StreamableClientTransport{Endpoint: g.Base + "/t/acme/mcp", HTTPClient: withKey}},
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				session, err := sdk.NewClient(&sdk.Implementation{Name: "asked", Version: "1"}, &sdk.ClientOptions{ElicitationHandler: tc.answer}).
					Connect(t.Context(), opt.transport, &sdk.ClientSessionOptions{ProtocolVersion: opt.version})
				if err != nil {
					t.Fatal(err)
				}
				defer session.Close()
				result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "delete", Arguments: map[string]any{"table": "users"}})
				if err != nil {
					t.Fatal(err)
				}
				if got := result.Content[0].(*sdk.TextContent).Text; got != tc.want {
					t.Errorf("%q, want %q", got, tc.want)
				}
			})
		}
	}
}

// TestOfficialClientAnswersByCallingAgain drives the way of 2026-07-28.
func TestOfficialClientAnswersByCallingAgain(t *testing.T) {
	g, _ := startSpeaking(t)
	_, key := mustKey(t, g.Analyst, "laptop")
	var progress atomic.Int64
	c := sdk.NewClient(&sdk.Implementation{Name: "asked", Version: "1"}, &sdk.ClientOptions{
		ElicitationHandler: func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			return &sdk.ElicitResult{Action: "accept", Content: map[string]any{"sure": true}}, nil
		},
		ProgressNotificationHandler: func(context.Context, *sdk.ProgressNotificationClientRequest) { progress.Add(1) },
	})
	session, err := c.Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: g.Base + "/t/acme/mcp", HTTPClient: &http.Client{Transport: bearer(key)},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "delete", Arguments: map[string]any{"table": "users"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := result.Content[0].(*sdk.TextContent).Text; got != "3 rows deleted" {
		t.Errorf("%q", got)
	}
	report := &sdk.CallToolParams{Name: "report"}
	report.SetProgressToken("p")
	if _, err := session.CallTool(t.Context(), report); err != nil || progress.Load() != 2 {
		t.Errorf("%v, %d notifications of progress", err, progress.Load())
	}
}

const legacyCall = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"report"}}`

// TestClientSessions: what initialize said counts in later requests, for its
// own user and until the client ends the session.
func TestClientSessions(t *testing.T) {
	g, _ := startSpeaking(t)
	d, other := newDoor(t, g, g.Analyst), newDoor(t, g, g.Viewer)
	open := func(t *testing.T) map[string]string {
		resp := d.do(t, http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"x","version":"1"}}}`)
		id := resp.Header.Get("Mcp-Session-Id")
		if body := mustRead(t, resp.Body); id == "" || !strings.Contains(body, `"logging":{}`) {
			t.Fatalf("session %q: %s", id, body)
		}
		return map[string]string{"Mcp-Session-Id": id, "MCP-Protocol-Version": "2025-11-25"}
	}
	logs := func(t *testing.T) (n int) {
		for _, m := range readMessages(t, d.do(t, http.MethodPost, legacyCall)) {
			if m.Method == "notifications/message" {
				n++
			}
		}
		return n
	}
	d.header = open(t)
	if n := logs(t); n != 1 {
		t.Errorf("%d log messages before a level was set, want the warning", n)
	}
	for level, want := range map[string]int{"debug": 2, "error": 0} {
		resp := d.do(t, http.MethodPost, `{"jsonrpc":"2.0","id":3,"method":"logging/setLevel","params":{"level":"`+level+`"}}`)
		if body := mustRead(t, resp.Body); !strings.Contains(body, `"result":{}`) {
			t.Fatalf("set %s: %s", level, body)
		}
		if n := logs(t); n != want {
			t.Errorf("%d log messages at %s, want %d", n, level, want)
		}
	}
	if body := mustRead(t, d.do(t, http.MethodPost, `{"jsonrpc":"2.0","id":3,"method":"logging/setLevel","params":{"level":"loud"}}`).Body); !strings.Contains(body, "-32602") {
		t.Errorf("a level that does not exist: %s", body)
	}
	other.header = d.header
	for method, body := range map[string]string{http.MethodPost: legacyCall, http.MethodGet: "", http.MethodDelete: ""} {
		if resp := other.do(t, method, body); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s with another user's session: %s", method, resp.Status)
		}
	}
	if resp := d.do(t, http.MethodDelete, ""); resp.StatusCode != http.StatusNoContent {
		t.Errorf("end: %s", resp.Status)
	}
	if resp := d.do(t, http.MethodPost, legacyCall); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a call in a session that has ended: %s", resp.Status)
	}
	d.header = map[string]string{"MCP-Protocol-Version": "2025-11-25"}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if resp := d.do(t, method, ""); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" {
			t.Errorf("%s without a session: %s, Allow %q", method, resp.Status, resp.Header.Get("Allow"))
		}
	}
	if body := mustRead(t, d.do(t, http.MethodPost, legacyCall).Body); !strings.Contains(body, "done") {
		t.Errorf("a call without a session: %s", body)
	}
}

// TestSessionStreamTellsOfChanges opens the GET stream of a session.
func TestSessionStreamTellsOfChanges(t *testing.T) {
	g, _ := startSpeaking(t)
	d := newDoor(t, g, g.Viewer)
	opened := d.do(t, http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`)
	d.header = map[string]string{"Mcp-Session-Id": opened.Header.Get("Mcp-Session-Id"), "MCP-Protocol-Version": "2025-11-25"}
	lines := bufio.NewScanner(d.do(t, http.MethodGet, "").Body)
	if !lines.Scan() || lines.Text() != ": ping" {
		t.Fatalf("the stream begins with %q", lines.Text())
	}
	if err := g.Admin.Do(t.Context(), http.MethodPatch, "/tools/report", map[string]string{"min_role": "admin"}, nil); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		if strings.Contains(lines.Text(), "notifications/tools/list_changed") {
			return
		}
	}
	t.Error("the stream ended without a word of the change")
}

// TestStockBuildKeepsNoSessions: without an interactive tool there is nothing
// that a session would be for.
func TestStockBuildKeepsNoSessions(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	d := newDoor(t, g, g.Viewer)
	resp := d.do(t, http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}}}}`)
	if body := mustRead(t, resp.Body); resp.Header.Get("Mcp-Session-Id") != "" || !strings.Contains(body, `"capabilities":{"tools":{"listChanged":true}}`) {
		t.Errorf("session %q: %s", resp.Header.Get("Mcp-Session-Id"), body)
	}
	body := mustRead(t, d.do(t, http.MethodPost, `{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"info"}}`).Body)
	if !strings.Contains(body, "-32601") {
		t.Errorf("logging/setLevel: %s", body)
	}
}

// TestAnswerReachesTheInstanceThatAsked: the call runs on one instance, the
// client's answer arrives at the other.
func TestAnswerReachesTheInstanceThatAsked(t *testing.T) {
	overEachBus(t, func(t *testing.T, both instances) {
		var answers atomic.Int64
		one, two := proxyTo(t, both.one), proxyTo(t, both.two)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := mustRead(t, r.Body)
			r.Body = io.NopCloser(strings.NewReader(body))
			if strings.Contains(body, `"result"`) {
				answers.Add(1)
				two.ServeHTTP(w, r)
				return
			}
			one.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		_, key := mustKey(t, both.one.Analyst, "laptop")
		c := sdk.NewClient(&sdk.Implementation{Name: "asked", Version: "1"}, &sdk.ClientOptions{
			ElicitationHandler: func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
				return &sdk.ElicitResult{Action: "accept", Content: map[string]any{"sure": true}}, nil
			},
		})
		transport := &sdk.StreamableClientTransport{Endpoint: server.URL + "/t/acme/mcp", HTTPClient: &http.Client{Transport: bearer(key)}}
		session, err := c.Connect(t.Context(), transport, &sdk.ClientSessionOptions{ProtocolVersion: "2025-11-25"})
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "delete", Arguments: map[string]any{"table": "users"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := result.Content[0].(*sdk.TextContent).Text; got != "0 rows deleted" || answers.Load() != 1 {
			t.Errorf("%q after %d answers", got, answers.Load())
		}
	})
}

func proxyTo(t *testing.T, g *gatewaytest.Gateway) http.Handler {
	target, err := url.Parse(g.Anonymous.Base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1
	return proxy
}

// hear tells of changes until one is heard of: the client opens its stream in
// its own time.
func hear(changes chan<- string, heard <-chan string, uris ...string) string {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		for _, uri := range uris {
			changes <- uri
		}
		select {
		case uri := <-heard:
			return uri
		case <-again.C:
		}
	}
}

// TestSubscribersHearOfChanges: of the resource that they subscribed to, on
// every transport, and only if they may read it.
func TestSubscribersHearOfChanges(t *testing.T) {
	changes := make(chan string)
	read := func(_ context.Context, _ tool.Env, uri string, _ map[string]string) ([]tool.Contents, error) {
		return []tool.Contents{{URI: uri, Text: "now"}}, nil
	}
	watch := func(ctx context.Context, changed func(string)) error {
		for {
			select {
			case uri := <-changes:
				changed(uri)
			case <-ctx.Done():
				return nil
			}
		}
	}
	g := gatewaytest.Start(t, gatewaytest.Options{Gateway: []gateway.Option{
		speakingTools(new(atomic.Int64)), // so that there are sessions
		gateway.WithResources(
			tool.Resource{Name: "prices", URI: "shop://prices", MinRole: identity.Viewer, Read: read, Watch: watch},
			tool.Resource{Name: "stock", URI: "shop://stock", MinRole: identity.Viewer, Read: read},
			tool.Resource{Name: "salaries", URI: "shop://salaries", MinRole: identity.Admin, Read: read},
		),
	}})
	_, key := mustKey(t, g.Viewer, "laptop")
	withKey := &http.Client{Transport: bearer(key)}
	for name, way := range map[string]struct {
		version   string
		transport sdk.Transport
	}{
		"HTTP+SSE":   {"2025-06-18", &sdk.SSEClientTransport{Endpoint: g.Base + "/t/acme/mcp/sse", HTTPClient: withKey}},
		"2025-11-25": {"2025-11-25", &sdk.StreamableClientTransport{Endpoint: g.Base + "/t/acme/mcp", HTTPClient: withKey}},
	} {
		t.Run(name, func(t *testing.T) {
			heard := make(chan string, 10)
			c := sdk.NewClient(&sdk.Implementation{Name: "x", Version: "1"}, &sdk.ClientOptions{
				ResourceUpdatedHandler: func(_ context.Context, r *sdk.ResourceUpdatedNotificationRequest) { heard <- r.Params.URI },
			})
			session, err := c.Connect(t.Context(), way.transport, &sdk.ClientSessionOptions{ProtocolVersion: way.version})
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			for uri, ok := range map[string]bool{"shop://prices": true, "shop://salaries": false, "shop://nothing": false} {
				if err := session.Subscribe(t.Context(), &sdk.SubscribeParams{URI: uri}); (err == nil) != ok {
					t.Errorf("subscribe to %s: %v", uri, err)
				}
			}
			if got := hear(changes, heard, "shop://stock", "shop://salaries", "shop://prices"); got != "shop://prices" {
				t.Errorf("heard of %s", got)
			}
			if err := session.Unsubscribe(t.Context(), &sdk.UnsubscribeParams{URI: "shop://prices"}); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("2026-07-28", func(t *testing.T) {
		d := door{base: g.Base, key: key, header: map[string]string{"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}}
		lines := bufio.NewScanner(d.do(t, http.MethodPost, `{"jsonrpc":"2.0","id":"sub-1","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["shop://prices","shop://salaries"]},
			"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",`+canNothing+`}}}`).Body)
		next := func() string {
			for lines.Scan() {
				if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
					return data
				}
			}
			return ""
		}
		if got := next(); !strings.Contains(got, `"notifications":{"resourceSubscriptions":["shop://prices","shop://salaries"]}`) {
			t.Errorf("acknowledged: %s", got)
		}
		changes <- "shop://salaries"
		changes <- "shop://prices"
		want := `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"shop://prices","_meta":{"io.modelcontextprotocol/subscriptionId":"sub-1"}}}`
		if got := next(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}
