known AS MATERIALIZED (
  -- Members of the extensions that only compute. The owner of an extension can
  -- add objects of their own to it, so that a member counts if a superuser owns
  -- it or its language is one that only superusers write.
  SELECT d.classid, d.objid
  FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
  LEFT JOIN pg_operator o ON d.classid = 'pg_operator'::regclass AND o.oid = d.objid
  LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
  LEFT JOIN pg_cast c ON d.classid = 'pg_cast'::regclass AND c.oid = d.objid
  LEFT JOIN pg_proc p ON p.oid = CASE d.classid WHEN 'pg_proc'::regclass THEN d.objid ELSE c.castfunc END
  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = ANY ($extensions)
    AND (coalesce(p.proowner, o.oprowner, t.typowner) IN (SELECT oid FROM pg_roles WHERE rolsuper)
      OR coalesce(p.proowner, o.oprowner, t.typowner) IS NULL
      OR p.prolang IN (SELECT oid FROM pg_language WHERE lanname IN ('c', 'internal')))),
