(-- Names the function p in the schema n, whatever the search path is.
quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || CASE
  WHEN 16384 > ALL (p.proargtypes::oid[]) THEN oidvectortypes(p.proargtypes)
  ELSE (
    SELECT string_agg(CASE
      WHEN t.oid < 16384 THEN format_type(t.oid, NULL)
      WHEN e.oid IS NULL THEN quote_ident(tn.nspname) || '.' || quote_ident(t.typname)
      ELSE quote_ident(tn.nspname) || '.' || quote_ident(e.typname) || '[]' END, ', ' ORDER BY u.at)
    FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(oid, at)
    JOIN pg_type t ON t.oid = u.oid JOIN pg_namespace tn ON tn.oid = t.typnamespace
    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A')
  END || ')')
