package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
)

// functionShop has functions of every sort, one view, policy and domain that
// use them, and what must stay refused beside them.
const functionShop = `
	CREATE TABLE item (id int, name text); INSERT INTO item VALUES (1, 'pen'), (2, 'ink');
	CREATE FUNCTION f_upper(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper($1)';
	CREATE FUNCTION f_orders(n int) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE AS 'SELECT g, ''order '' || g FROM generate_series(1, n) g';
	CREATE FUNCTION f_step(int, int) RETURNS int LANGUAGE sql AS 'SELECT coalesce($1, 0) + $2';
	CREATE AGGREGATE f_total(int) (SFUNC = f_step, STYPE = int);
	CREATE FUNCTION f_more(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT a + b';
	CREATE FUNCTION f_list(VARIADIC int[]) RETURNS int LANGUAGE sql AS 'SELECT cardinality($1)';
	CREATE FUNCTION "F Odd"(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
	CREATE FUNCTION f_label(item) RETURNS text LANGUAGE sql AS 'SELECT $1.name';
	CREATE FUNCTION f_near(int, int) RETURNS bool LANGUAGE sql AS 'SELECT abs($1 - $2) < 2'; CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = f_near);
	CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE diary (felt mood); INSERT INTO diary VALUES ('sad');
	CREATE FUNCTION f_degree(mood) RETURNS int LANGUAGE sql AS 'SELECT 7'; CREATE CAST (mood AS int) WITH FUNCTION f_degree(mood) AS IMPLICIT;
	CREATE FUNCTION f_ok(text) RETURNS bool LANGUAGE sql AS 'SELECT $1 <> '''''; CREATE DOMAIN word AS text CHECK (f_ok(VALUE)); CREATE TABLE words (w word); INSERT INTO words VALUES ('a');
	CREATE VIEW upper_items AS SELECT f_upper(name) AS name FROM item;
	CREATE TABLE own_rows (id int); INSERT INTO own_rows VALUES (1); ALTER TABLE own_rows ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON own_rows USING (f_near(id, 1));
	CREATE FUNCTION f_two(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f_two(text) RETURNS int LANGUAGE sql AS 'SELECT 2'; CREATE FUNCTION f_two(int, int) RETURNS int LANGUAGE sql AS 'SELECT 3';
	CREATE FUNCTION f_bad(text) RETURNS bool LANGUAGE sql AS 'SELECT true'; CREATE DOMAIN bad AS text CHECK (f_bad(VALUE));
	CREATE FUNCTION f_takes(bad) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f_gives() RETURNS bad LANGUAGE sql AS 'SELECT ''x''::bad';
	CREATE DOMAIN f_shadow AS text CHECK (f_bad(VALUE)); CREATE FUNCTION f_shadow(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
	CREATE SCHEMA hidden; GRANT USAGE ON SCHEMA hidden TO PUBLIC; CREATE FUNCTION hidden.f_upper(text) RETURNS text LANGUAGE sql AS 'SELECT 1::text'; CREATE FUNCTION hidden.f_only() RETURNS int LANGUAGE sql AS 'SELECT 1';
	CREATE FUNCTION pg_sleep(double precision) RETURNS int LANGUAGE sql AS 'SELECT 1';
	CREATE PROCEDURE f_proc() LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
	GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;`

// listed are the functions of the shop that the tests allow.
func listed() []string {
	return []string{
		"public.f_upper(text)", "public.f_orders(integer)", "public.f_total(integer)", "public.f_more(integer, integer)",
		"public.f_list(integer[])", `public."F Odd"(text)`, "public.f_label(public.item)", "public.f_near(integer, integer)",
		"public.f_degree(public.mood)", "public.f_ok(text)", "public.f_two(integer)", "public.f_two(integer, integer)",
		"public.f_takes(public.bad)", "public.f_gives()", "public.f_shadow(integer)", "hidden.f_only()", "public.pg_sleep(double precision)",
	}
}

// rules allows functions with the hashes that they have now.
func (s *server) rules(t testing.TB, signatures []string) database.Rules {
	t.Helper()
	all, err := s.open(t, s.readerConn).Functions(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	var rules database.Rules
	for _, f := range all {
		if slices.Contains(signatures, f.Signature) {
			rules.AllowedFunctions = append(rules.AllowedFunctions, database.AllowedFunction{Signature: f.Signature, Hash: f.Hash})
		}
	}
	if len(rules.AllowedFunctions) != len(signatures) {
		t.Fatalf("of %q there are %v", signatures, rules.AllowedFunctions)
	}
	return rules
}

// openWith is open with an administrator's rules.
func (s *server) openWith(t testing.TB, connString string, rules database.Rules) database.Conn {
	t.Helper()
	env := localEnv()
	env.Rules = rules
	target, err := dialect().Parse(connString, env)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dialect().Open(target, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// guardOf is the guard of a connection with these rules.
func guardOf(rules database.Rules) sqlguard.Guard {
	var names []string
	for _, f := range rules.AllowedFunctions {
		name, _, _ := strings.Cut(f.Signature, "(")
		names = append(names, name)
	}
	return guard.New().Allowing(names)
}

// run judges and runs sql, and returns the rows or the refusal.
func run(t testing.TB, conn database.Conn, g sqlguard.Guard, sql string) string {
	t.Helper()
	stmt, err := g.Check(sql)
	if err == nil {
		var rows interface{ AppendRows([]byte) []byte }
		if rows, err = conn.Query(testContext(t), stmt, database.Limit{}); err == nil {
			return string(rows.AppendRows(nil))
		}
	}
	return fault.Of(err).Public
}

func TestAllowedFunctions(t *testing.T) {
	const ask = ". An administrator can allow it for this connection."
	for _, variable := range servers() {
		s := startOn(t, variable)
		mustExec(t, s.admin, functionShop)
		rules := s.rules(t, listed())
		conn, g := s.openWith(t, s.readerConn, rules), guardOf(rules)
		for sql, want := range map[string]string{
			"SELECT f_upper(name) AS v FROM item WHERE id = 1":                   `[{"v":"PEN"}]`,
			"SELECT public.f_upper('a') AS v":                                    `[{"v":"A"}]`,
			"SELECT * FROM f_orders(1)":                                          `[{"id":1,"name":"order 1"}]`,
			"SELECT q.name FROM item i, LATERAL f_orders(i.id) q WHERE i.id = 1": `[{"name":"order 1"}]`,
			"SELECT f_total(id) AS v FROM item":                                  `[{"v":3}]`,
			"SELECT f_total(id) OVER (ORDER BY id) AS v FROM item":               `[{"v":1},{"v":3}]`,
			"SELECT f_more(1) + f_more(1, 2) + f_more(b => 5, a => 1) AS v":      `[{"v":11}]`,
			"SELECT f_list(1, 2, 3) + f_list(VARIADIC ARRAY[1]) AS v":            `[{"v":4}]`,
			`SELECT "F Odd"('x') AS v`:                                           `[{"v":"x"}]`,
			"SELECT i.f_label AS v FROM item i WHERE id = 1":                     `[{"v":"pen"}]`,
			"SELECT id AS v FROM item WHERE id ### 0":                            `[{"v":1}]`,
			"SELECT felt::int + felt AS v FROM diary":                            `[{"v":14}]`,
			"SELECT w AS v FROM words UNION SELECT 'a'":                          `[{"v":"a"}]`,
			"SELECT name FROM upper_items ORDER BY name":                         `[{"name":"INK"},{"name":"PEN"}]`,
			"SELECT id FROM own_rows":                                            `[{"id":1}]`,
			"SELECT hidden.f_only() AS v":                                        `[{"v":1}]`,
			"SELECT f_two(1, 2) AS v":                                            `[{"v":3}]`,
			"SELECT upper('a') AS v":                                             `[{"v":"A"}]`,
			"SELECT f_two(1)":                                                    "Function not allowed: public.f_two(text)" + ask,
			"SELECT hidden.f_upper('a')":                                         "Function not allowed: hidden.f_upper" + ask,
			"SELECT f_only()":                                                    "Function not allowed: f_only: no allowed function of this name takes 0 arguments",
			"SELECT f_upper('a', 'b')":                                           "Function not allowed: f_upper: no allowed function of this name takes 2 arguments",
			"SELECT f_takes('x')":                                                "Function not allowed: public.f_takes(public.bad): it runs public.f_bad(text), which an administrator can allow for this connection",
			"SELECT f_gives()":                                                   "Function not allowed: public.f_gives(): it runs public.f_bad(text), which an administrator can allow for this connection",
			"SELECT f_shadow('x')":                                               "Function not allowed: public.f_shadow(integer): it runs public.f_bad(text), which an administrator can allow for this connection",
			"SELECT pg_sleep(0)":                                                 "Function not allowed: pg_sleep",
			"SELECT pg_catalog.pg_sleep(0)":                                      "Function not allowed: pg_sleep",
			"SELECT f_step(1, 2)":                                                "Function not allowed: f_step" + ask,
			"SELECT f_bad('x')":                                                  "Function not allowed: f_bad" + ask,
			"SELECT (SELECT f_orders(1) FROM f_bad('x'))":                        "Function not allowed: f_bad" + ask,
		} {
			if got := run(t, conn, g, sql); got != want {
				t.Errorf("%s: %s: %s, want %s", variable, sql, got, want)
			}
		}
	}
}

// TestAllowedFunctionsBringTypes: a listed function's values can meet operators
// and casts of users' own that are not listed, without any relation.
func TestAllowedFunctionsBringTypes(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, `CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE item (id int);
		CREATE FUNCTION f_mood() RETURNS mood LANGUAGE sql AS $$ SELECT 'sad'::mood $$; CREATE FUNCTION f_moods(OUT a int, OUT b mood[]) RETURNS SETOF record LANGUAGE sql AS $$ SELECT 1, ARRAY['sad'::mood] $$;
		CREATE FUNCTION f_near(int, int) RETURNS mood LANGUAGE sql AS $$ SELECT 'sad'::mood $$; CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = f_near);
		CREATE FUNCTION f_of(item) RETURNS mood LANGUAGE sql AS $$ SELECT 'sad'::mood $$; CREATE FUNCTION f_plain(int) RETURNS int LANGUAGE sql AS $$ SELECT $1 $$;
		CREATE FUNCTION same(mood, mood) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN true; END $$; CREATE OPERATOR = (LEFTARG = mood, RIGHTARG = mood, FUNCTION = same);
		CREATE FUNCTION f_degree(mood) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN 1; END $$; CREATE CAST (mood AS int) WITH FUNCTION f_degree(mood);
		GRANT SELECT ON item TO PUBLIC`)
	rules := s.rules(t, []string{"public.f_mood()", "public.f_moods()", "public.f_near(integer, integer)", "public.f_of(public.item)", "public.f_plain(integer)"})
	conn, g := s.openWith(t, s.readerConn, rules), guardOf(rules)
	for sql, want := range map[string]string{
		"SELECT 1 AS v WHERE f_mood() = 'sad'":           "Function not allowed: =",
		"SELECT CASE f_mood() WHEN 'sad' THEN 1 END":     "Function not allowed: =",
		"SELECT f_mood()::int":                           "Function not allowed: int4",
		"SELECT 1 FROM f_moods() m WHERE m.b[1] = 'sad'": "Function not allowed: =",
		"SELECT 1 AS v WHERE (1 ### 2) = 'sad'":          "Function not allowed: =",
		"SELECT 1 FROM item i WHERE i.f_of = 'sad'":      "Function not allowed: =",
		"SELECT f_mood() AS v":                           `[{"v":"sad"}]`,
		"SELECT f_plain(1) AS v WHERE 1 = f_plain(1)":    `[{"v":1}]`,
		"SELECT 1::int AS v WHERE 'a' = 'a'":             `[{"v":1}]`,
	} {
		if got := run(t, conn, g, sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	if n := s.advisoryLocks(t); n != "0" {
		t.Errorf("%s locks are left", n)
	}
}

// TestAllowedFunctionsAreTheOnesSeen: a function that is edited after it was
// listed, or listed with another's hash, is refused.
func TestAllowedFunctionsAreTheOnesSeen(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, functionShop)
	rules := s.rules(t, []string{"public.f_upper(text)", "public.f_total(integer)"})
	conn, g := s.openWith(t, s.readerConn, rules), guardOf(rules)
	const refused = "Function not allowed: public.f_upper(text). An administrator can allow it for this connection."
	for _, change := range []struct{ sql, upper, total string }{
		{"SELECT 1", `[{"v":"A"}]`, `[{"v":3}]`},
		{"CREATE OR REPLACE FUNCTION f_step(int, int) RETURNS int LANGUAGE sql AS 'SELECT 5'", `[{"v":"A"}]`, "Function not allowed: public.f_total(integer). An administrator can allow it for this connection."},
		{"ALTER FUNCTION f_upper VOLATILE", refused, ""},
		{"ALTER FUNCTION f_upper STABLE", `[{"v":"A"}]`, ""},
		{"ALTER FUNCTION f_upper SECURITY DEFINER", refused, ""},
		{"ALTER FUNCTION f_upper SECURITY INVOKER; ALTER FUNCTION f_upper SET work_mem = '1MB'", refused, ""},
		{"ALTER FUNCTION f_upper RESET ALL; ALTER FUNCTION f_upper OWNER TO " + s.owner, refused, ""},
		{"ALTER FUNCTION f_upper OWNER TO CURRENT_USER; CREATE OR REPLACE FUNCTION f_upper(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT lower($1)'", refused, ""},
		{"CREATE OR REPLACE FUNCTION f_upper(text) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN upper($1); END $$", refused, ""},
		{"CREATE OR REPLACE FUNCTION f_upper(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper($1)'", `[{"v":"A"}]`, ""},
		{"CREATE FUNCTION f_upper(bytea) RETURNS text LANGUAGE sql AS 'SELECT 1::text'", "Function not allowed: public.f_upper(bytea). An administrator can allow it for this connection.", ""},
		{"DROP FUNCTION f_upper(bytea); DROP VIEW upper_items; DROP FUNCTION f_upper(text)", "Function not allowed: f_upper: no allowed function of this name takes 1 arguments", ""},
	} {
		mustExec(t, s.admin, change.sql)
		if _, err := conn.Schema(testContext(t)); err != nil { // reads again
			t.Fatal(err)
		}
		if got := run(t, conn, g, "SELECT f_upper('a') AS v"); got != change.upper {
			t.Errorf("%s: %s, want %s", change.sql, got, change.upper)
		}
		if got := run(t, conn, g, "SELECT f_total(id) AS v FROM item"); change.total != "" && got != change.total {
			t.Errorf("%s: %s, want %s", change.sql, got, change.total)
		}
	}
	forged := database.Rules{AllowedFunctions: []database.AllowedFunction{{Signature: "public.f_step(integer, integer)"}, {Signature: `x'; \ y`, Hash: "'"}}}
	if got := run(t, s.openWith(t, s.readerConn, forged), guardOf(forged), "SELECT f_step(1, 1)"); !strings.HasPrefix(got, "Function not allowed: public.f_step(integer, integer). ") {
		t.Errorf("without a hash: %s", got)
	}
}

// TestAllowedWrapper: listing a foreign-data wrapper's handler opens its tables.
func TestAllowedWrapper(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, `CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
		CREATE FOREIGN TABLE output (line text) SERVER files OPTIONS (program 'echo ran'); GRANT SELECT ON output TO PUBLIC`)
	rules := s.rules(t, []string{"public.file_fdw_handler()"})
	if got := run(t, s.openWith(t, s.readerConn, rules), guardOf(rules), "SELECT line FROM output"); got != `[{"line":"ran"}]` {
		t.Error(got)
	}
}

// TestFunctions are what an administrator is shown.
func TestFunctions(t *testing.T) {
	for _, variable := range servers() {
		s := startOn(t, variable)
		mustExec(t, s.admin, functionShop+"CREATE EXTENSION pg_trgm; CREATE EXTENSION dblink;")
		all, err := s.open(t, s.readerConn+"&search_path=hidden").Functions(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		shown := make(map[string]database.Function)
		for _, f := range all {
			if len(f.Hash) != 32 || f.Source == "" || f.Language == "" {
				t.Errorf("%+v", f)
			}
			f.Hash = ""
			shown[f.Signature] = f
		}
		if !slices.IsSortedFunc(all, func(a, b database.Function) int { return strings.Compare(a.Signature, b.Signature) }) || len(shown) != len(all) {
			t.Error("not sorted, or a signature twice")
		}
		for _, signature := range append(listed(), "public.dblink_exec(text, text)", "public.set_limit(real)", "hidden.f_upper(text)") {
			if _, ok := shown[signature]; !ok {
				t.Errorf("%s: %s is missing", variable, signature)
			}
		}
		for _, signature := range []string{"public.f_proc()", "public.f_trigger()", "public.similarity(text, text)", "pg_catalog.upper(text)"} {
			if _, ok := shown[signature]; ok {
				t.Errorf("%s: %s is shown", variable, signature)
			}
		}
		if diff := cmp.Diff(database.Function{
			Signature: "public.f_upper(text)", Returns: "text", Volatility: "stable", Language: "sql",
			Source: "CREATE OR REPLACE FUNCTION public.f_upper(text)\n RETURNS text\n LANGUAGE sql\n STABLE\nAS $function$SELECT upper($1)$function$\n",
		}, shown["public.f_upper(text)"]); diff != "" {
			t.Error(diff)
		}
	}
}
