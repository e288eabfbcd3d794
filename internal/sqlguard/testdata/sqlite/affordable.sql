WITH RECURSIVE days(d) AS (SELECT '1990-01-01' UNION ALL SELECT date(d, '+1 day') FROM days WHERE d < '2040-12-31') SELECT strftime('%Y-%m', d) AS m, count(*) FROM days GROUP BY 1 LIMIT 5
%%
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT i, substr('**********', 1, i), printf('%5d', i) FROM n
%%
WITH RECURSIVE fib(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM fib WHERE b < 100000) SELECT a FROM fib
%%
WITH RECURSIVE tree(id, path, depth) AS (SELECT id, name, 0 FROM users WHERE manager_id IS NULL UNION ALL SELECT u.id, t.path || ' > ' || u.name, t.depth + 1 FROM users u JOIN tree t ON u.manager_id = t.id) SELECT replace(printf('%20s', ''), ' ', '-') || path FROM tree
%%
SELECT dept_id, count(*), substr(replace(hex(printf('%50s', '')), '20', '#'), 1, count(*)) AS bar FROM users GROUP BY dept_id
%%
WITH a AS (SELECT * FROM orders), b AS (SELECT user_id, sum(amount) AS total FROM a GROUP BY user_id), c AS (SELECT *, ntile(10) OVER (ORDER BY total) AS decile FROM b) SELECT x.decile, count(*) FROM c x JOIN c y ON x.decile = y.decile + 1 GROUP BY 1
%%
SELECT json_group_array(json_object('id', id, 'name', name)) FROM users
%%
SELECT json_object('user', name, 'orders', (SELECT json_group_array(json_object('id', o.id)) FROM orders o WHERE o.user_id = u.id)) FROM users u
%%
SELECT json_pretty(json_group_array(name)), group_concat(name, ', ') FROM users
%%
SELECT replace(replace(replace(email, '.', ' dot '), '@', ' at '), '-', ''), hex(name), quote(name), trim(name, ' .') FROM users
%%
SELECT printf('%-30s|%8.2f|%05d', name, id * 1.5, id) FROM users
%%
WITH m AS (SELECT strftime('%Y-%m', created_at) AS m, sum(amount) AS t FROM orders GROUP BY 1) SELECT a.m, a.t, b.t, c.t FROM m a LEFT JOIN m b ON b.m < a.m LEFT JOIN m c ON c.m < b.m
%%
SELECT name FROM users WHERE name LIKE '%a%b%' OR name GLOB '*x*' OR instr(name, 'x') > 0
%%
WITH RECURSIVE j(i, k) AS (SELECT 0, json_array(1, 2, 3) UNION ALL SELECT i + 1, k FROM j WHERE i < 2) SELECT json_extract(k, '$[' || i || ']') FROM j
