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

	mu      sync.Mutex
	users   map[person]int // guarded by mu, as are tenants; only who has some
	tenants map[identity.TenantID]int
}

func newQuota(perUser, perTenant int) *quota {
	return &quota{perUser: perUser, perTenant: perTenant, users: map[person]int{}, tenants: map[identity.TenantID]int{}}
}

func newStreams(perUser, perTenant int) *quota {
	q := newQuota(perUser, perTenant)
	q.what, q.retry = "open streams", streamRetry
	return q
}

// newRequests counts requests, from when their body is read until they are
// answered or their stream is open.
func newRequests(perUser, perTenant int) *quota {
	q := newQuota(perUser, perTenant)
	q.what, q.retry = "requests at once", time.Second
	return q
}

// add counts one more of the principal until end is called. When there are
// enough it returns a RateLimited fault.
func (q *quota) add(p *identity.Principal) (end func(), err error) {
	who := person{p.Tenant, p.User}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.users[who] >= q.perUser:
		return nil, q.tooMany(q.perUser, "user")
	case q.tenants[who.tenant] >= q.perTenant:
		return nil, q.tooMany(q.perTenant, "tenant")
	}
	q.users[who]++
	q.tenants[who.tenant]++
	return func() { q.remove(who) }, nil
}

func (q *quota) remove(who person) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.users[who]--; q.users[who] == 0 {
		delete(q.users, who)
	}
	if q.tenants[who.tenant]--; q.tenants[who.tenant] == 0 {
		delete(q.tenants, who.tenant)
	}
}

// streamRetry is when a refused client may try again. Clients that reconnect
// at once, and there is one for each stream too many, would keep us busy.
const streamRetry = 30 * time.Second

func (q *quota) tooMany(n int, whose string) error {
	return &fault.Error{Kind: fault.RateLimited, Public: fmt.Sprintf("Too many %s: %d per %s", q.what, n, whose), RetryAfter: q.retry}
}

// refusedStream is what a JSON-RPC request learns of such a fault.
func refusedStream(err error) *rpcError {
	return &rpcError{status: http.StatusTooManyRequests, code: codeInvalidRequest, message: fault.Of(err).Public}
}
