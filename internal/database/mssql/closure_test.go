package mssql_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
)

// opened is a connection to the warehouse under rules.
func opened(t *testing.T, s *standIn, user string, rules database.Rules) database.Conn {
	t.Helper()
	dialect := mssql.New(guard.New())
	env := localEnv()
	env.Rules = rules
	target, err := dialect.Parse(s.url(user, password, databaseName, "?TrustServerCertificate=true"), env)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialect.Open(target, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// allowing lists functions by name with the hashes that they have.
func allowing(t *testing.T, conn database.Conn, names ...string) (rules database.Rules, guards sqlguard.Guard) {
	t.Helper()
	functions, err := conn.Functions(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range functions {
		name, _, _ := strings.Cut(f.Signature, "(")
		for _, want := range names {
			if name == want {
				rules.AllowedFunctions = append(rules.AllowedFunctions, database.AllowedFunction{Signature: f.Signature, Hash: f.Hash})
			}
		}
	}
	return rules, guard.New().Allowing(names)
}

func mustAccept(t *testing.T, g sqlguard.Guard, sql string) *sqlguard.Statement {
	t.Helper()
	stmt, err := g.Check(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return stmt
}

// TestWhatRelationsRun refuses each kind of code behind a relation by the
// relation's name with the reason, and never lets the statement run.
func TestWhatRelationsRun(t *testing.T) {
	s := start(t)
	s.objects = warehouse
	conn := opened(t, s, "reader", database.Rules{})
	const visible = "which this login may not see. GRANT VIEW DEFINITION"
	for sql, want := range map[string]string{
		"SELECT * FROM runs":                                     "Relation not allowed: dbo.runs: it runs dbo.f_total(int), which is not allowed. An administrator can allow it",
		"SELECT * FROM [DBO].[Runs]":                             "Relation not allowed: dbo.runs: it runs dbo.f_total(int)",
		"SELECT 1 FROM orders WHERE EXISTS (SELECT 1 FROM deep)": "Relation not allowed: dbo.deep: it reads dbo.runs: it runs dbo.f_total(int)",
		"SELECT * FROM linked":                                   "Relation not allowed: dbo.linked: its definition holds what no statement may: Forbidden operation in SQL AST: OPENQUERY",
		"SELECT * FROM rowset":                                   "dbo.rowset: its definition holds what no statement may: Forbidden operation in SQL AST: OPENROWSET",
		"SELECT * FROM four":                                     "dbo.four: its definition holds what no statement may: Forbidden operation in SQL AST: name with a server",
		"SELECT * FROM elsewhere":                                "dbo.elsewhere: its definition holds what no statement may: Forbidden operation in SQL AST: name with a server",
		"SELECT * FROM encrypted":                                "dbo.encrypted: it has a definition, " + visible,
		"SELECT * FROM blind":                                    "dbo.blind: its definition reads hidden.t, " + visible,
		"SELECT * FROM inline":                                   "dbo.inline: it runs dbo.f_orders(int)",
		"SELECT * FROM method":                                   "dbo.method: it runs dbo.ToString()",
		"SELECT dbo.ToString() FROM orders":                      "Function not allowed: dbo.ToString(). An administrator can allow it for this connection.",
		"SELECT * FROM odd":                                      "dbo.odd: its definition holds what no statement may",
		"SELECT * FROM who":                                      "dbo.who: its definition holds what no statement may: Function not allowed: SUSER_SNAME",
		"SELECT id FROM priced":                                  "dbo.priced: it runs dbo.f_total(int)",
		"SELECT * FROM secret":                                   "dbo.secret: its computed column hash has a definition, " + visible,
		"SELECT * FROM rows":                                     "dbo.rows: it runs dbo.f_may(sysname)",
		"SELECT * FROM shapes":                                   "dbo.shapes: its column shape is of a CLR type",
		"SELECT * FROM remote":                                   "dbo.remote: it is an external table",
		"SELECT * FROM s_linked":                                 "dbo.s_linked: it stands for an object of another database or server",
		"SELECT * FROM s_other":                                  "dbo.s_other: it stands for an object of another database or server",
		"SELECT * FROM s_runs":                                   "dbo.s_runs: it reads dbo.runs: it runs dbo.f_total(int)",
		"SELECT * FROM s_lost":                                   "dbo.s_lost: it stands for an object, " + visible,
		"SELECT * FROM f_syn":                                    "dbo.f_syn: it runs dbo.f_total(int)",
		"SELECT * FROM [sýs].columns":                            "Relation not allowed: sýs.columns: it runs dbo.f_total(int)",
		"SELECT * FROM own":                                      "Relation not allowed: dbo.own: it runs dbo.f_total(int)",
		"SELECT * FROM likeness":                                 "Relation not allowed: dbo.likeness: it reads sýs.columns: it runs dbo.f_total(int)",
		"SELECT * FROM s_priced":                                 "dbo.s_priced: it reads dbo.priced: it runs dbo.f_total(int)",
		"WITH q AS (SELECT * FROM runs) SELECT * FROM q UNION ALL SELECT * FROM (SELECT 1 AS t) x": "dbo.runs: it runs",
	} {
		stmt := mustAccept(t, guard.New(), sql)
		_, err := conn.Relations(testContext(t), stmt)
		_, ran := conn.Query(testContext(t), stmt, database.Limit{})
		for how, err := range map[string]error{"Relations": err, "Query": ran} {
			if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Of(err).Public, want) {
				t.Errorf("%s of %s: %v, want %q", how, sql, err, want)
			}
		}
	}
	for _, q := range s.seen() {
		if text := strings.TrimSpace(q.SQL); strings.HasPrefix(text, "SELECT *") || strings.HasPrefix(text, "WITH q") {
			t.Errorf("ran %s", q.SQL)
		}
	}
}

// TestRelations tells what a statement reads, through views and synonyms.
func TestRelations(t *testing.T) {
	s := start(t)
	s.objects = warehouse
	conn := opened(t, s, "reader", database.Rules{})
	for sql, want := range map[string]string{
		"SELECT 1 AS one":      "",
		"SELECT * FROM orders": "dbo.orders",
		"SELECT * FROM Sales.Orders o JOIN orders p ON o.id = p.id": "dbo.orders sales.orders",
		"SELECT * FROM plain":                     "dbo.orders dbo.plain",
		"SELECT * FROM nested":                    "dbo.nested dbo.orders dbo.plain sys.tables",
		"SELECT * FROM s_local":                   "dbo.orders dbo.s_local",
		"SELECT * FROM s_own":                     "dbo.orders dbo.plain dbo.s_own",
		"SELECT * FROM s_quoted":                  "dbo.dotted.name dbo.s_quoted",
		"SELECT * FROM [dotted.name]":             "dbo.dotted.name",
		"SELECT * FROM owner":                     "dbo.orders dbo.owner dbo.plain",
		"SELECT * FROM circle":                    "dbo.circle",
		"SELECT * FROM information_schema.tables": "information_schema.tables",
		"SELECT * FROM nowhere":                   "nowhere",
	} {
		got, err := conn.Relations(testContext(t), mustAccept(t, guard.New(), sql))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v, want %q", sql, got, err, want)
		}
	}
}

// TestAllowedFunctions lets exactly the listed functions run, by signature and
// hash, directly and behind relations.
func TestAllowedFunctions(t *testing.T) {
	s := start(t)
	s.objects = warehouse
	strict := opened(t, s, "reader", database.Rules{})
	rules, g := allowing(t, strict, "dbo.f_total", "dbo.f_orders", "dbo.f_may", "dbo.ToString")
	conn := opened(t, s, "reader", rules)
	for sql, want := range map[string]string{
		"SELECT dbo.f_total(id) FROM orders":     "dbo.orders",
		"SELECT * FROM dbo.f_orders(3) o":        "",
		"SELECT * FROM deep":                     "dbo.deep dbo.orders dbo.runs sales.orders",
		"SELECT * FROM priced":                   "dbo.priced",
		"SELECT * FROM rows":                     "dbo.rows",
		"SELECT dbo.ToString() AS x FROM orders": "dbo.orders",
	} {
		got, err := conn.Relations(testContext(t), mustAccept(t, g, sql))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v, want %q", sql, got, err, want)
		}
	}
	edited := rules
	edited.AllowedFunctions = append([]database.AllowedFunction(nil), rules.AllowedFunctions...)
	for i := range edited.AllowedFunctions {
		edited.AllowedFunctions[i].Hash = strings.Repeat("0", 64)
	}
	conn = opened(t, s, "reader", edited)
	for sql, want := range map[string]string{
		"SELECT dbo.f_total(id) FROM orders": "Function not allowed: dbo.f_total(int). An administrator can allow it for this connection.",
		"SELECT * FROM dbo.f_orders(3) o":    "Function not allowed: dbo.f_orders(int). An",
		"SELECT * FROM runs":                 "Relation not allowed: dbo.runs: it runs dbo.f_total(int)",
	} {
		if _, err := conn.Relations(testContext(t), mustAccept(t, g, sql)); !fault.Is(err, fault.Invalid) || !strings.HasPrefix(fault.Of(err).Public, want) {
			t.Errorf("edited since, %s: %v", sql, err)
		}
	}
	// A synonym in the place of a listed function is not that function, and one
	// without a visible definition never is.
	fake := database.Rules{AllowedFunctions: []database.AllowedFunction{{Signature: "dbo.f_syn()", Hash: ""}, {Signature: "dbo.f_hidden()", Hash: ""}}}
	conn = opened(t, s, "reader", fake)
	for _, sql := range []string{"SELECT dbo.f_syn(1) AS x", "SELECT dbo.f_hidden() AS x"} {
		stmt := mustAccept(t, guard.New().Allowing([]string{"dbo.f_syn", "dbo.f_hidden"}), sql)
		if _, err := conn.Relations(testContext(t), stmt); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestFunctions(t *testing.T) {
	s := start(t)
	s.objects = warehouse
	conn := opened(t, s, "reader", database.Rules{})
	functions, err := conn.Functions(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	got, hashes := []string{}, map[string]bool{}
	for _, f := range functions {
		got = append(got, strings.Join([]string{f.Signature, f.Returns, f.Volatility, f.Language}, " | "))
		if (f.Source == "") != (f.Hash == "") || f.Hash != "" && (len(f.Hash) != 64 || hashes[f.Hash]) {
			t.Errorf("%s: source %q, hash %q", f.Signature, f.Source, f.Hash)
		}
		hashes[f.Hash] = true
	}
	want := []string{
		"dbo.ToString() |  | nondeterministic | T-SQL", "dbo.f_clr() |  | nondeterministic | CLR", "dbo.f_hidden() |  | nondeterministic | T-SQL",
		"dbo.f_may(sysname) | table | nondeterministic | T-SQL", "dbo.f_orders(int) | table | nondeterministic | T-SQL",
		"dbo.f_total(int) | money | deterministic | T-SQL", "dbo.f_typed(app.Phone, nvarchar) |  | nondeterministic | T-SQL",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
}

// TestObjectsAreReadOnce: one catalogue serves many statements, and a name that
// is not in it has it read again, so that a view made since is judged.
func TestObjectsAreReadOnce(t *testing.T) {
	s := start(t, "CREATE TABLE orders (id INTEGER)")
	reads := atomic.Int64{}
	s.objects = func(user string) [][]any {
		reads.Add(1)
		return warehouse(user)
	}
	conn := opened(t, s, "reader", database.Rules{})
	for range 5 {
		if _, err := conn.Query(testContext(t), mustAccept(t, guard.New(), "SELECT id FROM orders"), database.Limit{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := reads.Load(); n != 1 {
		t.Errorf("the catalogue was read %d times", n)
	}
	for range 2 { // the engine knows no such table, so that the catalogue counts as old
		if _, err := conn.Query(testContext(t), mustAccept(t, guard.New(), "SELECT id FROM later"), database.Limit{}); !database.UnknownObject(err) {
			t.Fatal(err)
		}
	}
	if n := reads.Load(); n != 2 {
		t.Errorf("the catalogue was read %d times, want once more for the unknown name", n)
	}
}

// TestObjectsAreBounded: a server that invents objects without end is refused.
func TestObjectsAreBounded(t *testing.T) {
	s := start(t)
	rows := [][]any{session(databaseName)}
	for i := range int64(300_000) {
		rows = append(rows, object(i, "", "", "U", ""))
	}
	s.objects = func(string) [][]any { return rows }
	_, err := run(t, opened(t, s, "reader", database.Rules{}), "SELECT 1", database.Limit{})
	if !fault.Is(err, fault.Unavailable) || fault.Of(err).Public != "the database has more objects than can be judged" {
		t.Errorf("error %v", err)
	}
}

// TestPowerfulLogin refuses a login that may do too much, on every way in.
func TestPowerfulLogin(t *testing.T) {
	for _, role := range []string{"sysadmin", "securityadmin", "CONTROL SERVER", "ADMINISTER BULK OPERATIONS"} {
		s := start(t)
		s.objects = func(user string) [][]any {
			rows := [][]any{session(databaseName)}
			if user == "owner" {
				rows = append(rows, power(role))
			}
			return rows
		}
		conn := opened(t, s, "owner", database.Rules{})
		_, probe := conn.Probe(testContext(t))
		_, schema := conn.Schema(testContext(t))
		_, functions := conn.Functions(testContext(t))
		_, relations := conn.Relations(testContext(t), &sqlguard.Statement{SQL: "SELECT 1"})
		_, query := run(t, conn, "SELECT 1", database.Limit{})
		want := "login too powerful: this login could do more to the server than SQL does (it has " + role +
			"). Use a login that only reads, or set allow_powerful_login for this connection."
		for how, err := range map[string]error{"Probe": probe, "Schema": schema, "Functions": functions, "Relations": relations, "Query": query} {
			if !fault.Is(err, fault.Unavailable) || fault.Of(err).Public != want {
				t.Errorf("%s, %s: %v", role, how, err)
			}
		}
		allowed := opened(t, s, "owner", database.Rules{AllowPowerfulLogin: true})
		if _, err := run(t, allowed, "SELECT 1", database.Limit{}); err != nil {
			t.Errorf("%s, allowed: %v", role, err)
		}
		if _, err := run(t, opened(t, s, "reader", database.Rules{}), "SELECT 1", database.Limit{}); err != nil {
			t.Errorf("a reader: %v", err)
		}
	}
}

// TestSystemDatabases are no targets: named in the string, or as the login's
// default.
func TestSystemDatabases(t *testing.T) {
	dialect := mssql.New(guard.New())
	for _, text := range []string{
		"sqlserver://u:p@h/master", "sqlserver://u:p@h/MSDB", "sqlserver://u:p@h/tempdb%20", "sqlserver://u:p@h?database=model", "sqlserver://u:p@h/m%C3%A1ster",
	} {
		if _, err := dialect.Parse(text, localEnv()); !fault.Is(err, fault.Unprocessable) || !strings.Contains(fault.Of(err).Public, "belongs to the server itself") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, name := range []string{"master", "Tempdb"} {
		s := start(t)
		s.objects = func(string) [][]any { return [][]any{session(name)} }
		conn := open(t, s.url("reader", password, "", "?TrustServerCertificate=true"))
		if _, err := run(t, conn, "SELECT 1", database.Limit{}); !fault.Is(err, fault.Unavailable) || fault.Of(err).Public != database.ErrDatabaseNotFound {
			t.Errorf("default %s: %v", name, err)
		}
	}
}

// TestSessionIsCleanAfterAFunction: what a listed function may have left is
// reset before the session waits in the pool, not only before its next use.
func TestSessionIsCleanAfterAFunction(t *testing.T) {
	s := start(t)
	s.objects = warehouse
	rules, _ := allowing(t, opened(t, s, "reader", database.Rules{}), "dbo.f_total")
	conn := opened(t, s, "reader", rules)
	ask := func(stmt *sqlguard.Statement) int64 {
		t.Helper()
		if _, err := conn.Query(testContext(t), stmt, database.Limit{}); err != nil {
			t.Fatal(err)
		}
		return s.resets.Load()
	}
	ask(&sqlguard.Statement{SQL: "SELECT 1 AS one"})
	before := s.resets.Load()
	if plain := ask(&sqlguard.Statement{SQL: "SELECT 1 AS one"}) - before; plain != 1 {
		t.Errorf("%d resets for a plain statement, want the one before it", plain)
	}
	before = s.resets.Load()
	for name, stmt := range map[string]*sqlguard.Statement{
		"called": {SQL: "SELECT 1 AS one", Functions: []string{"dbo.f_total"}}, "behind a view": {SQL: "SELECT 1 AS one", Tables: []string{"runs"}},
	} {
		if n := ask(stmt) - before; n != 2 {
			t.Errorf("%s: %d resets, want one before and one after", name, n)
		}
		before = s.resets.Load()
	}
	_, err := conn.Query(testContext(t), &sqlguard.Statement{SQL: "SELECT FROM", Functions: []string{"dbo.f_total"}}, database.Limit{})
	if n := s.resets.Load() - before; err == nil || n != 2 {
		t.Errorf("after an error: %d resets, %v", n, errors.Unwrap(err))
	}
}
