-- Lists the functions that could be allowed, with what an administrator sees:
-- signature, result, volatility, language, source, hash. Procedures and what
-- only a trigger runs cannot be called in a statement. Of extensions that only
-- compute, what may be called anyway needs no permission.
SELECT $signature, pg_get_function_result(p.oid),
  CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END, l.lanname,
  coalesce(CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END, p.prosrc), $hash
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE p.oid >= 16384 AND p.prokind <> 'p'
  AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
  AND NOT (p.proname = ANY ($functions) AND EXISTS (
    SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      AND d.refclassid = 'pg_extension'::regclass AND e.extname = ANY ($extensions)))
