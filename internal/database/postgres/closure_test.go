package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// storedHole is a relation that runs something when it is read. Reason is
// what the refusal tells; where it holds locks, reading it on a server alone
// leaves one behind.
type storedHole struct{ setup, sql, relation, reason string }

const (
	leaks    = "it runs $schema.leak(integer), which an administrator can allow for this connection"
	checks   = "it runs $schema.chk(text), which an administrator can allow for this connection"
	checkInt = "it runs $schema.chk(integer), which an administrator can allow for this connection"
)

// viewHoles run through a view, a policy or what a relation's rows need.
func viewHoles() map[string]storedHole {
	view := func(query, reason string) storedHole {
		return storedHole{"CREATE VIEW v AS " + query, "SELECT * FROM v", "v", reason}
	}
	const lock = "it runs pg_advisory_lock"
	const policy = "ALTER TABLE item ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON item USING "
	return map[string]storedHole{
		"view over a lock":      view("SELECT pg_advisory_lock(42)::text AS x", lock),
		"view over a function":  view("SELECT leak(id) FROM item", leaks),
		"three views deep":      {"CREATE VIEW a AS SELECT leak(id) AS x FROM item; CREATE VIEW b AS SELECT * FROM a; CREATE VIEW v AS SELECT x FROM b", "SELECT * FROM v", "v", leaks},
		"security barrier view": {"CREATE VIEW v WITH (security_barrier) AS SELECT id FROM item WHERE leak(id) > 0", "SELECT * FROM v", "v", leaks},
		"in a WITH query":       view("WITH w AS (SELECT leak(id) AS x FROM item) SELECT x FROM w", leaks),
		"in a sublink":          view("SELECT (SELECT leak(id)) FROM item", leaks),
		"in EXISTS":             view("SELECT 1 FROM item WHERE EXISTS (SELECT FROM item i WHERE leak(i.id) > 0)", leaks),
		"in a lateral join":     view("SELECT q.x FROM item, LATERAL (SELECT leak(id) AS x OFFSET 0) q", leaks),
		"in FROM":               view("SELECT x FROM leak(1) x", leaks),
		"in a union":            view("SELECT 1 UNION ALL SELECT leak(2)", leaks),
		"in VALUES":             view("VALUES (leak(1))", leaks),
		"in ORDER BY":           view("SELECT id FROM item ORDER BY leak(id)", leaks),
		"in GROUP BY":           view("SELECT count(*) FROM item GROUP BY leak(id)", leaks),
		"in HAVING":             view("SELECT count(*) FROM item HAVING leak(1) > 0", leaks),
		"in LIMIT":              view("SELECT id FROM item LIMIT leak(1)", leaks),
		"in FILTER":             view("SELECT count(*) FILTER (WHERE leak(id) > 0) FROM item", leaks),
		"in a window":           view("SELECT sum(id) OVER (ORDER BY leak(id)) FROM item", leaks),
		"in CASE":               view("SELECT CASE WHEN leak(id) > 0 THEN 1 END FROM item", leaks),
		"in XML":                view("SELECT xmlelement(name a, leak(id)) FROM item", leaks),
		"in an operator": {
			"CREATE FUNCTION op(int, int) RETURNS int LANGUAGE sql AS 'SELECT leak($1)'; CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = op); CREATE VIEW v AS SELECT id ### 1 AS x FROM item",
			"SELECT * FROM v", "v", "it runs $schema.op(integer, integer), which an administrator can allow for this connection",
		},
		"in an operator with ANY": {
			"CREATE FUNCTION op(int, int) RETURNS bool LANGUAGE sql AS 'SELECT leak($1) > 0'; CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = op); CREATE VIEW v AS SELECT id ### ANY (ARRAY[1, 2]) AS x FROM item",
			"SELECT * FROM v", "v", "it runs $schema.op(integer, integer), which an administrator can allow for this connection",
		},
		"in an aggregate": {
			"CREATE AGGREGATE total(int) (SFUNC = step, STYPE = int); CREATE VIEW v AS SELECT total(id) FROM item",
			"SELECT * FROM v", "v", "it runs $schema.total(integer), which an administrator can allow for this connection",
		},
		"as a window function": {
			"CREATE AGGREGATE total(int) (SFUNC = step, STYPE = int); CREATE VIEW v AS SELECT total(id) OVER () FROM item",
			"SELECT * FROM v", "v", "it runs $schema.total(integer), which an administrator can allow for this connection",
		},
		"in a cast": {
			"CREATE TYPE mood AS ENUM ('sad'); CREATE FUNCTION turn(mood) RETURNS int LANGUAGE sql AS 'SELECT leak(1)'; CREATE CAST (mood AS int) WITH FUNCTION turn(mood); CREATE VIEW v AS SELECT 'sad'::mood::int AS x",
			"SELECT * FROM v", "v", "it runs $schema.turn($schema.mood), which an administrator can allow for this connection",
		},
		"in a JSON cast": {
			"CREATE TYPE mood AS ENUM ('sad'); CREATE FUNCTION turn(mood) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM leak(1); RETURN '1'; END $$; CREATE CAST (mood AS json) WITH FUNCTION turn(mood); CREATE VIEW v AS SELECT to_json('sad'::mood) AS x",
			"SELECT * FROM v", "v", "it runs $schema.turn($schema.mood), which an administrator can allow for this connection",
		},
		"by the order of a class": {
			orderClass + "CREATE TABLE t (n mood); INSERT INTO t VALUES ('sad'), ('glad'); CREATE VIEW v AS SELECT n FROM t ORDER BY n USING <<<", "SELECT * FROM v", "v",
			"it runs $schema.compare($schema.mood, $schema.mood), which an administrator can allow for this connection",
		},
		"by the order of rows": {
			orderClass + "CREATE TABLE t (n mood); INSERT INTO t VALUES ('sad'), ('glad')", "SELECT DISTINCT n FROM t", "t",
			"it runs $schema.compare($schema.mood, $schema.mood), which an administrator can allow for this connection",
		},
		"in a policy":               {policy + "(leak(id) > 0)", "SELECT id FROM item", "item", leaks},
		"in a policy for reading":   {"ALTER TABLE item ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON item FOR SELECT USING (leak(id) > 0)", "SELECT id FROM item", "item", leaks},
		"in a policy behind a view": {policy + "(leak(id) > 0); CREATE VIEW v AS SELECT id FROM item; ALTER VIEW v OWNER TO $reader", "SELECT id FROM v", "v", leaks},
		"in a policy's subquery": {
			"CREATE VIEW rights AS SELECT leak(1) AS x; GRANT SELECT ON rights TO PUBLIC;" + policy + "(EXISTS (SELECT FROM rights WHERE x > 0))", "SELECT id FROM item", "item", leaks,
		},
		"in the policy of a built-in": {policy + "(pg_try_advisory_lock(42))", "SELECT id FROM item", "item", "it runs pg_try_advisory_lock"},
		"in an index, over constants": {
			"CREATE FUNCTION steady(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN $1; END $$; CREATE INDEX ON item ((id + steady(1)))",
			"SELECT id FROM item", "item", "it runs $schema.steady(integer), which an administrator can allow for this connection",
		},
		"in a partial index, over constants": {
			"CREATE FUNCTION steady(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN $1; END $$; CREATE INDEX ON item (id) WHERE id > steady(1)",
			"SELECT id FROM item WHERE id > 3", "item", "it runs $schema.steady(integer), which an administrator can allow for this connection",
		},
		"in a partial index, when rows are checked again": {
			"CREATE FUNCTION steady(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN true; END $$; CREATE TABLE t (id int, a int[]); INSERT INTO t SELECT i, ARRAY[i] FROM generate_series(1, 20000) i; CREATE INDEX ON t USING gin (a) WHERE steady(id) OR id > 1; ANALYZE t",
			"SELECT id FROM t WHERE a <@ ARRAY[77] AND id > 5", "t", "it runs $schema.steady(integer), which an administrator can allow for this connection",
		},
		"in the check of a child, over constants": {
			"CREATE FUNCTION steady(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN $1; END $$; CREATE TABLE pen (CHECK (id > steady(1))) INHERITS (item)",
			"SELECT id FROM item WHERE id > 3", "item", "it runs $schema.steady(integer), which an administrator can allow for this connection",
		},
	}
}

// orderClass is an operator class of a user's.
const orderClass = `CREATE TYPE mood AS ENUM ('sad', 'glad');
	CREATE FUNCTION compare(mood, mood) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM leak(1); RETURN 1; END $$;
	CREATE FUNCTION less(mood, mood) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT false';
	CREATE OPERATOR <<< (LEFTARG = mood, RIGHTARG = mood, FUNCTION = less); CREATE OPERATOR === (LEFTARG = mood, RIGHTARG = mood, FUNCTION = less);
	CREATE OPERATOR CLASS by_mood DEFAULT FOR TYPE mood USING btree AS OPERATOR 1 <<<, OPERATOR 3 ===, FUNCTION 1 compare(mood, mood);`

// domainHoles run the CHECK of a domain without naming it.
func domainHoles() map[string]storedHole {
	const dom = `CREATE FUNCTION chk(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM leak(1); RETURN true; END $$; CREATE DOMAIN dom AS text CHECK (chk(VALUE));`
	const domInt = `CREATE FUNCTION chk(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM leak(1); RETURN true; END $$; CREATE DOMAIN dom AS int CHECK (chk(VALUE));`
	const dt = dom + "CREATE TABLE dt (id int, d dom); INSERT INTO dt VALUES (1, 'x');"
	return map[string]storedHole{
		"array of it":                  {dom + "CREATE TABLE dt2 (id int, a dom[]); INSERT INTO dt2 VALUES (1, '{x}');", "SELECT 1 FROM dt2 WHERE a = '{x}'", "dt2", checks},
		"coalesce":                     {dt, "SELECT coalesce(dt, '(2,x)') FROM dt WHERE id > 1 UNION ALL SELECT coalesce(NULL, dt, '(2,x)') FROM dt", "dt", checks},
		"CASE":                         {dt, "SELECT CASE WHEN id = 1 THEN dt ELSE '(1,x)' END FROM dt", "dt", checks},
		"UNION ALL":                    {dt, "SELECT dt FROM dt UNION ALL SELECT '(1,x)'", "dt", checks},
		"VALUES":                       {dt, "VALUES ((SELECT dt FROM dt)), ('(1,x)')", "dt", checks},
		"ARRAY":                        {dt, "SELECT ARRAY[dt, '(1,x)'] FROM dt", "dt", checks},
		"greatest":                     {dt, "SELECT greatest(dt, '(1,x)') FROM dt", "dt", checks},
		"IN":                           {dt, "SELECT 1 FROM dt WHERE dt IN ('(1,x)', '(2,y)')", "dt", checks},
		"json_populate_record":         {dt, `SELECT json_populate_record(dt, '{"d":"y"}') FROM dt`, "dt", checks},
		"lag":                          {dt, "SELECT lag(dt, 1, '(9,z)') OVER () FROM dt", "dt", checks},
		"domain over a domain":         {dom + "CREATE DOMAIN outer_dom AS dom; CREATE TABLE t (id int, d outer_dom); INSERT INTO t VALUES (1, 'x')", "SELECT coalesce(t, '(1,x)') FROM t WHERE false UNION ALL SELECT '(1,x)'", "t", checks},
		"domain over an array":         {dom + "CREATE DOMAIN list AS dom[]; CREATE TABLE t (id int, d list); INSERT INTO t VALUES (1, '{x}')", "SELECT t FROM t UNION ALL SELECT '(1,{y})'", "t", checks},
		"member of a composite":        {dom + "CREATE TYPE pair AS (a int, b dom); CREATE TABLE t (p pair); INSERT INTO t VALUES ('(1,x)')", "SELECT p FROM t UNION ALL SELECT '(2,y)'", "t", checks},
		"array of a composite":         {dom + "CREATE TYPE pair AS (a int, b dom); CREATE TABLE t (p pair[]); INSERT INTO t VALUES (ARRAY['(1,x)'::pair])", "SELECT p FROM t UNION ALL SELECT '{}' UNION ALL SELECT '{\"(2,y)\"}'", "t", checks},
		"range over it":                {domInt + "CREATE TYPE span AS RANGE (subtype = dom); CREATE TABLE t (s span); INSERT INTO t VALUES ('[1,2)')", "SELECT s FROM t UNION ALL SELECT '[3,4)'", "t", checkInt},
		"typed table":                  {dom + "CREATE TYPE pair AS (a int, b dom); CREATE TABLE t OF pair; INSERT INTO t VALUES (1, 'x')", "SELECT t FROM t UNION ALL SELECT '(2,y)'", "t", checks},
		"partition key":                {domInt + "CREATE TABLE t (d dom) PARTITION BY LIST (d); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); INSERT INTO t VALUES (1)", "SELECT t FROM t UNION ALL SELECT '(1)'", "t", checkInt},
		"row of another table":         {dt + "CREATE TABLE t (r dt); INSERT INTO t VALUES ('(1,x)')", "SELECT r FROM t UNION ALL SELECT '(2,y)'", "t", checks},
		"made by a view":               {dom + "CREATE VIEW v AS SELECT name::dom::text AS x FROM item", "SELECT * FROM v", "v", checks},
		"column of a view":             {dt + "CREATE VIEW v AS SELECT d FROM dt", "SELECT v FROM v UNION ALL SELECT '(y)'", "v", checks},
		"column of a matview":          {dt + "CREATE MATERIALIZED VIEW v AS SELECT d FROM dt", "SELECT v FROM v UNION ALL SELECT '(y)'", "v", checks},
		"operator in the check":        {"CREATE FUNCTION op(int, int) RETURNS bool LANGUAGE sql AS 'SELECT leak($1) > 0'; CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = op); CREATE DOMAIN dom AS int CHECK (VALUE ### 1); CREATE TABLE t (d dom); INSERT INTO t VALUES (1)", "SELECT t FROM t UNION ALL SELECT '(2)'", "t", "it runs $schema.op(integer, integer), which an administrator can allow for this connection"},
		"built-in in the check":        {"CREATE DOMAIN dom AS int CHECK (pg_try_advisory_lock(VALUE)); CREATE TABLE t (d dom); INSERT INTO t VALUES (1)", "SELECT t FROM t UNION ALL SELECT '(2)'", "t", "it runs pg_try_advisory_lock"},
		"column of XMLTABLE in a view": {dom + "CREATE VIEW v AS SELECT x.d::text FROM xmltable('/a' PASSING xmlparse(document '<a><b>1</b></a>') COLUMNS d dom PATH 'b') x", "SELECT * FROM v", "v", checks},
		"in a record of a view":        {dom + "CREATE VIEW v AS SELECT x.d::text FROM json_to_record('{\"d\":\"x\"}') AS x(d dom)", "SELECT * FROM v", "v", checks},
		"domain in another's one":      {domInt + "CREATE DOMAIN other AS int CHECK (VALUE::dom > 0); CREATE TABLE t (d other); INSERT INTO t VALUES (1)", "SELECT t FROM t UNION ALL SELECT '(2)'", "t", checkInt},
	}
}

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
