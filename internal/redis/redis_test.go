package redis_test

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/mcp-gateway/mcp-gateway/internal/redis"
	"github.com/mcp-gateway/mcp-gateway/internal/redis/redistest"
)

// timeout is longer than any server of a test takes.
const timeout = 20 * time.Second

// TestURL: a connection is what its URL says.
func TestURL(t *testing.T) {
	secure := redistest.NewProxy(t, trustedTLS(t))
	user, password := "mcpgw-test-"+rand.Text(), rand.Text()+"@/:%"
	addUser(t, user, password)
	plain, err := url.Parse(redistest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		url  url.URL
		user string
		db   string
	}{
		"plain":    {url.URL{Scheme: "redis", Host: plain.Host, User: plain.User}, "default", "0"},
		"database": {url.URL{Scheme: "redis", Host: plain.Host, User: plain.User, Path: "/7"}, "default", "7"},
		"password": {url.URL{Scheme: "redis", Host: plain.Host, User: url.UserPassword(user, password)}, user, "0"},
		"TLS":      {url.URL{Scheme: "rediss", Host: secure.Address(), User: url.UserPassword(user, password), Path: "/3"}, user, "3"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := redis.Server{URL: tt.url.String(), Timeout: timeout}.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			info, err := redigo.String(conn.Do("CLIENT", "LIST", "ID", mustID(t, conn)))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"user=" + tt.user + " ", "db=" + tt.db + " "} {
				if !strings.Contains(info, want) {
					t.Errorf("no %q in %q", want, info)
				}
			}
		})
	}
}

func mustID(t *testing.T, conn redigo.Conn) int64 {
	t.Helper()
	id, err := redigo.Int64(conn.Do("CLIENT", "ID"))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// addUser gives the test server a user until the test ends.
func addUser(t *testing.T, name, password string) {
	t.Helper()
	conn, err := redigo.DialURL(redistest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Do("ACL", "SETUSER", name, "on", ">"+password, "~*", "&*", "+@all"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := conn.Do("ACL", "DELUSER", name); err != nil {
			t.Error(err)
		}
		conn.Close()
	})
}

// trustedTLS returns a server's configuration with a certificate for 127.0.0.1
// that this process trusts.
func trustedTLS(t *testing.T) *tls.Config {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
	return &tls.Config{Certificates: server.TLS.Certificates}
}

// TestCertificateOfAnother: TLS to whoever answers would be none.
func TestCertificateOfAnother(t *testing.T) {
	config := trustedTLS(t)
	proxy := redistest.NewProxy(t, config)
	_, port, _ := strings.Cut(proxy.Address(), ":")
	conn, err := redis.Server{URL: "rediss://localhost:" + port, Timeout: timeout}.Dial(t.Context())
	if err == nil {
		conn.Close()
		t.Fatal("a certificate for another name was accepted")
	}
	if !strings.Contains(err.Error(), "certificate is valid for") {
		t.Error(err)
	}
}

// TestPoolDropsDeadConnections: what ended while nobody used it is not handed
// out, and what was used just now is not asked.
func TestPoolDropsDeadConnections(t *testing.T) {
	proxy := redistest.NewProxy(t, nil)
	server := redis.Server{URL: proxy.URL(), Timeout: timeout}
	conn, err := server.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	healthy := server.Pool(1, 1).TestOnBorrowContext
	if err := healthy(t.Context(), conn, time.Now().Add(-time.Minute)); err != nil {
		t.Errorf("a live connection: %v", err)
	}
	proxy.Stop()
	if err := healthy(t.Context(), conn, time.Now()); err != nil {
		t.Errorf("used just now: %v", err)
	}
	if err := healthy(t.Context(), conn, time.Now().Add(-time.Minute)); err == nil {
		t.Error("a dead connection is handed out")
	}
}
