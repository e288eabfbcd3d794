// Package pgbouncertest starts a PgBouncer for tests and attacks.
package pgbouncertest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Config is a PgBouncer in front of one server.
type Config struct {
	Server string            // host:port
	Mode   string            // session, transaction or statement
	Size   int               // connections to the server
	Users  map[string]string // name and password of those who may log in
}

// Start starts PgBouncer and returns its host:port. It ends with the test.
func Start(t testing.TB, c Config) (host string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd, host, err := c.Command(folder)
	switch {
	case errors.Is(err, exec.ErrNotFound) && testing.Short():
		t.Skip("needs PgBouncer: install pgbouncer")
	case err != nil:
		t.Fatalf("%v; -short leaves these tests out", err)
	}
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
	await(t, host)
	return host
}

// Command returns a command that runs PgBouncer on a free loopback port, and
// its host:port. It writes the configuration into the folder, which other users
// must be able to enter: PgBouncer refuses to run as root. The error has
// [exec.ErrNotFound] in its chain when PgBouncer is not installed.
func (c Config) Command(folder string) (cmd *exec.Cmd, host string, err error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		return nil, "", fmt.Errorf("PgBouncer is not installed, install the package pgbouncer: %w", err)
	}
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	config, err := c.write(folder, port)
	if err != nil {
		return nil, "", err
	}
	args := []string{program, config}
	if os.Getuid() == 0 {
		args = append([]string{"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"}, args...)
	}
	return exec.Command(args[0], args[1:]...), net.JoinHostPort("127.0.0.1", port), nil
}

// write writes the configuration so that another user can read it.
func (c Config) write(folder, port string) (path string, err error) {
	serverHost, serverPort, err := net.SplitHostPort(c.Server)
	if err != nil {
		return "", err
	}
	var users bytes.Buffer
	for name, password := range c.Users {
		fmt.Fprintf(&users, "%q %q\n", name, password)
	}
	userFile, path := filepath.Join(folder, "users.txt"), filepath.Join(folder, "pgbouncer.ini")
	config := fmt.Sprintf("[databases]\n* = host=%s port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %s\n"+
		"auth_type = trust\nauth_file = %s\npool_mode = %s\ndefault_pool_size = %d\nmax_client_conn = 200\nunix_socket_dir =\n",
		serverHost, serverPort, port, userFile, c.Mode, c.Size)
	if err := os.WriteFile(userFile, users.Bytes(), 0o644); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(config), 0o644)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close() //nolint:errcheck // it listened to nobody
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
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
