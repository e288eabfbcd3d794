package sql_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/tools/sql"
)

// ruled is a dialect that notes the rules that it is opened with.
type ruled struct {
	*fakeDialect
	rules []database.Rules
}

func (d *ruled) Open(_ database.Target, env database.Env) (database.Conn, error) {
	d.rules = append(d.rules, env.Rules)
	return &listing{fakeConn{dialect: d.fakeDialect}}, nil
}

type listing struct{ fakeConn }

func (*listing) Functions(context.Context) ([]database.Function, error) {
	return []database.Function{{Signature: "public.f()", Source: "SELECT 1", Hash: "h"}}, nil
}

// TestFunctions reads them through the pool of the connection's tools, opened
// with the rules of the version at hand, and of no other tenant's connection.
func TestFunctions(t *testing.T) {
	d := &ruled{fakeDialect: &fakeDialect{}}
	c := sales()
	store := &fakeStore{connections: []sql.Connection{c}}
	p := &sql.Provider{Connections: store, Dialects: map[string]database.Dialect{"postgres": d}, Pools: &database.Pools{}}
	who := identity.Principal{Tenant: "tenant", User: "ann", Slug: "acme", Role: identity.Admin}
	for range 2 {
		got, err := p.Functions(t.Context(), who, c.ID)
		if err != nil || len(got) != 1 || got[0].Hash != "h" {
			t.Fatalf("functions %v, %v", got, err)
		}
	}
	c.Version, c.Rules = "2", database.Rules{AllowPowerfulLogin: true, AllowedFunctions: []database.AllowedFunction{{Signature: "public.f()", Hash: "h"}}}
	store.connections = []sql.Connection{c}
	if _, err := p.Functions(t.Context(), who, c.ID); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]database.Rules{{}, c.Rules}, d.rules); diff != "" {
		t.Errorf("opened with (-want +got):\n%s", diff)
	}
	if d.slug != "acme" {
		t.Errorf("opened for %q", d.slug)
	}
	if _, err := p.Functions(t.Context(), who, "another"); !fault.Is(err, fault.NotFound) {
		t.Errorf("another connection: %v", err)
	}
}
