-- Lists what PostgreSQL runs when it reads a relation of this database, as a graph:
-- kind, id, ref, info. Kinds whose ref is an edge are "x y": x with this id
-- runs or holds y with that ref. Objects that came with the server have OIDs
-- below 16384; of their functions only those appear that a statement could not
-- call. Members of extensions that only compute do not appear either. What is
-- written in stored trees is told as text and read by the caller.
WITH
$known
-- Compiled functions of any extension are fine as what a type itself needs:
-- only a superuser makes them.
part_of_type AS MATERIALIZED (
  SELECT d.objid AS oid
  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_language l ON l.oid = p.prolang
  WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    AND l.lanname IN ('c', 'internal')),

-- Functions of users and of other extensions, and those that a list names.
own AS MATERIALIZED (
  SELECT p.oid, p.proname, n.nspname, $signature AS signature,
    p.pronamespace = ANY (path.oids) AS visible, p.oid IN (SELECT objid FROM known WHERE classid = 'pg_proc'::regclass)
      AND NOT p.proname = ANY ($notation) AS known
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
    (SELECT array_agg(oid) AS oids FROM pg_namespace WHERE nspname = ANY (current_schemas(true))) path
  WHERE p.oid >= 16384 AND p.prokind <> 'p'),
listed AS MATERIALIZED (
  SELECT oid, proname, signature FROM own WHERE signature = ANY ($signatures)),

-- Functions of a user's that an operator class brings.
class AS MATERIALIZED (
  SELECT c.oid, c.opcfamily, c.opcintype, c.opcdefault, f.oid AS function
  FROM pg_opclass c JOIN (
    SELECT amprocfamily AS family, amproc::oid AS oid FROM pg_amproc
    UNION
    SELECT m.amopfamily, o.oprcode FROM pg_amop m JOIN pg_operator o ON o.oid = m.amopopr) f ON f.family = c.opcfamily
  WHERE f.oid >= 16384 AND f.oid NOT IN (SELECT oid FROM part_of_type)),
type_runs AS MATERIALIZED (
  SELECT t.oid AS type, f.oid
  FROM pg_type t, unnest(ARRAY[t.typinput::oid, t.typoutput, t.typreceive, t.typsend]) f(oid)
  WHERE f.oid >= 16384
  UNION
  SELECT r.rngtypid, f.oid FROM pg_range r, unnest(ARRAY[r.rngcanonical::oid, r.rngsubdiff]) f(oid) WHERE f.oid >= 16384
  UNION
  SELECT r.rngtypid, c.function FROM pg_range r JOIN class c ON c.oid = r.rngsubopc
  UNION
  SELECT opcintype, function FROM class WHERE opcdefault
  UNION
  SELECT t.oid, c.castfunc
  FROM pg_cast c JOIN pg_type t ON t.oid IN (c.castsource, c.casttarget) AND t.oid >= 16384
  WHERE c.castfunc <> 0 AND (c.castcontext <> 'e' OR c.casttarget = 'json'::regtype)),
remarkable AS MATERIALIZED (
  SELECT DISTINCT type AS oid FROM type_runs WHERE type < 16384)

-- The schema that is searched first, but for temporary objects.
SELECT 'path', 0::oid, 0::oid, (SELECT s FROM unnest(pg_catalog.current_schemas(true)) s WHERE s !~ '^pg_temp' LIMIT 1)::text
-- Relations, with the type of their rows.
UNION ALL
SELECT 'relation', c.oid, c.reltype, json_build_object('schema', n.nspname, 'name', c.relname,
  'visible', pg_table_is_visible(c.oid))::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND (c.oid >= 16384 AND n.nspname !~ '^pg_(toast|temp)'
  OR n.nspname = 'information_schema' AND c.relname = ANY ($information_schema))
UNION ALL
SELECT 'denied', c.oid, 0, json_build_object('schema', n.nspname, 'name', c.relname,
  'visible', pg_table_is_visible(c.oid))::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid < 16384
  AND NOT (n.nspname = 'pg_catalog' AND c.relname = ANY ($relations))
  AND NOT (n.nspname = 'information_schema' AND c.relname = ANY ($information_schema))
UNION ALL
SELECT 'relation child', inhparent, inhrelid, NULL FROM pg_inherits
UNION ALL
SELECT 'relation function', f.ftrelid, w.fdwhandler, NULL
FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
UNION ALL
SELECT 'relation function', i.indrelid, c.function, NULL
FROM pg_index i, unnest(i.indclass) u(oid) JOIN class c ON c.oid = u.oid
UNION ALL
SELECT 'relation function', p.partrelid, c.function, NULL
FROM pg_partitioned_table p, unnest(p.partclass) u(oid) JOIN class c ON c.oid = u.oid

-- The stored trees. A materialised view is read like a table.
UNION ALL
SELECT 'relation tree', r.ev_class, 0, r.ev_action::text
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
WHERE r.ev_type = '1' AND c.relkind = 'v' AND c.oid >= 16384
UNION ALL
SELECT 'relation tree', p.polrelid, 0, p.polqual::text
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relrowsecurity AND p.polcmd IN ('r', '*') AND p.polqual IS NOT NULL
UNION ALL
SELECT 'relation tree', d.adrelid, 0, d.adbin::text
FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE a.attgenerated = 'v'
UNION ALL -- The condition of an index is evaluated when its rows are checked again.
SELECT 'relation tree', indrelid, 0, indpred::text FROM pg_index WHERE indrelid >= 16384 AND indpred IS NOT NULL
UNION ALL
SELECT 'type tree', contypid, 0, conbin::text FROM pg_constraint WHERE contypid >= 16384 AND contype = 'c'
-- Planning evaluates what is constant in these.
UNION ALL
SELECT 'relation constants', indrelid, 0, indexprs::text FROM pg_index WHERE indrelid >= 16384 AND indexprs IS NOT NULL
UNION ALL
SELECT 'relation constants', conrelid, 0, conbin::text FROM pg_constraint WHERE conrelid >= 16384 AND contype = 'c'
UNION ALL
SELECT 'relation constants', partrelid, 0, partexprs::text FROM pg_partitioned_table WHERE partexprs IS NOT NULL
UNION ALL -- PostgreSQL 13 has no statistics on expressions.
SELECT 'relation constants', s.stxrelid, 0, to_jsonb(s) ->> 'stxexprs'
FROM pg_statistic_ext s WHERE to_jsonb(s) ->> 'stxexprs' IS NOT NULL

-- Types: the members of rows, the base of a domain, the elements of an array
-- and of a range.
UNION ALL
SELECT 'type type', c.reltype, a.atttypid, NULL
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE (a.atttypid >= 16384 OR a.atttypid IN (SELECT oid FROM remarkable))
  AND a.attnum > 0 AND NOT a.attisdropped AND c.reltype <> 0
UNION ALL
SELECT 'type type', t.oid, u.oid, NULL
FROM pg_type t, unnest(ARRAY[t.typbasetype, t.typelem]) u(oid)
WHERE t.oid >= 16384 AND (u.oid >= 16384 OR u.oid IN (SELECT oid FROM remarkable))
UNION ALL
SELECT 'type type', rngtypid, rngsubtype, NULL FROM pg_range WHERE rngtypid >= 16384
UNION ALL -- PostgreSQL 13 has no multiranges.
SELECT 'type type', (to_jsonb(r) ->> 'rngmultitypid')::oid, rngtypid, NULL
FROM pg_range r WHERE rngtypid >= 16384 AND to_jsonb(r) ? 'rngmultitypid'
UNION ALL
SELECT 'type function', type, oid, NULL FROM type_runs WHERE oid NOT IN (SELECT oid FROM part_of_type)

UNION ALL
SELECT 'operator function', oid, oprcode, NULL FROM pg_operator WHERE oid >= 16384 AND oprcode <> 0
UNION ALL
SELECT 'operator function', m.amopopr, c.function, NULL FROM pg_amop m JOIN class c ON c.opcfamily = m.amopfamily

UNION ALL
SELECT 'function', o.oid, 0, json_build_object('schema', o.nspname, 'name', o.proname, 'signature', o.signature,
  'visible', o.visible, 'known', o.known, 'hash', CASE WHEN l.oid IS NOT NULL THEN $hash END,
  'args', p.pronargs, 'defaults', p.pronargdefaults, 'variadic', p.provariadic <> 0)::text
FROM own o JOIN pg_proc p ON p.oid = o.oid LEFT JOIN listed l ON l.oid = o.oid
WHERE NOT o.known OR l.oid IS NOT NULL
-- A listed function's values touch their types, and a call of one argument
-- can be a cast to a type of its name.
UNION ALL
SELECT 'function type', l.oid, u.oid, NULL
FROM listed l JOIN pg_proc p ON p.oid = l.oid, unnest(p.proargtypes::oid[] || p.proallargtypes || p.prorettype) u(oid)
WHERE u.oid >= 16384
UNION ALL
SELECT 'function type', l.oid, t.oid, NULL FROM listed l JOIN pg_type t ON t.typname = l.proname
UNION ALL
SELECT 'built-in', p.oid, 0, json_build_object('name', p.proname)::text
FROM pg_proc p LEFT JOIN unnest($functions::name[]) f(name) ON f.name = p.proname
WHERE p.oid < 16384 AND f.name IS NULL
  AND NOT EXISTS (SELECT FROM pg_cast c WHERE c.castfunc = p.oid AND c.oid < 16384)
  AND NOT EXISTS (SELECT FROM pg_operator o WHERE o.oprcode = p.oid AND o.oid < 16384)
