package builtin_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/tools/builtin"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

func run(t *testing.T, p tool.Provider, role identity.Role) (tool.Tool, *tool.Result, error) {
	t.Helper()
	tools, err := p.Tools(t.Context(), "t")
	if err != nil || len(tools) != 1 {
		t.Fatalf("%d tools, %v", len(tools), err)
	}
	env := tool.Env{Principal: identity.Principal{Tenant: "t", User: "u", Role: role}}
	action, err := tools[0].Prepare(t.Context(), env, json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	result, err := action.Run(t.Context())
	return tools[0], result, err
}

func TestCurrentTime(t *testing.T) {
	zone := time.FixedZone("", 2*60*60)
	tests := map[string]time.Time{
		"2026-11-24T21:54:07.000000Z": time.Date(2026, 11, 24, 23, 54, 7, 0, zone),
		"2026-11-24T21:54:07.123456Z": time.Date(2026, 11, 24, 21, 54, 7, 123456789, time.UTC),
	}
	for want, now := range tests {
		tl, result, err := run(t, builtin.Time{Now: func() time.Time { return now }}, identity.Viewer)
		if err != nil {
			t.Fatal(err)
		}
		if result.Text != want {
			t.Errorf("got %q, want %q", result.Text, want)
		}
		if tl.Name != "get_current_time" || tl.Event != "tool.get_current_time" || tl.MinRole != identity.Viewer || !tl.Hints.ReadOnly {
			t.Errorf("tool %+v", tl)
		}
	}
}

func connections() []builtin.Connection {
	return []builtin.Connection{
		{ID: "2", Name: "shop", Type: "sqlite", Description: "a < b & \"c\"", MinRole: identity.Viewer, SchemaTool: "get_schema_shop_2", ExecuteTool: "execute_sql_shop_2"},
		{ID: "3", Name: "payroll", Type: "postgres", MinRole: identity.Admin, SchemaTool: "get_schema_payroll_3", ExecuteTool: "execute_sql_payroll_3"},
		{ID: "1", Name: "shop", Type: "mysql", MinRole: identity.Viewer, SchemaTool: "get_schema_shop_1", ExecuteTool: "execute_sql_shop_1"},
	}
}

func lister(list []builtin.Connection, err error) builtin.Connections {
	return builtin.Connections{
		List: func(context.Context, identity.TenantID) ([]builtin.Connection, error) { return list, err },
		Allowed: func(_ context.Context, p identity.Principal, name string) bool {
			return p.Role == identity.Admin || strings.HasPrefix(name, "get_schema_")
		},
	}
}

func TestListConnections(t *testing.T) {
	tl, result, err := run(t, lister(connections(), nil), identity.Viewer)
	if err != nil {
		t.Fatal(err)
	}
	want := `[
  {
    "id": "1",
    "name": "shop",
    "type": "mysql",
    "description": null,
    "schema_tool": "get_schema_shop_1",
    "execute_tool": null
  },
  {
    "id": "2",
    "name": "shop",
    "type": "sqlite",
    "description": "a < b & \"c\"",
    "schema_tool": "get_schema_shop_2",
    "execute_tool": null
  }
]`
	if diff := cmp.Diff(want, result.Text); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	var wrapped struct{ Connections json.RawMessage }
	if err := json.Unmarshal(result.Structured, &wrapped); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decode(t, []byte(want)), decode(t, wrapped.Connections)); diff != "" {
		t.Errorf("structured differs from text:\n%s", diff)
	}
	validate(t, tl.Output, result.Structured)
}

func TestListConnectionsForAdmin(t *testing.T) {
	_, result, err := run(t, lister(connections(), nil), identity.Admin)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"payroll", "execute_sql_payroll_3", "execute_sql_shop_1"} {
		if !strings.Contains(result.Text, want) {
			t.Errorf("no %q in %s", want, result.Text)
		}
	}
}

func TestListConnectionsEmptyAndFailing(t *testing.T) {
	tl, result, err := run(t, lister(nil, nil), identity.Viewer)
	if err != nil || result.Text != "[]" {
		t.Errorf("got %+v, %v", result, err)
	}
	validate(t, tl.Output, result.Structured)
	if _, _, err := run(t, lister(nil, errors.New("store is down")), identity.Viewer); err == nil {
		t.Error("the store's error was lost")
	}
}

func decode(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func validate(t *testing.T, schema, instance []byte) {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(schema, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(decode(t, instance)); err != nil {
		t.Error(err)
	}
}
