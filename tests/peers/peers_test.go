// Package peers_test runs the MCP programs of others against the gateway: the
// inspector, mcp-remote and the conformance runner from npm, and the official
// Go SDK's client. `make test` installs them and sets MCPGW_TEST_PEERS.
package peers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
	"github.com/mcp-gateway/mcp-gateway/tests/conformance/everything"
)

// peers is a gateway with the sample shop, and the programs to meet it with.
type peers struct {
	*gatewaytest.Gateway
	folder string // holds node_modules
	key    string // the analyst's API key
	tool   string // execute_sql_shop_…
}

const question = "SELECT count(*) AS customers FROM customers"

func TestMain(m *testing.M) { gatewaytest.Main(m) }

// answer is what every peer must get for the question.
const answer = `{"customers":2000}`

func start(t *testing.T, o gatewaytest.Options) *peers {
	t.Helper()
	folder := os.Getenv("MCPGW_TEST_PEERS")
	if folder == "" {
		if testing.Short() {
			t.Skip("needs the programs from npm: run make test")
		}
		t.Fatal("MCPGW_TEST_PEERS is not set: run make test, which installs the programs from npm")
	}
	p := &peers{Gateway: gatewaytest.Start(t, o), folder: folder}
	_, p.tool = p.ConnectShop(t)
	var err error
	if p.key, err = p.Analyst.CreateKey(t.Context(), "peers"); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *peers) url() string { return p.Base + "/t/" + gatewaytest.Slug + "/mcp" }

// command runs a program from npm. The programs need a newer Node.js than a
// machine may have, so they come with one.
func (p *peers) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	node := filepath.Join(p.folder, "node_modules", "node", "bin", "node")
	if exec.Command(node, "--version").Run() != nil {
		node = "node"
	}
	cmd := exec.CommandContext(ctx, node, append([]string{filepath.Join(p.folder, "node_modules", ".bin", name)}, args...)...)
	cmd.Env = append(os.Environ(), "MCP_REMOTE_CONFIG_DIR="+filepath.Join(p.DataDir, "mcp-remote"), "NO_COLOR=1")
	return cmd
}

func (p *peers) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := p.command(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestInspector(t *testing.T) {
	p := start(t, gatewaytest.Options{})
	for _, era := range []string{"modern", "legacy"} {
		t.Run(era, func(t *testing.T) {
			common := []string{"--cli", p.url(), "--transport", "http", "--header", "Authorization: Bearer " + p.key, "--format", "json", "--protocol-era", era}
			if out := p.run(t, "inspector", append(common, "--method", "tools/list")...); !strings.Contains(out, p.tool) {
				t.Errorf("tools/list does not show %s:\n%s", p.tool, out)
			}
			out := p.run(t, "inspector", append(common, "--method", "tools/call", "--tool-name", p.tool, "--tool-arg", "sql="+question)...)
			if !strings.Contains(strings.Join(strings.Fields(out), ""), answer) {
				t.Errorf("tools/call did not answer %s:\n%s", answer, out)
			}
		})
	}
}

// TestSDK drives the gateway with the official Go SDK's client: directly, and
// through mcp-remote as stdio-only clients do.
func TestSDK(t *testing.T) {
	p := start(t, gatewaytest.Options{})
	withKey := &http.Client{Transport: bearer{p.key}}
	transports := map[string]sdk.Transport{
		"streamable HTTP":                &sdk.StreamableClientTransport{Endpoint: p.url(), HTTPClient: withKey},
		"streamable HTTP on the SSE URL": &sdk.StreamableClientTransport{Endpoint: p.url() + "/sse", HTTPClient: withKey},
		"HTTP+SSE":                       &sdk.SSEClientTransport{Endpoint: p.url() + "/sse", HTTPClient: withKey},
		"mcp-remote, header":             p.remote(t, p.url(), "--header", "Authorization:Bearer "+p.key),
		"mcp-remote, query":              p.remote(t, p.url()+"?api_key="+p.key),
		"mcp-remote, SSE URL, query":     p.remote(t, p.url()+"/sse?api_key="+p.key),
		"mcp-remote, SSE only, query":    p.remote(t, p.url()+"/sse?api_key="+p.key, "--transport", "sse-only"),
		"mcp-remote, modern":             p.remote(t, p.url(), "--protocol", "auto", "--header", "Authorization:Bearer "+p.key),
	}
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) { p.drive(t, transport) })
	}
}

func (p *peers) remote(t *testing.T, url string, args ...string) sdk.Transport {
	return &sdk.CommandTransport{Command: p.command(t.Context(), "mcp-remote", append([]string{url, "--allow-http"}, args...)...)}
}

func (p *peers) drive(t *testing.T, transport sdk.Transport) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "peers", Version: "1"}, nil).Connect(ctx, transport, nil)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer session.Close()
	list, err := session.ListTools(ctx, nil)
	if err != nil {
		t.Fatalf("tools/list: %v", err)
	}
	if !slices.ContainsFunc(list.Tools, func(tool *sdk.Tool) bool { return tool.Name == p.tool }) {
		t.Errorf("tools/list does not show %s", p.tool)
	}
	result, err := session.CallTool(ctx, &sdk.CallToolParams{Name: p.tool, Arguments: map[string]any{"sql": question}})
	if err != nil {
		t.Fatalf("tools/call: %v", err)
	}
	got, err := json.Marshal(result.StructuredContent)
	if err != nil || !strings.Contains(string(got), answer) {
		t.Errorf("tools/call answered %s (%v)", got, err)
	}
}

// bearer adds the credential to every request.
type bearer struct{ token string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return http.DefaultTransport.RoundTrip(r)
}

// TestConformance runs everything that a revision of the protocol requires of
// a server against the conformance build (tests/conformance). The runner also
// shows what it does not count, the optional tasks extension among it, which
// the gateway does not have.
func TestConformance(t *testing.T) {
	var front atomic.Pointer[httputil.ReverseProxy]
	// The runner cannot send a credential; a proxy of ours adds it. It reads a
	// request before it passes it on: when a stream begins to answer while the
	// request is still being copied, net/http gives the connection up, and now
	// and then the runner waited for the end of such an answer in vain.
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the runner has gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		front.Load().ServeHTTP(w, r)
	}))
	defer proxy.Close()
	var p *peers
	p = start(t, gatewaytest.Options{
		Env:     map[string]string{"CORS_ORIGINS": proxy.URL},
		Gateway: everything.Options(func(ctx context.Context) error { return everything.ChangeTools(ctx, p.Admin) }),
	})
	target, err := url.Parse(p.Base)
	if err != nil {
		t.Fatal(err)
	}
	front.Store(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.Out.Header.Set("Authorization", "Bearer "+p.key)
		},
		FlushInterval: -1,
	})
	for _, revision := range []string{"2026-07-28", "2025-11-25"} {
		t.Run(revision, func(t *testing.T) {
			out := p.run(t, "conformance", "server", "--url", proxy.URL+"/t/"+gatewaytest.Slug+"/mcp",
				"--requirements", revision, "-o", t.TempDir())
			t.Log(lastLines(out, 60))
		})
	}
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return fmt.Sprintln(strings.Join(lines[max(0, len(lines)-n):], "\n"))
}
