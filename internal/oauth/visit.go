package oauth

import (
	"context"
	"errors"
	"maps"
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// visit is one request to an endpoint of a tenant.
type visit struct {
	w      http.ResponseWriter
	r      *http.Request
	tenant store.Tenant
	from   auth.Client
	// about is what the record of a refusal says of the request.
	about map[string]any
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// event is an audit record of this visit. Its tenant is the slug's.
func (v *visit) event(name string, metadata map[string]any) audit.Event {
	return audit.Event{Name: name, Tenant: v.tenant.ID, IP: v.from.IP, RequestID: v.from.RequestID, Metadata: metadata}
}

// serve is the one way into an endpoint.
func (s *Server) serve(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{w: w, r: r, from: auth.Client{RequestID: httpx.RequestID(r.Context()), UserAgent: r.UserAgent()}}
		if ip := httpx.ClientIP(r); ip.IsValid() {
			v.from.IP = ip.String()
		}
		if err := s.visit(v, e); err != nil {
			s.fail(v, e.browser, err)
		}
	})
}

// visit lets the endpoint answer. What it refuses is on record before the
// caller is told.
func (s *Server) visit(v *visit, e endpoint) error {
	if err := s.admit(v, e); err != nil {
		return err
	}
	err := e.do(v)
	if err == nil || !isRefusal(err) {
		return err
	}
	refused := v.event(e.refused, map[string]any{"reason": fault.Of(err).Public})
	refused.At = s.Now()
	maps.Copy(refused.Metadata, v.about)
	if failed := s.Audit.Record(v.ctx(), refused); failed != nil {
		return failed
	}
	return err
}

// isRefusal tells what somebody did wrong, an identity provider included, from
// what went wrong here, and leaves out what is on record already.
func isRefusal(err error) bool {
	var r *refusal
	if errors.As(err, &r) && r.recorded {
		return false
	}
	switch fault.KindOf(err) {
	case fault.Internal, fault.Timeout, fault.Canceled, fault.RateLimited:
		return false
	}
	return true
}

// admit counts the request and finds its tenant. A disabled one is refused
// (contract 15.2 A23).
func (s *Server) admit(v *visit, e endpoint) error {
	if err := s.limit(v, e); err != nil {
		return err
	}
	var err error
	v.tenant, err = s.Store.TenantBySlug(v.ctx(), v.r.PathValue("slug"))
	if err == nil && !v.tenant.Active && !e.closed {
		err = fault.New(fault.Forbidden, "Tenant is disabled")
	}
	return err
}

// limit counts the request in its row of contract 14.
func (s *Server) limit(v *visit, e endpoint) error {
	d, err := s.Limits.Take(v.ctx(), e.bucket.name, limit.ClientKey(httpx.ClientIP(v.r)), limit.PerMinute(e.bucket.count))
	if err != nil {
		return err
	}
	httpx.SetRateLimit(v.w, d.Rate.Count, d.Remaining, d.Reset)
	if d.FirstRefusal {
		hit := v.event("ratelimit.hit", map[string]any{
			"route": e.method + " /t/{slug}/oauth/" + e.path, "limit": d.Rate.String(), "key": "ip",
		})
		hit.At = s.Now()
		if err := s.Audit.Record(v.ctx(), hit); err != nil {
			return err
		}
	}
	return d.Err()
}
