package gateway_test

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

// rawCall is one request whose answer is compared byte by byte.
type rawCall struct{ name, method, path, version, body string }

// answerTo returns everything of the answer that its reader could compare.
func answerTo(t *testing.T, who *client.Client, r rawCall) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, who.Base+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{
		"Authorization": "Bearer " + who.Credential, "Content-Type": "application/json",
		"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": r.version,
	} {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	if r.version == client.ProtocolVersion {
		req.Header.Set("Mcp-Method", "tools/call")
		_, name, _ := strings.Cut(r.body, `"name":"`)
		name, _, _ = strings.Cut(name, `"`)
		req.Header.Set("Mcp-Name", name)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name := range resp.Header { // these count the requests of the caller
		if name == "Date" || name == "X-Request-Id" || strings.HasPrefix(name, "Ratelimit-") {
			resp.Header.Del(name)
		}
	}
	var all strings.Builder
	all.WriteString(resp.Status + "\n")
	if err := resp.Header.Write(&all); err != nil {
		t.Fatal(err)
	}
	all.Write(body)
	return all.String()
}

// TestHiddenToolsAnswerAsUnknownOnes holds contract 8.2, step 1, and 15.2 A26:
// a tool of a connection above the caller's role differs in nothing from one
// that was never there. Only the audit log knows.
func TestHiddenToolsAnswerAsUnknownOnes(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	g.ConnectShop(t)
	schema, execute := g.Connect(t, client.NewConnection{
		Name: "vault", Type: "sqlite", String: "sqlite:////" + strings.TrimPrefix(filepath.Join(g.DataDir, "shop.db"), "/"), MinRole: "admin",
	})
	id := connectionID(t, g, "vault")
	// An override makes no difference: it cannot open the connection.
	if err := g.Admin.Do(t.Context(), http.MethodPatch, "/api/v1/tools/"+execute, map[string]string{"min_role": "viewer"}, nil); err != nil {
		t.Fatal(err)
	}
	for role, who := range map[string]*client.Client{"viewer": g.Viewer, "analyst": g.Analyst} {
		for _, tool := range []string{schema, execute} {
			for _, call := range waysToName(tool, id) {
				there := answerTo(t, who, call)
				other := strings.NewReplacer(tool, elsewhere(tool), id, "00000000-0000-4000-8000-000000000000")
				call.path, call.body = other.Replace(call.path), other.Replace(call.body)
				nowhere := answerTo(t, who, call)
				if diff := cmp.Diff(strings.ReplaceAll(nowhere, elsewhere(tool), tool), there); diff != "" {
					t.Errorf("%s, %s of %s (-unknown +hidden):\n%s", role, call.name, tool, diff)
				}
				if strings.HasPrefix(call.name, "call") && !strings.Contains(there, "Unknown tool: "+tool) {
					t.Errorf("%s, %s of %s: %s", role, call.name, tool, there)
				}
			}
		}
	}
	wantHiddenRecords(t, g, execute)
}

func connectionID(t *testing.T, g *gatewaytest.Gateway, name string) string {
	t.Helper()
	var all []struct{ ID, Name string }
	if err := g.Admin.Do(t.Context(), http.MethodGet, "/api/v1/connections", nil, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Name == name {
			return c.ID
		}
	}
	t.Fatalf("no connection %q in %v", name, all)
	return ""
}

// waysToName are the requests of someone who guesses a tool's name.
func waysToName(tool, id string) []rawCall {
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"` + client.ProtocolVersion + `","io.modelcontextprotocol/clientCapabilities":{}}`
	mcp := func(name, version, params string) rawCall {
		return rawCall{name, http.MethodPost, "/t/acme/mcp", version, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `",` + params + `}}`}
	}
	return []rawCall{
		mcp("call", client.ProtocolVersion, `"arguments":{"sql":"SELECT 1"},`+meta),
		mcp("call with bad arguments", client.ProtocolVersion, `"arguments":{"nonsense":1},`+meta),
		mcp("call of an earlier version", "2025-11-25", `"arguments":{}`),
		{"override", http.MethodPatch, "/api/v1/tools/" + tool, "", `{"min_role":null}`},
		{"removal", http.MethodDelete, "/api/v1/connections/" + id, "", ""},
		{"test", http.MethodPost, "/api/v1/connections/" + id + "/test", "", ""},
	}
}

// elsewhere is a name of the same form that no connection has.
func elsewhere(tool string) string {
	return tool[:strings.LastIndexByte(tool, '_')] + "_00000000"
}

// wantHiddenRecords checks that the administrator can tell a try at a hidden
// tool from a slip of the pen.
func wantHiddenRecords(t *testing.T, g *gatewaytest.Gateway, execute string) {
	t.Helper()
	records, err := g.Admin.Audit(t.Context(), "tool")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range records {
		if r.Event == "tool.override_set" {
			continue
		}
		if r.Metadata["tool"] == execute || r.Metadata["tool"] == elsewhere(execute) {
			seen[r.Event]++
			if id, _ := r.Metadata["connection_id"].(string); (r.Event == "tool.execute_sql.denied") != (id != "") {
				t.Errorf("%s with connection %q", r.Event, id)
			}
		}
	}
	// Three ways, two roles.
	if diff := cmp.Diff(map[string]int{"tool.execute_sql.denied": 6, "tool.unknown.rejected": 6}, seen); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
