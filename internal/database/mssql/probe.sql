-- What this login could change (sqlguard design, 3.5). The first result names
-- the server, the others list powers by kind; a login that only reads has none.
SELECT CAST(@@VERSION AS nvarchar(400)), QUOTENAME(DB_NAME()), QUOTENAME(COALESCE(SCHEMA_NAME(), N'dbo'));

SELECT N'is a member of', r.name
FROM (VALUES (N'sysadmin'), (N'serveradmin'), (N'securityadmin'), (N'setupadmin'), (N'processadmin'),
  (N'diskadmin'), (N'dbcreator'), (N'bulkadmin')) r(name)
WHERE IS_SRVROLEMEMBER(r.name) = 1
UNION ALL
SELECT N'is a member of', r.name
FROM (VALUES (N'db_owner'), (N'db_datawriter'), (N'db_ddladmin'), (N'db_securityadmin'), (N'db_accessadmin'),
  (N'db_backupoperator')) r(name)
WHERE IS_ROLEMEMBER(r.name) = 1;

SELECT N'has in the database', p.permission_name
FROM sys.fn_my_permissions(NULL, N'DATABASE') p
WHERE p.permission_name IN (N'INSERT', N'UPDATE', N'DELETE', N'EXECUTE', N'ALTER', N'CONTROL', N'TAKE OWNERSHIP')
  OR p.permission_name LIKE N'CREATE %' OR p.permission_name LIKE N'ALTER ANY %'
ORDER BY p.permission_name;

SELECT N'may change', CAST(COUNT(*) AS nvarchar(20)) + CASE COUNT(*) WHEN 1 THEN N' table' ELSE N' tables' END
FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id
CROSS APPLY (SELECT QUOTENAME(s.name) + N'.' + QUOTENAME(t.name) AS name) q
WHERE t.is_ms_shipped = 0
  AND 1 IN (HAS_PERMS_BY_NAME(q.name, N'OBJECT', N'INSERT'), HAS_PERMS_BY_NAME(q.name, N'OBJECT', N'UPDATE'),
    HAS_PERMS_BY_NAME(q.name, N'OBJECT', N'DELETE'), HAS_PERMS_BY_NAME(q.name, N'OBJECT', N'ALTER'))
HAVING COUNT(*) > 0;

-- Azure SQL Database (5, 6, 11) has no permissions on a server of one's own.
IF CAST(SERVERPROPERTY(N'EngineEdition') AS int) NOT IN (5, 6, 11)
  SELECT N'has on the server', p.permission_name
  FROM sys.fn_my_permissions(NULL, N'SERVER') p
  WHERE p.permission_name IN (N'CONTROL SERVER', N'SHUTDOWN', N'ADMINISTER BULK OPERATIONS', N'IMPERSONATE ANY LOGIN')
    OR p.permission_name LIKE N'CREATE ANY %' OR p.permission_name LIKE N'ALTER ANY %'
  ORDER BY p.permission_name;
