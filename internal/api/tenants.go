package api

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// tenantOut is TenantOut of contract 3.3.
type tenantOut struct {
	ID            identity.TenantID `json:"id"`
	Name          string            `json:"name"`
	Slug          string            `json:"slug"`
	Active        bool              `json:"is_active"`
	CreatedAt     time.Time         `json:"created_at"`
	RedirectHosts []string          `json:"oauth_redirect_hosts"`
}

func outTenant(t store.Tenant) tenantOut {
	return tenantOut{
		ID: t.ID, Name: t.Name, Slug: t.Slug, Active: t.Active, CreatedAt: t.CreatedAt,
		RedirectHosts: append([]string{}, t.RedirectHosts...),
	}
}

type tenantIn struct {
	Name     string  `json:"name" minLength:"1" maxLength:"255"`
	Slug     string  `json:"slug" pattern:"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$" doc:"Part of the organisation's URLs."`
	Email    string  `json:"admin_email"`
	Password string  `json:"admin_password" minLength:"12"`
	Token    *string `json:"registration_token,omitempty" nullable:"true" doc:"Where the operator asks for one; or the header X-Registration-Token."`
}

func (in *tenantIn) check() []httpx.Problem {
	return slices.Concat(checkEmail(&in.Email, "admin_email"), checkPassword(in.Password, "admin_password"))
}

func (s *server) registerTenant(ctx context.Context, c *call, in tenantIn) (tenantOut, error) {
	if err := s.mayRegister(c, in); err != nil {
		return tenantOut{}, err
	}
	tenant, err := Founding{s.Store, s.Passwords}.found(ctx, in, c.event)
	return outTenant(tenant), err
}

// mayRegister keeps strangers from becoming admins on a public address
// (contract 3.3, 15.2 A1).
func (s *server) mayRegister(c *call, in tenantIn) error {
	if s.Registration.Closed {
		return fault.New(fault.Forbidden, "Tenant registration is closed")
	}
	sent := c.r.Header.Get("X-Registration-Token")
	if sent == "" && in.Token != nil {
		sent = *in.Token
	}
	if s.Registration.Token != "" && !httpx.EqualSecrets(sent, s.Registration.Token) {
		return fault.New(fault.Forbidden, "A valid registration token is required")
	}
	return nil
}

func (s *server) getTenant(ctx context.Context, c *call) (tenantOut, error) {
	t, err := c.scope().Tenant(ctx)
	return outTenant(t), err
}

type tenantPatch struct {
	Name  *string   `json:"name,omitempty" nullable:"true" minLength:"1" maxLength:"255"`
	Hosts *[]string `json:"oauth_redirect_hosts,omitempty" nullable:"true" maxItems:"100" doc:"Hosts that OAuth clients may redirect to."`
}

// redirectHost is a host name with an optional port, in the form that redirect
// URIs are compared in (contract 4.5).
var redirectHost = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?$`)

func (in *tenantPatch) check() []httpx.Problem {
	if in.Hosts != nil {
		for i, host := range *in.Hosts {
			host = strings.ToLower(strings.TrimSpace(host))
			if !redirectHost.MatchString(host) {
				return []httpx.Problem{httpx.BadValue(host, "not a host name", "body", "oauth_redirect_hosts")}
			}
			(*in.Hosts)[i] = host
		}
	}
	return atLeastOne(in.Name != nil || in.Hosts != nil)
}

func (s *server) updateTenant(ctx context.Context, c *call, in tenantPatch) (tenantOut, error) {
	var tenant store.Tenant
	err := c.scope().Write(ctx, func(tx *store.Tx) error {
		var changed []string
		if in.Name != nil {
			changed = append(changed, "name")
			if err := tx.RenameTenant(ctx, *in.Name); err != nil {
				return err
			}
		}
		if in.Hosts != nil {
			changed = append(changed, "oauth_redirect_hosts")
			if err := tx.SetRedirectHosts(ctx, *in.Hosts); err != nil {
				return err
			}
		}
		tx.Record(c.event(c.route.event, map[string]any{"fields_changed": changed}))
		var err error
		tenant, err = tx.Tenant(ctx)
		return err
	})
	return outTenant(tenant), invalidInstead(err)
}
