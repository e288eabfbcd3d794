package mcp_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
)

// countedSessions counts what streams ask of them, and can fail.
type countedSessions struct {
	*keptSessions
	asked atomic.Int64
	fail  atomic.Bool
	fails chan struct{} // receives when one failed, with room for one
}

func (c *countedSessions) Session(ctx context.Context, p identity.Principal, key string) (mcp.ClientSession, error) {
	c.asked.Add(1)
	if c.fail.Load() {
		select {
		case c.fails <- struct{}{}:
		default:
		}
		return mcp.ClientSession{}, fault.New(fault.Unavailable, "Database unavailable")
	}
	return c.keptSessions.Session(ctx, p, key)
}

// subscribed opens the stream of a session that has subscribed to the handbook.
func subscribed(t *testing.T) (*gateway, *countedSessions, *events) {
	t.Helper()
	sessions := &countedSessions{keptSessions: &keptSessions{kept: map[string]mcp.ClientSession{}}, fails: make(chan struct{}, 1)}
	g := startOffers(t, nil, someResources(), interactive, func(c *mcp.Config) { c.Sessions, c.Offers.Updates = sessions, true })
	header := g.earlierSession(t, analystKey)
	status, body := statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", analystKey,
		`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"docs://handbook"}}`, header...))
	if status != http.StatusOK || !strings.Contains(body, `"result":{}`) {
		t.Fatalf("subscribe: %d %s", status, body)
	}
	e := g.open(t, http.MethodGet, "/t/acme/mcp", analystKey, "", header...)
	e.next(t) // the greeting: it watches by now
	return g, sessions, e
}

const handbookChanged = `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"docs://handbook"}}`

// TestUpdatesOutliveAnOutage: what changes while the database is away is told
// of when it is back.
func TestUpdatesOutliveAnOutage(t *testing.T) {
	g, sessions, e := subscribed(t)
	sessions.fail.Store(true)
	g.handler.ResourceUpdated("docs://handbook")
	receive(t, sessions.fails, "a look-up that fails")
	sessions.fail.Store(false)
	if got := e.message(t); got != handbookChanged {
		t.Errorf("message = %s", got)
	}
}

// TestFrequentUpdatesAreGathered: a resource that changes all the time costs
// the database one look-up per stream and pause.
func TestFrequentUpdatesAreGathered(t *testing.T) {
	g, sessions, e := subscribed(t)
	g.handler.ResourceUpdated("docs://handbook")
	e.message(t)
	before := sessions.asked.Load()
	for range 100_000 {
		g.handler.ResourceUpdated("docs://other")
	}
	g.handler.ResourceUpdated("docs://handbook")
	e.message(t)
	if n := sessions.asked.Load() - before; n > 2 {
		t.Errorf("%d look-ups for one message", n)
	}
}
