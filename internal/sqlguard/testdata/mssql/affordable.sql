WITH days AS (SELECT CAST('2026-01-01' AS date) AS d UNION ALL SELECT DATEADD(day, 1, d) FROM days WHERE d < '2026-12-31') SELECT d, DATENAME(weekday, d) FROM days OPTION (MAXRECURSION 400)
%%
WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT i, REPLICATE('*', i) FROM n
%%
WITH tree AS (SELECT id, CAST(name AS nvarchar(max)) AS path, 0 AS depth FROM users WHERE manager_id IS NULL UNION ALL SELECT u.id, t.path + N' > ' + u.name, t.depth + 1 FROM users u JOIN tree t ON u.manager_id = t.id) SELECT REPLICATE('  ', depth) + path FROM tree
%%
SELECT dept_id, COUNT(*) AS n, REPLICATE('#', COUNT(*) / 10) AS bar FROM users GROUP BY dept_id
%%
SELECT name, REPLICATE('*', LEAST(id, 50)), RIGHT(REPLICATE('0', 8) + CAST(id AS varchar(10)), 8), SPACE(4) FROM users
%%
SELECT dept_id, manager_id, COUNT(*) FROM users GROUP BY CUBE (dept_id, manager_id)
%%
SELECT dept_id, manager_id, COUNT(*) FROM users GROUP BY GROUPING SETS ((dept_id), (manager_id), ())
%%
WITH a AS (SELECT * FROM orders), b AS (SELECT user_id, SUM(amount) AS total FROM a GROUP BY user_id), c AS (SELECT *, NTILE(10) OVER (ORDER BY total) AS decile FROM b) SELECT x.decile, COUNT(*) FROM c x JOIN c y ON x.decile = y.decile + 1 GROUP BY x.decile
%%
SELECT STRING_AGG(CONCAT(name, ' <', email, '>'), ', ') WITHIN GROUP (ORDER BY name) FROM users
%%
SELECT REPLACE(REPLACE(email, '.', ' dot '), '@', ' at '), STUFF(name, 1, 1, 'X'), FORMAT(amount, 'N2'), QUOTENAME(name) FROM users
%%
SELECT value, ROW_NUMBER() OVER (ORDER BY value) FROM GENERATE_SERIES(1, 1000)
%%
SELECT y.value, m.value FROM GENERATE_SERIES(1976, 2026) y CROSS JOIN GENERATE_SERIES(1, 12) m
%%
SELECT CASE WHEN amount > 100 THEN REPLICATE('+', CAST(amount / 100 AS int)) ELSE '' END FROM orders
%%
SELECT v.name, REPLICATE('+', v.weight) FROM (VALUES ('low', 1), ('high', 10)) AS v(name, weight)
%%
SELECT name FROM users WHERE name LIKE '%a%b%' AND CHARINDEX('x', name) > 0 AND PATINDEX('%[0-9]%', name) = 0
