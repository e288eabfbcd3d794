package api

import (
	"context"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// ssoSecret is the part of a configuration that is never read back (contract
// 5.1): null or empty keeps what is stored.
type ssoSecret struct {
	Secret *string `json:"client_secret,omitempty" nullable:"true" maxLength:"2000" doc:"Needed at first; later null or empty keeps the stored one."`
}

// seal returns how the secret is stored, nil to keep it.
func (in ssoSecret) seal(s *server, tenant identity.TenantID, table string) store.SealSecret {
	secret := orElse(in.Secret, "")
	if secret == "" {
		return nil
	}
	return func(id string) (string, error) { return s.Ring.Seal(secret, auth.SecretPlace(tenant, table, id)), nil }
}

// entraIn is the body of contract 5.1.
type entraIn struct {
	EntraTenant string `json:"entra_tenant_id" minLength:"1" maxLength:"255" doc:"Directory (tenant) ID at Microsoft."`
	ClientID    string `json:"client_id" minLength:"1" maxLength:"255"`
	ssoSecret
	AdminGroup    *string `json:"admin_group_id,omitempty" nullable:"true" maxLength:"255"`
	AnalystGroup  *string `json:"analyst_group_id,omitempty" nullable:"true" maxLength:"255"`
	ViewerGroup   *string `json:"viewer_group_id,omitempty" nullable:"true" maxLength:"255"`
	PasswordLogin *bool   `json:"password_login,omitempty" nullable:"true" default:"true" doc:"Whether people with a password may still use it on the sign-in page."`
}

// entraTenant is the form of the id or the domain of a tenant at Microsoft.
var entraTenant = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// check also refuses the names at Microsoft that stand for every tenant.
func (in *entraIn) check() []httpx.Problem {
	in.EntraTenant, in.ClientID = strings.TrimSpace(in.EntraTenant), strings.TrimSpace(in.ClientID)
	everybody := slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(in.EntraTenant))
	if everybody || !entraTenant.MatchString(in.EntraTenant) {
		return []httpx.Problem{httpx.BadValue(in.EntraTenant, "must be the id or domain of one tenant", "body", "entra_tenant_id")}
	}
	if in.ClientID == "" {
		return []httpx.Problem{httpx.BadValue(in.ClientID, "must not be blank", "body", "client_id")}
	}
	return nil
}

func (in *entraIn) config() store.EntraConfig {
	group := func(id *string) string { return strings.TrimSpace(orElse(id, "")) }
	return store.EntraConfig{
		EntraTenant: in.EntraTenant, ClientID: in.ClientID, AdminGroup: group(in.AdminGroup),
		AnalystGroup: group(in.AnalystGroup), ViewerGroup: group(in.ViewerGroup), PasswordLogin: orTrue(in.PasswordLogin),
	}
}

func orTrue(b *bool) bool { return b == nil || *b }

type entraOut struct {
	EntraTenant   string  `json:"entra_tenant_id"`
	ClientID      string  `json:"client_id"`
	AdminGroup    *string `json:"admin_group_id"`
	AnalystGroup  *string `json:"analyst_group_id"`
	ViewerGroup   *string `json:"viewer_group_id"`
	PasswordLogin bool    `json:"password_login"`
}

func outEntra(c store.EntraConfig) entraOut {
	return entraOut{
		EntraTenant: c.EntraTenant, ClientID: c.ClientID, AdminGroup: textOrNull(c.AdminGroup),
		AnalystGroup: textOrNull(c.AnalystGroup), ViewerGroup: textOrNull(c.ViewerGroup), PasswordLogin: c.PasswordLogin,
	}
}

func (s *server) saveEntra(ctx context.Context, c *call, in entraIn) (entraOut, error) {
	next, seal := in.config(), in.seal(s, c.who.Tenant, store.EntraTable)
	err := c.scope().Write(ctx, func(tx *store.Tx) error {
		was, err := tx.SaveEntraConfig(ctx, next, seal)
		tx.Record(c.configEvent(store.EntraAccount, changes{
			"entra_tenant_id": was.EntraTenant != next.EntraTenant, "client_id": was.ClientID != next.ClientID, "client_secret": seal != nil,
			"admin_group_id": was.AdminGroup != next.AdminGroup, "analyst_group_id": was.AnalystGroup != next.AnalystGroup,
			"viewer_group_id": was.ViewerGroup != next.ViewerGroup, "password_login": was.ID == "" || was.PasswordLogin != next.PasswordLogin,
		}))
		return err
	})
	return outEntra(next), err
}

// changes says of each field whether it changed.
type changes map[string]bool

func (c *call) configEvent(provider string, fields changes) audit.Event {
	changed := []string{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if fields[name] {
			changed = append(changed, name)
		}
	}
	return c.event(c.route.event, map[string]any{"provider": provider, "fields_changed": changed})
}

func (s *server) getEntra(ctx context.Context, c *call) (entraOut, error) {
	config, err := c.scope().EntraConfig(ctx)
	return outEntra(config), err
}

func (s *server) deleteEntra(ctx context.Context, c *call) (detailOut, error) {
	err := c.scope().Write(ctx, func(tx *store.Tx) error {
		tx.Record(c.event(c.route.event, map[string]any{"provider": store.EntraAccount}))
		return tx.DeleteEntraConfig(ctx)
	})
	return detailOut{"Entra ID configuration removed"}, err
}

// The defaults of contract 5.3.
const (
	defaultScopes     = "openid profile email"
	defaultGroupClaim = "groups"
)

// oidcIn is the body of contract 5.3.
type oidcIn struct {
	Issuer   string `json:"issuer" minLength:"1" maxLength:"2000" doc:"https address, exactly as the provider writes it."`
	ClientID string `json:"client_id" minLength:"1" maxLength:"255"`
	ssoSecret
	DisplayName   *string           `json:"display_name,omitempty" nullable:"true" maxLength:"100" doc:"Text of the button; the issuer's host unless set."`
	Scopes        *string           `json:"scopes,omitempty" nullable:"true" maxLength:"1000" default:"openid profile email"`
	GroupClaim    *string           `json:"group_claim,omitempty" nullable:"true" maxLength:"255" default:"groups" doc:"Name of the claim, or a dotted path to it."`
	RoleMap       map[string]string `json:"role_map,omitempty" nullable:"true" doc:"What each group gives: viewer, analyst or admin."`
	PasswordLogin *bool             `json:"password_login,omitempty" nullable:"true" default:"true" doc:"Whether people with a password may still use it on the sign-in page."`
}

// maxGroups bounds the groups that are mapped.
const maxGroups = 500

func (in *oidcIn) check() []httpx.Problem {
	in.ClientID = strings.TrimSpace(in.ClientID)
	u, err := url.Parse(in.Issuer)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return []httpx.Problem{httpx.BadValue(in.Issuer, "must be an https URL", "body", "issuer")}
	case in.ClientID == "":
		return []httpx.Problem{httpx.BadValue(in.ClientID, "must not be blank", "body", "client_id")}
	case !slices.Contains(strings.Fields(orDefault(in.Scopes, defaultScopes)), "openid"):
		return []httpx.Problem{httpx.BadValue(*in.Scopes, "must contain openid", "body", "scopes")}
	case len(in.RoleMap) > maxGroups:
		return []httpx.Problem{httpx.BadValue(nil, "has too many groups", "body", "role_map")}
	}
	for group, role := range in.RoleMap {
		if _, err := identity.ParseRole(role); err != nil || strings.TrimSpace(group) == "" {
			return []httpx.Problem{httpx.BadValue(role, "must be viewer, analyst or admin", "body", "role_map", group)}
		}
	}
	return nil
}

// orDefault is orElse for texts that mean nothing when blank.
func orDefault(value *string, otherwise string) string {
	if text := strings.TrimSpace(orElse(value, "")); text != "" {
		return text
	}
	return otherwise
}

func (in *oidcIn) config() store.OIDCConfig {
	host := in.Issuer
	if u, err := url.Parse(in.Issuer); err == nil {
		host = u.Hostname()
	}
	roles := make(map[string]identity.Role, len(in.RoleMap))
	for group, role := range in.RoleMap {
		roles[strings.TrimSpace(group)] = parseRole(role)
	}
	return store.OIDCConfig{
		Issuer: in.Issuer, ClientID: in.ClientID, DisplayName: orDefault(in.DisplayName, host),
		Scopes: strings.Join(strings.Fields(orDefault(in.Scopes, defaultScopes)), " "), GroupClaim: orDefault(in.GroupClaim, defaultGroupClaim),
		RoleMap: roles, PasswordLogin: orTrue(in.PasswordLogin),
	}
}

type oidcOut struct {
	Issuer        string            `json:"issuer"`
	ClientID      string            `json:"client_id"`
	DisplayName   string            `json:"display_name"`
	Scopes        string            `json:"scopes"`
	GroupClaim    string            `json:"group_claim"`
	RoleMap       map[string]string `json:"role_map"`
	PasswordLogin bool              `json:"password_login"`
}

func outOIDC(c store.OIDCConfig) oidcOut {
	roles := make(map[string]string, len(c.RoleMap))
	for group, role := range c.RoleMap {
		roles[group] = role.String()
	}
	return oidcOut{
		Issuer: c.Issuer, ClientID: c.ClientID, DisplayName: c.DisplayName, Scopes: c.Scopes, GroupClaim: c.GroupClaim,
		RoleMap: roles, PasswordLogin: c.PasswordLogin,
	}
}

func (s *server) saveOIDC(ctx context.Context, c *call, in oidcIn) (oidcOut, error) {
	next, seal := in.config(), in.seal(s, c.who.Tenant, store.OIDCTable)
	err := c.scope().Write(ctx, func(tx *store.Tx) error {
		was, err := tx.SaveOIDCConfig(ctx, next, seal)
		if err == nil && seal == nil && was.Issuer != next.Issuer {
			// The stored secret would go to whoever the new issuer is.
			return fault.Field("client_secret", "client_secret is required when the issuer changes")
		}
		tx.Record(c.configEvent(store.OIDCAccount, changes{
			"issuer": was.Issuer != next.Issuer, "client_id": was.ClientID != next.ClientID, "client_secret": seal != nil,
			"display_name": was.DisplayName != next.DisplayName, "scopes": was.Scopes != next.Scopes,
			"group_claim": was.GroupClaim != next.GroupClaim, "role_map": !maps.Equal(was.RoleMap, next.RoleMap),
			"password_login": was.ID == "" || was.PasswordLogin != next.PasswordLogin,
		}))
		return err
	})
	return outOIDC(next), err
}

func (s *server) getOIDC(ctx context.Context, c *call) (oidcOut, error) {
	config, err := c.scope().OIDCConfig(ctx)
	return outOIDC(config), err
}

func (s *server) deleteOIDC(ctx context.Context, c *call) (detailOut, error) {
	err := c.scope().Write(ctx, func(tx *store.Tx) error {
		tx.Record(c.event(c.route.event, map[string]any{"provider": store.OIDCAccount}))
		return tx.DeleteOIDCConfig(ctx)
	})
	return detailOut{"OIDC configuration removed"}, err
}

// TransformSchema says which values a mapping may have.
func (oidcIn) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["role_map"] = &huma.Schema{
		Type: huma.TypeObject, Nullable: true, Description: s.Properties["role_map"].Description,
		AdditionalProperties: &huma.Schema{Type: huma.TypeString, Enum: []any{"viewer", "analyst", "admin"}},
	}
	return s
}
