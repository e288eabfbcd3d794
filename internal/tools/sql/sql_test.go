package sql_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/internal/tools/sql"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// fakeDialect is an engine whose guard refuses texts with "DROP", and whose
// connections answer every query with err or one row.
type fakeDialect struct {
	err    error
	guard  error
	parse  error
	opened atomic.Int32
	slug   string
	limit  database.Limit

	relations []string
}

func (d *fakeDialect) Name() string  { return "postgres" }
func (d *fakeDialect) Title() string { return "PostgreSQL" }

func (d *fakeDialect) Parse(connString string, env database.Env) (database.Target, error) {
	d.slug = env.Slug
	return target(connString), d.parse
}

func (d *fakeDialect) Open(database.Target, database.Env) (database.Conn, error) {
	d.opened.Add(1)
	return &fakeConn{dialect: d}, nil
}

func (d *fakeDialect) Guard() sqlguard.Guard { return fakeGuard{d.guard} }

type target string

func (target) String() string  { return "redacted" }
func (target) Address() string { return "" }

type fakeGuard struct{ err error }

func (fakeGuard) Version() string { return "1" }

func (g fakeGuard) Allowing([]string) sqlguard.Guard { return g }

func (g fakeGuard) Check(text string) (*sqlguard.Statement, error) {
	if g.err != nil {
		return nil, g.err
	}
	if strings.Contains(text, "DROP") {
		return nil, sqlguard.NonSelect("DropStmt")
	}
	return &sqlguard.Statement{SQL: text, Kind: "SELECT"}, nil
}

type fakeConn struct{ dialect *fakeDialect }

func (c *fakeConn) Usage() database.Usage { return database.Usage{} }

func (c *fakeConn) Probe(context.Context) (database.Probe, error) { return database.Probe{}, nil }
func (c *fakeConn) Close() error                                  { return nil }

func (c *fakeConn) Schema(context.Context) (*database.Schema, error) {
	if c.dialect.err != nil {
		return nil, c.dialect.err
	}
	return &database.Schema{Tables: []database.Table{
		{Name: "users", Kind: "table", Rows: 3, Columns: []database.Column{{Name: "id", Type: "int"}}},
		{Name: "logs", Kind: "table", Rows: -1},
	}}, nil
}

func (c *fakeConn) Relations(context.Context, *sqlguard.Statement) ([]string, error) {
	return c.dialect.relations, nil
}

func (c *fakeConn) Functions(context.Context) ([]database.Function, error) { return nil, nil }

func (c *fakeConn) Query(_ context.Context, _ *sqlguard.Statement, limit database.Limit) (*tool.Table, error) {
	c.dialect.limit = limit
	if c.dialect.err != nil {
		return nil, c.dialect.err
	}
	t := tool.NewTable([]tool.Column{{Name: "a"}}, limit.Bytes)
	_, err := t.Row(func(dst []byte, _ int) ([]byte, error) { return append(dst, '1'), nil })
	t.MarkCut(tool.RowLimit)
	return t, err
}

// fakeStore holds connections; asking it for a string counts.
type fakeStore struct {
	connections []sql.Connection
	asked       atomic.Int32
}

func (s *fakeStore) Connections(context.Context, identity.TenantID) ([]sql.Connection, error) {
	return s.connections, nil
}

func (s *fakeStore) ConnString(context.Context, identity.TenantID, string) (string, error) {
	s.asked.Add(1)
	return "postgres://u:secret@h/db", nil
}

func sales() sql.Connection {
	return sql.Connection{
		ID: "0f8fad5b-d9cb-469f-a165-70867728950e", Name: "Sales-DB", DBType: "postgres",
		Description: "orders since 2019", MinRole: identity.Viewer, Version: "1",
	}
}

func newProvider(d *fakeDialect, connections ...sql.Connection) (*sql.Provider, *fakeStore) {
	store := &fakeStore{connections: connections}
	return &sql.Provider{
		Connections: store,
		Dialects:    map[string]database.Dialect{"postgres": d},
		Pools:       &database.Pools{},
	}, store
}

func mustTools(t *testing.T, p *sql.Provider) []tool.Tool {
	t.Helper()
	tools, err := p.Tools(t.Context(), "tenant")
	if err != nil {
		t.Fatal(err)
	}
	return tools
}

// call prepares and runs a tool as the gate would.
func call(t *testing.T, tl tool.Tool, args string) (tool.Action, *tool.Result, error) {
	t.Helper()
	env := tool.Env{Principal: identity.Principal{Tenant: "tenant", Slug: "acme"}}
	action, err := tl.Prepare(t.Context(), env, json.RawMessage(args))
	if err != nil {
		return action, nil, err
	}
	result, err := action.Run(t.Context())
	return action, result, err
}

func TestToolsOrderAndRules(t *testing.T) {
	admin := sales()
	admin.ID, admin.MinRole = "11111111-0000-4000-8000-000000000000", identity.Admin
	other := sales()
	other.Name, other.ID = "Accounts", "22222222-0000-4000-8000-000000000000"
	foreign := sales()
	foreign.DBType = "oracle"
	p, _ := newProvider(&fakeDialect{}, admin, sales(), other, foreign)

	type row struct {
		Name       string
		Kind       tool.Kind
		Min, Floor identity.Role
		Identity   string
		Event      string
		Denied     string
	}
	var got []row
	for _, tl := range mustTools(t, p) {
		got = append(got, row{tl.Name, tl.Kind, tl.MinRole, tl.Floor, tl.Identity, tl.Event, tl.Denied})
	}
	const denied = "Permission denied: insufficient role to execute queries"
	want := []row{
		{"get_schema_accounts_22222222", tool.KindSchema, identity.Viewer, identity.Viewer, other.ID + ":schema", "tool.get_schema", "Permission denied"},
		{"execute_sql_accounts_22222222", tool.KindExecute, identity.Analyst, identity.Viewer, other.ID + ":execute", "tool.execute_sql", denied},
		{"get_schema_sales_db_0f8fad5b", tool.KindSchema, identity.Viewer, identity.Viewer, sales().ID + ":schema", "tool.get_schema", "Permission denied"},
		{"execute_sql_sales_db_0f8fad5b", tool.KindExecute, identity.Analyst, identity.Viewer, sales().ID + ":execute", "tool.execute_sql", denied},
		{"get_schema_sales_db_11111111", tool.KindSchema, identity.Admin, identity.Admin, admin.ID + ":schema", "tool.get_schema", "Permission denied"},
		{"execute_sql_sales_db_11111111", tool.KindExecute, identity.Admin, identity.Admin, admin.ID + ":execute", "tool.execute_sql", denied},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tools (-want +got):\n%s", diff)
	}
}

func TestToolsDescribeThemselves(t *testing.T) {
	p, store := newProvider(&fakeDialect{}, sales())
	for _, tl := range mustTools(t, p) {
		for _, want := range []string{"Sales-DB", "PostgreSQL", "orders since 2019"} {
			if !strings.Contains(tl.Description, want) {
				t.Errorf("%s: description lacks %q", tl.Name, want)
			}
		}
		if !tl.Hints.ReadOnly || tl.Title == "" || tl.Connection != sales().ID {
			t.Errorf("%s: hints %+v, title %q, connection %q", tl.Name, tl.Hints, tl.Title, tl.Connection)
		}
	}
	if store.asked.Load() != 0 {
		t.Error("listing tools opened a connection string")
	}
}

func TestToolNames(t *testing.T) {
	long := strings.Repeat("abcdefghi ", 10)
	tests := []struct{ name, id, want string }{
		{"Sales-DB", "0f8fad5b-d9cb", "execute_sql_sales_db_0f8fad5b"},
		{"  --Ünïted  Kingdom!! ", "0f8fad5b-d9cb", "execute_sql_n_ted_kingdom_0f8fad5b"},
		{"数据库", "0f8fad5b-d9cb", "execute_sql_db_0f8fad5b"},
		{"", "0f8fad5b-d9cb", "execute_sql_db_0f8fad5b"},
		{long, "0f8fad5b-d9cb", "execute_sql_abcdefghi_abcdefghi_abcdefghi_abcdefghi_abc_0f8fad5b"},
		{strings.Repeat("x", 42) + "-y", "0f8fad5b-d9cb", "execute_sql_" + strings.Repeat("x", 42) + "_0f8fad5b"},
	}
	for _, tt := range tests {
		schema, execute := sql.ToolNames(tt.name, tt.id)
		if execute != tt.want {
			t.Errorf("%q: got %q, want %q", tt.name, execute, tt.want)
		}
		if len(execute) > 64 || strings.TrimPrefix(schema, "get_schema_") != strings.TrimPrefix(execute, "execute_sql_") {
			t.Errorf("%q: %d characters, schema tool %q", tt.name, len(execute), schema)
		}
	}
}

func TestInputSchemas(t *testing.T) {
	p, _ := newProvider(&fakeDialect{}, sales())
	tools := mustTools(t, p)
	tests := []struct {
		tool int
		args string
		ok   bool
	}{
		{0, `{}`, true},
		{0, `{"tables":["a"],"search":"x","detail":"full"}`, true},
		{0, `{"detail":"everything"}`, false},
		{0, `{"other":1}`, false},
		{1, `{"sql":"SELECT 1"}`, true},
		{1, `{"sql":"SELECT 1","limit":10000}`, true},
		{1, `{"sql":"SELECT 1","limit":10001}`, false},
		{1, `{"sql":"SELECT 1","limit":0}`, false},
		{1, `{"sql":"SELECT 1","limit":1.5}`, false},
		{1, `{"sql":1}`, false},
		{1, `{}`, false},
		{1, `{"sql":"SELECT 1","timeout":1}`, false},
		{1, `{"sql":"` + strings.Repeat("x", 100_001) + `"}`, false},
	}
	for _, tt := range tests {
		if err := validate(t, tools[tt.tool].Schema, tt.args); (err == nil) != tt.ok {
			t.Errorf("%s %.60s: %v", tools[tt.tool].Name, tt.args, err)
		}
	}
}

func validate(t *testing.T, schema json.RawMessage, instance string) error {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(schema, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal([]byte(instance), &v); err != nil {
		t.Fatal(err)
	}
	return resolved.Validate(v)
}

func TestExecute(t *testing.T) {
	d := &fakeDialect{relations: []string{"public.orders"}}
	p, store := newProvider(d, sales())
	execute := mustTools(t, p)[1]
	for range 2 {
		action, result, err := call(t, execute, `{"sql":"SELECT 1","limit":5}`)
		if err != nil {
			t.Fatal(err)
		}
		if got := mustRecord(t, action.Detail["relations"]); got != `["public.orders"]` {
			t.Errorf("relations of the action are %s", got)
		}
		delete(action.Detail, "relations")
		if diff := cmp.Diff(map[string]any{
			"connection_id": sales().ID,
			"sql_preview":   "SELECT 1",
			"sql_hash":      "e004ebd5b5532a4b85984a62f8ad48a81aa3460c1ca07701f386135d72cdecf5",
		}, action.Detail); diff != "" {
			t.Errorf("action detail (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]any{"row_count": 1, "truncated": true, "truncation_reason": "row_limit", "relations": d.relations, "columns": []string{"a"}}, result.Detail); diff != "" {
			t.Errorf("result detail (-want +got):\n%s", diff)
		}
		raw, err := json.Marshal(result.Table)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, execute.Output, string(raw)); err != nil {
			t.Errorf("output: %v", err)
		}
	}
	if d.limit.Rows != 5 || d.slug != "acme" {
		t.Errorf("limit %+v, slug %q", d.limit, d.slug)
	}
	if store.asked.Load() != 1 || d.opened.Load() != 1 {
		t.Errorf("string read %d times, opened %d times", store.asked.Load(), d.opened.Load())
	}
}

func TestExecuteRefused(t *testing.T) {
	d := &fakeDialect{}
	p, store := newProvider(d, sales())
	text := "DROP TABLE " + strings.Repeat("ü", 300)
	action, _, err := call(t, mustTools(t, p)[1], `{"sql":"`+text+`"}`)
	if !fault.Is(err, fault.Invalid) || fault.Of(err).Public != "SQL rejected: Non-SELECT statement in generated SQL: DropStmt" {
		t.Errorf("got %v", err)
	}
	if preview := action.Detail["sql_preview"].(string); len([]rune(preview)) != 200 || !strings.HasPrefix(text, preview) {
		t.Errorf("preview %q", preview)
	}
	if action.Run != nil || store.asked.Load() != 0 {
		t.Error("a refused statement can be run or opened the connection")
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name    string
		dialect *fakeDialect
		kind    fault.Kind
		want    string
	}{
		{"timeout", &fakeDialect{err: fault.New(fault.Timeout, "query timed out")}, fault.Timeout, "query timed out after 30 s"},
		{"timeout that the server does not heed", &fakeDialect{err: fault.Wrap(fault.Timeout, database.ErrStillWorking, "query timed out")}, fault.Timeout, "query timed out after 30 s; the server is still working on it"},
		{"unreachable", &fakeDialect{err: database.ConnectFault(database.ErrAuthentication, errors.New("raw"))}, fault.Unavailable, "database unavailable: authentication failed"},
		{"no longer valid", &fakeDialect{parse: fault.New(fault.Unprocessable, "option sslcert")}, fault.Unavailable, "database unavailable: other"},
		{"statement", &fakeDialect{err: database.QueryFault(`column "x" does not exist`, true, errors.New("raw"))}, fault.Invalid, `column "x" does not exist`},
		{"judged where it runs", &fakeDialect{err: sqlguard.FunctionNotAllowed("mine")}, fault.Unprocessable, "SQL rejected: Function not allowed: mine"},
		{"guard broken", &fakeDialect{guard: errors.New("parser crashed")}, fault.Internal, "Internal Server Error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, _ := newProvider(tt.dialect, sales())
			_, _, err := call(t, mustTools(t, p)[1], `{"sql":"SELECT 1"}`)
			if f := fault.Of(err); err == nil || f.Kind != tt.kind || f.Public != tt.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSchema(t *testing.T) {
	p, _ := newProvider(&fakeDialect{}, sales())
	schema := mustTools(t, p)[0]
	_, result, err := call(t, schema, `{"tables":["users","nope"]}`)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Table: users (~3 rows)\n  id int NOT NULL,\n\nUnknown tables: nope\n"; result.Text != want {
		t.Errorf("got %q", result.Text)
	}
	for _, args := range []string{`{}`, `{"search":"nothing like it"}`} {
		_, result, err := call(t, schema, args)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema.Output, string(result.Structured)); err != nil {
			t.Errorf("%s: output %s: %v", args, result.Structured, err)
		}
	}
}

// TestSchemaRecord: what a record holds of the arguments is bounded (contract 10).
func TestSchemaRecord(t *testing.T) {
	names := func(n, length int) string {
		return strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("ü", length)+`",`, n), ",")
	}
	p, _ := newProvider(&fakeDialect{}, sales())
	schema := mustTools(t, p)[0]
	for _, tt := range []struct{ name, args, want string }{
		{"none", `{}`, `{}`},
		{"few", `{"tables":["users","nope"],"search":"x","detail":"full"}`, `{"tables":["users","nope"],"search":"x","detail":"full"}`},
		{"many", `{"tables":[` + names(500, 49) + `]}`, `{"tables":[` + names(4, 49) + `],"more_tables":496}`},
		{"one long", `{"tables":[` + names(1, 300) + `]}`, `{"tables":[` + names(1, 200) + `]}`},
		{"many long", `{"tables":[` + names(500, 300) + `]}`, `{"tables":[` + names(1, 200) + `],"more_tables":499}`},
		{"many empty", `{"tables":[` + names(500, 0) + `]}`, `{"tables":[` + names(200, 0) + `],"more_tables":300}`},
	} {
		if err := validate(t, schema.Schema, tt.args); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		action, err := schema.Prepare(t.Context(), tool.Env{}, json.RawMessage(tt.args))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(action.Detail["arguments"])
		if err != nil {
			t.Fatal(err)
		}
		if string(raw) != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, raw, tt.want)
		}
	}
}

func TestSchemaError(t *testing.T) {
	p, _ := newProvider(&fakeDialect{err: database.ConnectFault(database.ErrTimedOut, errors.New("raw"))}, sales())
	_, _, err := call(t, mustTools(t, p)[0], `{}`)
	if fault.Of(err).Public != "database unavailable: timed out" {
		t.Errorf("got %v", err)
	}
}
