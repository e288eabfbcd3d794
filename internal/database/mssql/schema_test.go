package mssql_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/databasetest"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// catalogue is what schema.sql returns, set by set.
func catalogue(r *tdstest.Reply, sets ...[][]any) error {
	widths := [][]tdstest.Column{
		{integer(""), text(""), text(""), text(""), text(""), {Type: tdstest.Int(8)}},
		{integer(""), text(""), text(""), boolean(""), integer(""), integer(""), integer(""), boolean(""), boolean(""), text(""), text(""), text("")},
		{integer(""), text(""), boolean(""), boolean(""), boolean(""), text("")},
		{integer(""), text(""), text(""), text(""), text(""), text("")},
	}
	for i, rows := range sets {
		if err := (canned{columns: widths[i], rows: rows}).send(r); err != nil {
			return err
		}
	}
	return nil
}

func TestSchema(t *testing.T) {
	script := &scripted{run: func(_ context.Context, _ tdstest.Request, r *tdstest.Reply) error {
		n, b := func(i int) any { return int64(i) }, true
		return catalogue(r,
			[][]any{{n(2), "sales", "note", "table", nil, n(0)}, {n(1), "sales", "account", "table", "Who we sell to", n(1200)}, {n(3), "dbo", "busy", "materialized view", nil, n(5)}},
			[][]any{
				{n(1), "id", "bigint", false, n(8), n(19), n(0), false, b, nil, nil, nil},
				{n(1), "region", "nchar", false, n(4), n(0), n(0), false, false, nil, nil, nil},
				{n(1), "name", "nvarchar", false, n(-1), n(0), n(0), false, false, "(N'?')", nil, "Legal \"name\""},
				{n(1), "owed", "decimal", false, n(9), n(10), n(2), b, false, nil, nil, nil},
				{n(1), "doubled", "decimal", false, n(9), n(12), n(2), b, false, nil, "([owed]*(2))", nil},
				{n(1), "phone", "PhoneNumber", b, n(40), n(0), n(0), b, false, nil, nil, nil},
				{n(2), "account_id", "bigint", false, n(8), n(19), n(0), b, false, nil, nil, nil},
				{n(2), "account_region", "nchar", false, n(4), n(0), n(0), b, false, nil, nil, nil},
				{n(2), "at", "datetime2", false, n(8), n(27), n(7), false, false, "(getdate())", nil, nil},
				{n(2), "body", "varchar", false, n(8000), n(0), n(0), b, false, nil, nil, nil},
				{n(9), "x", "int", false, n(4), n(10), n(0), b, false, nil, nil, nil}, // of no table
			},
			[][]any{
				{n(1), "PK_account", b, false, b, "id"}, {n(1), "PK_account", b, false, b, "region"},
				{n(1), "UQ_name", false, b, b, "name"}, {n(1), "UQ_name", false, b, b, "region"},
				{n(1), "UQ_phone", false, b, b, "phone"},
				{n(1), "ix_owed", false, false, false, "owed"},
				{n(2), "ix_at", false, false, b, "at"}, {n(2), "ix_at", false, false, b, "account_id"},
			},
			[][]any{
				{n(2), "ix_at", "account_id", "sales", "account", "id"}, {n(2), "ix_at", "account_region", "sales", "account", "region"},
				{n(2), "FK_two", "account_id", "sales", "account", "id"},
			})
	}}
	s := start(t)
	s.server.Backend = script
	got, err := open(t, s.owner()).Schema(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	want := &database.Schema{Tables: []database.Table{
		{Schema: "dbo", Name: "busy", Kind: "materialized view", Rows: 5, Columns: []database.Column{}},
		{
			Schema: "sales", Name: "account", Kind: "table", Comment: "Who we sell to", Rows: 1200,
			Columns: []database.Column{
				{Name: "id", Type: "bigint", Default: "identity"},
				{Name: "region", Type: "nchar(2)"},
				{Name: "name", Type: "nvarchar(max)", Default: "(N'?')", Comment: `Legal "name"`},
				{Name: "owed", Type: "decimal(10,2)", Nullable: true},
				{Name: "doubled", Type: "decimal(12,2)", Nullable: true, Default: "computed as ([owed]*(2))"},
				{Name: "phone", Type: "PhoneNumber", Nullable: true},
			},
			PrimaryKey: []string{"id", "region"},
			Unique:     [][]string{{"name", "region"}, {"phone"}},
			Indexes:    []database.Index{{Name: "ix_owed", Columns: []string{"owed"}}},
		},
		{
			Schema: "sales", Name: "note", Kind: "table",
			Columns: []database.Column{
				{Name: "account_id", Type: "bigint", Nullable: true},
				{Name: "account_region", Type: "nchar(2)", Nullable: true},
				{Name: "at", Type: "datetime2(7)", Default: "(getdate())"},
				{Name: "body", Type: "varchar(8000)", Nullable: true},
			},
			ForeignKeys: []database.ForeignKey{
				{Columns: []string{"account_id", "account_region"}, RefTable: "sales.account", RefColumns: []string{"id", "region"}},
				{Columns: []string{"account_id"}, RefTable: "sales.account", RefColumns: []string{"id"}},
			},
			Indexes: []database.Index{{Name: "ix_at", Columns: []string{"at", "account_id"}, Unique: true}},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

// TestCatalogueOfAnotherShape: a server whose catalogue is not what was asked
// for is an error, not a panic.
func TestCatalogueOfAnotherShape(t *testing.T) {
	script := &scripted{all: true}
	s := start(t)
	s.server.Backend = script
	conn := open(t, s.owner())
	for _, rows := range [][][]any{{{"x"}}, {{"a"}, {"b"}}, {}} {
		script.run = func(_ context.Context, _ tdstest.Request, r *tdstest.Reply) error {
			return (canned{columns: nv, rows: rows}).send(r)
		}
		if _, err := conn.Schema(testContext(t)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("Schema: %v", err)
		}
		if _, err := conn.Probe(testContext(t)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("Probe: %v", err)
		}
		if _, err := conn.Functions(testContext(t)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("Functions: %v", err)
		}
		if _, err := run(t, conn, "SELECT 1", database.Limit{}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("Query: %v", err)
		}
	}
}

func TestProbeNamesPowers(t *testing.T) {
	s := start(t, databasetest.Shop()...)
	p, err := open(t, s.owner()).Probe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"is a member of sysadmin, db_owner", "may change 2 tables", "USE [shop]", "ON SCHEMA::[dbo]"} {
		if !p.CanWrite || !strings.Contains(p.Warning, want) {
			t.Errorf("warning %q does not hold %q", p.Warning, want)
		}
	}
	if p.ServerVersion != "Microsoft SQL Server 2022 (RTM-CU12) (KB5033663) - 16.0.4115.5 (X64)" {
		t.Errorf("version %q", p.ServerVersion)
	}
}
