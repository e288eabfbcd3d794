package postgres_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// reaching are functions that reach outside of their transaction: each takes
// an advisory lock, which no rollback frees.
const reaching = `
CREATE FUNCTION leak(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN $1; END $$;
CREATE TABLE item (id int, name text, price numeric); INSERT INTO item VALUES (1, 'pen', 2);
GRANT SELECT ON item TO PUBLIC;`

// holes are the ways to run a function without a call, each in a database of
// nothing but the setup. Refused is what the refusal names.
func holes() map[string]struct{ setup, sql, refused string } {
	const row = `CREATE FUNCTION label(item) RETURNS int LANGUAGE sql AS 'SELECT leak($1.id)'; `
	const mood = `CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE diary (day int, feels mood, felt mood);
		INSERT INTO diary VALUES (1, 'sad', 'glad'); GRANT SELECT ON diary TO PUBLIC; `
	operator := func(name, types string) string {
		return `CREATE FUNCTION op(` + types + `) RETURNS bool LANGUAGE sql AS 'SELECT leak(1) > 0';
			CREATE OPERATOR ` + name + ` (LEFTARG = ` + strings.Replace(types, ",", ", RIGHTARG =", 1) + `, FUNCTION = op); `
	}
	cast := func(to, context string) string {
		return mood + `CREATE FUNCTION turn(mood) RETURNS ` + to + ` LANGUAGE plpgsql AS $$ BEGIN PERFORM leak(1); RETURN '1'; END $$;
			CREATE CAST (mood AS ` + to + `) WITH FUNCTION turn(mood) ` + context + `; `
	}
	const positive = `CREATE FUNCTION ok(int) RETURNS bool LANGUAGE sql AS 'SELECT leak($1) > 0'; CREATE DOMAIN positive AS int CHECK (ok(VALUE)); `
	return map[string]struct{ setup, sql, refused string }{
		"field of a table":      {row, "SELECT item.label FROM item", "label"},
		"field of a schema's":   {row, "SELECT $schema.item.label FROM $schema.item", "label"},
		"field of an alias":     {row, "SELECT 1 FROM item i WHERE i.label > 0", "label"},
		"field of a row":        {row, "SELECT (i).label FROM item i", "label"},
		"field of a subquery":   {row, "SELECT q.label FROM (SELECT id, name, price FROM item) q", "label"},
		"field of a renamed":    {row, "SELECT q.label FROM (SELECT id, name, price FROM item) q(a, b, c)", "label"},
		"field of a WITH query": {row, "WITH q AS (SELECT * FROM item) SELECT q.label FROM q", "label"},
		"field of a join": {
			row + "CREATE TABLE shelf (label int); GRANT SELECT ON shelf TO PUBLIC;",
			"SELECT j.label FROM (item a CROSS JOIN (SELECT) b) j WHERE NOT EXISTS (SELECT FROM shelf j)", "label",
		},
		"field where another table has such a column": {
			row + "CREATE TABLE shelf (label int);", "SELECT i.label, s.label FROM item i LEFT JOIN shelf s ON true", "label",
		},
		"field where an inner scope has such a column": {
			row + "CREATE TABLE shelf (label int); GRANT SELECT ON shelf TO PUBLIC;",
			"SELECT i.label FROM item i WHERE NOT EXISTS (SELECT FROM shelf i WHERE i.label = 0)", "label",
		},
		"field of a value":      {"", "SELECT (i.id).leak FROM item i", "leak"},
		"field of a function's": {"", "SELECT n.leak FROM generate_series(5, 5) n", "leak"},
		"field of a function's without an alias": {
			"CREATE TABLE shelf (leak int); GRANT SELECT ON shelf TO PUBLIC;",
			"SELECT generate_series.leak FROM generate_series(5, 5) WHERE NOT EXISTS (SELECT FROM shelf generate_series)", "leak",
		},
		"field of what is written like a function": {
			"CREATE TABLE shelf (seen int); GRANT SELECT ON shelf TO PUBLIC; CREATE FUNCTION seen(date) RETURNS int LANGUAGE sql AS 'SELECT leak(1)';",
			`SELECT "current_date".seen FROM current_date WHERE NOT EXISTS (SELECT FROM shelf "current_date")`, "seen",
		},
		"field of a row next to a nameless query": {
			row + "CREATE TABLE shelf (label int); INSERT INTO shelf VALUES (1); GRANT SELECT ON shelf TO PUBLIC;",
			"SELECT (i).label FROM (SELECT label FROM shelf) q, item i", "label",
		},
		"field that takes any type":  {`CREATE FUNCTION every(anyelement) RETURNS int LANGUAGE sql AS 'SELECT leak(1)';`, "SELECT i.every FROM item i", "every"},
		"field that takes any row":   {`CREATE FUNCTION each(record) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN leak(1); END $$;`, "SELECT i.each FROM item i", "each"},
		"field that has defaults":    {`CREATE FUNCTION more(int, int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT leak($1)';`, "SELECT (i.id).more FROM item i", "more"},
		"field that is variadic":     {`CREATE FUNCTION list(VARIADIC int[]) RETURNS int LANGUAGE sql AS 'SELECT leak(1)';`, "SELECT (i.id).list FROM item i", "list"},
		"field that is an aggregate": {`CREATE FUNCTION step(int, int) RETURNS int LANGUAGE sql AS 'SELECT leak(1)'; CREATE AGGREGATE total(int) (SFUNC = step, STYPE = int);`, "SELECT n.total FROM generate_series(1, 2) n", "total"},
		"field of a parent":          {`CREATE TABLE pen (ink text) INHERITS (item); INSERT INTO pen VALUES (1); GRANT SELECT ON pen TO PUBLIC;` + row, "SELECT pen.label FROM pen", "label"},
		"field that is a domain":     {positive, "SELECT (i.id).positive FROM item i", "positive"},
		"field that is a domain on a domain": {
			positive + "CREATE DOMAIN small AS positive CHECK (VALUE < 9);", "SELECT n.small FROM generate_series(5, 5) n", "small",
		},
		"operator":                        {operator("###", "int, int"), "SELECT 5 ### 6", "###"},
		"operator on literals":            {operator("###", "int, int"), "SELECT '5' ### '6'", "###"},
		"operator ANY":                    {operator("###", "int, int"), "SELECT 5 ### ANY (ARRAY[6])", "###"},
		"operator of a subquery":          {operator("###", "int, int"), "SELECT 5 ### ANY (SELECT 6)", "###"},
		"operator before its operand":     {`CREATE OPERATOR ### (RIGHTARG = int, FUNCTION = leak);`, "SELECT ### 6", "###"},
		"operator on built-in types":      {operator("+", "text, text"), "SELECT name + name FROM item", "+"},
		"operator on domains":             {"CREATE DOMAIN word AS text; " + operator("-", "word, word"), "SELECT name - 'x' FROM item", "-"},
		"operator on rows":                {"CREATE TYPE pair AS (a int, b int); " + operator("+", "pair, pair"), "SELECT q + q FROM (SELECT 1, 2) q", "+"},
		"operator on own types":           {mood + operator("+", "mood, mood"), "SELECT feels + felt FROM diary", "+"},
		"= on own types":                  {mood + operator("=", "mood, mood"), "SELECT feels = felt FROM diary", "="},
		"= with a literal":                {mood + operator("=", "mood, mood"), "SELECT 1 FROM diary WHERE feels = 'sad'", "="},
		"= in IN":                         {mood + operator("=", "mood, mood"), "SELECT 1 FROM diary WHERE feels IN ('sad')", "="},
		"= in IN a subquery":              {mood + operator("=", "mood, mood"), "SELECT 1 FROM diary WHERE feels IN (SELECT felt FROM diary)", "="},
		"= in CASE":                       {mood + operator("=", "mood, mood"), "SELECT CASE feels WHEN 'sad' THEN 1 END FROM diary", "="},
		"= in NULLIF":                     {mood + operator("=", "mood, mood"), "SELECT nullif(feels, 'glad') FROM diary", "="},
		"= in IS DISTINCT FROM":           {mood + operator("=", "mood, mood"), "SELECT feels IS DISTINCT FROM 'sad' FROM diary", "="},
		"= in USING":                      {mood + operator("=", "mood, mood"), "SELECT 1 FROM diary a JOIN diary b USING (feels)", "="},
		"= in a natural join":             {mood + operator("=", "mood, mood"), "SELECT 1 FROM diary a NATURAL JOIN diary b", "="},
		"> in BETWEEN":                    {mood + operator(">=", "mood, mood"), "SELECT feels BETWEEN 'sad' AND 'glad' FROM diary", ">="},
		"> in BETWEEN SYMMETRIC":          {mood + operator("<", "mood, mood"), "SELECT feels NOT BETWEEN SYMMETRIC 'glad' AND 'sad' FROM diary", "<"},
		"~~ in LIKE":                      {mood + operator("~~", "mood, mood"), "SELECT feels LIKE felt FROM diary", "~~"},
		"operator through a view":         {mood + operator("=", "mood, mood") + "CREATE VIEW v AS SELECT feels AS f FROM diary; GRANT SELECT ON v TO PUBLIC;", "SELECT 1 FROM v WHERE f = 'sad'", "="},
		"operator on arrays of own types": {mood + operator("+", "mood[], mood[]"), "SELECT array_agg(feels) + array_agg(felt) FROM diary", "+"},
		"operator with a cast into a type": {
			mood + operator("+", "mood, mood") + "CREATE CAST (text AS mood) WITH INOUT AS IMPLICIT;", "SELECT 'sad'::text + 'glad'::text", "+",
		},
		"cast":                 {cast("int", ""), "SELECT feels::int FROM diary", "int4"},
		"cast of an array":     {cast("int", ""), "SELECT array_agg(feels)::int[] FROM diary", "int4"},
		"cast of a row":        {`CREATE FUNCTION turn(item) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM leak(1); RETURN '1'; END $$; CREATE CAST (item AS json) WITH FUNCTION turn(item);`, "SELECT i::json FROM item i", "json"},
		"cast in JSON":         {cast("json", ""), "SELECT to_json(feels) FROM diary", "turn"},
		"cast in JSON, deeply": {cast("json", ""), "SELECT json_agg(d) FROM diary d", "turn"},
		"cast for an argument": {cast("text", "AS IMPLICIT"), "SELECT lower(feels) FROM diary", "turn"},
		"cast for an operator": {cast("text", "AS IMPLICIT"), "SELECT feels LIKE 's%' FROM diary", "turn"},
		"cast for a condition": {cast("bool", "AS ASSIGNMENT"), "SELECT 1 FROM diary WHERE feels", "turn"},
		"cast for a limit":     {cast("bigint", "AS ASSIGNMENT"), "SELECT 1 LIMIT (SELECT feels FROM diary)", "turn"},
		"cast between others' types": {
			`CREATE FUNCTION turn(point) RETURNS inet LANGUAGE plpgsql AS $$ BEGIN PERFORM leak(1); RETURN '1.2.3.4'; END $$;
			CREATE CAST (point AS inet) WITH FUNCTION turn(point);`, "SELECT point(1, 2)::inet", "inet",
		},
		"a namesake of a known function": {`CREATE FUNCTION similarity(text, text) RETURNS int LANGUAGE sql AS 'SELECT leak(1)';`, "SELECT similarity('a', 'b')", "similarity"},
		"a namesake of a known type":     {positive + "CREATE DOMAIN cube AS positive;", "SELECT 5::cube", "cube"},
	}
}

// TestObjectsRunUnnamed proves of each hole that it is one, and that it is
// closed. Each has a schema of its own.
func TestObjectsRunUnnamed(t *testing.T) {
	s := start(t)
	for name, hole := range holes() {
		t.Run(name, func(t *testing.T) {
			schema := s.schema(t, reaching+hole.setup)
			stmt := accept(t, strings.ReplaceAll(hole.sql, "$schema", schema))

			readOnly(t, s.admin, stmt.SQL)
			if s.advisoryLocks(t) == "0" {
				t.Error("runs nothing: the case proves nothing")
			}
			mustExec(t, s.admin, "SELECT pg_advisory_unlock_all()")

			_, err := s.open(t, s.readerConn+"&search_path="+schema).Query(testContext(t), stmt, database.Limit{})
			if want := "Function not allowed: " + hole.refused; !fault.Is(err, fault.Invalid) || fault.Of(err).Public != want {
				t.Errorf("refused with %v, want %q", err, want)
			}
			if n := s.advisoryLocks(t); n != "0" {
				t.Errorf("%s locks are left", n)
			}
		})
	}
}

// schema makes a schema, which becomes the administrator's only one.
func (s *server) schema(t testing.TB, setup string) string {
	t.Helper()
	name := "s" + strings.ToLower(rand.Text()[:8])
	mustExec(t, s.admin, "CREATE SCHEMA "+name+"; GRANT USAGE ON SCHEMA "+name+" TO PUBLIC; SET search_path = "+name+"; "+setup)
	return name
}

// advisoryLocks counts the locks of sessions in the database. Autovacuum is none:
// it evaluates the expressions of indexes, which take locks in some tests.
func (s *server) advisoryLocks(t testing.TB) string {
	return mustExec(t, s.admin, "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory' AND datname = '"+s.db+"'"+
		" AND pid NOT IN (SELECT pid FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')")
}

// accept lets the guard judge sql on its own.
func accept(t testing.TB, sql string) *sqlguard.Statement {
	t.Helper()
	stmt, err := guard.New().Check(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return stmt
}

// readOnly runs sql as the gateway would, without asking what it may run.
func readOnly(t testing.TB, c *pgconn.PgConn, sql string) {
	t.Helper()
	mustExec(t, c, "BEGIN READ ONLY")
	defer mustExec(t, c, "ROLLBACK")
	if _, err := c.Exec(context.Background(), sql).ReadAll(); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}

// around is a schema with objects of every kind next to columns of the same
// names.
const around = reaching + `
	CREATE TABLE parcel (label text, item_id int, leak int); INSERT INTO parcel VALUES ('p', 1, 7);
	CREATE VIEW shown AS SELECT label, leak FROM parcel;
	CREATE FUNCTION label(item) RETURNS int LANGUAGE sql AS 'SELECT leak($1.id)';
	CREATE FUNCTION price(int, int) RETURNS int LANGUAGE sql AS 'SELECT leak($1)';
	CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE diary (day int, feels mood); INSERT INTO diary VALUES (1, 'sad');
	CREATE FUNCTION same(mood, mood) RETURNS bool LANGUAGE sql AS 'SELECT leak(1) > 0';
	CREATE OPERATOR = (LEFTARG = mood, RIGHTARG = mood, FUNCTION = same);
	CREATE OPERATOR + (LEFTARG = mood, RIGHTARG = mood, FUNCTION = same);
	CREATE FUNCTION degree(mood) RETURNS int LANGUAGE sql AS 'SELECT leak(1)'; CREATE CAST (mood AS int) WITH FUNCTION degree(mood);
	CREATE CAST (mood AS text) WITH INOUT;
	CREATE DOMAIN name_of AS text CHECK (VALUE <> ''); CREATE TABLE pet (name_of name_of); INSERT INTO pet VALUES ('Rex');`

// TestObjectsLeaveTheRestAlone runs what looks like the holes and is not.
func TestObjectsLeaveTheRestAlone(t *testing.T) {
	s := start(t)
	schema := s.schema(t, around)
	mustExec(t, s.admin, "GRANT SELECT ON ALL TABLES IN SCHEMA "+schema+" TO PUBLIC")
	conn := s.open(t, s.readerConn+"&search_path="+schema)
	for _, sql := range []string{
		"SELECT parcel.label, parcel.leak FROM parcel",
		"SELECT p.label FROM " + schema + ".parcel p JOIN item i ON i.id = p.item_id WHERE p.leak = 7",
		"SELECT shown.leak FROM shown",
		"SELECT i.price, i.id FROM item i",
		"SELECT label, leak FROM parcel, item",
		"SELECT q.leak FROM (SELECT * FROM parcel) q",
		"SELECT q.leak FROM (SELECT p.*, i.name FROM parcel p JOIN item i ON true) q",
		"SELECT q.leak FROM (SELECT id AS leak FROM item UNION SELECT 1) q",
		"SELECT q.leak FROM (VALUES (1)) q(leak)",
		"SELECT q.leak FROM generate_series(1, 2) q(leak)",
		"SELECT q.leak FROM json_to_record('{}') q(leak int)",
		"WITH w AS (SELECT * FROM parcel) SELECT w.label FROM w",
		"WITH w(leak) AS (SELECT id FROM item) SELECT w.leak FROM w",
		"WITH a AS (SELECT leak FROM parcel), b AS (SELECT * FROM a) SELECT b.leak FROM b",
		"WITH RECURSIVE r(leak) AS (SELECT 1 UNION ALL SELECT r.leak + 1 FROM r WHERE r.leak < 3) SELECT r.leak FROM r",
		"SELECT p.leak FROM parcel p WHERE EXISTS (SELECT FROM parcel p WHERE p.leak = 7)",
		"SELECT x.m FROM parcel p, LATERAL (SELECT p.leak AS m) x",
		"SELECT id + 1, name || 'x' FROM item WHERE id = 1 AND name IN ('pen') AND price BETWEEN 1 AND 3",
		"SELECT 'a' = 'a', id::int, name::text FROM item",
		"SELECT * FROM diary",
		"SELECT feels::text AS t, feels, count(*) FROM diary WHERE feels > 'glad' OR day > 0 GROUP BY 1, 2 ORDER BY feels",
		"SELECT pet.name_of FROM pet",
		"SELECT ('x'::text).name_of",
	} {
		if _, err := conn.Query(testContext(t), accept(t, sql), database.Limit{}); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if n := s.advisoryLocks(t); n != "0" {
		t.Errorf("%s locks are left", n)
	}
}

// TestObjectsOutOfReach: the login may not execute the function, or it is
// outside of the search path, and so PostgreSQL does not run it either.
func TestObjectsOutOfReach(t *testing.T) {
	s := start(t)
	schema := s.schema(t, reaching+`
		CREATE FUNCTION label(item) RETURNS int LANGUAGE sql AS 'SELECT leak($1.id)';
		REVOKE EXECUTE ON FUNCTION label FROM PUBLIC`)
	for connString, want := range map[string]string{
		s.readerConn + "&search_path=" + schema: "permission denied for function label",
		s.readerConn:                            "column item.label does not exist",
	} {
		_, err := s.open(t, connString).Query(testContext(t), accept(t, "SELECT item.label FROM "+schema+".item"), database.Limit{})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Of(err).Public, want) {
			t.Errorf("%v, want PostgreSQL's own %q", err, want)
		}
	}
}

// TestObjectsOfKnownExtensions uses what such extensions bring.
func TestObjectsOfKnownExtensions(t *testing.T) {
	s := start(t)
	for _, name := range []string{
		"citext", "hstore", "ltree", "cube", "earthdistance", "seg", "isn", "intarray", "pg_trgm",
		"fuzzystrmatch", "unaccent", "btree_gin", "btree_gist", "bloom", "pgcrypto", `"uuid-ossp"`,
	} {
		mustExec(t, s.admin, "CREATE EXTENSION "+name)
	}
	mustExec(t, s.admin, `CREATE TABLE thing (mail citext, tags hstore, path ltree, box cube, range seg, book isbn, ints int[]);
		INSERT INTO thing VALUES ('A@x.io', 'a=>1', 'top.sub', '(1,2)', '1..2', '0-393-04002-X', '{1,2}'); GRANT SELECT ON thing TO PUBLIC`)
	conn := s.open(t, s.readerConn)
	for sql, want := range map[string]string{
		"SELECT mail = 'a@X.IO' AS v FROM thing":                                  `[{"v":true}]`,
		"SELECT t.mail::text AS v FROM thing t WHERE 'A@X.IO'::citext IN (mail)":  `[{"v":"A@x.io"}]`,
		"SELECT tags -> 'a' AS v FROM thing WHERE tags ? 'a'":                     `[{"v":"1"}]`,
		"SELECT tags::json AS v FROM thing":                                       `[{"v":{"a":"1"}}]`,
		"SELECT path <@ 'top' AS v FROM thing":                                    `[{"v":true}]`,
		"SELECT box && '(1,2),(3,4)' AS v FROM thing":                             `[{"v":true}]`,
		"SELECT range && '2' AS v FROM thing":                                     `[{"v":true}]`,
		"SELECT thing.book = '0-393-04002-X' AS v FROM thing":                     `[{"v":true}]`,
		"SELECT ints @> ARRAY[1] AND ints && ARRAY[2] AS v FROM thing":            `[{"v":true}]`,
		"SELECT similarity('abc', 'abd') > 0.1 AND 'abc' % 'abc' AS v FROM thing": `[{"v":true}]`,
	} {
		table, err := conn.Query(testContext(t), accept(t, sql), database.Limit{})
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if got := string(table.AppendRows(nil)); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}

// TestObjectsAreReadAgain: like the schema, after a statement that names
// something unknown and when the schema is read.
func TestObjectsAreReadAgain(t *testing.T) {
	s := start(t)
	schema := s.schema(t, reaching)
	conn := s.open(t, s.readerConn+"&search_path="+schema)
	field := accept(t, "SELECT i.label FROM item i")
	query := func() string {
		_, err := conn.Query(testContext(t), field, database.Limit{})
		if err == nil {
			return ""
		}
		return fault.Of(err).Public
	}
	const refused = "Function not allowed: label"
	if got := query(); !strings.Contains(got, "does not exist") {
		t.Errorf("without the function: %q", got)
	}
	mustExec(t, s.admin, "CREATE FUNCTION label(item) RETURNS int LANGUAGE sql AS 'SELECT leak($1.id)'")
	if got := query(); got != refused {
		t.Errorf("with it: %q", got)
	}
	mustExec(t, s.admin, "DROP FUNCTION label")
	if got := query(); got != refused {
		t.Errorf("while the objects are kept: %q", got)
	}
	if _, err := conn.Schema(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if got := query(); !strings.Contains(got, "does not exist") {
		t.Errorf("after the schema was read: %q", got)
	}
}

// TestObjectsRefuseNothingOfTheCorpus runs what the guard must accept in the
// corpus's own database, which has types, functions and no objects.
func TestObjectsRefuseNothingOfTheCorpus(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, corpus(t, "fixture.sql"))
	mustExec(t, s.admin, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC")
	conn := s.open(t, s.readerConn)
	cases := sqlguardtest.Split(corpus(t, "accept.sql"))
	for _, sql := range cases {
		if _, err := conn.Query(testContext(t), accept(t, sql), database.Limit{}); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if len(cases) < 100 {
		t.Errorf("the corpus has %d statements only", len(cases))
	}
}

func corpus(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "sqlguard", "testdata", "postgres", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
