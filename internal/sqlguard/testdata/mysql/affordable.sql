WITH RECURSIVE days (d) AS (SELECT DATE '1990-01-01' UNION ALL SELECT d + INTERVAL 1 DAY FROM days WHERE d < '1990-12-31') SELECT d, DAYNAME(d), LPAD(MONTH(d), 2, '0') FROM days
%%
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT i, REPEAT('*', i) FROM n
%%
WITH RECURSIVE fib AS (SELECT 0 AS a, 1 AS b UNION ALL SELECT b, a + b FROM fib WHERE b < 10000) SELECT a FROM fib
%%
WITH RECURSIVE tree (id, depth, path) AS (SELECT id, 0, CAST(name AS CHAR(500)) FROM users WHERE id = 1 UNION ALL SELECT u.id, t.depth + 1, CONCAT(t.path, ' > ', u.name) FROM users u JOIN tree t ON u.dept_id = t.id WHERE t.depth < 3) SELECT CONCAT(REPEAT('  ', depth), path) FROM tree
%%
SELECT dept_id, COUNT(*) AS n, REPEAT('#', COUNT(*) / 10) AS bar FROM users GROUP BY dept_id
%%
SELECT status, REPEAT('█', ROUND(100 * COUNT(*) / SUM(COUNT(*)) OVER ())) FROM orders GROUP BY status
%%
SELECT name, REPEAT('*', LEAST(id, 50)), RPAD(name, 30, '.'), LPAD(id, 8, ' '), SPACE(4) FROM users
%%
SELECT REPEAT('-', 80), CONCAT(REPEAT('=', 20), 'x'), LPAD('', 20, '=')
%%
SELECT dept_id, YEAR(created_at), COUNT(*) FROM users GROUP BY dept_id, YEAR(created_at) WITH ROLLUP
%%
WITH m AS (SELECT DATE_FORMAT(created_at, '%Y-%m') AS m, SUM(amount) AS t FROM orders GROUP BY 1) SELECT a.m, a.t, b.t FROM m a LEFT JOIN m b ON b.m < a.m
%%
WITH a AS (SELECT * FROM orders), b AS (SELECT user_id, SUM(amount) AS total FROM a GROUP BY user_id), c AS (SELECT b.*, NTILE(10) OVER (ORDER BY total) AS decile FROM b), d AS (SELECT decile, AVG(total) AS mean FROM c GROUP BY decile), e AS (SELECT c.user_id, c.decile, d.mean FROM c JOIN d ON d.decile = c.decile) SELECT x.decile, COUNT(*) FROM e x JOIN e y ON x.decile = y.decile + 1 GROUP BY 1
%%
SELECT GROUP_CONCAT(CONCAT(name, ' <', email, '>') ORDER BY name SEPARATOR ', ') FROM users
%%
SELECT REPLACE(REPLACE(REPLACE(email, '.', ' dot '), '@', ' at '), '-', ''), SUBSTRING_INDEX(email, '@', -1), TRIM(BOTH ' ' FROM name) FROM users
%%
SELECT JSON_ARRAYAGG(JSON_OBJECT('id', id, 'name', name)) FROM users
%%
SELECT JSON_OBJECT('user', name, 'orders', (SELECT JSON_ARRAYAGG(JSON_OBJECT('id', o.id, 'amount', o.amount)) FROM orders o WHERE o.user_id = u.id)) FROM users u
%%
SELECT JSON_PRETTY(JSON_OBJECT('a', 1, 'b', JSON_ARRAY(1, 2)))
%%
SELECT FLOOR(amount / 10) * 10 AS bucket, COUNT(*), REPEAT('+', COUNT(*)) FROM orders GROUP BY 1
%%
SELECT HEX(name), TO_BASE64(name), MD5(name), QUOTE(name), FORMAT(id, 2) FROM users
%%
SELECT REGEXP_REPLACE(name, '[^a-z]+', '-'), name REGEXP '^(a|b)+c$', name LIKE '%a%b%' FROM users
%%
SELECT REPEAT('x', CASE WHEN id > 10 THEN 10 ELSE id END), REPEAT('y', IFNULL(dept_id, 0) % 10), REPEAT('z', LENGTH(name)) FROM users
%%
SELECT COUNT(*) FROM users WHERE ST_Contains(ST_GeomFromText('POLYGON((0 0, 100 0, 100 100, 50 120, 0 100, 0 0))'), POINT(id, id))
%%
SELECT ST_AsText(ST_Buffer(POINT(1, 2), 3)), ST_Distance(POINT(1, 2), POINT(3, 4)), ST_Area(ST_GeomFromText('POLYGON((0 0, 1 0, 1 1, 0 0))'))
%%
SELECT JSON_EXTRACT(meta, '$.tags[*]'), JSON_EXTRACT(meta, '$**.n'), JSON_SEARCH(meta, 'one', 'x'), JSON_CONTAINS(meta, '"a"', '$.tags') FROM users
%%
SELECT REPEAT('z', DATEDIFF(created_at, '2026-01-01') / 7), LPAD(HEX(id), 8, '0'), REPEAT('-', LENGTH(status) - LENGTH(REPLACE(status, 'a', ''))), REPEAT('*', AVG(amount)) FROM orders GROUP BY 1, 2, 3
