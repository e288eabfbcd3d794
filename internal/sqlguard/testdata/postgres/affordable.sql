SELECT d::date AS day, extract(isodow FROM d) AS dow, to_char(d, 'YYYY-MM') AS month FROM generate_series('1990-01-01'::date, '2040-12-31'::date, interval '1 day') d LIMIT 10
%%
SELECT d::date, h, lpad(h::text, 2, '0') || ':00' AS label FROM generate_series('2026-01-01'::date, '2026-12-31'::date, '1 day') d CROSS JOIN generate_series(0, 23) h LIMIT 10
%%
SELECT y, m, make_date(y, m, 1) FROM generate_series(1976, 2026) y, generate_series(1, 12) m ORDER BY 1, 2
%%
SELECT dept_id, count(*) AS n, repeat('#', (count(*) / 10)::int) AS bar FROM users GROUP BY dept_id
%%
SELECT status, repeat('█', round(100.0 * count(*) / sum(count(*)) OVER ())::int) FROM orders GROUP BY status
%%
SELECT name, repeat('*', least(id, 50)) AS stars, rpad(name, 30, '.') || lpad(id::text, 8, ' ') FROM users
%%
SELECT repeat('-', 80) AS line, lpad('', 20, '=') AS rule, rpad('Name', 40) AS head
%%
WITH RECURSIVE tree AS (SELECT id, manager_id, name::text AS path, 0 AS depth FROM users WHERE manager_id IS NULL UNION ALL SELECT u.id, u.manager_id, t.path || ' > ' || u.name, t.depth + 1 FROM users u JOIN tree t ON u.manager_id = t.id) SELECT repeat('  ', depth) || path AS indented FROM tree ORDER BY path
%%
WITH RECURSIVE tree AS (SELECT id, ARRAY[id] AS path, name FROM users WHERE manager_id IS NULL UNION ALL SELECT u.id, t.path || u.id, t.name || '/' || u.name FROM users u JOIN tree t ON u.manager_id = t.id WHERE NOT u.id = ANY (t.path)) SELECT string_agg(name, ', ') FROM tree
%%
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT i, repeat('*', i) FROM n
%%
WITH RECURSIVE fib(a, b) AS (SELECT 0::bigint, 1::bigint UNION ALL SELECT b, a + b FROM fib WHERE b < 1000000) SELECT a FROM fib
%%
WITH RECURSIVE days(d) AS (SELECT date '2026-01-01' UNION ALL SELECT d + 1 FROM days WHERE d < date '2026-12-31') SELECT count(*) FROM days
%%
SELECT dept_id, manager_id, feeling, count(*) FROM users GROUP BY CUBE (dept_id, manager_id, feeling)
%%
SELECT dept_id, manager_id, count(*) FROM users GROUP BY GROUPING SETS (ROLLUP (dept_id, manager_id), CUBE (dept_id, manager_id), ())
%%
WITH a AS (SELECT * FROM orders), b AS (SELECT user_id, sum(amount) AS total FROM a GROUP BY user_id), c AS (SELECT *, ntile(10) OVER (ORDER BY total) AS decile FROM b), d AS (SELECT decile, avg(total) AS mean FROM c GROUP BY decile), e AS (SELECT c.*, d.mean FROM c JOIN d USING (decile)), f AS (SELECT a1.decile, count(*) FROM e a1 JOIN e a2 ON a1.decile = a2.decile + 1 GROUP BY 1) SELECT * FROM f
%%
WITH m AS (SELECT date_trunc('month', created_at) AS m, sum(amount) AS t FROM orders GROUP BY 1) SELECT a.m, a.t, b.t, c.t FROM m a LEFT JOIN m b ON b.m = a.m - interval '1 month' LEFT JOIN m c ON c.m = a.m - interval '1 year'
%%
SELECT width_bucket(amount, 0, 1000, 20) AS bucket, count(*), repeat('■', (count(*) * 50 / max(count(*)) OVER ())::int) FROM orders GROUP BY 1
%%
SELECT u.id, (SELECT json_agg(json_build_object('id', o.id, 'again', (SELECT json_agg(x) FROM orders x WHERE x.user_id = o.user_id))) FROM orders o WHERE o.user_id = u.id) FROM users u
%%
SELECT jsonb_pretty(jsonb_agg(to_jsonb(u))) FROM users u
%%
SELECT array_agg(DISTINCT status ORDER BY status) && ARRAY['paid', 'shipped'] FROM orders
%%
SELECT a.user_id, b.user_id FROM (SELECT user_id, array_agg(status) AS s FROM orders GROUP BY 1) a JOIN (SELECT user_id, array_agg(status) AS s FROM orders GROUP BY 1) b ON a.s && b.s
%%
SELECT regexp_replace(name, '[^a-z]+', '-', 'gi'), replace(replace(replace(email, '.', ' dot '), '@', ' at '), '-', ''), translate(name, 'äöü', 'aou') FROM users
%%
SELECT string_agg(format('%s <%s>', name, email), E',\n' ORDER BY name) FROM users
%%
SELECT array_to_string(array_agg(name ORDER BY id), ', ') FROM users
%%
SELECT xpath('/order/item[@qty > 2]/name/text()', '<order><item qty="3"><name>x</name></item></order>'::xml), xpath('//item', '<a><item/></a>')
%%
SELECT x.* FROM documents, xmltable('//row' PASSING raw COLUMNS a int PATH 'a', n FOR ORDINALITY) x
%%
SELECT i, i * i, power(i, 3), sqrt(i), (SELECT sum(j) FROM generate_series(1, i) j) FROM generate_series(1, 100) i
%%
SELECT count(*) FROM generate_series(1, 1000) a, generate_series(1, 1000) b WHERE (a * b) % 7 = 0
%%
SELECT upper(trim(both ' ' FROM coalesce(nullif(lower(name), ''), 'n/a'))) || ' (' || to_char(id, 'FM000000') || ')' FROM users
%%
SELECT to_char(amount, 'FM999,999,999.00'), to_char(created_at, 'Day, DD Month YYYY HH24:MI:SS') FROM orders
%%
SELECT v.name, repeat('+', v.weight) FROM (VALUES ('low', 1), ('middle', 5), ('high', 10)) AS v(name, weight)
%%
SELECT 1 FROM users WHERE name LIKE '%a%b%c%' OR name ~ '^(a|b)+c$' OR position('x' IN name) > 0
%%
SELECT repeat('*', n) FROM unnest(ARRAY[1, 2, 3]) n
%%
SELECT j.a, repeat('-', j.b) FROM (departments d JOIN (SELECT dept_id AS x, id AS y FROM users) u ON u.x = d.dept_id) AS j(a, n, x, b) LIMIT 3
%%
WITH RECURSIVE chain AS (SELECT * FROM users WHERE manager_id IS NULL UNION ALL SELECT u.* FROM users u JOIN chain c ON u.manager_id = c.id) SELECT name FROM chain
%%
WITH RECURSIVE chain AS (SELECT u.*, 0 AS depth, ARRAY[id] AS path FROM users u WHERE manager_id IS NULL UNION ALL SELECT u.*, c.depth + 1, c.path || u.id FROM users u JOIN chain c ON u.manager_id = c.id) SELECT name, repeat(' ', depth) FROM chain
%%
SELECT count(*) FROM generate_series(1, 1000) a, generate_series(1, 1000) b
%%
SELECT repeat('.', created_at::date - date '2026-01-01'), repeat('*', abs(current_date - created_at::date) / 30) FROM orders
%%
SELECT i, repeat('ab', i), lpad(to_hex(i), 8, '0') FROM generate_series(1, 10) AS i
%%
SELECT repeat('*', extract(year FROM age(born))::int) FROM users
%%
SELECT repeat(' ', 4 * (array_length(path, 1) - 1)) || name FROM (SELECT ARRAY[1] AS path, name FROM users) t
%%
SELECT u.name, repeat('+', x.n) FROM users u, LATERAL (SELECT count(*)::int AS n FROM orders o WHERE o.user_id = u.id) x
%%
SELECT normalize(name), name IS NORMALIZED, polygon(12, circle '((0,0),1)'), chr(65) || repeat(chr(9608), 20) FROM users
%%
SELECT string_agg(x, ',') FROM (SELECT generate_series(1, 100) AS n, repeat('x', 100) AS x) s
%%
SELECT generate_series(date '2026-01-01', date '2026-12-31', interval '1 day')::date AS day
