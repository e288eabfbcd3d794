package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// TestRelationsRunNothingUnasked proves of each hole that it is one on the
// server alone, and that it is closed.
func TestRelationsRunNothingUnasked(t *testing.T) {
	for _, variable := range servers() {
		s := startOn(t, variable)
		for kind, holes := range map[string]map[string]storedHole{"stored": viewHoles(), "domain": domainHoles()} {
			for name, hole := range holes {
				t.Run(variable+" "+kind+" "+name, func(t *testing.T) { s.checkHole(t, hole) })
			}
		}
	}
}

func (s *server) checkHole(t *testing.T, hole storedHole) {
	schema := s.schema(t, reaching+"CREATE FUNCTION step(int, int) RETURNS int LANGUAGE sql AS 'SELECT leak(1)'; "+strings.ReplaceAll(hole.setup, "$reader", s.reader))
	t.Cleanup(func() { mustExec(t, s.admin, "SELECT pg_advisory_unlock_all(); RESET ROLE") })
	mustExec(t, s.admin, "SELECT pg_advisory_unlock_all(); GRANT SELECT ON ALL TABLES IN SCHEMA "+schema+" TO PUBLIC; SET ROLE "+s.reader)
	stmt := accept(t, hole.sql)
	readOnly(t, s.admin, stmt.SQL)
	if s.advisoryLocks(t) == "0" {
		t.Error("runs nothing: the case proves nothing")
	}
	mustExec(t, s.admin, "SELECT pg_advisory_unlock_all(); RESET ROLE")
	conn := s.open(t, s.readerConn+"&search_path="+schema)
	want := "Relation not allowed: " + schema + "." + hole.relation + ": " + strings.ReplaceAll(hole.reason, "$schema", schema)
	if _, err := conn.Query(testContext(t), stmt, database.Limit{}); !fault.Is(err, fault.Invalid) || fault.Of(err).Public != want {
		t.Errorf("refused with %v, want %q", err, want)
	}
	if _, err := conn.Relations(testContext(t), stmt); !fault.Is(err, fault.Invalid) || fault.Of(err).Public != want {
		t.Errorf("asked for relations: %v, want %q", err, want)
	}
	if n := s.advisoryLocks(t); n != "0" {
		t.Errorf("%s locks are left", n)
	}
}

// TestRelationsOfASuperuser: views that would reach files, programs, settings
// or other servers with their owner's rights, on each server at hand.
func TestRelationsOfASuperuser(t *testing.T) {
	for _, variable := range servers() {
		t.Run(variable, func(t *testing.T) { superuserViews(t, startOn(t, variable)) })
	}
}

// servers are the variables of the versions that the catalogue is read on.
func servers() []string { return []string{"MCPGW_TEST_POSTGRES", "MCPGW_TEST_POSTGRES18"} }

func superuserViews(t *testing.T, s *server) {
	mustExec(t, s.admin, `CREATE EXTENSION dblink; CREATE EXTENSION file_fdw; CREATE EXTENSION tsm_system_rows; CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pg_trgm;
		CREATE TABLE item (id int, name text);
		CREATE FUNCTION export_report() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'; RETURN 1; END $$;
		CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
		CREATE FOREIGN TABLE output (line text) SERVER files OPTIONS (program 'echo ran');
		CREATE TABLE parent (line text); CREATE FOREIGN TABLE child () INHERITS (parent) SERVER files OPTIONS (program 'echo ran');`)
	for query, reason := range map[string]string{
		"SELECT export_report()":                                     "it runs public.export_report(), which an administrator can allow for this connection",
		"SELECT pg_sleep(1)::text":                                   "it runs pg_sleep",
		"SELECT pg_read_file('PG_VERSION')":                          "it runs pg_read_file",
		"SELECT lo_export(1, '/tmp/x')":                              "it runs lo_export",
		"SELECT set_config('a.b', 'c', false)":                       "it runs set_config",
		"SELECT query_to_xml('SELECT 1', true, true, '')":            "it runs query_to_xml",
		"SELECT pg_terminate_backend(1)":                             "it runs pg_terminate_backend",
		"SELECT dblink_exec('dbname=x', 'DELETE')":                   "it runs public.dblink_exec(text, text), which an administrator can allow for this connection",
		"SELECT a FROM dblink('dbname=x', 'x') t(a int)":             "it runs public.dblink(text, text), which an administrator can allow for this connection",
		"SELECT set_limit(0.1)":                                      "it runs public.set_limit(real), which an administrator can allow for this connection",
		"SELECT id FROM item TABLESAMPLE system_rows(1)":             "it runs public.system_rows(internal), which an administrator can allow for this connection",
		"SELECT * FROM output":                                       "it runs public.file_fdw_handler(), which an administrator can allow for this connection",
		"SELECT * FROM parent":                                       "it runs public.file_fdw_handler(), which an administrator can allow for this connection",
		"SELECT rolpassword FROM pg_authid":                          "it reads pg_catalog.pg_authid",
		"SELECT query FROM pg_stat_activity":                         "it reads pg_catalog.pg_stat_activity",
		"SELECT prosrc FROM pg_proc":                                 "it reads pg_catalog.pg_proc",
		"SELECT passwd FROM pg_shadow":                               "it reads pg_catalog.pg_shadow",
		"SELECT * FROM information_schema.user_mapping_options":      "it reads information_schema.user_mapping_options",
		"SELECT routine_definition FROM information_schema.routines": "it reads information_schema.routines",
		"SELECT userid FROM pg_stat_statements":                      "it runs public.pg_stat_statements(boolean), which an administrator can allow for this connection",
	} {
		mustExec(t, s.admin, "DROP VIEW IF EXISTS report; CREATE VIEW report AS "+query+"; GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC")
		_, err := s.open(t, s.readerConn).Query(testContext(t), accept(t, "SELECT * FROM report"), database.Limit{})
		if want := "Relation not allowed: public.report: " + reason; !fault.Is(err, fault.Invalid) || fault.Of(err).Public != want {
			t.Errorf("%s: %v, want %q", query, err, want)
		}
	}
	for _, relation := range []string{"output", "parent", "child"} {
		_, err := s.open(t, s.readerConn).Query(testContext(t), accept(t, "SELECT * FROM "+relation), database.Limit{})
		want := fmt.Sprintf("Relation not allowed: public.%s: it runs public.file_fdw_handler(), which an administrator can allow for this connection", relation)
		if !fault.Is(err, fault.Invalid) || fault.Of(err).Public != want {
			t.Errorf("%s: %v, want %q", relation, err, want)
		}
	}
}

// TestJSONInViews: SQL/JSON has trees of its own.
func TestJSONInViews(t *testing.T) {
	s := startOn(t, "MCPGW_TEST_POSTGRES18")
	for name, hole := range jsonHoles() {
		t.Run(name, func(t *testing.T) { s.checkHole(t, hole) })
	}
}

// TestVirtualColumns are computed when they are read, from PostgreSQL 18 on,
// which lets only built-in functions into them.
func TestVirtualColumns(t *testing.T) {
	s := startOn(t, "MCPGW_TEST_POSTGRES18")
	mustExec(t, s.admin, `CREATE TABLE t (a int, b int GENERATED ALWAYS AS (pg_encoding_max_length(a)) VIRTUAL);
		CREATE TABLE u (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL, c int GENERATED ALWAYS AS (pg_encoding_max_length(a)) STORED);
		GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC`)
	conn := s.open(t, s.readerConn)
	if _, err := conn.Query(testContext(t), accept(t, "SELECT * FROM u"), database.Limit{}); err != nil {
		t.Error(err)
	}
	const want = "Relation not allowed: public.t: it runs pg_encoding_max_length"
	if _, err := conn.Query(testContext(t), accept(t, "SELECT a FROM t"), database.Limit{}); err == nil || fault.Of(err).Public != want {
		t.Errorf("%v, want %q", err, want)
	}
}

// TestCorpusAsViews: whatever a statement may do, a view may.
func TestCorpusAsViews(t *testing.T) {
	for _, variable := range servers() {
		s := startOn(t, variable)
		mustExec(t, s.admin, corpus(t, "fixture.sql"))
		var views []string
		for i, sql := range sqlguardtest.Split(corpus(t, "accept.sql")) {
			name := fmt.Sprintf("corpus_%d", i)
			// Some are no queries, or have two columns of one name.
			if _, err := s.admin.Exec(t.Context(), "CREATE VIEW "+name+" AS "+sql).ReadAll(); err == nil {
				views = append(views, name)
			}
		}
		mustExec(t, s.admin, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC")
		conn := s.open(t, s.readerConn)
		for _, view := range views {
			if _, err := conn.Relations(testContext(t), accept(t, "SELECT * FROM "+view)); err != nil {
				t.Errorf("%v of %s", err, mustExec(t, s.admin, "SELECT pg_get_viewdef('"+view+"'::regclass)"))
			}
		}
		if len(views) < 100 {
			t.Errorf("%s: the corpus makes %d views only", variable, len(views))
		}
	}
}

// TestHarmlessRelations are what databases are full of.
func TestHarmlessRelations(t *testing.T) {
	for _, variable := range servers() {
		s := startOn(t, variable)
		mustExec(t, s.admin, `CREATE EXTENSION pg_trgm; CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION unaccent;
			CREATE FUNCTION f_fold(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN lower($1); END $$;
			CREATE FUNCTION f_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
			CREATE TYPE mood AS ENUM ('sad', 'glad');
			CREATE DOMAIN email AS citext CHECK (VALUE ~ '^.+@.+$' AND length(VALUE) < 200); CREATE DOMAIN qty AS int CHECK (VALUE > 0);
			CREATE TABLE tenant_rows (id serial PRIMARY KEY, tenant int, mail email, n qty DEFAULT 1, felt mood, name text CHECK (f_fold(name) = name), tags hstore,
				total int GENERATED ALWAYS AS (tenant * 2) STORED, made timestamptz DEFAULT clock_timestamp());
			CREATE INDEX ON tenant_rows (f_fold(name)); CREATE INDEX ON tenant_rows USING gin (name gin_trgm_ops); CREATE INDEX ON tenant_rows (mail);
			CREATE TRIGGER t BEFORE INSERT ON tenant_rows FOR EACH ROW EXECUTE FUNCTION f_trigger();
			ALTER TABLE tenant_rows ENABLE ROW LEVEL SECURITY;
			CREATE POLICY tenant ON tenant_rows USING (tenant = coalesce(current_setting('app.tenant', true), '0')::int OR pg_has_role(current_user, 'pg_monitor', 'MEMBER'));
			CREATE POLICY writing ON tenant_rows FOR INSERT WITH CHECK (f_fold(name) = 'x');
			CREATE TABLE off (id int); CREATE POLICY unused ON off USING (f_fold('x') = 'x');
			CREATE VIEW similar_rows AS SELECT a.id, similarity(a.name, b.name) AS s, a.tags -> 'k' AS k FROM tenant_rows a JOIN tenant_rows b ON a.name % b.name AND a.mail = b.mail;
			CREATE VIEW ranked AS SELECT *, rank() OVER (PARTITION BY felt ORDER BY n) AS r FROM tenant_rows;
			CREATE MATERIALIZED VIEW folded AS SELECT f_fold(name) AS name FROM tenant_rows;
			GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC`)
		conn := s.open(t, s.readerConn)
		for _, sql := range []string{
			"SELECT * FROM tenant_rows", "SELECT * FROM off", "SELECT * FROM similar_rows", "SELECT * FROM ranked ORDER BY felt, mail", "SELECT * FROM folded",
			"SELECT * FROM pg_catalog.pg_class LIMIT 1", "SELECT table_name FROM information_schema.tables", "SELECT 1",
		} {
			if _, err := conn.Query(testContext(t), accept(t, sql), database.Limit{}); err != nil {
				t.Errorf("%s: %s: %v", variable, sql, err)
			}
		}
	}
}

// TestRelations tells full names at any depth.
func TestRelations(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, `CREATE SCHEMA sales; GRANT USAGE ON SCHEMA sales TO PUBLIC; CREATE SCHEMA other; CREATE TABLE sales.orders (id int, day date) PARTITION BY RANGE (day);
		CREATE TABLE sales.orders_2026 PARTITION OF sales.orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
		CREATE TABLE other.orders (id int); CREATE TABLE public.people (id int); CREATE TABLE public."odd.Name" (id int);
		CREATE VIEW public.a AS SELECT o.id FROM sales.orders o JOIN public.people USING (id); CREATE VIEW public.b AS WITH w AS (SELECT * FROM a) SELECT (SELECT max(id) FROM w);
		CREATE SEQUENCE public.counter; CREATE MATERIALIZED VIEW public.m AS SELECT id FROM people;
		ALTER TABLE people ENABLE ROW LEVEL SECURITY; CREATE TABLE public.rights (id int); CREATE POLICY p ON people USING (EXISTS (SELECT FROM rights r WHERE r.id = people.id));`)
	conn := s.open(t, s.readerConn+"&search_path=sales,public")
	for sql, want := range map[string]string{
		"SELECT 1":             "",
		"SELECT * FROM orders": "sales.orders",
		"SELECT * FROM other.orders, orders_2026":        "other.orders sales.orders_2026",
		"SELECT * FROM people":                           "public.people public.rights",
		"SELECT * FROM a":                                "public.a public.people public.rights sales.orders",
		"SELECT * FROM b, a":                             "public.a public.b public.people public.rights sales.orders",
		"SELECT * FROM m":                                "public.m",
		"SELECT last_value FROM counter":                 "public.counter",
		`SELECT * FROM "odd.Name"`:                       "public.odd.Name",
		"SELECT * FROM pg_class, nothing":                "nothing pg_class",
		"SELECT * FROM information_schema.tables":        "information_schema.tables",
		"WITH people AS (SELECT 1) SELECT * FROM people": "",
	} {
		got, err := conn.Relations(testContext(t), accept(t, sql))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v, want %q", sql, got, err, want)
		}
	}
}

// TestNamesAreJudgedAsResolved: the login's own search path puts system
// schemas where the connection string may not.
func TestNamesAreJudgedAsResolved(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, "CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw; CREATE USER MAPPING FOR "+s.reader+" SERVER far OPTIONS (password 'x')")
	set := func(path string) database.Conn {
		mustExec(t, s.admin, "ALTER ROLE "+s.reader+" SET search_path = "+path)
		return s.open(t, s.readerConn)
	}
	conn := set("information_schema, public")
	for sql, want := range map[string]string{
		"SELECT * FROM user_mapping_options":               "Forbidden operation in SQL AST: RangeVar user_mapping_options",
		"SELECT routine_definition FROM routines":          "Forbidden operation in SQL AST: RangeVar routines",
		"SELECT * FROM foreign_server_options":             "Forbidden operation in SQL AST: RangeVar foreign_server_options",
		"SELECT * FROM _pg_user_mappings":                  "Forbidden operation in SQL AST: RangeVar _pg_user_mappings",
		"SELECT table_name FROM tables":                    "",
		"SELECT table_name FROM information_schema.tables": "",
	} {
		_, err := conn.Query(testContext(t), accept(t, sql), database.Limit{})
		if err == nil && want != "" || err != nil && fault.Of(err).Public != want {
			t.Errorf("%s: %v, want %q", sql, err, want)
		}
	}
	if got, err := conn.Relations(testContext(t), accept(t, "SELECT table_name FROM tables, pg_class")); err != nil || strings.Join(got, " ") != "information_schema.tables pg_class" {
		t.Errorf("%q, %v", got, err)
	}
	_, err := set("public, pg_catalog").Query(testContext(t), accept(t, "SELECT 1 + 1"), database.Limit{})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Of(err).Public, "search_path") {
		t.Errorf("with pg_catalog last: %v", err)
	}
}

// TestRelationsAreReadAgain: a view that is younger than the catalogue does
// not run unjudged.
func TestRelationsAreReadAgain(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, "CREATE TABLE item (id int); GRANT SELECT ON item TO PUBLIC")
	conn := s.open(t, s.readerConn)
	if _, err := conn.Query(testContext(t), accept(t, "SELECT * FROM item"), database.Limit{}); err != nil {
		t.Fatal(err)
	}
	mustExec(t, s.admin, "CREATE VIEW late AS SELECT pg_try_advisory_lock(42); GRANT SELECT ON late TO PUBLIC")
	const want = "Relation not allowed: public.late: it runs pg_try_advisory_lock"
	if _, err := conn.Query(testContext(t), accept(t, "SELECT * FROM late"), database.Limit{}); err == nil || fault.Of(err).Public != want {
		t.Errorf("%v, want %q", err, want)
	}
}

// TestMembersOfExtensions: the owner of an extension that only computes can
// add a function of their own to it, which stays their own.
func TestMembersOfExtensions(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, `GRANT CREATE ON DATABASE `+s.db+` TO `+s.owner+`; SET ROLE `+s.owner+`; CREATE EXTENSION pg_trgm;
		CREATE TABLE item (id int); CREATE FUNCTION f_mine(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN 1; END $$;
		CREATE OPERATOR ### (RIGHTARG = int, FUNCTION = f_mine);
		ALTER EXTENSION pg_trgm ADD FUNCTION f_mine(int); ALTER EXTENSION pg_trgm ADD OPERATOR ### (NONE, int);
		CREATE VIEW v AS SELECT f_mine(1); CREATE VIEW alike AS SELECT similarity('a', 'b');
		GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC; RESET ROLE`)
	conn := s.open(t, s.readerConn)
	for sql, want := range map[string]string{
		"SELECT * FROM v":                  "Relation not allowed: public.v: it runs public.f_mine(integer), which an administrator can allow for this connection",
		"SELECT (i.id).f_mine FROM item i": "Function not allowed: f_mine",
		"SELECT ### 1":                     "Function not allowed: ###",
		"SELECT * FROM alike":              "",
	} {
		_, err := conn.Query(testContext(t), accept(t, sql), database.Limit{})
		if err == nil && want != "" || err != nil && fault.Of(err).Public != want {
			t.Errorf("%s: %v, want %q", sql, err, want)
		}
	}
}
