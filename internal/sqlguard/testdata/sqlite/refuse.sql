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
