-- One row per relation that this login may read, with everything about it as
-- JSON in the shape of database.Table. Partitions are left out: their parent
-- stands for them. Relations of other sessions, of the catalogue and of
-- schemas outside of a search path set in the connection string are not this
-- connection's business.
WITH rel AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples, c.relpages
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND (NOT $path OR n.nspname = ANY (current_schemas(false)))
    AND has_schema_privilege(n.oid, 'USAGE')
    AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')))
SELECT json_build_object(
  'schema', c.nspname,
  'name', c.relname,
  'kind', CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
    WHEN 'f' THEN 'foreign table' ELSE 'table' END,
  'comment', obj_description(c.oid, 'pg_class'),
  'rows', CASE
    WHEN c.relkind = 'v' THEN -1
    WHEN c.relkind = 'p' THEN (
      SELECT CASE WHEN bool_and(l.reltuples >= 0 AND (l.relpages > 0 OR l.reltuples > 0))
        THEN sum(l.reltuples)::int8 ELSE -1 END
      FROM pg_partition_tree(c.oid) p JOIN pg_class l ON l.oid = p.relid
      WHERE p.isleaf)
    WHEN c.reltuples > 0 OR c.relpages > 0 THEN c.reltuples::int8
    ELSE -1 END,
  'columns', coalesce(cols.list, '[]'),
  'primary_key', keys.primary_key,
  'foreign_keys', keys.foreign_keys,
  'unique', keys.uniques,
  'indexes', idx.list)
FROM rel c
LEFT JOIN (
  SELECT a.attrelid, json_agg(json_build_object(
      'name', a.attname,
      'type', format_type(a.atttypid, a.atttypmod),
      'nullable', NOT a.attnotnull,
      'default', CASE
        WHEN a.attidentity <> '' THEN 'generated as identity'
        WHEN a.attgenerated <> '' THEN 'generated always as (' || pg_get_expr(d.adbin, d.adrelid) || ')'
        ELSE pg_get_expr(d.adbin, d.adrelid) END,
      'comment', col_description(a.attrelid, a.attnum)) ORDER BY a.attnum) AS list
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped
    AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
  GROUP BY a.attrelid) cols ON cols.attrelid = c.oid
LEFT JOIN (
  SELECT k.conrelid,
    (json_agg(k.columns) FILTER (WHERE k.contype = 'p')) -> 0 AS primary_key,
    json_agg(k.columns ORDER BY k.conname) FILTER (WHERE k.contype = 'u') AS uniques,
    json_agg(json_build_object('columns', k.columns, 'ref_table', k.ref_table, 'ref_columns', k.ref_columns)
      ORDER BY k.conname) FILTER (WHERE k.contype = 'f') AS foreign_keys
  FROM (
    SELECT o.conrelid, o.contype, o.conname, rn.nspname || '.' || r.relname AS ref_table,
      (SELECT json_agg(a.attname ORDER BY u.at) FROM unnest(o.conkey) WITH ORDINALITY u(num, at)
        JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = u.num) AS columns,
      (SELECT json_agg(a.attname ORDER BY u.at) FROM unnest(o.confkey) WITH ORDINALITY u(num, at)
        JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = u.num) AS ref_columns
    FROM rel JOIN pg_constraint o ON o.conrelid = rel.oid
    LEFT JOIN pg_class r ON r.oid = o.confrelid
    LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
    WHERE o.contype IN ('p', 'u', 'f') AND o.conparentid = 0) k
  GROUP BY k.conrelid) keys ON keys.conrelid = c.oid
LEFT JOIN (
  SELECT i.indrelid, json_agg(json_build_object(
      'name', x.relname,
      'unique', i.indisunique,
      'columns', (SELECT json_agg(pg_get_indexdef(i.indexrelid, at::int, true) ORDER BY at)
        FROM generate_series(1, i.indnkeyatts) at)) ORDER BY x.relname) AS list
  FROM rel JOIN pg_index i ON i.indrelid = rel.oid JOIN pg_class x ON x.oid = i.indexrelid
  WHERE i.indisvalid AND NOT EXISTS (
    SELECT FROM pg_constraint o
    WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x'))
  GROUP BY i.indrelid) idx ON idx.indrelid = c.oid
ORDER BY c.nspname COLLATE "C", c.relname COLLATE "C"
