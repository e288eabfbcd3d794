-- Tells what a new connection is, before anything is set: where it ends (package
-- pgdirect), what the login could do to the server, and the login's own
-- settings of what the gateway bounds. Names and calls are qualified, because
-- the login's search path is still in force.
SELECT $columns,
  (SELECT pg_catalog.array_to_json(CASE WHEN me.super THEN ARRAY['is a superuser']
    ELSE pg_catalog.array_remove(ARRAY[
      CASE WHEN pg_catalog.bool_or(r.rolsuper AND pg_catalog.pg_has_role(SESSION_USER, r.oid, 'MEMBER'))
        THEN 'may become a superuser' END,
      'is a member of ' || pg_catalog.string_agg(r.rolname, ', ' ORDER BY r.rolname) FILTER (WHERE
        r.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
          AND pg_catalog.pg_has_role(SESSION_USER, r.oid, 'MEMBER')),
      (SELECT 'may call ' || pg_catalog.string_agg(DISTINCT p.proname, ', ')
        FROM pg_catalog.pg_proc p
        WHERE p.proname IN ('pg_read_file', 'pg_read_binary_file', 'lo_import', 'lo_export')
          AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
          AND pg_catalog.has_function_privilege(SESSION_USER, p.oid, 'EXECUTE'))], NULL) END)
    FROM pg_catalog.pg_roles r,
      (SELECT pg_catalog.bool_or(u.rolsuper) AS super
        FROM pg_catalog.pg_roles u WHERE u.rolname IN (SESSION_USER, CURRENT_USER)) me
    GROUP BY me.super),
  LEAST(pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')), 16777216),
  LEAST(pg_catalog.current_setting('hash_mem_multiplier')::pg_catalog.float8, 2),
  LEAST(pg_catalog.current_setting('max_parallel_workers_per_gather')::pg_catalog.int4, 1),
  pg_catalog.current_setting('temp_file_limit') = '-1' AND $may_limit_files
