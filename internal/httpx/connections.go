package httpx

import (
	"container/list"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// maxConnections is how many connections a server keeps at most. One that
// waits for a request takes some 20 KB.
const maxConnections = 50_000

// connections bounds how many connections a server keeps open, so that
// strangers who connect and say nothing leave files and memory to those who are
// served, and to the databases. When there are too many, the one that has
// waited longest for a request is closed; one that is at a request never is.
type connections struct {
	most int

	mu      sync.Mutex
	open    map[net.Conn]*list.Element // guarded by mu; nil while at a request
	waiting *list.List                 // of net.Conn, the longest waiting first
}

func newConnections(most int) *connections {
	return &connections{most: most, open: map[net.Conn]*list.Element{}, waiting: list.New()}
}

// connectionsFor leaves a quarter of the files that the process may open to
// databases and workers.
func connectionsFor(files uint64) int {
	if files == 0 || files/4*3 > maxConnections {
		return maxConnections
	}
	return int(files / 4 * 3)
}

// connectionKey is the context key of a request's connection.
type connectionKey struct{}

// remember tells requests their connection; see [http.Server.ConnContext].
func (c *connections) remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

// serve notes that a connection is at a request once all of it has come: the
// server's own state changes with the first byte, which strangers can send as
// well, and the body of one who signs in is read before anybody knows them.
func (c *connections) serve(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, ok := r.Context().Value(connectionKey{}).(net.Conn)
		switch {
		case !ok:
		case r.ContentLength == 0:
			c.begin(conn)
		default:
			r.Body = &arriving{ReadCloser: r.Body, connections: c, conn: conn}
		}
		h.ServeHTTP(w, r)
	})
}

// arriving is the body of a request that has not come in full.
type arriving struct {
	io.ReadCloser
	connections *connections
	conn        net.Conn
}

// Read reads from the body. The server tells its end with the last bytes.
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err == io.EOF {
		a.connections.begin(a.conn)
	}
	return n, err
}

func (c *connections) begin(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.open[conn]; at != nil {
		c.waiting.Remove(at)
		c.open[conn] = nil
	}
}

// note follows a connection; see [http.Server.ConnState].
func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateActive {
		return // see serve
	}
	if at := c.open[conn]; at != nil {
		c.waiting.Remove(at)
	}
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
	case http.StateNew, http.StateIdle:
		c.open[conn] = c.waiting.PushBack(conn)
		if len(c.open) > c.most {
			c.closeOldest()
		}
	}
}

// closeOldest closes the connection that has waited longest, which is the new
// one when all others are at a request. The caller holds c.mu, so that the
// connection cannot begin a request meanwhile.
func (c *connections) closeOldest() {
	conn := c.waiting.Remove(c.waiting.Front()).(net.Conn)
	delete(c.open, conn)
	_ = conn.Close() // its reader learns of it
}
