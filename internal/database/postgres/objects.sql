-- What users have defined in this database that PostgreSQL runs without a call
-- that names it, as rows of a guard's Object: kind, name, relations (a JSON
-- list), always. Objects that came with the server have OIDs below 16384;
-- those of extensions that only compute are left out.
WITH RECURSIVE
$known
path AS MATERIALIZED (
  SELECT oid FROM pg_namespace WHERE nspname = ANY (current_schemas(true))),

-- The three sorts of objects.
func AS MATERIALIZED (
  SELECT p.oid, p.proname, p.pronargs >= 1 AND p.pronargs - p.pronargdefaults <= 1 AS unary
  FROM pg_proc p
  WHERE p.oid >= 16384 AND p.prokind <> 'p' AND p.pronamespace IN (SELECT oid FROM path)
    AND has_function_privilege(p.oid, 'EXECUTE') AND p.oid <> ALL ($allowed)
    AND (p.oid, 'pg_proc'::regclass) NOT IN (SELECT objid, classid FROM known)),
op AS MATERIALIZED (
  SELECT o.oid, o.oprname, o.oprleft, o.oprright
  FROM pg_operator o
  WHERE o.oid >= 16384 AND o.oprcode <> 0 AND o.oprnamespace IN (SELECT oid FROM path)
    AND has_function_privilege(o.oprcode, 'EXECUTE') AND o.oprcode <> ALL ($allowed)
    AND (o.oid, 'pg_operator'::regclass) NOT IN (SELECT objid, classid FROM known)),
conv AS MATERIALIZED (
  SELECT c.oid, c.castsource, c.casttarget, c.castfunc, c.castcontext
  FROM pg_cast c
  WHERE c.oid >= 16384
    AND (c.oid, 'pg_cast'::regclass) NOT IN (SELECT objid, classid FROM known)),

-- The types within those types: an array's element, a domain's base.
unwrapped(oid, at) AS (
  SELECT t.oid, t.oid FROM pg_type t
  WHERE t.oid IN (SELECT oprleft FROM op UNION SELECT oprright FROM op
    UNION SELECT castsource FROM conv UNION SELECT casttarget FROM conv)
  UNION
  SELECT u.oid, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END
  FROM unwrapped u JOIN pg_type t ON t.oid = u.at
  WHERE t.typtype = 'd' OR t.typcategory = 'A' AND t.typelem <> 0),
kernel AS MATERIALIZED (
  SELECT u.oid, t.oid AS at, t.typtype, t.oid >= 16384 AND
    (t.oid, 'pg_type'::regclass) NOT IN (SELECT objid, classid FROM known) AS own
  FROM unwrapped u JOIN pg_type t ON t.oid = u.at
  WHERE NOT (t.typtype = 'd' OR t.typcategory = 'A' AND t.typelem <> 0)),

-- Domains whose CHECK runs something of a user's that is not allowed.
checked AS (
  SELECT DISTINCT k.contypid AS oid
  FROM pg_constraint k JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = k.oid
  WHERE k.contypid <> 0 AND d.refobjid >= 16384
    AND CASE d.refclassid
      WHEN 'pg_proc'::regclass THEN d.refobjid <> ALL ($allowed)
      WHEN 'pg_operator'::regclass THEN d.refobjid NOT IN (SELECT oid FROM pg_operator WHERE oprcode = ANY ($allowed)) END
    AND (d.refobjid, d.refclassid) NOT IN (SELECT objid, classid FROM known)),

-- Which types, and so which relations' rows, hold a value of a type.
part AS MATERIALIZED (
  SELECT a.atttypid AS oid, c.reltype AS whole
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  WHERE a.atttypid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped AND c.reltype <> 0
  UNION ALL SELECT typbasetype, oid FROM pg_type WHERE typtype = 'd'
  UNION ALL SELECT typelem, oid FROM pg_type WHERE typcategory = 'A' AND typelem >= 16384
  UNION ALL SELECT rngsubtype, rngtypid FROM pg_range
  -- PostgreSQL 13 has no multiranges.
  UNION ALL SELECT rngtypid, (to_jsonb(r) ->> 'rngmultitypid')::oid FROM pg_range r),
holds(type, oid) AS (
  SELECT s.oid, s.oid FROM (SELECT at AS oid FROM kernel WHERE own UNION SELECT oid FROM checked) s
  UNION
  SELECT h.type, p.whole FROM holds h JOIN part p ON p.oid = h.oid),
relation AS MATERIALIZED (
  SELECT c.oid, c.reltype, n.nspname, c.relname,
    ARRAY[n.nspname || '.' || c.relname] || CASE WHEN pg_table_is_visible(c.oid) THEN ARRAY[c.relname::text] END AS names
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_(toast|temp)'
  UNION ALL
  -- The values of an allowed function come from its call, field or operator.
  SELECT 0, u.oid, '', '', ARRAY['call ' || w.name]
  FROM pg_proc p, unnest(p.prorettype || coalesce(p.proallargtypes, p.proargtypes::oid[])) u(oid),
    LATERAL (SELECT p.proname UNION SELECT oprname FROM pg_operator WHERE oprcode = p.oid) w(name)
  WHERE p.oid = ANY ($allowed)),
held AS MATERIALIZED (
  SELECT h.type, array_agg(name) AS names
  FROM holds h JOIN relation r ON r.reltype = h.oid, unnest(r.names) name
  GROUP BY h.type),

-- Names for x.f: functions of one argument, and such domains, to which x would
-- be cast. Which relations have a column of that name is told so that the name
-- stays usable; one with a dot in its own name could be taken for another.
field AS MATERIALIZED (
  SELECT proname AS name FROM func WHERE unary
  UNION
  SELECT t.typname
  FROM checked c JOIN holds h ON h.type = c.oid JOIN pg_type t ON t.oid = h.oid
  WHERE t.typtype <> 'c' AND t.typnamespace IN (SELECT oid FROM path)),
columns AS (
  SELECT a.attname, array_agg(name) AS names
  FROM pg_attribute a JOIN relation r ON r.oid = a.attrelid, unnest(r.names) name
  WHERE a.attname IN (SELECT name FROM field) AND a.attnum > 0 AND NOT a.attisdropped
    AND position('.' IN r.nspname || r.relname) = 0
  GROUP BY a.attname),

-- An operator on nothing but users' own types, beside a built-in one of its
-- name, needs a value of such a type: the built-in one wins over literals. Any
-- other may be what the server picks for operands of any origin. Composite
-- types count as those others, because every anonymous row becomes one.
operator AS (
  SELECT o.oid, o.oprname,
    bool_or(k.own IS NOT TRUE OR k.typtype = 'c' OR EXISTS (
      SELECT FROM conv c JOIN kernel t ON t.oid = c.casttarget
      WHERE c.castcontext = 'i' AND t.at = k.at))
    OR NOT EXISTS (
      SELECT FROM pg_operator b
      WHERE b.oid < 16384 AND b.oprname = o.oprname AND (b.oprleft = 0) = (o.oprleft = 0)) AS always
  FROM op o JOIN pg_type t ON t.oid IN (o.oprleft, o.oprright) LEFT JOIN kernel k ON k.oid = t.oid
  GROUP BY o.oid, o.oprname, o.oprleft),

-- A cast needs a value of the user's own type among its two. One between types
-- that are nobody's own is a superuser's doing: where it is asked for it is
-- told, where it is implicit no statement could do without it.
conversion AS (
  SELECT f.proname, t.typname, c.castcontext, c.casttarget = 'json'::regtype AS for_json,
    CASE WHEN source.own THEN source.at WHEN target.own AND c.castcontext <> 'e' THEN target.at END AS subject
  FROM conv c JOIN pg_proc f ON f.oid = c.castfunc
  JOIN kernel source ON source.oid = c.castsource
  JOIN kernel target ON target.oid = c.casttarget JOIN pg_type t ON t.oid = target.at
  WHERE has_function_privilege(f.oid, 'EXECUTE') AND f.oid <> ALL ($allowed))

SELECT 'field', f.name, array_to_json(c.names), false
FROM field f LEFT JOIN columns c ON c.attname = f.name
UNION ALL
SELECT 'function', proname, NULL, true
FROM func WHERE proname = ANY ($functions)
UNION ALL
SELECT 'operator', o.oprname, array_to_json(h.names), o.always
FROM operator o JOIN op USING (oid)
LEFT JOIN kernel k ON k.oid IN (op.oprleft, op.oprright) LEFT JOIN held h ON h.type = k.at
UNION ALL
SELECT 'type', c.typname, array_to_json(h.names), c.subject IS NULL
FROM conversion c LEFT JOIN held h ON h.type = c.subject
WHERE c.subject IS NOT NULL OR c.castcontext = 'e'
UNION ALL
SELECT 'type', t.typname, NULL, true
FROM pg_type t
WHERE t.oid >= 16384 AND t.typname = ANY ($types) AND pg_type_is_visible(t.oid)
  AND (t.oid, 'pg_type'::regclass) NOT IN (SELECT objid, classid FROM known)
UNION ALL
SELECT 'cast', c.proname, array_to_json(h.names), false
FROM conversion c JOIN held h ON h.type = c.subject
WHERE c.castcontext <> 'e' OR c.for_json
