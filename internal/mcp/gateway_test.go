package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/internal/relay"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder keeps audit events in memory.
type recorder struct {
	mu     sync.Mutex
	events []audit.Event
	err    error
}

func (r *recorder) Record(_ context.Context, e audit.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	r.events = append(r.events, e)
	return nil
}

// recorded returns the events so far.
func (r *recorder) recorded() []audit.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// names returns the names of the events so far.
func (r *recorder) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, e := range r.events {
		names = append(names, e.Name)
	}
	return names
}

// directory is an authenticator that knows its credentials by heart.
type directory struct {
	mu    sync.Mutex
	users map[string]identity.Principal // by credential
	err   error                         // answers everything, when set
}

func (d *directory) Authenticate(_ context.Context, r *http.Request, slug string) (identity.Principal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return identity.Principal{}, d.err
	}
	if slug != "" && slug != "acme" && slug != "other" {
		return identity.Principal{}, fault.New(fault.NotFound, "Tenant '"+slug+"' not found")
	}
	credential := credentialOf(r, slug == "")
	if credential == "" {
		return identity.Principal{}, fault.New(fault.Unauthenticated, "Authentication required")
	}
	p, ok := d.users[credential]
	switch {
	case !ok && strings.HasPrefix(credential, "mgw_"):
		return identity.Principal{}, fault.New(fault.Unauthenticated, "Invalid or revoked API key")
	case !ok:
		return identity.Principal{}, fault.New(fault.Unauthenticated, "Invalid token")
	case slug != "" && p.Slug != slug:
		return identity.Principal{}, fault.New(fault.Forbidden, "Token not valid for this tenant")
	}
	return p, nil
}

func credentialOf(r *http.Request, deprecated bool) string {
	if h := r.Header.Get("Authorization"); h != "" {
		return strings.TrimPrefix(h, "Bearer ")
	}
	if h := r.Header.Get("X-Api-Key"); h != "" {
		return h
	}
	q := r.URL.Query()
	if deprecated && q.Has("token") {
		return q.Get("token")
	}
	return q.Get("api_key")
}

func (d *directory) set(credential string, p identity.Principal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users[credential] = p
}

func (d *directory) revoke(credential string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.users, credential)
}

func (d *directory) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

type noOverrides struct{}

func (noOverrides) Overrides(context.Context, identity.TenantID) (map[string]identity.Role, error) {
	return nil, nil
}

// gateway is the door on a real server, with the real gate behind it.
type gateway struct {
	*httptest.Server
	handler *mcp.Handler
	catalog *gate.Catalog
	users   *directory
	audit   *recorder
	quirks  chan string
	// answered receives each request's method when its handler has returned;
	// what nobody waits for is dropped.
	answered chan string
}

// The credentials that every test gateway knows.
const (
	viewerKey  = "mgw_viewer"
	analystKey = "mgw_analyst"
	otherKey   = "mgw_other"
)

func principal(user string, role identity.Role) identity.Principal {
	return identity.Principal{
		Tenant: "tenant-acme", Slug: "acme", User: identity.UserID(user), Email: user + "@acme.example",
		Role: role, Auth: "api_key:mgw_" + user, Credential: "key-" + user, Config: 1,
	}
}

func start(t testing.TB, providers []tool.Provider, change ...func(*mcp.Config)) *gateway {
	t.Helper()
	g := &gateway{audit: &recorder{}, quirks: make(chan string, 16), answered: make(chan string, 1), users: &directory{users: map[string]identity.Principal{
		viewerKey: principal("viewer", identity.Viewer), analystKey: principal("analyst", identity.Analyst),
	}}}
	other := principal("stranger", identity.Admin)
	other.Tenant, other.Slug = "tenant-other", "other"
	g.users.set(otherKey, other)
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	g.catalog = gate.NewCatalog(providers, noOverrides{})
	now := func() time.Time { return time.Unix(1_790_000_000, 0).UTC() }
	cfg := mcp.Config{
		Gate: gate.New(gate.Config{Catalog: g.catalog, Recorder: g.audit, Logger: logger, Now: now}),
		Auth: g.users, Audit: g.audit, BaseURL: "https://gw.example", Origins: []string{"https://gw.example"},
		Version: "1.2.3", Logger: logger, Now: now, Quirk: func(q string) { g.quirks <- q },
		Relay: relay.New(relay.Config{}), SessionKeys: mustHasher(t),
	}
	for _, c := range change {
		c(&cfg)
	}
	g.handler = mcp.New(cfg)
	mux := httpx.NewMux()
	g.handler.Routes(mux)
	g.Server = httptest.NewServer(httpx.NewFront(httpx.FrontConfig{
		Next: mux, Log: logger, Origins: cfg.Origins,
		Observe: func(method, _ string, _ int, _ time.Duration) {
			select {
			case g.answered <- method:
			default:
			}
		},
	}))
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		g.handler.Shutdown(ctx)
		g.Close()
	})
	return g
}

func mustHasher(t testing.TB) *seal.Hasher {
	t.Helper()
	keys, err := seal.NewHasher("the secret of a test", nil)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// basicTools are one tool of each shape of result.
func basicTools() tool.Static {
	type greeting struct {
		Name string `json:"name" jsonschema:"who to greet"`
	}
	greet := tool.Func("greet", "Greets somebody.", identity.Viewer, func(_ context.Context, _ tool.Env, in greeting) (*tool.Result, error) {
		return tool.Text("Hello, " + in.Name + "!"), nil
	})
	greet.Hints = tool.Hints{ReadOnly: true}
	list := plain("list", identity.Viewer, func(context.Context) (*tool.Result, error) { return tool.JSON([]int{1, 2}) })
	list.Output = json.RawMessage(`{"type":"array","items":{"type":"integer"}}`)
	return tool.Static{
		greet, list,
		plain("object", identity.Viewer, func(context.Context) (*tool.Result, error) {
			return tool.JSON(map[string]any{"a": 1, "b": "x\ny"})
		}),
		plain("schema", identity.Viewer, func(context.Context) (*tool.Result, error) {
			return &tool.Result{Text: "Table: t\n  id int", Structured: json.RawMessage(`{"tables":["t"]}`)}, nil
		}),
		plain("rows", identity.Analyst, func(context.Context) (*tool.Result, error) { return &tool.Result{Table: rows(2)}, nil }),
		repeated(plain("region", identity.Viewer, func(context.Context) (*tool.Result, error) { return tool.Text("ok"), nil })),
		plain("refuse", identity.Viewer, func(context.Context) (*tool.Result, error) {
			return nil, fault.New(fault.Timeout, "the database is down")
		}),
	}
}

// repeated makes the tool ask for a header that repeats an argument.
func repeated(t tool.Tool) tool.Tool {
	t.Schema = json.RawMessage(`{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}`)
	return t
}

// plain is a tool without arguments.
func plain(name string, min identity.Role, run func(context.Context) (*tool.Result, error)) tool.Tool {
	return tool.Tool{
		Name: name, Title: "The " + name, Description: "Test tool " + name + ".", Event: "tool." + name, MinRole: min,
		Schema: json.RawMessage("{\n  \"type\": \"object\"\n}"), Hints: tool.Hints{ReadOnly: true},
		Prepare: func(context.Context, tool.Env, json.RawMessage) (tool.Action, error) {
			return tool.Action{Run: run}, nil
		},
	}
}

func rows(n int) *tool.Table {
	t := tool.NewTable([]tool.Column{{Name: "id", Type: "int8"}, {Name: "name", Type: "text"}}, 10<<20)
	for i := range n {
		_, _ = t.Row(func(dst []byte, column int) ([]byte, error) {
			if column == 0 {
				return fmt.Appendf(dst, "%d", i+1), nil
			}
			return tool.AppendString(dst, fmt.Sprintf("row \"%d\"", i+1)), nil
		})
	}
	return t
}
