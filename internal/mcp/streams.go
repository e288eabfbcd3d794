package mcp

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// How many streams one instance keeps open. One that is idle takes some 40 KB,
// so a user takes 40 MB at most, which still serves a team that shares a key,
// and a tenant 400 MB (contract 15.2 P1, P3).
const (
	defaultUserStreams   = 1_000
	defaultTenantStreams = 10_000
)

// streams counts the open streams, so that one user does not open them without
// end. It is safe for concurrent use.
type streams struct {
	perUser, perTenant int

	mu   sync.Mutex
	open map[identity.TenantID]*tenantStreams // guarded by mu; only tenants that have some
}

type tenantStreams struct {
	all    int
	byUser map[identity.UserID]int
}

func newStreams(perUser, perTenant int) *streams {
	return &streams{perUser: perUser, perTenant: perTenant, open: map[identity.TenantID]*tenantStreams{}}
}

// add counts one more stream of the principal until end is called. When there
// are enough it returns a RateLimited fault.
func (s *streams) add(p *identity.Principal) (end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.open[p.Tenant]
	switch {
	case t == nil:
		t = &tenantStreams{byUser: map[identity.UserID]int{}}
		s.open[p.Tenant] = t
	case t.byUser[p.User] >= s.perUser:
		return nil, tooManyStreams(s.perUser, "user")
	case t.all >= s.perTenant:
		return nil, tooManyStreams(s.perTenant, "tenant")
	}
	t.all++
	t.byUser[p.User]++
	tenant, user := p.Tenant, p.User
	return func() { s.remove(tenant, user) }, nil
}

func (s *streams) remove(tenant identity.TenantID, user identity.UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.open[tenant]
	t.all--
	if t.byUser[user]--; t.byUser[user] == 0 {
		delete(t.byUser, user)
	}
	if t.all == 0 {
		delete(s.open, tenant)
	}
}

// streamRetry is when a refused client may try again. Clients that reconnect
// at once, and there is one for each stream too many, would keep us busy.
const streamRetry = 30 * time.Second

func tooManyStreams(n int, whose string) error {
	return &fault.Error{Kind: fault.RateLimited, Public: fmt.Sprintf("Too many open streams: %d per %s", n, whose), RetryAfter: streamRetry}
}

// refusedStream is what a JSON-RPC request learns of such a fault.
func refusedStream(err error) *rpcError {
	return &rpcError{status: http.StatusTooManyRequests, code: codeInvalidRequest, message: fault.Of(err).Public}
}
