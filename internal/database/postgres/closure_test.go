package postgres_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
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
			"CREATE FUNCTION steady(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN leak($1); END $$; CREATE INDEX ON item ((id + steady(1)))",
			"SELECT id FROM item", "item", "it runs $schema.steady(integer), which an administrator can allow for this connection",
		},
		"in a partial index, over constants": {
			"CREATE FUNCTION steady(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN leak($1); END $$; CREATE INDEX ON item (id) WHERE id > steady(1)",
			"SELECT id FROM item WHERE id > 3", "item", "it runs $schema.steady(integer), which an administrator can allow for this connection",
		},
		"in the check of a child, over constants": {
			"CREATE FUNCTION steady(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN leak($1); END $$; CREATE TABLE pen (CHECK (id > steady(1))) INHERITS (item)",
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
		"array of it":             {dom + "CREATE TABLE dt2 (id int, a dom[]); INSERT INTO dt2 VALUES (1, '{x}');", "SELECT 1 FROM dt2 WHERE a = '{x}'", "dt2", checks},
		"coalesce":                {dt, "SELECT coalesce(dt, '(2,x)') FROM dt WHERE id > 1 UNION ALL SELECT coalesce(NULL, dt, '(2,x)') FROM dt", "dt", checks},
		"CASE":                    {dt, "SELECT CASE WHEN id = 1 THEN dt ELSE '(1,x)' END FROM dt", "dt", checks},
		"UNION ALL":               {dt, "SELECT dt FROM dt UNION ALL SELECT '(1,x)'", "dt", checks},
		"VALUES":                  {dt, "VALUES ((SELECT dt FROM dt)), ('(1,x)')", "dt", checks},
		"ARRAY":                   {dt, "SELECT ARRAY[dt, '(1,x)'] FROM dt", "dt", checks},
		"greatest":                {dt, "SELECT greatest(dt, '(1,x)') FROM dt", "dt", checks},
		"IN":                      {dt, "SELECT 1 FROM dt WHERE dt IN ('(1,x)', '(2,y)')", "dt", checks},
		"json_populate_record":    {dt, `SELECT json_populate_record(dt, '{"d":"y"}') FROM dt`, "dt", checks},
		"lag":                     {dt, "SELECT lag(dt, 1, '(9,z)') OVER () FROM dt", "dt", checks},
		"domain over a domain":    {dom + "CREATE DOMAIN outer_dom AS dom; CREATE TABLE t (id int, d outer_dom); INSERT INTO t VALUES (1, 'x')", "SELECT coalesce(t, '(1,x)') FROM t WHERE false UNION ALL SELECT '(1,x)'", "t", checks},
		"domain over an array":    {dom + "CREATE DOMAIN list AS dom[]; CREATE TABLE t (id int, d list); INSERT INTO t VALUES (1, '{x}')", "SELECT t FROM t UNION ALL SELECT '(1,{y})'", "t", checks},
		"member of a composite":   {dom + "CREATE TYPE pair AS (a int, b dom); CREATE TABLE t (p pair); INSERT INTO t VALUES ('(1,x)')", "SELECT p FROM t UNION ALL SELECT '(2,y)'", "t", checks},
		"array of a composite":    {dom + "CREATE TYPE pair AS (a int, b dom); CREATE TABLE t (p pair[]); INSERT INTO t VALUES (ARRAY['(1,x)'::pair])", "SELECT p FROM t UNION ALL SELECT '{}' UNION ALL SELECT '{\"(2,y)\"}'", "t", checks},
		"range over it":           {domInt + "CREATE TYPE span AS RANGE (subtype = dom); CREATE TABLE t (s span); INSERT INTO t VALUES ('[1,2)')", "SELECT s FROM t UNION ALL SELECT '[3,4)'", "t", checkInt},
		"typed table":             {dom + "CREATE TYPE pair AS (a int, b dom); CREATE TABLE t OF pair; INSERT INTO t VALUES (1, 'x')", "SELECT t FROM t UNION ALL SELECT '(2,y)'", "t", checks},
		"partition key":           {domInt + "CREATE TABLE t (d dom) PARTITION BY LIST (d); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); INSERT INTO t VALUES (1)", "SELECT t FROM t UNION ALL SELECT '(1)'", "t", checkInt},
		"row of another table":    {dt + "CREATE TABLE t (r dt); INSERT INTO t VALUES ('(1,x)')", "SELECT r FROM t UNION ALL SELECT '(2,y)'", "t", checks},
		"made by a view":          {dom + "CREATE VIEW v AS SELECT name::dom::text AS x FROM item", "SELECT * FROM v", "v", checks},
		"column of a view":        {dt + "CREATE VIEW v AS SELECT d FROM dt", "SELECT v FROM v UNION ALL SELECT '(y)'", "v", checks},
		"column of a matview":     {dt + "CREATE MATERIALIZED VIEW v AS SELECT d FROM dt", "SELECT v FROM v UNION ALL SELECT '(y)'", "v", checks},
		"operator in the check":   {"CREATE FUNCTION op(int, int) RETURNS bool LANGUAGE sql AS 'SELECT leak($1) > 0'; CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = op); CREATE DOMAIN dom AS int CHECK (VALUE ### 1); CREATE TABLE t (d dom); INSERT INTO t VALUES (1)", "SELECT t FROM t UNION ALL SELECT '(2)'", "t", "it runs $schema.op(integer, integer), which an administrator can allow for this connection"},
		"built-in in the check":   {"CREATE DOMAIN dom AS int CHECK (pg_try_advisory_lock(VALUE)); CREATE TABLE t (d dom); INSERT INTO t VALUES (1)", "SELECT t FROM t UNION ALL SELECT '(2)'", "t", "it runs pg_try_advisory_lock"},
		"domain in another's one": {domInt + "CREATE DOMAIN other AS int CHECK (VALUE::dom > 0); CREATE TABLE t (d other); INSERT INTO t VALUES (1)", "SELECT t FROM t UNION ALL SELECT '(2)'", "t", checkInt},
	}
}

// TestRelationsRunNothingUnasked proves of each hole that it is one on the
// server alone, and that it is closed.
func TestRelationsRunNothingUnasked(t *testing.T) {
	s := start(t)
	for kind, holes := range map[string]map[string]storedHole{"stored": viewHoles(), "domain": domainHoles()} {
		for name, hole := range holes {
			t.Run(kind+" "+name, func(t *testing.T) { s.checkHole(t, hole) })
		}
	}
}

func (s *server) checkHole(t *testing.T, hole storedHole) {
	schema := s.schema(t, reaching+"CREATE FUNCTION step(int, int) RETURNS int LANGUAGE sql AS 'SELECT leak(1)'; "+strings.ReplaceAll(hole.setup, "$reader", s.reader))
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
	for _, variable := range []string{"MCPGW_TEST_POSTGRES", "MCPGW_TEST_POSTGRES13", "MCPGW_TEST_POSTGRES18"} {
		if variable != "MCPGW_TEST_POSTGRES" && os.Getenv(variable) == "" {
			continue
		}
		t.Run(variable, func(t *testing.T) { superuserViews(t, startOn(t, variable)) })
	}
}

func superuserViews(t *testing.T, s *server) {
	mustExec(t, s.admin, `CREATE EXTENSION dblink; CREATE EXTENSION file_fdw; CREATE EXTENSION tsm_system_rows; CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pg_trgm;
		CREATE TABLE item (id int, name text);
		CREATE FUNCTION export_report() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'; RETURN 1; END $$;
		CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
		CREATE FOREIGN TABLE output (line text) SERVER files OPTIONS (program 'echo ran');
		CREATE TABLE parted (id int) PARTITION BY RANGE (id);
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
		mustExec(t, s.admin, "CREATE OR REPLACE FUNCTION pg_temp.x() RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP VIEW IF EXISTS report; CREATE VIEW report AS "+query+"; GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC")
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
