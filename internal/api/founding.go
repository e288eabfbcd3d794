package api

import (
	"context"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// Founding makes organisations.
type Founding struct {
	Store     *store.DB
	Passwords *seal.Passwords
}

// Organisation is an organisation to be, with its first administrator.
type Organisation struct {
	Name, Slug                string
	AdminEmail, AdminPassword string
}

// Create is POST /tenants/ for the operator at the command line: the same
// rules and records, but nobody is asked for permission (contract 3.3).
func (f Founding) Create(ctx context.Context, o Organisation) (store.Tenant, error) {
	in := tenantIn{Name: o.Name, Slug: o.Slug, Email: o.AdminEmail, Password: o.AdminPassword}
	body, err := json.Marshal(in)
	if err != nil {
		return store.Tenant{}, err
	}
	problems := newSchema(newRegistry(), reflect.TypeFor[tenantIn]()).check(body)
	problems = slices.Concat(problems, in.check())
	for i := range problems {
		problems[i].Loc = problems[i].Loc[1:] // there was no body
	}
	if err := httpx.Invalid(problems...); err != nil {
		return store.Tenant{}, err
	}
	return f.found(ctx, in, func(name string, metadata map[string]any) audit.Event {
		return audit.Event{Name: name, Auth: auth.AuthOperator, Metadata: metadata}
	})
}

// found stores what was checked, together with its records.
func (f Founding) found(ctx context.Context, in tenantIn, event func(string, map[string]any) audit.Event) (store.Tenant, error) {
	hash, err := f.Passwords.Hash(ctx, in.Password)
	if err != nil {
		return store.Tenant{}, err
	}
	tenant, _, err := f.Store.CreateTenant(ctx, store.NewTenant{
		Name: in.Name, Slug: in.Slug, AdminEmail: in.Email, AdminPassword: hash,
	}, func(t store.Tenant, admin store.User) []audit.Event {
		made := event("tenant.created", map[string]any{"tenant_id": t.ID, "slug": t.Slug})
		user := event("user.created", map[string]any{"target_user_id": admin.ID, "role": admin.Role, "auth_provider": admin.Provider})
		made.User, made.UserEmail = admin.ID, admin.Email
		user.User, user.UserEmail = admin.ID, admin.Email
		return []audit.Event{made, user}
	})
	return tenant, invalidInstead(err)
}
