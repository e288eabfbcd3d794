// Package redistest helps tests that need a Redis server, one that fails
// included.
package redistest

import (
	"crypto/tls"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// URL returns the address of the test server.
func URL(t testing.TB) string {
	t.Helper()
	address := os.Getenv("MCPGW_TEST_REDIS")
	if address == "" {
		if testing.Short() {
			t.Skip("needs a Redis server: make test starts one")
		}
		t.Fatal("MCPGW_TEST_REDIS is not set: run make test, which starts a server; -short leaves this out")
	}
	return address
}

// Proxy stands before the test server, so that a test can cut, hang or take
// away connections of its own and nobody else's.
type Proxy struct {
	address string
	server  url.URL
	tls     *tls.Config
	silent  atomic.Bool
	work    sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while stopped
	conns    []net.Conn
}

// NewProxy starts a proxy, which speaks TLS if it has a configuration for it.
// It ends with the test.
func NewProxy(t testing.TB, withTLS *tls.Config) *Proxy {
	t.Helper()
	server, err := url.Parse(URL(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{address: "127.0.0.1:0", server: *server, tls: withTLS}
	p.Start(t)
	t.Cleanup(func() {
		p.Stop()
		p.work.Wait()
	})
	return p
}

// Address is the host and port of the proxy.
func (p *Proxy) Address() string { return p.address }

// URL is the address of the server through a proxy without TLS.
func (p *Proxy) URL() string {
	u := p.server
	u.Host = p.address
	return u.String()
}

// Start accepts connections, again after a Stop.
func (p *Proxy) Start(t testing.TB) {
	t.Helper()
	ln, err := net.Listen("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	p.address = ln.Addr().String()
	p.mu.Lock()
	p.listener = ln
	p.mu.Unlock()
	if p.tls != nil {
		ln = tls.NewListener(ln, p.tls)
	}
	p.work.Go(func() { p.serve(ln) })
}

// Stop takes the server away: connections end, and new ones are refused.
func (p *Proxy) Stop() {
	p.mu.Lock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.Cut()
}

// Cut ends all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// Hang swallows what either side says, until Resume.
func (p *Proxy) Hang() { p.silent.Store(true) }

// Resume ends the connections that missed something and serves new ones.
func (p *Proxy) Resume() {
	p.Cut()
	p.silent.Store(false)
}

func (p *Proxy) serve(ln net.Listener) {
	for {
		in, err := ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.server.Host)
		if err != nil {
			in.Close()
			continue
		}
		p.join(in, out)
	}
}

func (p *Proxy) join(in, out net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		in.Close()
		out.Close()
		return
	}
	p.conns = append(p.conns, in, out)
	p.work.Go(func() { p.pass(out, in) })
	p.work.Go(func() { p.pass(in, out) })
}

func (p *Proxy) pass(to, from net.Conn) {
	_, _ = io.Copy(ear{to, &p.silent}, from)
	to.Close()
}

// ear hears nothing while the proxy hangs.
type ear struct {
	conn   net.Conn
	silent *atomic.Bool
}

func (e ear) Write(b []byte) (int, error) {
	if e.silent.Load() {
		return len(b), nil
	}
	return e.conn.Write(b)
}
