package relay_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mcp-gateway/mcp-gateway/internal/redis/redistest"
	"github.com/mcp-gateway/mcp-gateway/internal/relay"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a server that carries messages: what makes an instance's transport,
// and what cuts every connection that listens.
type wire struct {
	transport func(t *testing.T) relay.Transport
	cut       func(t *testing.T)
}

// onEveryServer runs a test over each kind of server.
func onEveryServer(t *testing.T, test func(t *testing.T, w wire)) {
	t.Helper()
	t.Run("postgres", func(t *testing.T) { test(t, overPostgres(t)) })
	t.Run("redis", func(t *testing.T) { test(t, overRedis(t)) })
}

func overPostgres(t *testing.T) wire {
	t.Helper()
	address := os.Getenv("MCPGW_TEST_POSTGRES")
	if address == "" {
		if testing.Short() {
			t.Skip("needs a PostgreSQL server: make test starts one")
		}
		t.Fatal("MCPGW_TEST_POSTGRES is not set: run make test, which starts a server; -short leaves this out")
	}
	own := mustParse(t, address)
	name := "mcpgw_relay_" + strings.ToLower(rand.Text()[:12])
	pool, err := sql.Open("pgx", own.String())
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, pool, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		mustExec(t, pool, "DROP DATABASE "+name+" WITH (FORCE)")
		pool.Close()
	})
	own.Path = "/" + name
	return wire{
		transport: func(t *testing.T) relay.Transport { return storeRelay(t, own.String()) },
		cut: func(t *testing.T) {
			mustExec(t, pool, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mcp-gateway relay' AND datname = '"+name+"'")
		},
	}
}

func storeRelay(t *testing.T, address string) relay.Transport {
	t.Helper()
	db, err := store.Open(t.Context(), address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := db.Relay()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustExec(t *testing.T, pool *sql.DB, statement string) {
	t.Helper()
	if _, err := pool.ExecContext(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func overRedis(t *testing.T) wire {
	t.Helper()
	p := redistest.NewProxy(t, nil)
	return wire{
		transport: func(t *testing.T) relay.Transport {
			r := relay.NewRedis(p.URL())
			t.Cleanup(func() { r.Close() })
			return r
		},
		cut: func(*testing.T) { p.Cut() },
	}
}

// instance is one end of a bus, with the events of the topic "news".
type instance struct {
	*relay.Bus
	heard  chan string
	missed chan struct{}
}

// newInstance returns a bus that does not run yet.
func newInstance(t *testing.T, cfg relay.Config) *instance {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	i := &instance{Bus: relay.New(cfg), heard: make(chan string, 1000), missed: make(chan struct{}, 1000)}
	i.Subscribe("news", relay.Subscriber{
		Received: func(payload []byte) { i.heard <- string(payload) },
		Missed:   func() { i.missed <- struct{}{} },
	})
	return i
}

// run runs the bus until the test ends, and returns once it listens.
func (i *instance) run(t *testing.T) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- i.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-i.Connected()
	<-i.missed
	return i
}

func newRing(t *testing.T) *seal.Ring {
	t.Helper()
	ring, err := seal.NewRing(rand.Text()+rand.Text(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// pair returns two instances that are not running yet.
func pair(t *testing.T, w wire) (one, two *instance) {
	t.Helper()
	ring := newRing(t)
	return newInstance(t, relay.Config{Transport: w.transport(t), Seal: ring, Probe: time.Hour}),
		newInstance(t, relay.Config{Transport: w.transport(t), Seal: ring, Probe: time.Hour})
}

// hub is a transport within the test.
type hub struct {
	mute bool // whatever is sent is lost

	mu        sync.Mutex
	listeners map[*hubListener]bool
	listens   int // how often Listen was called
}

type hubListener struct {
	channels []string
	texts    chan [2]string
}

func (h *hub) Send(_ context.Context, channel, text string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		for _, c := range l.channels {
			if c == channel && !h.mute {
				l.texts <- [2]string{channel, text}
			}
		}
	}
	return nil
}

func (h *hub) Listen(ctx context.Context, channels []string, ready func(), receive func(channel, text string)) error {
	l := &hubListener{channels: channels, texts: make(chan [2]string, 1000)}
	h.mu.Lock()
	if h.listeners == nil {
		h.listeners = map[*hubListener]bool{}
	}
	h.listeners[l] = true
	h.listens++
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.listeners, l)
	}()
	ready()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-l.texts:
			receive(m[0], m[1])
		}
	}
}
