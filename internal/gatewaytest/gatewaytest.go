// Package gatewaytest starts the whole gateway for a test, as an operator
// would start it, with an organisation whose users have signed in for real.
package gatewaytest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gateway "github.com/mcp-gateway/mcp-gateway"
	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/demo"
)

// Slug and Password are the organisation's slug and every user's password.
const (
	Slug     = "acme"
	Password = "correct-horse-battery"
)

// Main runs the tests of a package that starts gateways, as its TestMain. The
// gateway starts the program that it is in, here the test's, again for every
// SQLite file that it reads.
func Main(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "sqlite-worker" {
		gateway.Main()
		return
	}
	os.Exit(m.Run())
}

// Gateway is a running gateway with the organisation "acme".
type Gateway struct {
	Base    string // BASE_URL
	DataDir string
	Env     map[string]string

	Anonymous, Admin, Analyst, Viewer *client.Client

	log  *buffer
	stop context.CancelFunc
	done chan error
}

// Options change how the gateway starts. The zero value is ready to use.
type Options struct {
	Env     map[string]string // added to the environment
	Gateway []gateway.Option
}

// Start runs a gateway on a free loopback port until the test ends, registers
// "acme" and signs in one user of each role.
func Start(t testing.TB, o Options) *Gateway {
	t.Helper()
	g := &Gateway{DataDir: t.TempDir()}
	port := freePort(t)
	g.Base = "http://127.0.0.1:" + port
	g.Env = map[string]string{
		"BASE_URL": g.Base, "PORT": port, "DATA_DIR": g.DataDir, "LOG_LEVEL": "WARNING",
		"DATABASE_URL":        "sqlite:////" + strings.TrimPrefix(filepath.Join(g.DataDir, "gateway.db"), "/"),
		"SQLITE_ALLOWED_DIRS": g.DataDir,
	}
	for k, v := range o.Env {
		g.Env[k] = v
	}
	g.Anonymous = &client.Client{Base: g.Base}
	g.Run(t, o.Gateway...)
	t.Cleanup(func() { g.Stop(t) })
	g.register(t)
	return g
}

// Run starts the gateway, again after a Stop, on the same data.
func (g *Gateway) Run(t testing.TB, opts ...gateway.Option) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	g.stop, g.done, g.log = cancel, make(chan error, 1), new(buffer)
	go func() {
		g.done <- gateway.Run(ctx, []string{"serve"}, func(name string) string { return g.Env[name] }, g.log, opts...)
	}()
	ready, cancelReady := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancelReady()
	if err := g.Anonymous.WaitReady(ready); err != nil {
		t.Fatalf("%v; the gateway said:\n%s", err, g.Log())
	}
}

// Stop ends the gateway and waits for it.
func (g *Gateway) Stop(t testing.TB) {
	t.Helper()
	if g.stop == nil {
		return
	}
	g.stop()
	g.stop = nil
	if err := <-g.done; err != nil {
		t.Errorf("gateway ended with %v; it said:\n%s", err, g.Log())
	}
}

// Log is what the gateway has written so far.
func (g *Gateway) Log() string { return g.log.String() }

func (g *Gateway) register(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	if _, err := g.Anonymous.Register(ctx, "Acme", Slug, "admin@acme.test", Password); err != nil {
		t.Fatalf("register: %v", err)
	}
	g.Admin = g.SignIn(t, "admin")
	for _, role := range []string{"analyst", "viewer"} {
		if _, err := g.Admin.CreateUser(ctx, role+"@acme.test", Password, role); err != nil {
			t.Fatalf("create %s: %v", role, err)
		}
	}
	g.Analyst, g.Viewer = g.SignIn(t, "analyst"), g.SignIn(t, "viewer")
}

// SignIn returns a client with a fresh login token of <name>@acme.test.
func (g *Gateway) SignIn(t testing.TB, name string) *client.Client {
	t.Helper()
	c, err := g.Anonymous.Login(t.Context(), Slug, name+"@acme.test", Password)
	if err != nil {
		t.Fatalf("sign in as %s: %v", name, err)
	}
	return c
}

// Connect adds a database as the administrator and returns the names of its
// two tools.
func (g *Gateway) Connect(t testing.TB, n client.NewConnection) (schema, execute string) {
	t.Helper()
	id, err := g.Admin.CreateConnection(t.Context(), n)
	if err != nil {
		t.Fatalf("create connection: %v", err)
	}
	names, err := g.Admin.Tools(t.Context(), Slug)
	if err != nil {
		t.Fatalf("list tools: %v", err)
	}
	for _, name := range names {
		switch {
		case !strings.HasSuffix(name, "_"+id[:8]):
		case strings.HasPrefix(name, "get_schema_"):
			schema = name
		default:
			execute = name
		}
	}
	return schema, execute
}

// shop is the sample database, made once per test binary: under the race
// detector it takes its time.
var shop = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "mcpgw-shop")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "shop.db")
	if err := demo.CreateShop(context.Background(), path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// ConnectShop adds the sample shop as the connection "shop" and returns the
// names of its two tools.
func (g *Gateway) ConnectShop(t testing.TB) (schema, execute string) {
	t.Helper()
	content, err := shop()
	if err != nil {
		t.Fatalf("sample database: %v", err)
	}
	path := filepath.Join(g.DataDir, "shop.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return g.Connect(t, client.NewConnection{Name: "shop", Type: "sqlite", String: "sqlite:////" + strings.TrimPrefix(path, "/")})
}

func freePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
}

// buffer is a log that is written and read at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
