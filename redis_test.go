package gateway_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
	"github.com/mcp-gateway/mcp-gateway/internal/redis/redistest"
)

// TestInstancesShareLimits: what one instance refuses, the other does too
// (contract 14).
func TestInstancesShareLimits(t *testing.T) {
	overEachBus(t, func(t *testing.T, both instances) {
		if allowed := guessOften(t, both.one.Anonymous); allowed > 11 {
			t.Errorf("%d guesses were allowed", allowed)
		}
		// Of twenty, because the limit may refill by one in between.
		if allowed := guessOften(t, both.two.Anonymous); allowed > 2 {
			t.Errorf("then the other instance allowed %d", allowed)
		}
	})
}

// guessOften tries twenty wrong passwords and returns how many were looked at.
func guessOften(t *testing.T, at *client.Client) (allowed int) {
	t.Helper()
	for range 20 {
		switch status := guess(t, at); status {
		case http.StatusUnauthorized:
			allowed++
		case http.StatusTooManyRequests:
		default:
			t.Fatalf("a wrong password: status %d", status)
		}
	}
	return allowed
}

// TestInstancesShareToolLimits: the refusal of a tool call is recorded once
// for both.
func TestInstancesShareToolLimits(t *testing.T) {
	both := startInstances(t, map[string]string{"REDIS_URL": redistest.URL(t), "TOOL_LIMIT_USER_PER_MINUTE": "2"})
	here, there := both.one.Analyst, both.two.Anonymous.As(both.one.Analyst.Credential)
	ask := map[string]any{"text": "abc"}
	for _, who := range []*client.Client{here, there} {
		mustText(t, who, "length", ask, "3")
	}
	for _, who := range []*client.Client{there, here, there} {
		mustText(t, who, "length", ask, "Rate limit exceeded: 2 per 1 minute")
	}
	hits, err := both.one.Admin.Audit(t.Context(), "ratelimit")
	if err != nil || len(hits) != 1 {
		t.Errorf("recorded %+v, %v", hits, err)
	}
}

// redisServer is a server that a test can kill.
type redisServer struct {
	port, password, dir string
	cmd                 *exec.Cmd
}

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if testing.Short() {
			t.Skip("needs the program redis-server")
		}
		t.Fatal("redis-server is not installed: this test kills one of its own")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
	ln.Close()
	s := &redisServer{port: port, password: rand.Text(), dir: t.TempDir()}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

// url is database 2 of the server.
func (s *redisServer) url() string { return "redis://:" + s.password + "@127.0.0.1:" + s.port + "/2" }

func (s *redisServer) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", s.port, "--requirepass", s.password, "--dir", s.dir, "--save", "")
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(30 * time.Second)
	for {
		conn, err := redigo.DialURL(s.url())
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-deadline:
			t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *redisServer) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// guessUntil guesses passwords without a pause until the gateway's log holds
// the text.
func guessUntil(t *testing.T, g *gatewaytest.Gateway, text string) {
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(g.Log(), text) {
		if time.Now().After(deadline) {
			t.Errorf("%q was not logged:\n%s", text, g.Log())
			return
		}
		if status := guess(t, g.Anonymous); status != http.StatusUnauthorized && status != http.StatusTooManyRequests {
			t.Errorf("a wrong password: status %d", status)
		}
	}
}

// TestRedisIsKilled: without Redis each instance counts alone, and together
// again when it is back (contract 14). No request fails for it.
func TestRedisIsKilled(t *testing.T) {
	server := startRedis(t)
	both := startInstances(t, map[string]string{"REDIS_URL": server.url(), "LOG_LEVEL": "INFO"})
	until := func(text string) {
		var guessing sync.WaitGroup
		for _, g := range []*gatewaytest.Gateway{both.one, both.two} {
			guessing.Go(func() { guessUntil(t, g, text) })
		}
		guessing.Wait()
	}
	guessOften(t, both.one.Anonymous)
	guessOften(t, both.two.Anonymous)
	checkBuckets(t, server)

	server.kill()
	awaitReadyz(t, both.one, http.StatusServiceUnavailable)
	until("rate limits are not shared")
	if allowed := guessOften(t, both.one.Anonymous); allowed > 5 {
		t.Errorf("alone, the instance that had allowed all guesses allowed %d more", allowed)
	}
	if allowed := guessOften(t, both.two.Anonymous); allowed < 5 || allowed > 11 {
		t.Errorf("alone, the instance that had allowed none allowed %d", allowed)
	}

	server.start(t)
	awaitReadyz(t, both.one, http.StatusOK)
	until("rate limits are shared again")
	guessOften(t, both.one.Anonymous)
	if allowed := guessOften(t, both.two.Anonymous); allowed > 2 {
		t.Errorf("together again, the other instance allowed %d guesses", allowed)
	}
	for name, g := range map[string]*gatewaytest.Gateway{"one": both.one, "two": both.two} {
		if n := strings.Count(g.Log(), "rate limits are not shared"); n != 1 {
			t.Errorf("instance %s logged one outage %d times", name, n)
		}
		if strings.Contains(g.Log(), server.password) {
			t.Errorf("instance %s logged the password", name)
		}
	}
}

// awaitReadyz asks GET /readyz until it answers with the status (contract 3.1).
func awaitReadyz(t *testing.T, g *gatewaytest.Gateway, want int) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for status := 0; status != want; {
		if time.Now().After(deadline) {
			t.Fatalf("readyz = %d, want %d", status, want)
		}
		resp, err := http.Get(g.Anonymous.Base + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		status = resp.StatusCode
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}

// checkBuckets looks at what a stranger on the server sees.
func checkBuckets(t *testing.T, server *redisServer) {
	t.Helper()
	conn, err := redigo.DialURL(server.url())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	keys, err := redigo.Strings(conn.Do("KEYS", "*"))
	if err != nil || len(keys) < 2 { // of the address and of the account
		t.Fatalf("keys %q, %v", keys, err)
	}
	name := regexp.MustCompile(`^mcpgw:limit:[0-9a-f]{64}$`)
	for _, key := range keys {
		if left, err := redigo.Int(conn.Do("TTL", key)); !name.MatchString(key) || err != nil || left < 0 || left > 60 {
			t.Errorf("key %q ends in %d s, %v", key, left, err)
		}
	}
}
