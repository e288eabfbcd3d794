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

// How many requests one instance works on at once. What is small about each is
// not counted in bytes: with body, contents and answer up to 250 KB. These take
// 125 MB of a user and 500 MB of a tenant at most, and are more than the gate
// lets run and wait.
const (
	defaultUserRequests   = 500
	defaultTenantRequests = 2_000
)

// quota counts what is open, so that one user does not open more and more of
// it. It is safe for concurrent use.
type quota struct {
	perUser, perTenant int
	what               string        // is counted, for the refusal
	retry              time.Duration // when a refused client may try again

	mu   sync.Mutex
	open map[identity.TenantID]*tenantCounts // guarded by mu; only tenants that have some
}

type tenantCounts struct {
	all    int
	byUser map[identity.UserID]int
}

func newStreams(perUser, perTenant int) *quota {
	return &quota{perUser: perUser, perTenant: perTenant, what: "open streams", retry: streamRetry, open: map[identity.TenantID]*tenantCounts{}}
}

// newRequests counts requests, from when their body is read until they are
// answered or their stream is open.
func newRequests(perUser, perTenant int) *quota {
	return &quota{perUser: perUser, perTenant: perTenant, what: "requests at once", retry: time.Second, open: map[identity.TenantID]*tenantCounts{}}
}

// add counts one more of the principal until end is called. When there
// are enough it returns a RateLimited fault.
func (s *quota) add(p *identity.Principal) (end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.open[p.Tenant]
	switch {
	case t == nil:
		t = &tenantCounts{byUser: map[identity.UserID]int{}}
		s.open[p.Tenant] = t
	case t.byUser[p.User] >= s.perUser:
		return nil, s.tooMany(s.perUser, "user")
	case t.all >= s.perTenant:
		return nil, s.tooMany(s.perTenant, "tenant")
	}
	t.all++
	t.byUser[p.User]++
	tenant, user := p.Tenant, p.User
	return func() { s.remove(tenant, user) }, nil
}

func (s *quota) remove(tenant identity.TenantID, user identity.UserID) {
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

func (s *quota) tooMany(n int, whose string) error {
	return &fault.Error{Kind: fault.RateLimited, Public: fmt.Sprintf("Too many %s: %d per %s", s.what, n, whose), RetryAfter: s.retry}
}

// refusedStream is what a JSON-RPC request learns of such a fault.
func refusedStream(err error) *rpcError {
	return &rpcError{status: http.StatusTooManyRequests, code: codeInvalidRequest, message: fault.Of(err).Public}
}
