package postgres_test

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
		"in extended statistics, over constants": {
			"CREATE FUNCTION steady(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN $1; END $$; CREATE STATISTICS known ON (id + steady(1)) FROM item; ANALYZE item",
			"SELECT id FROM item WHERE id + 1 > 0 AND price > 0", "item", "it runs $schema.steady(integer), which an administrator can allow for this connection",
		},
		"in a partition key, over constants": {
			"CREATE FUNCTION steady(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN $1; END $$; CREATE TABLE parted (id int) PARTITION BY LIST ((id + steady(1))); CREATE TABLE part PARTITION OF parted DEFAULT",
			"SELECT id FROM parted WHERE id = 1", "parted", "it runs $schema.steady(integer), which an administrator can allow for this connection",
		},
		"in the check of a child's child": {
			"CREATE FUNCTION steady(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN $1; END $$; CREATE TABLE pen () INHERITS (item); CREATE TABLE quill () INHERITS (pen); ALTER TABLE quill ADD CHECK (id > steady(1))",
			"SELECT id FROM item WHERE id > 3", "item", "it runs $schema.steady(integer), which an administrator can allow for this connection",
		},
		"in the check of a child, over constants": {
			"CREATE FUNCTION steady(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_lock(42); RETURN $1; END $$; CREATE TABLE pen (CHECK (id > steady(1))) INHERITS (item)",
			"SELECT id FROM item WHERE id > 3", "item", "it runs $schema.steady(integer), which an administrator can allow for this connection",
		},
	}
}

// jsonHoles are what PostgreSQL 17 added.
func jsonHoles() map[string]storedHole {
	const dom = `CREATE FUNCTION chk(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM leak(1); RETURN true; END $$; CREATE DOMAIN dom AS text CHECK (chk(VALUE)); CREATE VIEW v AS `
	return map[string]storedHole{
		"value":   {dom + `SELECT json_value(jsonb '{"a":"x"}', '$.a' RETURNING dom)::text`, "SELECT * FROM v", "v", checks},
		"query":   {dom + `SELECT json_query(jsonb '{"a":"x"}', '$.a' RETURNING dom OMIT QUOTES)::text`, "SELECT * FROM v", "v", checks},
		"table":   {dom + `SELECT d::text FROM json_table(jsonb '[{"a":"x"}]', '$[*]' COLUMNS (d dom PATH '$.a'))`, "SELECT * FROM v", "v", checks},
		"default": {"CREATE VIEW v AS SELECT json_value(jsonb '{}', '$.a' RETURNING int DEFAULT leak(1) ON EMPTY)", "SELECT * FROM v", "v", leaks},
		"passing": {"CREATE VIEW v AS SELECT json_value(jsonb '{}', '$.a' PASSING leak(1) AS x RETURNING int)", "SELECT * FROM v", "v", leaks},
		"object":  {"CREATE VIEW v AS SELECT json_object('a': leak(1))", "SELECT * FROM v", "v", leaks},
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
