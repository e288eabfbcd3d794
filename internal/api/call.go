package api

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// call is one request on its way through its route.
type call struct {
	*server
	route *route
	w     http.ResponseWriter
	r     *http.Request
	who   identity.Principal // nobody on public routes
}

func (c *call) authenticate() error {
	if c.route.min == identity.None {
		return nil
	}
	p, err := c.Auth.Management(c.w, c.r)
	if err != nil {
		return err
	}
	c.who = p
	if c.route.noKeys && c.byKey() {
		return fault.New(fault.Unauthenticated, "Invalid token")
	}
	return nil
}

// refuseForeignPage refuses changes that a page of somebody else's asks for.
// CORS keeps such a page from sending JSON across origins; a name that was
// rebound to this gateway's address has the same origin, and would register
// organisations on a developer's computer.
func (c *call) refuseForeignPage() error {
	origin := c.r.Header.Get("Origin")
	safe := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	if origin == "" || safe || slices.Contains(c.Origins, origin) || c.ownPage(origin) {
		return nil
	}
	return fault.New(fault.Forbidden, "Cross-site request refused")
}

// ownPage accepts the gateway's own origin, and every spelling of loopback
// when that is where it is.
func (c *call) ownPage(origin string) bool {
	own, err := url.Parse(c.Base)
	if err != nil {
		return false
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	return strings.EqualFold(u.Scheme, own.Scheme) && strings.EqualFold(u.Host, own.Host) || loopback(own.Hostname()) && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// authorise compares the live role with the route's (contract 2.2).
func (c *call) authorise() error {
	switch {
	case c.route.min == identity.None:
		return nil
	case !c.who.Role.Allows(c.route.min):
		return fault.New(fault.Forbidden, requiredRole(c.route.min))
	}
	return nil
}

// requiredRole is the refusal text of contract 2.2, which lists the roles that
// would do by name.
func requiredRole(min identity.Role) string {
	names := []string{}
	for _, r := range [...]identity.Role{identity.Admin, identity.Analyst, identity.Viewer} {
		if r.Allows(min) {
			names = append(names, "'"+r.String()+"'")
		}
	}
	return "Required role: [" + strings.Join(names, ", ") + "]"
}

// byKey reports whether the caller holds an API key.
func (c *call) byKey() bool { return strings.HasPrefix(c.who.Auth, "api_key:") }

// scope is the caller's own tenant, the only one that a handler reaches.
func (c *call) scope() store.Scope { return c.Store.Tenant(c.who.Tenant) }

// event is an audit record of this call by its caller.
func (c *call) event(name string, metadata map[string]any) audit.Event {
	from := c.client()
	e := audit.Event{Name: name, IP: from.IP, RequestID: from.RequestID, Metadata: metadata}
	return e.By(c.who)
}

func (c *call) client() auth.Client {
	client := auth.Client{RequestID: httpx.RequestID(c.r.Context()), UserAgent: c.r.UserAgent()}
	if ip := httpx.ClientIP(c.r); ip.IsValid() {
		client.IP = ip.String()
	}
	return client
}

// id is the id in the path. One that no database could hold is nobody's.
func (c *call) id() string {
	if id := c.r.PathValue("id"); storable(id) {
		return id
	}
	return ""
}

// The caps of contract 1, Paging.
const (
	listDefault, listCap   = 100, 500
	auditDefault, auditCap = 50, 200
)

func (c *call) page(standard, most int) (store.Page, error) {
	skip, limit, err := httpx.Paging(c.r, standard, most)
	return store.Page{Skip: skip, Limit: limit}, err
}
