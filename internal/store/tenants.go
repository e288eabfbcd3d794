package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// Tenant is an organisation.
type Tenant struct {
	ID            identity.TenantID
	Name          string
	Slug          string
	Active        bool
	RedirectHosts []string // contract 4.5
	Config        int64    // see identity.Principal.Config
	CreatedAt     time.Time
}

const (
	tenantMissing = "Tenant not found"
	slugTaken     = "Slug already taken"
	nameTaken     = "Name already taken"
)

func tenantOf(r db.Tenant) (Tenant, error) {
	t := Tenant{
		ID: identity.TenantID(r.ID), Name: r.Name, Slug: r.Slug, Active: r.IsActive,
		Config: r.ConfigVersion, CreatedAt: moment(r.CreatedAt),
	}
	return t, json.Unmarshal([]byte(r.OauthRedirectHosts), &t.RedirectHosts)
}

// NewTenant is a tenant to be with its first administrator.
type NewTenant struct {
	Name, Slug                string
	AdminEmail, AdminPassword string // the password already hashed
}

// CreateTenant stores a tenant, its first administrator and the events that
// record returns for them, in one transaction. A taken value is a Conflict
// whose Field is "slug" or "name".
func (d *DB) CreateTenant(ctx context.Context, n NewTenant, record func(Tenant, User) []audit.Event) (Tenant, User, error) {
	id := newID()
	var tenant Tenant
	var admin User
	err := d.transact(ctx, id, func(tx *Tx) error {
		err := tx.insertTenant(ctx, n)
		if err != nil {
			return err
		}
		admin, err = tx.CreateUser(ctx, NewUser{
			Email: n.AdminEmail, PasswordHash: n.AdminPassword, Role: identity.Admin, Provider: LocalAccount,
		})
		if err != nil {
			return err
		}
		if tenant, err = tx.Tenant(ctx); err != nil {
			return err
		}
		tx.events = record(tenant, admin)
		return nil
	})
	return tenant, admin, err
}

func (tx *Tx) insertTenant(ctx context.Context, n NewTenant) error {
	tx.changed = true
	_, err := tx.q.InsertTenant(ctx, db.InsertTenantParams{ID: tx.tenant, Name: n.Name, Slug: n.Slug, CreatedAt: micros(tx.now)})
	err = tx.db.found("insert tenant", err, slugTaken)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	names, err := tx.q.TenantNameTaken(ctx, n.Name)
	if err != nil {
		return tx.db.fault("look for tenant name", err)
	}
	if names > 0 {
		return taken("name", nameTaken)
	}
	return taken("slug", slugTaken)
}

// TenantBySlug finds a tenant by the slug in a URL or a sign-in form. One that
// no engine can hold is nobody's.
func (d *DB) TenantBySlug(ctx context.Context, slug string) (Tenant, error) {
	slug = storable(slug)
	row, err := d.reads.GetTenantBySlug(ctx, slug)
	if err != nil {
		return Tenant{}, d.found("tenant by slug", err, "Tenant '"+slug+"' not found")
	}
	t, err := tenantOf(row)
	return t, d.fault("tenant by slug", err)
}

// CountTenants counts all tenants.
func (d *DB) CountTenants(ctx context.Context) (int64, error) {
	n, err := d.reads.CountTenants(ctx)
	return n, d.fault("count tenants", err)
}

// Tenant reads the tenant itself.
func (s Scope) Tenant(ctx context.Context) (Tenant, error) {
	return s.db.tenant(ctx, s.db.reads, s.tenant)
}

// Tenant reads the tenant itself.
func (tx *Tx) Tenant(ctx context.Context) (Tenant, error) { return tx.db.tenant(ctx, tx.q, tx.tenant) }

func (tx *Tx) tenantID() identity.TenantID { return identity.TenantID(tx.tenant) }

func (d *DB) tenant(ctx context.Context, q *db.Queries, id string) (Tenant, error) {
	row, err := q.GetTenant(ctx, id)
	if err != nil {
		return Tenant{}, d.found("tenant", err, tenantMissing)
	}
	t, err := tenantOf(row)
	return t, d.fault("tenant", err)
}

// RenameTenant sets the name. A taken one is a Conflict with Field "name".
func (tx *Tx) RenameTenant(ctx context.Context, name string) error {
	tx.changed = true
	n, err := tx.q.RenameTenant(ctx, db.RenameTenantParams{ID: tx.tenant, Name: name})
	err = tx.db.changed("rename tenant", n, err, tenantMissing)
	if fault.Is(err, fault.Conflict) {
		return taken("name", nameTaken)
	}
	return err
}

// SetRedirectHosts replaces the hosts that OAuth clients may be sent to.
func (tx *Tx) SetRedirectHosts(ctx context.Context, hosts []string) error {
	tx.changed = true
	if hosts == nil {
		hosts = []string{}
	}
	text, err := json.Marshal(hosts)
	if err != nil {
		return tx.db.fault("encode redirect hosts", err)
	}
	n, err := tx.q.SetTenantRedirectHosts(ctx, db.SetTenantRedirectHostsParams{ID: tx.tenant, OauthRedirectHosts: string(text)})
	return tx.db.changed("set redirect hosts", n, err, tenantMissing)
}

// SetTenantActive opens or closes the tenant for all its users.
func (tx *Tx) SetTenantActive(ctx context.Context, active bool) error {
	tx.changed = true
	n, err := tx.q.SetTenantActive(ctx, db.SetTenantActiveParams{ID: tx.tenant, IsActive: active})
	return tx.db.changed("set tenant active", n, err, tenantMissing)
}

// raiseConfig makes every replica rebuild the tenant's catalogue from the next
// call on. It runs in the transaction of what changed.
func (tx *Tx) raiseConfig(ctx context.Context) error {
	return tx.db.fault("raise configuration version", tx.q.RaiseConfigVersion(ctx, tx.tenant))
}
