-- What this login could change (sqlguard design, 3.5): one row of the server's
-- version and a JSON list of powers, empty for a login that only reads.
SELECT split_part(version(), ' on ', 1), array_to_json(array_remove(ARRAY[
  CASE WHEN r.rolsuper THEN 'is a superuser' END,
  CASE WHEN r.rolcreaterole THEN 'may create roles' END,
  CASE WHEN r.rolcreatedb THEN 'may create databases' END,
  CASE WHEN r.rolreplication THEN 'may replicate' END,
  CASE WHEN r.rolbypassrls THEN 'bypasses row security' END,
  (SELECT 'is a member of ' || string_agg(m.rolname, ', ' ORDER BY m.rolname)
    FROM pg_roles m
    WHERE m.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files', 'pg_write_all_data')
      AND NOT r.rolsuper AND pg_has_role(r.oid, m.oid, 'MEMBER')),
  CASE WHEN has_database_privilege(current_database(), 'CREATE') THEN 'may create schemas in the database' END,
  (SELECT 'may create tables in schema ' || string_agg(n.nspname, ', ' ORDER BY n.nspname)
    FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'CREATE')),
  (SELECT 'may change ' || count(*) || CASE count(*) WHEN 1 THEN ' table' ELSE ' tables' END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
        OR has_any_column_privilege(c.oid, 'INSERT, UPDATE'))
    HAVING count(*) > 0)], NULL)),
  quote_ident(current_database()),
  (SELECT coalesce(string_agg(quote_ident(n.nspname), ', ' ORDER BY n.nspname), 'public')
    FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'USAGE'))
FROM pg_roles r WHERE r.rolname = current_user
