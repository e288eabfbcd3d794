package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/tests/process"
)

// idleStreams is how many HTTP+SSE streams are held open at once, in turn by
// so many users: as many as one user and one tenant may have.
const (
	idleStreams = 10_000
	streamUsers = 10
)

// streams measures what a stream that waits for nothing costs.
func (r *rig) streams(ctx context.Context, _ int, _ time.Duration) error {
	p, err := process.StartGateway(ctx, "bin/mcp-gateway", filepath.Join(r.folder, "streams"), nil)
	if err != nil {
		return err
	}
	defer p.Stop()
	own := &rig{gateway: p, target: r.target}
	if err := own.register(ctx); err != nil {
		return err
	}
	credentials, err := own.colleagues(ctx, streamUsers)
	if err != nil {
		return err
	}
	before, err := p.Memory("VmRSS")
	if err != nil {
		return err
	}
	begin := time.Now()
	for i := range idleStreams {
		conn, err := openStream(p.Base, credentials[i%streamUsers])
		if err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
		defer conn.Close()
	}
	took := time.Since(begin)
	time.Sleep(2 * time.Second)
	after, err := p.Memory("VmRSS")
	if err != nil {
		return err
	}
	row("idle HTTP+SSE streams", "%d of %d users opened in %v, %.1f KB each (goal: 40 KB)", idleStreams, streamUsers, took.Round(time.Millisecond), float64(after-before)/idleStreams/1e3)
	return nil
}

// colleagues signs in n users, the administrator among them, and returns their
// credentials.
func (r *rig) colleagues(ctx context.Context, n int) ([]string, error) {
	credentials := []string{r.key}
	for i := 1; i < n; i++ {
		address := fmt.Sprintf("colleague%d@bench.example", i)
		if _, err := r.api.CreateUser(ctx, address, password, "analyst"); err != nil {
			return nil, err
		}
		c, err := (&client.Client{Base: r.gateway.Base}).Login(ctx, slug, address, password)
		if err != nil {
			return nil, err
		}
		credentials = append(credentials, c.Credential)
	}
	return credentials, nil
}

// openStream opens a stream and reads up to its first event.
func openStream(base, key string) (net.Conn, error) {
	req, err := http.NewRequest(http.MethodGet, base+"/t/"+slug+"/mcp/sse", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	conn, err := net.Dial("tcp", req.URL.Host)
	if err != nil {
		return nil, err
	}
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 1024), req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	_, err = resp.Body.Read(make([]byte, 256))
	return conn, err
}
