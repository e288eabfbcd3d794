package sql_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	mysqlguard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
	postgresguard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
	sqliteguard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlite"
)

func mustRecord(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// guarded is the fake engine with a real guard.
type guarded struct {
	*fakeDialect
	guard sqlguard.Guard
	name  string
}

func (g guarded) Guard() sqlguard.Guard { return g.guard }
func (g guarded) Name() string          { return g.name }

// TestCommentsLeaveTheStatementInItsRecord sends statements behind more
// comments than a record has room for.
func TestCommentsLeaveTheStatementInItsRecord(t *testing.T) {
	long := strings.Repeat("SELECT a FROM harmless ", 50)
	for name, guard := range map[string]sqlguard.Guard{
		"postgres": postgresguard.New(), "mysql": mysqlguard.New(mysqlguard.MySQL), "sqlite": sqliteguard.New(),
	} {
		p, _ := newProvider(&fakeDialect{}, sales())
		p.Dialects["postgres"] = guarded{&fakeDialect{}, guard, name}
		execute := mustTools(t, p)[1]
		for _, before := range []string{"/* " + long + " */", "-- " + long + "\n", "\n\n" + strings.Repeat(" ", 300), "-- a\n/* b */ -- c\n" + strings.Repeat("-- d\n", 100)} {
			for statement, want := range map[string]string{
				"SELECT name /* " + long + " */ FROM payroll": "payroll",
				"DROP TABLE payroll":                          "DROP TABLE payroll",
				"SELECT evil_function(name) FROM payroll":     "evil_function",
			} {
				action, _, _ := call(t, execute, mustRecord(t, map[string]string{"sql": before + statement}))
				preview, _ := action.Detail["sql_preview"].(string)
				if !strings.Contains(preview, want) || len(preview) > 250 {
					t.Errorf("%s: preview of %.20q… %q is %q", name, before, statement, preview)
				}
			}
		}
	}
}

// TestCommentsOfOneEngineHideNothingFromAnother begins refused statements with
// what is a comment in one engine and none, or a longer one, in another.
func TestCommentsOfOneEngineHideNothingFromAnother(t *testing.T) {
	filler := strings.Repeat("x ", 200)
	for engine, statement := range map[string]string{
		"mysql":    "/* /* */ DROP TABLE payroll -- */",
		"sqlite":   "/* /* */ DROP TABLE payroll -- */",
		"postgres": "/* /* */ " + filler + " */ DROP TABLE payroll",
		"mssql":    "# DROP TABLE payroll\n",
	} {
		p, _ := newProvider(&fakeDialect{}, sales())
		p.Dialects["postgres"] = guarded{&fakeDialect{}, (&fakeDialect{}).Guard(), engine}
		action, _, err := call(t, mustTools(t, p)[1], mustRecord(t, map[string]string{"sql": statement}))
		if preview := action.Detail["sql_preview"].(string); err == nil || !strings.Contains(preview, "DROP TABLE payroll") {
			t.Errorf("%s: preview %q, %v", engine, preview, err)
		}
	}
}

func TestPreviewShowsWhatTurnsText(t *testing.T) {
	p, _ := newProvider(&fakeDialect{}, sales())
	execute := mustTools(t, p)[1]
	for _, statement := range []string{"SELECT '\u202etxet\u2066' FROM a", "DROP '\u202etxet\u2066'"} {
		action, _, _ := call(t, execute, mustRecord(t, map[string]string{"sql": statement}))
		doc, err := audit.Event{Name: "tool.execute_sql", Metadata: action.Detail}.JSON()
		var said struct {
			Preview string `json:"sql_preview"`
		}
		if err = errors.Join(err, json.Unmarshal(doc, &said)); err != nil || !strings.Contains(said.Preview, `'\u202etxet\u2066'`) {
			t.Errorf("preview %q, %v", said.Preview, err)
		}
	}
}

func TestRecordOfAFailureHasItsRelations(t *testing.T) {
	d := &fakeDialect{relations: []string{"public.orders", "public.people"}, err: fault.New(fault.Timeout, "x")}
	p, _ := newProvider(d, sales())
	action, _, err := call(t, mustTools(t, p)[1], `{"sql":"SELECT 1"}`)
	if err == nil {
		t.Fatal("no error")
	}
	if got := mustRecord(t, action.Detail["relations"]); got != `["public.orders","public.people"]` {
		t.Errorf("relations %s", got)
	}
	d.parse = errors.New("no")
	p, _ = newProvider(d, sales())
	action, _, err = call(t, mustTools(t, p)[1], `{"sql":"SELECT 1"}`)
	if got := mustRecord(t, action.Detail["relations"]); err == nil || got != "null" {
		t.Errorf("relations of a statement that met no database: %s, %v", got, err)
	}
}

func TestOperatorChoosesWhatIsKeptOfAStatement(t *testing.T) {
	const sent = "/* who */ SELECT 'secret' "
	for mode, c := range map[string]struct {
		preview bool
		kept    string
	}{"": {true, ""}, "preview": {true, ""}, "hash": {false, ""}, "full": {true, sent}} {
		for _, statement := range []string{sent, sent + "DROP"} {
			p, _ := newProvider(&fakeDialect{}, sales())
			p.Record = mode
			action, _, _ := call(t, mustTools(t, p)[1], mustRecord(t, map[string]string{"sql": statement}))
			e := audit.Event{Name: "tool.execute_sql", Metadata: action.Detail}
			doc, err := e.JSON()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(doc), "secret") != c.preview || !strings.Contains(string(doc), `"sql_hash":"`) {
				t.Errorf("%q: record %s", mode, doc)
			}
			if want := c.kept; want != "" {
				want = statement
				if e.Statement() != want || !strings.Contains(string(doc), `"sql_kept":true`) {
					t.Errorf("%q: kept %q in %s", mode, e.Statement(), doc)
				}
			} else if e.Statement() != "" {
				t.Errorf("%q: kept %q", mode, e.Statement())
			}
		}
	}
}
