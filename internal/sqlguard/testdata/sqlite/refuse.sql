SELECT 1; DELETE FROM users
%%
SELECT 1; SELECT 2
%%
WITH x AS (SELECT 1) DELETE FROM users
%%
WITH x AS (SELECT 1) INSERT INTO orders(user_id) SELECT * FROM x
%%
WITH x AS (SELECT 1) UPDATE users SET salary=0 RETURNING *
%%
INSERT INTO users(id) VALUES (99) RETURNING *
%%
REPLACE INTO users(id) VALUES (1)
%%
DELETE FROM users RETURNING *
%%
UPDATE users SET salary=0
%%
ATTACH DATABASE 'evil.db' AS e
%%
ATTACH ':memory:' AS e
%%
DETACH main
%%
PRAGMA writable_schema=ON
%%
PRAGMA query_only=OFF
%%
PRAGMA journal_mode=DELETE
%%
PRAGMA journal_mode
%%
PRAGMA user_version=5
%%
PRAGMA wal_checkpoint(TRUNCATE)
%%
PRAGMA temp_store_directory='/tmp'
%%
PRAGMA trusted_schema=ON
%%
VACUUM INTO 'evil2.db'
%%
VACUUM
%%
REINDEX
%%
ANALYZE
%%
BEGIN IMMEDIATE
%%
SAVEPOINT x
%%
COMMIT
%%
CREATE TABLE x(a)
%%
CREATE TEMP TABLE x(a)
%%
CREATE TEMP TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END
%%
CREATE VIRTUAL TABLE x USING fts5(a)
%%
DROP TABLE users
%%
ALTER TABLE users RENAME TO u2
%%
SELECT load_extension('evil.so')
%%
SELECT writefile('x','y')
%%
SELECT readfile('/etc/passwd')
%%
SELECT fts3_tokenizer('simple')
%%
SELECT edit('x')
%%
SELECT randomblob(1000000000)
%%
SELECT zeroblob(1000000000)
%%
SELECT printf('%.*c', 1000000000, 'x')
%%
SELECT * FROM pragma_database_list
%%
SELECT * FROM pragma_journal_mode
%%
SELECT * FROM dbstat
%%
SELECT * FROM sqlite_dbpage
%%
SELECT last_insert_rowid(), changes(), total_changes()
%%
SELECT sqlite_compileoption_get(1)
%%
EXPLAIN DELETE FROM users
%%
EXPLAIN QUERY PLAN DELETE FROM users
%%
SELECT * FROM users; -- x
DROP TABLE users
%%
SELECT 1 /* ; */; DROP TABLE users /*
%%
SELECT my_udf(1)
%%
SELECT * FROM generate_series(1,1000000000000)
%%
SELECT group_concat(hex(randomblob(1000))) FROM users a, users b, users c, users d
%%
;
%%
-- only a comment
%%
/* only a comment
%%
SELEC 1
%%
SELECT * FORM users
%%
SELECT 'unterminated
%%
SELECT (1
%%
SELECT 1 FROM
%%
SELECT * FROM users WHERE id = ?
%%
SELECT * FROM users WHERE id = ?1
%%
SELECT * FROM users WHERE id = :id
%%
SELECT * FROM users WHERE id = @id
%%
SELECT * FROM users WHERE id = $id
%%
DELETE FROM users
%%
DELETE FROM users WHERE id IN (SELECT 1) RETURNING id
%%
INSERT INTO users DEFAULT VALUES
%%
INSERT OR REPLACE INTO users(id) SELECT 1
%%
INSERT INTO users(id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x'
%%
UPDATE OR IGNORE users SET name = 'x'
%%
UPDATE users SET name = d.name FROM departments d
%%
WITH RECURSIVE x(n) AS (SELECT 1) REPLACE INTO users(id) SELECT n FROM x
%%
CREATE TABLE IF NOT EXISTS x AS SELECT * FROM users
%%
CREATE UNIQUE INDEX i ON users (name)
%%
CREATE VIEW v AS SELECT 1
%%
CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM users; END
%%
CREATE TEMP VIEW v AS SELECT 1
%%
CREATE VIRTUAL TABLE temp.d USING dbstat
%%
DROP VIEW v_users
%%
DROP INDEX orders_status
%%
DROP TRIGGER IF EXISTS t
%%
ALTER TABLE users ADD COLUMN x
%%
ALTER TABLE users DROP COLUMN name
%%
BEGIN
%%
BEGIN EXCLUSIVE TRANSACTION
%%
END
%%
COMMIT TRANSACTION
%%
ROLLBACK
%%
ROLLBACK TO x
%%
RELEASE x
%%
ATTACH DATABASE '/etc/passwd' AS p
%%
ATTACH 'file:/tmp/x?mode=rwc' AS e KEY 'k'
%%
DETACH DATABASE main
%%
ANALYZE users
%%
REINDEX users
%%
VACUUM main
%%
VACUUM main INTO '/tmp/copy.db'
%%
PRAGMA user_version(5)
%%
PRAGMA main.user_version = 5
%%
PRAGMA application_id = 1
%%
PRAGMA encoding = 'UTF-16'
%%
PRAGMA foreign_keys = ON
%%
PRAGMA foreign_keys(1)
%%
PRAGMA table_info = users
%%
PRAGMA database_list
%%
PRAGMA key = 'x'
%%
PRAGMA rekey = 'x'
%%
PRAGMA locking_mode = EXCLUSIVE
%%
PRAGMA optimize
%%
PRAGMA incremental_vacuum(10)
%%
PRAGMA shrink_memory
%%
PRAGMA cache_size = -1000000
%%
PRAGMA mmap_size = 1000000000
%%
PRAGMA temp_store = 2
%%
PRAGMA data_store_directory = '/tmp'
%%
PRAGMA schema_version = 1
%%
PRAGMA case_sensitive_like = ON
%%
PRAGMA busy_timeout = 100000
%%
PRAGMA analysis_limit = 0
%%
PRAGMA integrity_check
%%
PRAGMA compile_options
%%
PRAGMA function_list
%%
PRAGMA module_list
%%
PRAGMA "query_only" = 0
%%
PRAGMA [trusted_schema](1)
%%
PRAGMA unknown_pragma
%%
SELECT * FROM pragma_compile_options
%%
SELECT * FROM pragma_function_list
%%
SELECT * FROM pragma_user_version(5)
%%
SELECT file FROM main.pragma_database_list
%%
SELECT 1 IN pragma_database_list
%%
SELECT 1 IN pragma_journal_mode('x')
%%
SELECT * FROM "PRAGMA_DATABASE_LIST"
%%
SELECT * FROM users WHERE file IN (SELECT file FROM pragma_database_list())
%%
EXPLAIN PRAGMA table_info(users)
%%
EXPLAIN INSERT INTO users DEFAULT VALUES
%%
EXPLAIN QUERY PLAN VACUUM
%%
EXPLAIN EXPLAIN SELECT 1
%%
EXPLAIN QUERY PLAN ATTACH ':memory:' AS x
%%
SELECT LOAD_EXTENSION('x', 'y')
%%
SELECT "load_extension"('x')
%%
SELECT [readfile]('/etc/passwd')
%%
SELECT `writefile`('x', 'y')
%%
SELECT 'x', lsmode(1)
%%
SELECT fts5(?1)
%%
SELECT fts3_tokenizer('simple', x'00')
%%
SELECT sqlite_source_id(), sqlite_compileoption_used('X')
%%
SELECT sqlite_log(1, 'x')
%%
SELECT sqlite_offset(id) FROM users
%%
SELECT sqlite_rename_table('a','b','c','d','e','f','g')
%%
SELECT changes()
%%
SELECT total_changes() FROM users
%%
SELECT last_insert_rowid()
%%
SELECT hex(zeroblob(100))
%%
SELECT length(randomblob(10))
%%
SELECT printf('%1000000d', 1)
%%
SELECT format('%*d', 1000000, 1)
%%
SELECT printf(name, 1) FROM users
%%
SELECT printf('%.9999f' || '', 1)
%%
SELECT format('%0001000000d', 1)
%%
SELECT rtreecheck('x')
%%
SELECT eval('DELETE FROM users')
%%
SELECT edit(name) FROM users
%%
SELECT shell('ls')
%%
SELECT http_get('http://evil')
%%
SELECT users.id, my_udf(users.id) FROM users
%%
SELECT count(*) FILTER (WHERE load_extension('x')) FROM users
%%
SELECT sum(id) OVER (PARTITION BY load_extension('x')) FROM users
%%
SELECT id FROM users ORDER BY load_extension('x')
%%
SELECT id FROM users GROUP BY load_extension('x')
%%
SELECT id FROM users LIMIT load_extension('x')
%%
SELECT id FROM users LIMIT 1 OFFSET load_extension('x')
%%
SELECT id FROM users WHERE id IN (load_extension('x'))
%%
SELECT CASE WHEN 1 THEN load_extension('x') END
%%
SELECT CAST(load_extension('x') AS TEXT) COLLATE NOCASE
%%
SELECT 'a' LIKE 'b' ESCAPE load_extension('x')
%%
VALUES (1), (load_extension('x'))
%%
WITH x AS (SELECT load_extension('x')) SELECT * FROM x
%%
SELECT * FROM users u JOIN orders o ON load_extension('x')
%%
SELECT * FROM json_each(readfile('/etc/passwd'))
%%
SELECT group_concat(name ORDER BY load_extension('x')) FROM users
%%
SELECT first_value(id) OVER w FROM users WINDOW w AS (ORDER BY load_extension('x'))
%%
SELECT * FROM (SELECT * FROM (SELECT readfile('x')))
%%
SELECT * FROM readfile('/etc/passwd')
%%
SELECT * FROM fsdir('/')
%%
SELECT * FROM zipfile('x.zip')
%%
SELECT * FROM users(1)
%%
SELECT 1 IN users(1)
%%
SELECT * FROM sqlite_stat1
%%
SELECT * FROM main.sqlite_stat4
%%
SELECT * FROM SQLITE_DBPAGE WHERE pgno = 1
%%
SELECT * FROM sqlite_stmt
%%
SELECT * FROM bytecode('SELECT 1')
%%
SELECT * FROM tables_used('SELECT 1')
%%
SELECT name FROM dbstat('main')
%%
WITH sqlite_dbpage AS (SELECT * FROM sqlite_dbpage) SELECT * FROM sqlite_dbpage
%%
SELECT RAISE(ABORT, 'x')
%%
SELECT 1; PRAGMA query_only = OFF
%%
SELECT 1; COMMIT; DROP TABLE users
%%
SELECT 1;;SELECT 2
%%
SELECT '\'; DROP TABLE users; --'
%%
SELECT 1 -- comment
; DROP TABLE users
%%
SELECT "a""; DROP TABLE users; --" FROM users; DROP TABLE users
%%
SELECT [a; DROP TABLE users; --]; DROP TABLE users
%%
SELECT 1 /* /* */ ; DROP TABLE users --*/
%%
EXPLAIN SELECT 1; DROP TABLE users
%%
SELECT * FROM users INTO OUTFILE '/tmp/x'
%%
SELECT * FROM users FOR UPDATE
%%
SHOW TABLES
%%
DESCRIBE users
%%
TABLE users
%%
CALL f()
%%
SET x = 1
%%
.read /etc/passwd
%%
SELECT json_patch('{"a":1}', '{"b":2}')
%%
SELECT jsonb_patch('{"a":1}', '{"b":2}')
