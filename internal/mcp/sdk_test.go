package mcp_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// withKey adds a credential to every request.
type withKey struct{ key string }

func (k withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if k.key != "" {
		r.Header.Set("Authorization", "Bearer "+k.key)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func httpClient(key string) *http.Client { return &http.Client{Transport: withKey{key}} }

// TestSDKClient drives the door with the official client, in both eras and on
// both transports.
func TestSDKClient(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()})
	legacy := &sdk.ClientSessionOptions{ProtocolVersion: "2025-06-18"}
	tests := []struct {
		name      string
		transport sdk.Transport
		options   *sdk.ClientSessionOptions
		version   string
	}{
		{"stateless", &sdk.StreamableClientTransport{Endpoint: g.URL + "/t/acme/mcp", HTTPClient: httpClient(analystKey)}, nil, "2026-07-28"},
		{"stateless on the SSE URL", &sdk.StreamableClientTransport{Endpoint: g.URL + "/t/acme/mcp/sse", HTTPClient: httpClient(analystKey)}, nil, "2026-07-28"},
		{"initialize", &sdk.StreamableClientTransport{Endpoint: g.URL + "/t/acme/mcp", HTTPClient: httpClient(analystKey)}, legacy, "2025-06-18"},
		{"HTTP+SSE, header", &sdk.SSEClientTransport{Endpoint: g.URL + "/t/acme/mcp/sse", HTTPClient: httpClient(analystKey)}, legacy, "2025-06-18"},
		{"HTTP+SSE, query", &sdk.SSEClientTransport{Endpoint: g.URL + "/t/acme/mcp/sse?api_key=" + analystKey, HTTPClient: httpClient("")}, legacy, "2025-06-18"},
		{"HTTP+SSE, deprecated", &sdk.SSEClientTransport{Endpoint: g.URL + "/mcp/sse?api_key=" + analystKey, HTTPClient: httpClient("")}, legacy, "2025-06-18"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client := sdk.NewClient(&sdk.Implementation{Name: "probe", Version: "9"}, nil)
			session, err := client.Connect(t.Context(), tt.transport, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			if got := session.InitializeResult().ProtocolVersion; got != tt.version {
				t.Errorf("protocol version = %s, want %s", got, tt.version)
			}
			if got := session.InitializeResult().ServerInfo; got == nil || got.Name != "mcp-gateway" || got.Version != "1.2.3" {
				t.Errorf("server info = %+v", got)
			}
			listAndCall(t, session)
		})
	}
}

func listAndCall(t *testing.T, session *sdk.ClientSession) {
	t.Helper()
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	if want := []string{"greet", "list", "object", "schema", "rows", "region", "refuse"}; !slices.Equal(names, want) {
		t.Errorf("tools = %v, want %v", names, want)
	}
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "greet", Arguments: map[string]any{"name": "Ann"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := textOf(result); got != "Hello, Ann!" || result.IsError {
		t.Errorf("greet = %q, isError %v", got, result.IsError)
	}
	result, err = session.CallTool(t.Context(), &sdk.CallToolParams{Name: "rows"})
	if err != nil {
		t.Fatal(err)
	}
	structured, _ := result.StructuredContent.(map[string]any)
	if structured["row_count"] != float64(2) {
		t.Errorf("structuredContent = %v", result.StructuredContent)
	}
	if _, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "nope"}); err == nil {
		t.Error("unknown tool: no error")
	}
}

func textOf(r *sdk.CallToolResult) string {
	if len(r.Content) != 1 {
		return ""
	}
	text, _ := r.Content[0].(*sdk.TextContent)
	if text == nil {
		return ""
	}
	return text.Text
}

// TestSDKListen sees the client hear of a changed list.
func TestSDKListen(t *testing.T) {
	g := start(t, []tool.Provider{basicTools()})
	changed := make(chan struct{}, 1)
	client := sdk.NewClient(&sdk.Implementation{Name: "probe", Version: "9"}, &sdk.ClientOptions{
		ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) { changed <- struct{}{} },
	})
	transport := &sdk.StreamableClientTransport{Endpoint: g.URL + "/t/acme/mcp", HTTPClient: httpClient(analystKey)}
	session, err := client.Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	g.users.set(analystKey, principal("analyst", identity.Viewer)) // loses "rows"
	g.catalog.Changed("tenant-acme")
	select {
	case <-changed:
	case <-t.Context().Done():
		t.Fatal("no notice")
	}
}
