package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
)

// streamsTried is above the bound of a user (docs/design/008).
const streamsTried = 1500

// userStreams is how many one user may have.
const userStreams = 1000

// manyStreams opens more streams than users may have.
func manyStreams(context.Context, *rig) ([]attempt, error) {
	return []attempt{{name: fmt.Sprintf("%d streams of one user", streamsTried), run: func(ctx context.Context, r *rig) (string, bool) {
		return r.openStreams(ctx, r.viewer)
	}}, {name: fmt.Sprintf("%d streams of each of three users", streamsTried), run: func(ctx context.Context, r *rig) (string, bool) {
		return r.openStreams(ctx, r.admin, r.analyst, r.viewer)
	}}}, nil
}

// streamMemory is what an idle stream may take, several times what it takes.
const streamMemory = 100 << 10

// openStreams opens too many streams of each user while another organisation
// wants to be served.
func (r *rig) openStreams(ctx context.Context, users ...*client.Client) (string, bool) {
	var refused atomic.Int64
	allowed := int64(growthAllowed + len(users)*userStreams*streamMemory)
	served := false
	answer, held := r.watchMemory(ctx, allowed, func(ctx context.Context) string {
		ctx, closeAll := context.WithCancel(ctx)
		defer closeAll()
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		opened := 0
		for i := range streamsTried * len(users) {
			resp, err := openStream(ctx, transport, users[i%len(users)])
			switch {
			case err != nil:
				return err.Error()
			case resp.StatusCode == http.StatusTooManyRequests:
				refused.Add(1)
				resp.Body.Close()
			default:
				opened++
			}
		}
		result, err := r.other.CallTool(ctx, otherSlug, "get_current_time", map[string]any{})
		served = err == nil && !result.IsError
		return fmt.Sprintf("%d opened, %d refused; another organisation's call meanwhile: %s %v", opened, refused.Load(), result.Text(), err)
	})
	pause(ctx, time.Second) // the gateway notices that they are closed
	return answer, held && served && refused.Load() >= int64(len(users)*(streamsTried-userStreams))
}

// openStream opens an HTTP+SSE stream and reads its first event.
func openStream(ctx context.Context, transport http.RoundTripper, as *client.Client) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, as.Base+"/t/"+slug+"/mcp/sse", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+as.Credential)
	resp, err := transport.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	_, err = io.ReadFull(resp.Body, make([]byte, 16))
	return resp, err
}

const (
	slowReaders  = 60
	slowRows     = 1000
	slowPatience = 5 * time.Second
)

// slowlyRead asks for large results and does not read them.
func slowlyRead(ctx context.Context, r *rig) ([]attempt, error) {
	path, err := r.sqliteFile(ctx, "large.db", fmt.Sprintf(`CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d) INSERT INTO t SELECT i, hex(randomblob(2500)) FROM n`, slowRows))
	if err != nil {
		return nil, err
	}
	tool, _, err := r.connection(ctx, "large", "sqlite", "sqlite:///"+path, false)
	if err != nil {
		return nil, err
	}
	return []attempt{{name: fmt.Sprintf("%d clients that do not read their results of 5 MB", slowReaders), run: func(ctx context.Context, r *rig) (string, bool) {
		served := 0
		answer, held := r.watchMemory(ctx, 400<<20, func(ctx context.Context) string {
			var failed error
			for range slowReaders {
				conn, err := r.askAndWait(tool, "SELECT * FROM t")
				if err != nil {
					failed = err
					break
				}
				defer conn.Close()
			}
			until := time.Now().Add(slowPatience)
			tried := 0
			for ; time.Now().Before(until); tried++ {
				result, err := r.other.CallTool(ctx, otherSlug, "get_current_time", map[string]any{})
				if err == nil && !result.IsError {
					served++
				}
				pause(ctx, 100*time.Millisecond)
			}
			same, refused := r.admin.CallTool(ctx, slug, tool, map[string]any{"sql": "SELECT count(*) FROM t"})
			return fmt.Sprintf("%v; %d of %d calls of another organisation served; one of another user of this one: %s %v", failed, served, tried, shorten(same.Text(), 80), refused)
		})
		return answer, held && served > 10
	}}}, nil
}

// askAndWait sends a statement as the analyst, over a connection of its own
// whose answer nobody reads.
func (r *rig) askAndWait(tool, statement string) (net.Conn, error) {
	u, err := url.Parse(r.gateway.Base)
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		return nil, err
	}
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetReadBuffer(4 << 10)
	}
	req, err := client.NewRequest(context.Background(), r.gateway.Base+"/t/"+slug+"/mcp", "tools/call", tool, map[string]any{"name": tool, "arguments": map[string]any{"sql": statement}})
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+r.analyst.Credential)
	w := bufio.NewWriter(conn)
	if err := req.Write(w); err != nil {
		return nil, err
	}
	return conn, w.Flush()
}
