package gateway_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
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

// instances are two instances of one gateway.
type instances struct {
	one, two *gatewaytest.Gateway
	env      map[string]string // what they share
	begun    chan struct{}     // receives when the tool "patient" has begun
}

// startInstances starts two instances on a PostgreSQL database of their own.
func startInstances(t *testing.T, more map[string]string) instances {
	t.Helper()
	both := instances{begun: make(chan struct{}, 1), env: map[string]string{
		"DATABASE_URL": postgres(t), "WEB_CONCURRENCY": "2", "SECRET_KEY": rand.Text() + rand.Text(), "ENCRYPTION_KEY": rand.Text() + rand.Text(),
	}}
	for k, v := range more {
		both.env[k] = v
	}
	opts := []gateway.Option{gateway.WithTools(lengthTool(), patientTool(both.begun)), speakingTools(new(atomic.Int64))}
	both.one = gatewaytest.Start(t, gatewaytest.Options{Env: both.env, Gateway: opts})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
	ln.Close()
	both.two = &gatewaytest.Gateway{
		Base: both.one.Base, DataDir: both.one.DataDir, Env: map[string]string{},
		Anonymous: &client.Client{Base: "http://127.0.0.1:" + port},
	}
	for k, v := range both.one.Env {
		both.two.Env[k] = v
	}
	both.two.Env["PORT"] = port
	both.two.Run(t, opts...)
	t.Cleanup(func() { both.two.Stop(t) })
	return both
}

// lengthTool takes arguments of any size.
func lengthTool() tool.Tool {
	type in struct {
		Text string `json:"text"`
	}
	return tool.Func("length", "Counts bytes.", identity.Viewer, func(_ context.Context, _ tool.Env, in in) (*tool.Result, error) {
		return tool.Text(fmt.Sprint(len(in.Text))), nil
	})
}

// patientTool works until it is cancelled.
func patientTool(begun chan<- struct{}) tool.Tool {
	return tool.Func("patient", "Waits.", identity.Viewer, func(ctx context.Context, _ tool.Env, _ struct{}) (*tool.Result, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
}

// overEachBus runs a test with the instances talking through PostgreSQL and
// through Redis.
func overEachBus(t *testing.T, test func(t *testing.T, both instances)) {
	t.Run("postgres", func(t *testing.T) { test(t, startInstances(t, nil)) })
	t.Run("redis", func(t *testing.T) {
		address := os.Getenv("MCPGW_TEST_REDIS")
		if address == "" {
			if testing.Short() {
				t.Skip("needs a Redis server: make test starts one")
			}
			t.Fatal("MCPGW_TEST_REDIS is not set: run make test, which starts a server")
		}
		test(t, startInstances(t, map[string]string{"REDIS_URL": address}))
	})
}

// balance stands before the instances: choose says which one takes a request.
func balance(t *testing.T, both instances, choose func(*http.Request) *gatewaytest.Gateway) string {
	t.Helper()
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			target, err := url.Parse(choose(r.In).Anonymous.Base)
			if err != nil {
				t.Error(err)
			}
			r.SetURL(target)
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

// mustKey makes an API key of the client's user.
func mustKey(t *testing.T, c *client.Client, name string) (id, raw string) {
	t.Helper()
	var key struct {
		ID  string `json:"id"`
		Raw string `json:"raw_key"`
	}
	if err := c.Do(t.Context(), http.MethodPost, "/api/v1/api-keys", map[string]string{"name": name}, &key); err != nil {
		t.Fatal(err)
	}
	return key.ID, key.Raw
}

// TestSDKClientBetweenInstances drives HTTP+SSE with the official client
// through load balancers without affinity.
func TestSDKClientBetweenInstances(t *testing.T) {
	overEachBus(t, func(t *testing.T, both instances) {
		_, key := mustKey(t, both.one.Analyst, "laptop")
		var turn atomic.Int64
		for name, choose := range map[string]func(*http.Request) *gatewaytest.Gateway{
			"stream here, messages there": func(r *http.Request) *gatewaytest.Gateway {
				if r.Method == http.MethodGet {
					return both.one
				}
				return both.two
			},
			"in turn": func(*http.Request) *gatewaytest.Gateway {
				if turn.Add(1)%2 == 0 {
					return both.one
				}
				return both.two
			},
		} {
			t.Run(name, func(t *testing.T) { converse(t, balance(t, both, choose), key) })
		}
	})
}

func converse(t *testing.T, base, key string) {
	t.Helper()
	c := sdk.NewClient(&sdk.Implementation{Name: "probe", Version: "1"}, nil)
	transport := &sdk.SSEClientTransport{Endpoint: base + "/t/acme/mcp/sse", HTTPClient: &http.Client{Transport: bearer(key)}}
	session, err := c.Connect(t.Context(), transport, &sdk.ClientSessionOptions{ProtocolVersion: "2025-06-18"})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	list, err := session.ListTools(t.Context(), nil)
	if err != nil || len(list.Tools) == 0 {
		t.Fatalf("tools: %v, %v", list, err)
	}
	for _, size := range []int{1, 10, 10_000, 1 << 20} {
		res, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "length", Arguments: map[string]any{"text": strings.Repeat("x", size)}})
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := res.Content[0].(*sdk.TextContent); !ok || text.Text != fmt.Sprint(size) {
			t.Errorf("length of %d = %+v", size, res.Content[0])
		}
	}
}

// bearer adds a credential to every request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// stream is an open HTTP+SSE session.
type stream struct {
	*bufio.Scanner
	endpoint string
}

func openStream(t *testing.T, address, key string) *stream {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	s := &stream{Scanner: bufio.NewScanner(res.Body)}
	s.endpoint = s.data(t)
	return s
}

// data returns the data of the next event.
func (s *stream) data(t *testing.T) string {
	t.Helper()
	for s.Scan() {
		if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
			return data
		}
	}
	t.Fatalf("the stream ended: %v", s.Err())
	return ""
}

func postMessage(t *testing.T, address, key string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// TestSessionsOfAnotherInstance: who may speak for a session does not depend
// on where its messages arrive (contract 6.2, 15.2 A8, A14).
func TestSessionsOfAnotherInstance(t *testing.T) {
	both := startInstances(t, nil)
	here, there := both.one.Anonymous.Base, both.two.Anonymous.Base
	keyID, key := mustKey(t, both.one.Analyst, "laptop")
	_, viewerKey := mustKey(t, both.one.Viewer, "laptop")
	byHeader := openStream(t, here+"/t/acme/mcp/sse", key)
	byQuery := openStream(t, here+"/t/acme/mcp/sse?api_key="+key, "")
	deprecated := openStream(t, here+"/mcp/sse?api_key="+key, "")
	forged := strings.Replace(byHeader.endpoint, "session_id=", "session_id=A", 1)
	for _, tt := range []struct {
		name, endpoint, key string
		want                int
		text                string
	}{
		{"same key", byHeader.endpoint, key, 202, "Accepted"},
		{"a token of the same user", byHeader.endpoint, both.one.Analyst.Credential, 202, "Accepted"},
		{"another user's key", byHeader.endpoint, viewerKey, 404, "Could not find session"},
		{"id alone", byHeader.endpoint, "", 401, "Authentication required"},
		{"bad key", byHeader.endpoint, key + "x", 401, "Invalid or revoked API key"},
		{"query session, id alone", byQuery.endpoint, "", 202, "Accepted"},
		{"query session, another user's key", byQuery.endpoint, viewerKey, 404, "Could not find session"},
		{"deprecated, id alone", deprecated.endpoint, "", 202, "Accepted"},
		{"malformed id", forged, key, 400, "Invalid session ID"},
	} {
		if status, body := postMessage(t, there+tt.endpoint, tt.key); status != tt.want || !strings.Contains(body, tt.text) {
			t.Errorf("%s: %d %s, want %d %s", tt.name, status, body, tt.want, tt.text)
		}
	}
	if err := both.two.Anonymous.As(both.one.Analyst.Credential).Do(t.Context(), http.MethodDelete, "/api/v1/api-keys/"+keyID, nil, nil); err != nil {
		t.Fatal(err)
	}
	for name, endpoint := range map[string]string{"query": byQuery.endpoint, "deprecated": deprecated.endpoint} {
		if status, body := postMessage(t, there+endpoint, ""); status != 401 || !strings.Contains(body, "Invalid or revoked API key") {
			t.Errorf("%s session after its key was revoked: %d %s", name, status, body)
		}
	}
}

// TestKilledInstance: the sessions of an instance that was killed are gone.
func TestKilledInstance(t *testing.T) {
	both := startInstances(t, nil)
	_, key := mustKey(t, both.one.Analyst, "laptop")
	var env []string
	for k, v := range both.env {
		env = append(env, k+"="+v)
	}
	third := newProcess(t, env...)
	s := openStream(t, third.base+"/t/acme/mcp/sse", key)
	if status, body := postMessage(t, both.one.Anonymous.Base+s.endpoint, key); status != 202 {
		t.Fatalf("before the kill: %d %s", status, body)
	}
	third.kill()
	if status, body := postMessage(t, both.one.Anonymous.Base+s.endpoint, key); status != 404 || !strings.Contains(body, "Could not find session") {
		t.Errorf("after the kill: %d %s", status, body)
	}
}

// TestChangesAreToldAtOnce: a stream hears of a change that another instance
// made, well before it would have looked by itself.
func TestChangesAreToldAtOnce(t *testing.T) {
	overEachBus(t, func(t *testing.T, both instances) {
		_, key := mustKey(t, both.one.Analyst, "laptop")
		s := openStream(t, both.one.Anonymous.Base+"/t/acme/mcp/sse", key)
		admin := both.two.Anonymous.As(both.one.Admin.Credential)
		if err := admin.Do(t.Context(), http.MethodPatch, "/api/v1/tools/length", map[string]string{"min_role": "admin"}, nil); err != nil {
			t.Fatal(err)
		}
		heard := make(chan string, 1)
		go func() {
			for s.Scan() {
				if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
					heard <- data
					return
				}
			}
		}()
		select {
		case got := <-heard:
			if !strings.Contains(got, "notifications/tools/list_changed") {
				t.Errorf("heard %s", got)
			}
		case <-time.After(20 * time.Second): // streams look every 30 s
			t.Error("not told")
		}
	})
}

// TestCancellationBetweenInstances: the client of a call cancels it through
// another instance, and the call's record says so (contract 6.2).
func TestCancellationBetweenInstances(t *testing.T) {
	overEachBus(t, func(t *testing.T, both instances) {
		_, key := mustKey(t, both.one.Analyst, "laptop")
		_, viewerKey := mustKey(t, both.one.Viewer, "laptop")
		here, there := door{base: both.one.Anonymous.Base, key: key}, door{base: both.two.Anonymous.Base, key: key}
		stranger := door{base: there.base, key: viewerKey}
		answer := make(chan string, 1)
		go func() {
			resp := here.do(t, http.MethodPost, `{"jsonrpc":"2.0","id":"slow","method":"tools/call","params":{"name":"patient"}}`)
			answer <- mustRead(t, resp.Body)
		}()
		<-both.begun
		const cancel = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"slow"}}`
		for _, d := range []door{stranger, there} {
			if resp := d.do(t, http.MethodPost, cancel); resp.StatusCode != http.StatusAccepted {
				t.Fatalf("POST = %s", resp.Status)
			}
		}
		if got := <-answer; !strings.Contains(got, "Error: cancelled") {
			t.Errorf("answer = %s", got)
		}
		records, err := both.two.Anonymous.As(both.one.Admin.Credential).Audit(t.Context(), "tool.patient")
		if err != nil || len(records) != 1 || records[0].Event != "tool.patient.error" {
			t.Errorf("records = %v, %v", records, err)
		}
	})
}
