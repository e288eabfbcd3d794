// Package pgbouncertest starts a PgBouncer for tests.
package pgbouncertest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Config is a PgBouncer in front of one server that trusts everybody.
type Config struct {
	Server string            // host:port
	Mode   string            // session, transaction or statement
	Size   int               // connections to the server
	Users  map[string]string // name and password of those who may log in
}

// Start starts PgBouncer and returns its host:port. It ends with the test.
func Start(t testing.TB, c Config) (host string) {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if testing.Short() {
			t.Skip("needs PgBouncer: install pgbouncer")
		}
		t.Fatal("PgBouncer is not installed: install the package pgbouncer; -short leaves these tests out")
	}
	port := freePort(t)
	args := []string{program, c.write(t, port)}
	if os.Getuid() == 0 { // PgBouncer refuses to run as root
		args = append([]string{"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("PgBouncer's log:\n%.4000s", log.String())
		}
	})
	host = net.JoinHostPort("127.0.0.1", port)
	await(t, host)
	return host
}

// write writes the configuration to where another user can read it.
func (c Config) write(t testing.TB, port string) (path string) {
	t.Helper()
	folder := t.TempDir()
	serverHost, serverPort, err := net.SplitHostPort(c.Server)
	if err != nil {
		t.Fatal(err)
	}
	var users bytes.Buffer
	for name, password := range c.Users {
		fmt.Fprintf(&users, "%q %q\n", name, password)
	}
	config := fmt.Sprintf("[databases]\n* = host=%s port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %s\n"+
		"auth_type = trust\nauth_file = %s\npool_mode = %s\ndefault_pool_size = %d\nmax_client_conn = 200\nunix_socket_dir =\n",
		serverHost, serverPort, port, filepath.Join(folder, "users.txt"), c.Mode, c.Size)
	for name, text := range map[string]string{"users.txt": users.String(), "pgbouncer.ini": config} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, "pgbouncer.ini")
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it listened to nobody
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// await waits until PgBouncer listens.
func await(t testing.TB, host string) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", host); err == nil {
			_ = c.Close()
			return
		}
	}
	t.Fatal("PgBouncer did not start")
}
