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
%%
SELECT ALL id FROM users
%%
SELECT count(DISTINCT user_id), count(*) FROM orders
%%
SELECT 1 UNION ALL SELECT 2 ORDER BY 1
%%
SELECT id FROM users INTERSECT SELECT user_id FROM orders ORDER BY 1 LIMIT 3
%%
VALUES (1), (2) UNION ALL SELECT 3
%%
SELECT * FROM (VALUES (1,'one'),(2,'two')) AS t WHERE column1 > 1
%%
SELECT * FROM v_users LIMIT 2
%%
SELECT main.users.id, main.users.name FROM main.users WHERE main.users.id = 1
%%
SELECT a.id, b.id FROM users a LEFT OUTER JOIN orders b ON a.id = b.user_id AND b.status = 'paid'
%%
SELECT a.id FROM users a RIGHT JOIN orders b ON a.id = b.user_id WHERE a.id IS NOT NULL
%%
SELECT * FROM users CROSS JOIN departments LIMIT 5
%%
SELECT * FROM users, departments WHERE users.dept_id = departments.dept_id
%%
SELECT * FROM users INNER JOIN departments USING (dept_id) ORDER BY users.id LIMIT 3
%%
SELECT * FROM (users u JOIN departments d ON u.dept_id = d.dept_id) LIMIT 1
%%
SELECT u.id, t.value, t.key FROM users u, json_each(u.meta, '$.tags') AS t
%%
SELECT t.fullkey, t.atom FROM json_tree('{"a":{"b":[1,2]}}') AS t WHERE t.type = 'integer'
%%
SELECT value FROM json_each('[1,2,3]')
%%
SELECT json_object('id', id, 'name', name) FROM users LIMIT 2
%%
SELECT json_group_array(name), json_group_object(dept_id, name) FROM departments
%%
SELECT json_set(meta, '$.zip', 1), json_insert(meta, '$.n', 2), json_replace(meta, '$.city', 'q'), json_remove(meta, '$.tags') FROM users
%%
SELECT json_array_length(meta, '$.tags'), json_type(meta), json_valid(meta), json(meta), json_quote('x') FROM users LIMIT 1
%%
SELECT meta -> '$.tags' ->> 0 AS first, meta ->> '$.city' FROM users WHERE meta ->> 'city' = 'x1'
%%
SELECT json(jsonb(meta)), json_pretty(meta), json_error_position('{') FROM users LIMIT 1
%%
SELECT 'a%b' LIKE 'a\%b' ESCAPE '\', 'x' NOT LIKE 'y', 'abc' GLOB 'a*', 'abc' NOT GLOB 'b*'
%%
SELECT 5 % 2, 1 << 2, 8 >> 1, 6 & 3, 6 | 1, ~1, -(-1), +1, 5 / 2, 5.0 / 2
%%
SELECT 'it''s', "name" FROM users LIMIT 1
%%
SELECT ':name ?1 $1 %s @p1 {x}' AS placeholders, 'a;b--c/*d*/' AS noise
%%
SELECT "Mixed Case", "quote""d", "from", "order", "group" FROM "Select"
%%
SELECT s."from" AS "select", s."order" AS "where" FROM "Select" s ORDER BY s."group"
%%
SELECT 1 AS "drop table users; --"
%%
SELECT [Mixed Case], `from` FROM [Select]
%%
SELECT u.name AS "update", u.id value, u.email AS 'insert' FROM users u
%%
SELECT 9223372036854775807, -9223372036854775808, 9007199254740993, 1e308, 0xFF, 1_000_000
%%
SELECT TRUE, FALSE, NULL, NOT TRUE, TRUE AND NULL, TRUE OR FALSE, 1 IS TRUE, 0 IS NOT TRUE
%%
SELECT 1 IS DISTINCT FROM NULL, 1 IS NOT DISTINCT FROM 1, NULL IS NULL, 1 IS NOT NULL, NULL ISNULL, 1 NOTNULL, 1 NOT NULL
%%
SELECT 3 BETWEEN 1 AND 5, 3 NOT BETWEEN 4 AND 5, 2 IN (1,2), 3 NOT IN (1,2), 1 IN ()
%%
SELECT (1,2) = (1,2), (1,2) < (1,3), (1, NULL) IS (1, NULL)
%%
SELECT * FROM users WHERE (dept_id, id) IN (SELECT dept_id, 3 FROM departments)
%%
SELECT * FROM users WHERE id IN ids
%%
SELECT CAST('5' AS INTEGER), CAST(1.5 AS TEXT), CAST('x' AS BLOB), CAST(id AS VARCHAR(10)), CAST('1.25' AS DECIMAL(10,2)) FROM users LIMIT 1
%%
SELECT typeof(1), typeof(1.5), typeof('x'), typeof(x'00'), typeof(NULL)
%%
SELECT CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP
%%
SELECT date('now'), time('now'), datetime('now', 'localtime'), julianday('2026-01-01'), unixepoch('2026-01-01'), strftime('%Y-%W %H:%M:%f', '2026-01-01')
%%
SELECT date(created_at, 'start of month', '+1 month', '-1 day') AS month_end, count(*) FROM orders GROUP BY 1
%%
SELECT timediff('2026-02-01', '2026-01-01'), strftime('%s', created_at) - unixepoch(created_at) FROM orders LIMIT 1
%%
SELECT created_at, date(created_at, 'weekday 0', '-6 days') AS week FROM orders LIMIT 5
%%
SELECT abs(-1), ceil(1.2), floor(1.8), round(1.55, 1), trunc(1.9), mod(5, 2), power(2, 3), sqrt(2), ln(2), log(10), log2(8), exp(1), sign(-3), pi(), degrees(1), radians(180), sin(0), cos(0), atan2(1, 1)
%%
SELECT max(1,2,3), min(1,2), coalesce(NULL, 2), ifnull(NULL, 1), nullif(1,1), iif(1 > 0, 'y', 'n'), likely(1), unlikely(0)
%%
SELECT substr(name, 2), substring(name, 1, 2), upper(name), lower(name), length(name), octet_length(name), instr(name, 'r'), replace(name, 'u', 'U'), trim('  x '), ltrim('xxy', 'x'), rtrim('yxx', 'x'), char(65, 66), unicode('A'), hex('a'), unhex('61'), quote('it''s'), soundex('x') FROM users LIMIT 1
%%
SELECT concat(id, '-', name), concat_ws(',', id, name, NULL), format('%05d|%-10s|%.2f|%%|%x|%q', 5, 'x', 1.5, 255, 'a''b'), printf('%,d', 1234567) FROM users LIMIT 1
%%
SELECT group_concat(name, ', ' ORDER BY name), string_agg(name, '|'), group_concat(DISTINCT dept_id) FROM users
%%
SELECT sum(amount), total(amount), avg(amount), min(amount), max(amount), count(amount) FILTER (WHERE status = 'paid') FROM orders
%%
SELECT user_id, sum(amount) FILTER (WHERE status = 'paid') AS paid FROM orders GROUP BY user_id HAVING count(*) > 3 ORDER BY 2 DESC NULLS LAST, 1 ASC NULLS FIRST
%%
SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY n DESC
%%
SELECT id, rank() OVER w, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w, ntile(4) OVER w FROM users WINDOW w AS (PARTITION BY dept_id ORDER BY salary DESC)
%%
SELECT id, first_value(name) OVER (ORDER BY id), last_value(name) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), nth_value(name, 2) OVER (ORDER BY id) FROM users
%%
SELECT id, avg(amount) OVER (PARTITION BY user_id ORDER BY id RANGE BETWEEN 10 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM orders
%%
SELECT id, sum(amount) OVER (w ROWS 3 PRECEDING), count(*) OVER (w GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM orders WINDOW w AS (ORDER BY status)
%%
SELECT sum(amount) FILTER (WHERE status = 'paid') OVER (ORDER BY id) FROM orders
%%
SELECT lag(amount, 1, 0) OVER (ORDER BY id), lead(amount) OVER (ORDER BY id) FROM orders
%%
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM a, b
%%
WITH t(a, b) AS (VALUES (1, 2), (3, 4)) SELECT sum(a * b) FROM t
%%
WITH t AS MATERIALIZED (SELECT * FROM orders), u AS NOT MATERIALIZED (SELECT * FROM users) SELECT count(*) FROM t JOIN u ON t.user_id = u.id
%%
WITH RECURSIVE tree AS (SELECT id, manager_id, name, 1 AS depth FROM users WHERE manager_id IS NULL UNION ALL SELECT u.id, u.manager_id, u.name, t.depth + 1 FROM users u JOIN tree t ON u.manager_id = t.id) SELECT * FROM tree ORDER BY depth, id
%%
WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n + 1 FROM t LIMIT 10) SELECT sum(n) FROM t
%%
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t ORDER BY 1 DESC LIMIT 5 OFFSET 1) SELECT * FROM t
%%
WITH big AS (SELECT id, name FROM users WHERE id < 5) SELECT * FROM big WHERE EXISTS (SELECT 1 FROM big b WHERE b.id = big.id)
%%
SELECT * FROM (WITH x AS (SELECT 1 AS n) SELECT n FROM x) q
%%
SELECT (SELECT max(amount) FROM orders o WHERE o.user_id = u.id) AS top, EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id) FROM users u
%%
SELECT * FROM users WHERE id = (SELECT user_id FROM orders ORDER BY amount DESC LIMIT 1)
%%
SELECT * FROM users WHERE NOT EXISTS (SELECT 1 FROM orders WHERE orders.user_id = users.id)
%%
SELECT * FROM users LIMIT 5, 10
%%
SELECT * FROM users ORDER BY name COLLATE NOCASE DESC, 2 LIMIT -1 OFFSET 40
%%
SELECT name COLLATE BINARY = 'X' FROM users
%%
SELECT * FROM orders INDEXED BY orders_status WHERE status = 'paid'
%%
SELECT rowid, _rowid_, oid, * FROM users LIMIT 1
%%
SELECT CASE dept_id WHEN 1 THEN 'eng' WHEN 2 THEN 'ops' END, CASE WHEN id > 3 AND name LIKE 'u%' THEN CASE WHEN 1 THEN 1 ELSE 2 END END FROM users
%%
SELECT * FROM notes WHERE notes MATCH 'quick OR dog' ORDER BY rank
%%
SELECT title, bm25(notes), highlight(notes, 1, '<b>', '</b>'), snippet(notes, 1, '[', ']', '…', 5) FROM notes WHERE notes = 'fox'
%%
SELECT title FROM notes WHERE body MATCH 'la*'
%%
SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name
%%
SELECT m.name, p.name, p.type, p."notnull", p.pk FROM sqlite_schema m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'
%%
SELECT * FROM pragma_foreign_key_list('orders')
%%
SELECT il.name, ii.name FROM pragma_index_list('users') il, pragma_index_info(il.name) ii
%%
SELECT * FROM pragma_table_list WHERE schema = 'main'
%%
SELECT name, seq FROM sqlite_sequence
%%
PRAGMA table_xinfo('users')
%%
PRAGMA main.table_info(users)
%%
PRAGMA table_list
%%
PRAGMA table_list(users)
%%
PRAGMA index_list(users)
%%
PRAGMA index_info(orders_status)
%%
PRAGMA index_xinfo("orders_status")
%%
PRAGMA foreign_key_list(orders)
%%
PRAGMA foreign_key_check
%%
PRAGMA user_version
%%
PRAGMA encoding;
%%
PRAGMA page_count
%%
EXPLAIN SELECT * FROM users
%%
EXPLAIN QUERY PLAN SELECT u.id FROM users u JOIN orders o ON o.user_id = u.id WHERE o.status = 'paid'
%%
EXPLAIN QUERY PLAN WITH x AS (SELECT 1 AS n) SELECT * FROM x
%%
EXPLAIN VALUES (1)
%%
-- a leading comment
SELECT /* in between */ 1 -- and one at the end
%%
  SELECT 1 ; ;
%%
;SELECT 1
%%
SELECT 1 /* a comment that does not end
%%
SELECT '/* not a comment */', "name" /* c */ FROM users -- 'unbalanced
%%
SELECT 'DELETE FROM users; COMMIT' AS text
%%
SELECT 'größe', '数据', '🙂' AS "ключ"
%%
SELECT replace(name, 'user', 'delete') AS "replace", update_ FROM (SELECT name, 1 AS update_ FROM users)
%%
SELECT data, hex(data), length(data), strictly FROM blobs
%%
SELECT random() % 10 < 10, abs(random()) >= 0
%%
SELECT sum(x) FROM (SELECT 1 AS x UNION ALL SELECT 2)
%%
SELECT status, sum(amount) total, round(100.0 * sum(amount) / sum(sum(amount)) OVER (), 2) AS share FROM orders GROUP BY status ORDER BY total DESC
%%
SELECT strftime('%Y-%m', o.created_at) AS month, u.dept_id, count(DISTINCT o.user_id) AS buyers, round(sum(i.qty * i.price), 2) AS revenue FROM orders o JOIN order_items i ON i.order_id = o.id JOIN users u ON u.id = o.user_id WHERE o.status <> 'cancelled' GROUP BY 1, 2 ORDER BY 1, 2
%%
SELECT a.name FROM users a, users b WHERE a.id = b.manager_id AND a.name < b.name
%%
SELECT name, salary, salary - avg(salary) OVER (PARTITION BY dept_id) AS diff FROM users ORDER BY diff DESC LIMIT 10
%%
SELECT 1 == 1, 1 != 2, 1 <> 2, 'a' || 'b'
%%
SELECT DISTINCT u.dept_id, d.name FROM users AS u LEFT JOIN departments AS d ON d.dept_id = u.dept_id
%%
SELECT avg(length(name)), min(name), max(created_at) FROM users WHERE created_at BETWEEN date('2026-01-01') AND date('2026-12-31')
%%
SELECT id FROM orders WHERE status IN ('paid', 'open') AND amount > (SELECT avg(amount) FROM orders) ORDER BY id
%%
SELECT like('a%', 'abc'), glob('a*', 'abc'), sqlite_version() IS NOT NULL
