package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gateway "github.com/mcp-gateway/mcp-gateway"
	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

func TestGovernedCall(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	schema, execute := g.ConnectShop(t)
	tests := []struct {
		name     string
		who      *client.Client
		tool     string
		args     map[string]any
		want     string
		isError  bool
		recorded string
	}{
		{"an analyst reads", g.Analyst, execute, map[string]any{"sql": "SELECT count(*) AS n FROM customers"}, `{"n":2000}`, false, "tool.execute_sql"},
		{"a write is refused", g.Analyst, execute, map[string]any{"sql": "DELETE FROM customers"}, "SQL rejected: Non-SELECT statement", true, "tool.execute_sql.rejected"},
		{"two statements are refused", g.Analyst, execute, map[string]any{"sql": "SELECT 1; SELECT 2"}, "SQL rejected: Multiple statements are not allowed", true, "tool.execute_sql.rejected"},
		{"a wrong argument is refused", g.Analyst, execute, map[string]any{"sql": 5}, "Input validation error: ", true, "tool.execute_sql.rejected"},
		{"an unknown table is told", g.Analyst, execute, map[string]any{"sql": "SELECT * FROM suppliers"}, "Error: no such table: suppliers", true, "tool.execute_sql.error"},
		{"a viewer may not run SQL", g.Viewer, execute, map[string]any{"sql": "SELECT 1"}, "Permission denied: insufficient role to execute queries", true, "tool.execute_sql.denied"},
		{"a viewer sees the schema", g.Viewer, schema, map[string]any{}, "Table: customers", false, "tool.get_schema"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := tt.who.CallTool(t.Context(), gatewaytest.Slug, tt.tool, tt.args)
			if err != nil {
				t.Fatal(err)
			}
			if r.IsError != tt.isError || !strings.Contains(r.Text(), tt.want) {
				t.Errorf("isError %v, text %.200q; want %v, %q", r.IsError, r.Text(), tt.isError, tt.want)
			}
			newest, err := g.Admin.Audit(t.Context(), "tool")
			if err != nil {
				t.Fatal(err)
			}
			if newest[0].Event != tt.recorded {
				t.Errorf("newest record %q, want %q", newest[0].Event, tt.recorded)
			}
		})
	}
}

func TestOtherTenantsToolsDoNotExist(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	_, execute := g.ConnectShop(t)
	if _, err := g.Anonymous.Register(t.Context(), "Other", "other", "boss@other.test", gatewaytest.Password); err != nil {
		t.Fatal(err)
	}
	boss, err := g.Anonymous.Login(t.Context(), "other", "boss@other.test", gatewaytest.Password)
	if err != nil {
		t.Fatal(err)
	}
	var rpc *client.RPCError
	_, err = boss.CallTool(t.Context(), "other", execute, map[string]any{"sql": "SELECT 1"})
	if !errors.As(err, &rpc) || rpc.Code != -32602 || rpc.Message != "Unknown tool: "+execute {
		t.Errorf("own URL: %v, want Unknown tool", err)
	}
	var answer *client.Error
	_, err = boss.CallTool(t.Context(), gatewaytest.Slug, execute, map[string]any{"sql": "SELECT 1"})
	if !errors.As(err, &answer) || answer.Status != http.StatusForbidden {
		t.Errorf("other tenant's URL: %v, want 403", err)
	}
}

// TestChangesCountFromTheNextCall covers contract 15.2 P2.
func TestChangesCountFromTheNextCall(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	_, execute := g.ConnectShop(t)
	ask := map[string]any{"sql": "SELECT 1 AS one"}
	mustText(t, g.Analyst, execute, ask, `{"one":1}`)
	if err := g.Admin.Do(t.Context(), http.MethodPatch, "/api/v1/tools/"+execute, map[string]string{"min_role": "admin"}, nil); err != nil {
		t.Fatal(err)
	}
	mustText(t, g.Analyst, execute, ask, "Permission denied")
	if err := g.Admin.Do(t.Context(), http.MethodPatch, "/api/v1/tools/"+execute, map[string]any{"min_role": nil}, nil); err != nil {
		t.Fatal(err)
	}
	mustText(t, g.Analyst, execute, ask, `{"one":1}`)
}

func mustText(t *testing.T, who *client.Client, name string, args any, want string) {
	t.Helper()
	r, err := who.CallTool(t.Context(), gatewaytest.Slug, name, args)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Text(), want) {
		t.Errorf("text %q, want %q", r.Text(), want)
	}
}

func TestEverythingOutlivesARestart(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	_, execute := g.ConnectShop(t)
	key, err := g.Analyst.CreateKey(t.Context(), "robot")
	if err != nil {
		t.Fatal(err)
	}
	g.Stop(t)
	g.Run(t)
	mustText(t, g.Anonymous.As(key), execute, map[string]any{"sql": "SELECT count(*) AS n FROM orders"}, `{"n":40000}`)
	mustText(t, g.Analyst, execute, map[string]any{"sql": "SELECT 1 AS one"}, `{"one":1}`) // the token too: keys are kept
}

// TestSecretsStayOutOfTheLog reads everything that a busy gateway wrote.
func TestSecretsStayOutOfTheLog(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{Env: map[string]string{"LOG_LEVEL": "DEBUG"}})
	key, err := g.Analyst.CreateKey(t.Context(), "robot")
	if err != nil {
		t.Fatal(err)
	}
	const password = "hunter2-hunter2"
	_, err = g.Admin.CreateConnection(t.Context(), client.NewConnection{
		Name: "gone", Type: "postgres", String: "postgresql://app:" + password + "@127.0.0.1:1/nothing",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Anonymous.Do(t.Context(), http.MethodGet, "/api/v1/tools?api_key="+key, nil, nil); err != nil {
		t.Fatal(err)
	}
	tools, err := g.Analyst.Tools(t.Context(), gatewaytest.Slug)
	if err != nil {
		t.Fatal(err)
	}
	mustText(t, g.Analyst, tools[len(tools)-1], map[string]any{"sql": "SELECT 1"}, "cannot connect")
	for _, secret := range []string{key, password, gatewaytest.Password, g.Analyst.Credential} {
		if strings.Contains(g.Log(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(g.Log(), `"query":"api_key=REDACTED"`) {
		t.Errorf("the request with a key in its query was not logged, so the check above proves nothing:\n%s", g.Log())
	}
}

func TestOwnTools(t *testing.T) {
	type in struct {
		Name string `json:"name"`
	}
	hello := tool.Func("hello", "Greets", identity.Viewer, func(_ context.Context, env tool.Env, in in) (*tool.Result, error) {
		return tool.Text("Hello " + in.Name + " from " + env.Principal.Slug), nil
	})
	g := gatewaytest.Start(t, gatewaytest.Options{Gateway: []gateway.Option{gateway.WithTools(hello)}})
	mustText(t, g.Viewer, "hello", map[string]string{"name": "Ann"}, "Hello Ann from acme")
	mustText(t, g.Viewer, "hello", map[string]int{"name": 1}, "Input validation error: name")
}

// TestOwnToolsAreChecked: what would fail at every call stops the start.
func TestOwnToolsAreChecked(t *testing.T) {
	made := func(change func(*tool.Tool)) tool.Tool {
		own := tool.Func("hello", "Greets", identity.Viewer, func(context.Context, tool.Env, struct{}) (*tool.Result, error) { return tool.Text("Hello"), nil })
		change(&own)
		return own
	}
	fine := made(func(*tool.Tool) {})
	for want, tools := range map[string][]tool.Tool{
		`two tools are named "hello"`:              {fine, fine},
		`tool name "list_connections" is reserved`: {made(func(t *tool.Tool) { t.Name = "list_connections" })},
		`tool "hello" has no Prepare`:              {made(func(t *tool.Tool) { t.Prepare = nil })},
		`tool "hello" has no MinRole`:              {made(func(t *tool.Tool) { t.MinRole = identity.None })},
		`must be recorded as "tool.hello"`:         {made(func(t *tool.Tool) { t.Event = "audit.read" })},
	} {
		dir := t.TempDir()
		env := map[string]string{"DATA_DIR": dir, "DATABASE_URL": "sqlite:///" + filepath.Join(dir, "gateway.db"), "PORT": "1", "BASE_URL": "http://localhost:1"}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // of a gateway that serves after all
		err := gateway.Run(ctx, nil, func(name string) string { return env[name] }, io.Discard, gateway.WithTools(tools...))
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// demoPatience is for a demo under the race detector: its sample database has
// 60,000 orders.
const demoPatience = 5 * time.Minute

func TestDemoShowsACallAndStops(t *testing.T) {
	t.Chdir(t.TempDir())
	for range 2 { // the second run finds what the first one made
		var out bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), demoPatience)
		err := gateway.Run(ctx, []string{"demo", "--once"}, func(string) string { return "" }, &out)
		cancel()
		if err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		for _, want := range []string{`"category":"audio"`, "SQL rejected: Non-SELECT statement", "/t/acme/mcp", "mcp-remote", "claude mcp add"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the demo does not show %q:\n%s", want, out.String())
			}
		}
	}
}

// TestDemoGoesOn: a first run that was interrupted while it set things up does
// not spoil the folder.
func TestDemoGoesOn(t *testing.T) {
	t.Chdir(t.TempDir())
	state := filepath.Join("data", "demo", "demo.json")
	for _, interrupted := range []func(map[string]any){
		func(map[string]any) {},
		func(s map[string]any) { delete(s, "api_key"); delete(s, "connection_id") },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), demoPatience)
		var out bytes.Buffer
		if err := gateway.Run(ctx, []string{"demo", "--once"}, func(string) string { return "" }, &out); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		cancel()
		raw, err := os.ReadFile(state)
		if err != nil {
			t.Fatal(err)
		}
		var saved map[string]any
		if err := json.Unmarshal(raw, &saved); err != nil {
			t.Fatal(err)
		}
		if saved["api_key"] == "" || saved["connection_id"] == "" {
			t.Fatalf("the state is incomplete: %v", saved)
		}
		interrupted(saved)
		if raw, err = json.Marshal(saved); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(state, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := gateway.Run(t.Context(), []string{"demo", "--once"}, func(string) string { return "" }, io.Discard); err != nil {
		t.Errorf("after the interruption: %v", err)
	}
}

func TestPublicAddressNeedsKeys(t *testing.T) {
	t.Chdir(t.TempDir())
	env := map[string]string{"BASE_URL": "https://mcp.acme.test"}
	err := gateway.Run(t.Context(), nil, func(name string) string { return env[name] }, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "SECRET_KEY must be set") || !strings.Contains(err.Error(), "openssl rand -hex 32") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat("data"); err == nil {
		t.Error("a refused start left data behind")
	}
}

func TestCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	run := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := gateway.Run(t.Context(), args, func(string) string { return "" }, &out, gateway.WithVersion("v9"))
		return out.String(), err
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"help"}, "migrate"},
		{[]string{"version"}, "v9"},
		{[]string{"check"}, "BASE_URL"},
		{[]string{"migrate", "up"}, "applied"},
		{[]string{"migrate", "status"}, "applied"},
		{[]string{"audit", "verify"}, ""},
		{[]string{"migrate", "down"}, "pending"},
	} {
		if out, err := run(tt.args...); err != nil || !strings.Contains(out, tt.want) {
			t.Errorf("%v: error %v, output %q", tt.args, err, out)
		}
	}
	for _, args := range [][]string{{"serv"}, {"migrate"}, {"migrate", "sideways"}, {"serve", "now"}, {"audit"}} {
		if _, err := run(args...); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}
