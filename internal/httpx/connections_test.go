package httpx

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// serveBounded serves h over at most so many connections.
func serveBounded(t *testing.T, most int, h http.HandlerFunc) (addr string, c *connections) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c = newConnections(most)
	s := &http.Server{Handler: c.serve(h), ConnState: c.note, ConnContext: c.remember}
	t.Cleanup(func() { _ = s.Close() })
	go func() { _ = s.Serve(ln) }()
	return ln.Addr().String(), c
}

func mustDial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// mustAsk sends a request and reads the head of the answer.
func mustAsk(t *testing.T, conn net.Conn) *http.Response {
	t.Helper()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// TestSilentConnectionsGiveWay opens more connections than a server keeps. Those
// that say nothing are closed, the longest waiting first; one at a request and
// new ones are served.
func TestSilentConnectionsGiveWay(t *testing.T) {
	release := make(chan struct{})
	addr, c := serveBounded(t, 10, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if r.Host == "stream" {
			w.(http.Flusher).Flush()
			<-release
		}
		fmt.Fprint(w, "served")
	})
	stream := mustDial(t, addr)
	fmt.Fprint(stream, "POST / HTTP/1.1\r\nHost: stream\r\nContent-Length: 4\r\n\r\nbody")
	answer, err := http.ReadResponse(bufio.NewReader(stream), nil)
	if err != nil {
		t.Fatal(err)
	}
	kept := mustDial(t, addr)
	mustAsk(t, kept) // waits for its next request from now on
	beginnings := []string{"", "GET / HTTP/1.1\r\nHost:", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody"}
	var silent []net.Conn
	for i := range 30 {
		conn := mustDial(t, addr)
		fmt.Fprint(conn, beginnings[i%len(beginnings)]) // no more comes
		silent = append(silent, conn)
	}
	mustAsk(t, mustDial(t, addr))
	for i, conn := range append([]net.Conn{kept}, silent[:20]...) {
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) { // it may be reset
			t.Errorf("connection %d was not closed: %v", i, err)
		}
	}
	c.mu.Lock()
	if n := len(c.open); n > 10 {
		t.Errorf("%d connections are open", n)
	}
	c.mu.Unlock()
	close(release)
	if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "served" {
		t.Errorf("the stream got %q, %v", body, err)
	}
}

// TestBusyConnectionsStay fills a server with requests: a further connection is
// closed at once, and there is room again when they end.
func TestBusyConnectionsStay(t *testing.T) {
	release := make(chan struct{})
	addr, _ := serveBounded(t, 3, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-release
	})
	var busy []*http.Response
	for range 3 {
		busy = append(busy, mustAsk(t, mustDial(t, addr)))
	}
	if n, err := mustDial(t, addr).Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("a connection too many: %d bytes, %v", n, err)
	}
	close(release)
	for _, resp := range busy {
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Error(err)
		}
	}
	mustAsk(t, mustDial(t, addr))
}

func TestConnectionsFor(t *testing.T) {
	for files, want := range map[uint64]int{0: 50_000, 1024: 768, 20_000: 15_000, 1 << 20: 50_000, 1<<64 - 1: 50_000} {
		if got := connectionsFor(files); got != want {
			t.Errorf("%d files: %d connections, want %d", files, got, want)
		}
	}
}
