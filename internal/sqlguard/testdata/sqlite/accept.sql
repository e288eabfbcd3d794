SELECT 1
%%
SELECT * FROM users
%%
SELECT id, name, email FROM users WHERE id = 42;
%%
SELECT u.name, count(o.id) AS n, sum(o.amount) AS total FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.name HAVING sum(o.amount) > 100 ORDER BY total DESC NULLS LAST LIMIT 10
%%
WITH t AS (SELECT user_id, sum(amount) s FROM orders GROUP BY 1) SELECT u.name, t.s FROM t JOIN users u ON u.id = t.user_id
%%
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r WHERE n < 10) SELECT n FROM r
%%
SELECT strftime('%Y-%m', created_at) AS m, count(*) FROM orders GROUP BY m ORDER BY m
%%
SELECT * FROM orders WHERE created_at >= date('now','-7 days')
%%
SELECT round(avg(amount),2) FROM orders
%%
SELECT name, row_number() OVER (PARTITION BY dept_id ORDER BY salary DESC) rn FROM users
%%
SELECT name, lag(salary) OVER w, lead(salary) OVER w FROM users WINDOW w AS (ORDER BY id)
%%
SELECT json_extract(meta,'$.city'), meta->>'city', meta->'tags' FROM users
%%
SELECT j.value FROM users, json_each(users.meta,'$.tags') j
%%
SELECT group_concat(name, ', ') FROM users
%%
SELECT ifnull(name,'n/a'), nullif(email,''), max(1,2), min(3,4), coalesce(name,email) FROM users
%%
SELECT CASE WHEN salary > 100 THEN 'hi' ELSE 'lo' END AS band, count(*) FROM users GROUP BY band
%%
SELECT name FROM users WHERE name LIKE '%bob%' ESCAPE '\' AND email GLOB '*@*'
%%
SELECT * FROM users WHERE id IN (SELECT user_id FROM orders WHERE amount > 10)
%%
SELECT * FROM users u WHERE EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id)
%%
SELECT id FROM users UNION SELECT user_id FROM orders
%%
SELECT id FROM users EXCEPT SELECT user_id FROM orders
%%
VALUES (1,'a'), (2,'b')
%%
SELECT upper(name) || ' <' || lower(email) || '>' FROM users
%%
SELECT substr(name,1,3), instr(name,'a'), trim(name), replace(name,'a','b'), length(name) FROM users
%%
SELECT julianday('now') - julianday(created_at) FROM orders
%%
SELECT 'delete from users; drop table x' AS txt
%%
SELECT "name" AS "delete" FROM "users" -- trailing comment; DROP
%%
/* leading comment */ SELECT count(*) FROM users
%%
SELECT [name], `email` FROM [users]
%%
SELECT * FROM users WHERE created_at BETWEEN '2026-01-01' AND '2026-02-01' LIMIT 10 OFFSET 5
%%
SELECT u.id FROM users u NATURAL JOIN departments d
%%
SELECT DISTINCT status FROM orders
%%
SELECT id, name FROM users WHERE (dept_id, salary) IN (VALUES (1,100),(2,200))
%%
SELECT CAST(amount AS INTEGER), typeof(amount) FROM orders
%%
SELECT * FROM users INDEXED BY sqlite_autoindex_users_1 WHERE email = 'x'
%%
SELECT count(*) FILTER (WHERE status = 'paid') FROM orders
%%
SELECT sum(amount) OVER (ORDER BY created_at ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) FROM orders
%%
SELECT u.*, d.name AS dept FROM users u JOIN departments d USING (dept_id)
%%
SELECT x.id FROM (SELECT id FROM users ORDER BY salary DESC LIMIT 5) AS x
%%
SELECT hex(name), abs(-1), random() IS NOT NULL FROM users
%%
SELECT * FROM users NOT INDEXED WHERE id IS NOT NULL AND name IS NOT 'x'
%%
SELECT total(amount), iif(1,2,3), printf('%d', 5), unicode('a'), char(65) FROM orders
%%
SELECT x'0102', 1e3, 0x1F, .5, 1_000
%%
SELECT a.id FROM users a FULL OUTER JOIN orders b ON a.id = b.user_id
%%
SELECT nth_value(name, 2) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) FROM users
%%
PRAGMA table_info(users)
%%
SELECT * FROM sqlite_master
%%
SELECT * FROM sqlite_schema
%%
SELECT sql FROM sqlite_temp_master
%%
SELECT * FROM pragma_table_info('users')
