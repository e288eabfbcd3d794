package mcp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// sealed lets calls ask in rounds.
func sealed(t *testing.T) func(*mcp.Config) {
	ring, err := seal.NewRing(strings.Repeat("k", 43), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *mcp.Config) { c.Seal = ring }
}

// modernCall makes a call of 2026-07-28 whose client can be asked.
func (g *gateway) modernCall(t *testing.T, key, name, params string) (status int, body string) {
	t.Helper()
	meta := `{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":` + canAnswer + `}`
	return statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", key,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+name+`",`+params+`"_meta":`+meta+`}}`,
		"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", name))
}

func stateOf(t *testing.T, body string) string {
	t.Helper()
	var m struct{ Result struct{ RequestState string } }
	if err := json.Unmarshal([]byte(body), &m); err != nil || m.Result.RequestState == "" {
		t.Fatalf("no state: %s", body)
	}
	return m.Result.RequestState
}

const yes = `"inputResponses":{"sure":{"action":"accept","content":{"sure":true}}},`

// numbered asks whether the row of its argument may go.
func numbered(name string) tool.Tool {
	t := tool.Func(name, "Asks.", identity.Viewer, func(ctx context.Context, env tool.Env, in struct {
		Row json.Number `json:"row"`
	}) (*tool.Result, error) {
		if _, err := env.Ask(ctx, tool.Questions{"sure": tool.Form("Sure?", confirm)}); err != nil {
			return nil, err
		}
		return tool.Text("row " + in.Row.String()), nil
	})
	t.Interactive, t.Schema = true, json.RawMessage(`{"type":"object","properties":{"row":{"type":"integer"}}}`)
	return t
}

// TestStateBelongsToOneCall: a state is refused with every other call, and the
// refusal is on record.
func TestStateBelongsToOneCall(t *testing.T) {
	g := start(t, []tool.Provider{tool.Static{numbered("one"), numbered("two")}}, sealed(t))
	const row = `"arguments":{"row":9007199254740993},`
	_, body := g.modernCall(t, analystKey, "one", row)
	state := `"requestState":"` + stateOf(t, body) + `",`
	if _, body = g.modernCall(t, analystKey, "one", row+yes+state); !strings.Contains(body, `row 9007199254740993`) {
		t.Errorf("its own call: %s", body)
	}
	before := len(g.audit.names())
	for name, hostile := range map[string]struct{ key, tool, params string }{
		"another tool":        {analystKey, "two", row + yes + state},
		"another user":        {viewerKey, "one", row + yes + state},
		"another row":         {analystKey, "one", `"arguments":{"row":9007199254740992},` + yes + state},
		"no arguments":        {analystKey, "one", yes + state},
		"made up":             {analystKey, "one", row + yes + `"requestState":"AAAA",`},
		"empty":               {analystKey, "one", row + yes + `"requestState":"",`},
		"no text":             {analystKey, "one", row + yes + `"requestState":{"a":1},`},
		"answers in a list":   {analystKey, "one", row + `"inputResponses":[1],`},
		"an answer of null":   {analystKey, "one", row + `"inputResponses":{"sure":null},`},
		"an answer in a list": {analystKey, "one", row + `"inputResponses":{"sure":[{}]},`},
	} {
		status, body := g.modernCall(t, hostile.key, hostile.tool, hostile.params)
		if status != http.StatusBadRequest || !strings.Contains(body, `"code":-32602`) {
			t.Errorf("%s: %d %s", name, status, body)
		}
		names := g.audit.names()
		if len(names) != before+1 || names[before] != "tool."+hostile.tool+".rejected" {
			t.Errorf("%s: recorded %v", name, names[before:])
		}
		before = len(names)
	}
}

// TestRoleIsLiveWhenTheAnswerComes: what a person takes an hour to answer is
// not done by the rights of an hour ago (contract 15.2 P2).
func TestRoleIsLiveWhenTheAnswerComes(t *testing.T) {
	g := start(t, []tool.Provider{tool.Static{asking("ask", identity.Analyst, "sure")}}, interactive)
	header := g.earlierSession(t, analystKey)
	e := g.call(t, analystKey, "ask", "", header...)
	id := e.asked(t)
	g.users.set(analystKey, principal("analyst", identity.Viewer))
	g.answer(t, analystKey, id, header...)
	if got := e.message(t); !strings.Contains(got, "Permission denied") || strings.Contains(got, "answered") {
		t.Errorf("answer = %s", got)
	}
}

// TestRoleIsLiveOverSSE is the same over HTTP+SSE.
func TestRoleIsLiveOverSSE(t *testing.T) {
	g := start(t, []tool.Provider{tool.Static{asking("ask", identity.Analyst, "sure")}}, interactive)
	e, endpoint := g.openSSE(t, "/t/acme/mcp/sse", analystKey)
	g.post(t, endpoint, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":`+canAnswer+`}}`, http.StatusAccepted)
	e.message(t)
	g.post(t, endpoint, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ask"}}`, http.StatusAccepted)
	id := e.asked(t)
	g.users.set(analystKey, principal("analyst", identity.Viewer))
	g.post(t, endpoint, `{"jsonrpc":"2.0","id":"`+id+`","result":{"action":"accept","content":{"sure":true}}}`, http.StatusAccepted)
	if got := e.message(t); !strings.Contains(got, "Permission denied") || strings.Contains(got, "answered") {
		t.Errorf("answer = %s", got)
	}
}
