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
