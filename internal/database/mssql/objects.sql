-- Tells who this login is, and everything whose code reading may run (design note
-- 009). Every result has the same columns: kind, object_id, schema, name, type,
-- text. A login sees what it has rights on; definitions need VIEW DEFINITION.
SELECT N'login', 0, COALESCE(SCHEMA_NAME(), N'dbo'), DB_NAME(), N'', N'';

SELECT N'power', 0, N'', r.name, N'role', N''
FROM (VALUES (N'sysadmin'), (N'securityadmin'), (N'serveradmin'), (N'setupadmin'), (N'bulkadmin')) r(name)
WHERE IS_SRVROLEMEMBER(r.name) = 1;

SELECT N'object', o.object_id, s.name, o.name, RTRIM(o.type), COALESCE(y.base_object_name, m.definition)
FROM sys.objects o
JOIN sys.schemas s ON s.schema_id = o.schema_id
LEFT JOIN sys.sql_modules m ON m.object_id = o.object_id
LEFT JOIN sys.synonyms y ON y.object_id = o.object_id
WHERE o.type IN ('U', 'V', 'SN', 'FN', 'IF', 'TF', 'FS', 'FT', 'AF') AND o.is_ms_shipped = 0;

SELECT N'parameter', p.object_id, s.name, p.name, CASE p.parameter_id WHEN 0 THEN N'returns' ELSE N'takes' END, t.name
FROM sys.parameters p
JOIN sys.objects o ON o.object_id = p.object_id
JOIN sys.types t ON t.user_type_id = p.user_type_id
JOIN sys.schemas s ON s.schema_id = t.schema_id
WHERE o.type IN ('FN', 'IF', 'TF', 'FS', 'FT', 'AF') AND o.is_ms_shipped = 0
ORDER BY p.object_id, p.parameter_id;

SELECT N'deterministic', o.object_id, N'', N'', N'', N''
FROM sys.objects o
WHERE o.type IN ('FN', 'IF', 'TF', 'FS', 'FT', 'AF') AND o.is_ms_shipped = 0
  AND OBJECTPROPERTYEX(o.object_id, N'IsDeterministic') = 1;

SELECT N'computed', c.object_id, N'', c.name, N'', c.definition
FROM sys.computed_columns c
JOIN sys.objects o ON o.object_id = c.object_id
WHERE o.type = 'U' AND o.is_ms_shipped = 0;

-- Assembly 1 holds geography, geometry and hierarchyid.
SELECT N'clr', c.object_id, N'', c.name, N'', a.name
FROM sys.columns c
JOIN sys.objects o ON o.object_id = c.object_id
JOIN sys.assembly_types a ON a.user_type_id = c.user_type_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND a.is_user_defined = 1 AND a.assembly_id <> 1;

-- Azure SQL Database (5, 6, 11) has no permissions on a server of one's own.
IF CAST(SERVERPROPERTY(N'EngineEdition') AS int) NOT IN (5, 6, 11)
  SELECT N'power', 0, N'', p.permission_name, N'permission', N''
  FROM sys.fn_my_permissions(NULL, N'SERVER') p
  WHERE p.permission_name IN (N'CONTROL SERVER', N'ADMINISTER BULK OPERATIONS', N'IMPERSONATE ANY LOGIN', N'ALTER ANY LOGIN',
    N'ALTER SETTINGS', N'ALTER ANY LINKED SERVER', N'UNSAFE ASSEMBLY', N'EXTERNAL ACCESS ASSEMBLY');

-- From 2016 on.
IF EXISTS (SELECT 1 FROM sys.all_objects WHERE name = N'security_predicates' AND schema_id = SCHEMA_ID(N'sys'))
  EXEC (N'SELECT N''policy'', p.target_object_id, N'''', s.name, N'''', p.predicate_definition
    FROM sys.security_predicates p
    JOIN sys.security_policies s ON s.object_id = p.object_id
    WHERE s.is_enabled = 1 AND p.predicate_type = 0');

IF EXISTS (SELECT 1 FROM sys.all_objects WHERE name = N'external_tables' AND schema_id = SCHEMA_ID(N'sys'))
  EXEC (N'SELECT N''external'', t.object_id, N'''', t.name, N'''', N'''' FROM sys.external_tables t');
