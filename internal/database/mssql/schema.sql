-- The catalogue of the connection's database: tables, columns, indexes,
-- foreign keys, each in one result. The login sees what it has rights on;
-- definitions of defaults need VIEW DEFINITION.
SELECT o.object_id, s.name, o.name,
  CASE WHEN o.type = 'U' THEN N'table'
    WHEN EXISTS (SELECT 1 FROM sys.indexes i WHERE i.object_id = o.object_id AND i.index_id = 1) THEN N'materialized view'
    ELSE N'view' END,
  CAST(p.value AS nvarchar(4000)), r.rows
FROM sys.objects o
JOIN sys.schemas s ON s.schema_id = o.schema_id
LEFT JOIN sys.extended_properties p ON p.class = 1 AND p.major_id = o.object_id AND p.minor_id = 0 AND p.name = N'MS_Description'
LEFT JOIN (SELECT object_id, SUM(rows) AS rows FROM sys.partitions WHERE index_id IN (0, 1) GROUP BY object_id) r
  ON r.object_id = o.object_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0;

SELECT c.object_id, c.name, t.name, t.is_user_defined, CAST(c.max_length AS int), CAST(c.precision AS int),
  CAST(c.scale AS int), c.is_nullable, c.is_identity, d.definition, g.definition, CAST(p.value AS nvarchar(4000))
FROM sys.columns c
JOIN sys.objects o ON o.object_id = c.object_id
JOIN sys.types t ON t.user_type_id = c.user_type_id
LEFT JOIN sys.default_constraints d ON d.object_id = c.default_object_id
LEFT JOIN sys.computed_columns g ON g.object_id = c.object_id AND g.column_id = c.column_id
LEFT JOIN sys.extended_properties p ON p.class = 1 AND p.major_id = c.object_id AND p.minor_id = c.column_id AND p.name = N'MS_Description'
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0
ORDER BY c.object_id, c.column_id;

SELECT i.object_id, i.name, i.is_primary_key, i.is_unique_constraint, i.is_unique, c.name
FROM sys.indexes i
JOIN sys.objects o ON o.object_id = i.object_id
JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id
JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND i.is_hypothetical = 0 AND k.is_included_column = 0
ORDER BY i.object_id, i.index_id, k.key_ordinal, k.index_column_id;

SELECT f.parent_object_id, f.name, c.name, rs.name, ro.name, rc.name
FROM sys.foreign_keys f
JOIN sys.foreign_key_columns k ON k.constraint_object_id = f.object_id
JOIN sys.columns c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
JOIN sys.objects ro ON ro.object_id = f.referenced_object_id
JOIN sys.schemas rs ON rs.schema_id = ro.schema_id
JOIN sys.columns rc ON rc.object_id = k.referenced_object_id AND rc.column_id = k.referenced_column_id
ORDER BY f.parent_object_id, f.name, k.constraint_column_id;
