SELECT id FROM users EXCEPT ALL SELECT user_id FROM orders
%%
SELECT REGEXP_REPLACE(name, 'u', 'v'), JSON_VALUE(meta,'$.city'), JSON_QUERY(meta,'$.tags') FROM users
%%
SELECT seq FROM seq_1_to_10
%%
SELECT jt.tag FROM users, JSON_TABLE(meta, '$.tags[*]' COLUMNS (tag VARCHAR(20) PATH '$')) AS jt
%%
SELECT NVL(name,'x'), NVL2(name,1,2), ADD_MONTHS(created_at,1) FROM users
%%
SELECT name COLLATE utf8mb4_general_ci, TO_CHAR(created_at,'YYYY') FROM users
%%
SELECT DATE_FORMAT(created_at, '%W') , created_at + INTERVAL '1 2' DAY_HOUR FROM orders
%%
(SELECT 1 UNION SELECT 2) ORDER BY 1
%%
SELECT JSON_DETAILED(meta), JSON_COMPACT(meta), JSON_LOOSE(meta), JSON_EXISTS(meta, '$.city'), JSON_QUERY(meta, '$.tags') FROM users
%%
SELECT NVL(NULL, 1), NVL2(1, 'a', 'b'), CHR(65), LENGTHB('ä'), ADD_MONTHS('2026-01-31', 1)
%%
SELECT NATURAL_SORT_KEY('a10'), SFORMAT('{} {}', 'a', 1), CRC32C('x')
%%
SELECT JSON_EQUALS('{}', '{ }'), JSON_NORMALIZE('{"b":1,"a":2}')
%%
SHOW CREATE SEQUENCE s1
%%
SELECT minimum_value FROM s1
%%
SELECT id FROM users INTERSECT ALL SELECT user_id FROM orders
%%
SELECT COUNT(*) FROM seq_1_to_100_step_3
%%
SELECT TO_CHAR(created_at, 'YYYY-MM-DD') FROM users
%%
SELECT * FROM (SELECT 1 AS a UNION SELECT 2) x ORDER BY a
