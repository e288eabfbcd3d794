SELECT (SELECT array_agg(i::text) FROM generate_series(1,100000) i) && (SELECT array_agg((-i)::text) FROM generate_series(1,100000) i)
%%
SELECT xpath('count(//*[count(//*[count(//*)>0])>0])', xmlparse(document '<a>'||repeat('<b/>',1800)||'</a>'))
%%
SELECT length(translate(repeat('z',200000),repeat('a',20000),''))
%%
SELECT length(array_agg(repeat('x',100000000))::text) FROM generate_series(1,100)
%%
EXPLAIN SELECT length(repeat('x',100000000))
%%
SELECT count(*) FROM (SELECT i FROM generate_series(1,1000000000) i ORDER BY i DESC) t
%%
SELECT a FROM generate_series(1,100000) a, generate_series(1,100000) b ORDER BY b
%%
SELECT count(*) FROM generate_series(1,1000000000)
%%
SELECT DISTINCT a FROM generate_series(1,100000) a, generate_series(1,100000) b
%%
SELECT lag(a) OVER (ORDER BY b) FROM generate_series(1,100000) a, generate_series(1,100000) b
%%
SELECT a, count(*) FROM generate_series(1,100000) a, generate_series(1,100000) b GROUP BY a
%%
WITH s AS (SELECT i FROM generate_series(1,100000) i) SELECT a.i FROM s a CROSS JOIN s b ORDER BY b.i
%%
SELECT length(lpad('x', 100000000))
%%
SELECT length(pg_catalog.rpad('x', 100000000, 'ab'))
%%
SELECT repeat('x', 10000 * 10000)
%%
SELECT repeat('x', 1 << 30)
%%
SELECT repeat('x', '100000000'::int)
%%
SELECT repeat('x', CAST('100000000' AS integer))
%%
SELECT repeat('x', (SELECT 100000000))
%%
SELECT repeat('x', (SELECT max(i) FROM generate_series(1,100000000) i))
%%
SELECT repeat('x', n) FROM (VALUES (1), (100000000)) AS v(n)
%%
SELECT repeat('x', v.column1) FROM (VALUES (100000000)) v
%%
WITH n AS (SELECT 100000000 AS n) SELECT repeat('x', n.n) FROM n
%%
WITH n(k) AS (SELECT 100000000) SELECT repeat('x', k) FROM n
%%
SELECT repeat('x', i) FROM generate_series(100000000,100000001) i
%%
SELECT repeat('x', i) FROM generate_series(100000000,100000001) AS g(i)
%%
SELECT repeat('x', generate_series) FROM generate_series(100000000,100000001)
%%
SELECT repeat('x', id * 1000000) FROM users
%%
SELECT repeat('x', extract(epoch FROM now())::int) FROM users
%%
SELECT repeat('x', ascii('a') * ascii('b') * ascii('c'))
%%
SELECT repeat('x', power(10, 8)::int)
%%
SELECT repeat('x', (10 ^ 8)::int)
%%
SELECT repeat('x', length(repeat('x', 100000)) * 1000)
%%
SELECT repeat('x', hashtext('a'))
%%
SELECT repeat('x', substr('100000000', 1, 9)::int)
%%
SELECT repeat('x', ('1' || '00000000')::int)
%%
SELECT repeat('x', ('{"n": 100000000}'::jsonb->>'n')::int)
%%
SELECT repeat('x', to_number('100000000', '999999999')::int)
%%
SELECT repeat('x', pg_size_bytes('100MB')::int)
%%
SELECT repeat('x', greatest(1, 100000000))
%%
SELECT repeat('x', CASE WHEN true THEN 100000000 END)
%%
SELECT repeat('x', coalesce(NULL, 100000000))
%%
SELECT repeat('x', least(100000000, 200000000))
%%
SELECT repeat(repeat(repeat(repeat('x', 100), 100), 100), 100)
%%
SELECT repeat((10::numeric ^ 100000)::text, 1000)
%%
SELECT replace(repeat('a', 10000), 'a', repeat('b', 10000))
%%
SELECT replace(repeat('a', 10000), substr('ab', 1, 1), repeat('b', 10000))
%%
SELECT regexp_replace(repeat('a', 10000), 'a', repeat('b', 10000), 'g')
%%
SELECT regexp_replace(repeat('a', 100000), '.*', repeat('\&', 1000))
%%
SELECT array_fill(1, ARRAY[10000, 10000])
%%
SELECT array_fill('x'::text, ARRAY[100000000])
%%
SELECT array_to_string(array_fill(1, ARRAY[10000]), repeat('x', 10000))
%%
SELECT array_to_string(string_to_array(repeat(',', 100000), ','), repeat('x', 1000))
%%
SELECT '1'::bit(80000000)
%%
SELECT 'x'::char(10485760)
%%
SELECT bpchar('x', 10485764, true)
%%
SELECT format('%100000000s', 'x')
%%
SELECT format('%*s', 100000000, 'x')
%%
SELECT format(f, 'x') FROM (SELECT '%100000000s' AS f) t
%%
SELECT string_agg(repeat('x', 1000000), '') FROM generate_series(1, 1000)
%%
SELECT array_agg(repeat('x', 1000000)) FROM users
%%
SELECT json_agg(repeat('x', 1000000)) FROM users
%%
SELECT ARRAY(SELECT repeat('x', 1000000) FROM users)
%%
SELECT xmlagg(xmlelement(name a, repeat('x', 1000000))) FROM users
%%
SELECT array_agg(t) FROM (SELECT repeat('x', 1000000) FROM users) t
%%
SELECT string_agg(i::text, repeat('x', 100000)) FROM generate_series(1, 100000) i
%%
SELECT repeat('a', 8000000), repeat('b', 8000000), repeat('c', 8000000), repeat('d', 8000000), repeat('e', 8000000), repeat('f', 8000000), repeat('g', 8000000), repeat('h', 8000000), repeat('i', 8000000)
%%
SELECT ARRAY(SELECT i::text FROM generate_series(1,100000) i) @> ARRAY(SELECT i::text FROM generate_series(1,100000) i)
%%
SELECT arrayoverlap(ARRAY(SELECT i FROM generate_series(1,100000) i), ARRAY(SELECT -i FROM generate_series(1,100000) i))
%%
SELECT (SELECT array_agg(a.oid::text) FROM pg_class a, pg_class b) && (SELECT array_agg(b.relname::text) FROM pg_class a, pg_class b)
%%
SELECT (SELECT array_agg(a.oid) FROM pg_class a CROSS JOIN pg_class b WHERE true) <@ ARRAY(SELECT a.oid FROM pg_class a, pg_class b)
%%
WITH a AS MATERIALIZED (SELECT array_agg(i::text) AS v FROM generate_series(1,100000) i) SELECT x.v && y.v FROM a x, a y
%%
SELECT string_to_array(repeat('a,', 50000), ',') && string_to_array(repeat('b,', 50000), ',')
%%
SELECT strpos(repeat('a', 1000000), repeat('a', 100000) || 'b')
%%
SELECT position(repeat('a', 100000) || 'b' IN repeat('a', 1000000))
%%
SELECT repeat('a', 1000000) LIKE '%' || repeat('a', 100000) || 'b'
%%
SELECT ltrim(repeat('z', 1000000), repeat('a', 100000))
%%
SELECT split_part(repeat('a', 1000000), repeat('a', 100000) || 'b', 1)
%%
SELECT replace(repeat('a', 1000000), repeat('a', 100000) || 'b', '')
%%
SELECT ('(' || repeat('(0,0),', 50000) || '(1,1))')::path ?# ('(' || repeat('(5,5),', 50000) || '(6,6))')::path
%%
SELECT ('[' || repeat('{"a":1},', 50000) || '1]')::jsonb @> ('[' || repeat('{"b":1},', 50000) || '1]')::jsonb
%%
SELECT ('{' || repeat('[1,2],', 50000) || '[3,4]}')::int4multirange && ('{' || repeat('[5,6],', 50000) || '[7,8]}')::int4multirange
%%
WITH RECURSIVE c(x, n) AS (SELECT 'a', 1 UNION ALL SELECT x || x, n + 1 FROM c WHERE n < 30) SELECT length(x) FROM c
%%
WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL SELECT concat(x, x) FROM c WHERE length(x) < 1000000000) SELECT length(x) FROM c
%%
WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL SELECT repeat(x, 2) FROM c WHERE length(x) < 1000000000) SELECT length(x) FROM c
%%
WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL SELECT replace(x, 'a', 'aa') FROM c WHERE length(x) < 1000000000) SELECT length(x) FROM c
%%
WITH RECURSIVE c(x) AS (SELECT '''' UNION ALL SELECT quote_literal(x) FROM c WHERE length(x) < 1000000000) SELECT length(x) FROM c
%%
WITH RECURSIVE c(a, b) AS (SELECT 'a', 'b' UNION ALL SELECT b, a || b FROM c WHERE length(b) < 1000000000) SELECT length(a) FROM c
%%
WITH RECURSIVE c(a, b, d) AS (SELECT 'a', 'b', 'c' UNION ALL SELECT b || b, d, a FROM c) SELECT 1 FROM c
%%
WITH RECURSIVE c(x) AS (SELECT ARRAY[1] UNION ALL SELECT x || x FROM c WHERE cardinality(x) < 100000000) SELECT cardinality(x) FROM c
%%
WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL SELECT (SELECT y || y FROM (SELECT c.x AS y) s) FROM c) SELECT length(x) FROM c
%%
SELECT repeat('x', n) FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n * 10 FROM c WHERE n < 100000000) SELECT n FROM c) t
%%
SELECT dept_id, count(*) FROM users GROUP BY CUBE (id, name, email, dept_id, manager_id, feeling, id, name, email, dept_id, manager_id, feeling)
%%
SELECT 1 FROM users GROUP BY CUBE (id, name, email, dept_id), CUBE (id, name, email, dept_id), CUBE (id, name, email, dept_id)
%%
SELECT 1 FROM users GROUP BY GROUPING SETS (CUBE (id, name, email, dept_id, manager_id, feeling, id, name, email), ())
%%
SELECT xpath(name, '<a/>'::xml) FROM users
%%
SELECT xpath('//' || 'a', '<a/>'::xml)
%%
SELECT xpath('//a[//b[//c]]', name::xml) FROM users
%%
SELECT xpath_exists('//a/ancestor::b/following::c', name::xml) FROM users
%%
SELECT xmlexists('/a[b[c[d]]]' PASSING BY VALUE (name::xml)) FROM users
%%
SELECT x.* FROM users, xmltable('//a[//b[//c]]' PASSING (name::xml) COLUMNS v text PATH 'x') x
%%
SELECT x.* FROM users, xmltable('/a' PASSING (name::xml) COLUMNS v text PATH '//a[//b[//c]]') x
%%
SELECT x.* FROM users, xmltable('/a' PASSING (name::xml) COLUMNS v text PATH users.name) x
%%
SELECT jsonb_pretty(repeat('[', 1000000)::jsonb)
%%
SELECT ts_headline('english', repeat('word ', 100000), to_tsquery('word'), 'StartSel=' || repeat('x', 10000) || ', HighlightAll=true')
%%
SELECT name FROM users WHERE repeat('x', 100000000) = name
%%
SELECT name FROM users ORDER BY repeat('x', 100000000)
%%
SELECT count(*) FILTER (WHERE repeat('x', 100000000) = 'x') FROM users
%%
SELECT row_number() OVER (ORDER BY repeat('x', 100000000)) FROM users
%%
SELECT 1 FROM users GROUP BY repeat('x', 100000000)
%%
SELECT 1 FROM users u JOIN orders o ON repeat('x', 100000000) = u.name
%%
SELECT 1 FROM users LIMIT length(repeat('x', 100000000))
%%
SELECT DISTINCT ON (repeat('x', 100000000)) 1 FROM users
%%
SELECT x.y FROM users, LATERAL (SELECT repeat('x', 100000000) AS y) x
%%
SELECT (ARRAY[repeat('x', 100000000)])[1]
%%
SELECT 1 WHERE EXISTS (SELECT repeat('x', 100000000))
%%
SELECT to_jsonb(to_jsonb(to_jsonb(repeat('"', 2000000))::text)::text)
%%
SELECT json_object_agg(repeat('k', 1000000), 1) FROM users
%%
SELECT encode(repeat('x', 5000000)::bytea, 'hex') || repeat('y', 100000000)
%%
SELECT xpath('//b[count(//b)>0]', xmlparse(document '<a>'||repeat('<b/>',20000)||'</a>'))
%%
SELECT xpath('/a/b[count(preceding-sibling::b)>0]', xmlparse(document '<a>'||repeat('<b/>',50000)||'</a>'))
%%
SELECT xpath('/a/b[contains(string(/a), "x")]', xmlparse(document '<a>'||repeat('<b>y</b>',50000)||'</a>'))
%%
SELECT xpath('/a/b[. != /a/b[. = "q"]]', xmlparse(document '<a>'||repeat('<b>y</b>',50000)||'</a>'))
%%
SELECT ('(' || repeat('(0,0),', 5000) || '(1,1))')::path <-> ('(' || repeat('(5,5),', 5000) || '(6,6))')::path
%%
SELECT range_agg(int4range(i*2, i*2+1)) FROM generate_series(1,1000000) i
%%
SELECT count(*) FROM jsonb_path_query(('[' || repeat('1,', 20000) || '1]')::jsonb, '$[*] ? (exists($[*] ? (@ == 2)))')
%%
SELECT concat(y,y,y,y,y,y,y,y,y,y) FROM (SELECT concat(x,x,x,x,x,x,x,x,x,x) y FROM (SELECT repeat('x',8000000) x) t) u
%%
SELECT x || x || x || x FROM (SELECT repeat('x', 4000000) AS x) t
%%
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY repeat('x',8000) || i) FROM generate_series(1,1000000) i
%%
SELECT mode() WITHIN GROUP (ORDER BY repeat('x',80000)) FROM users
%%
SELECT array_agg(DISTINCT repeat('x',8000) || i) FROM generate_series(1,30000) i
%%
SELECT array_agg(repeat('x',20000)) FROM pg_class a, pg_class b
%%
SELECT repeat('x', "?column?") FROM (SELECT 100000000) t
%%
SELECT repeat('x', j.q) FROM ((SELECT 100000000 AS n) a CROSS JOIN (SELECT 1 AS m) b) AS j(q, r)
%%
SELECT repeat('x', (ARRAY[0, 100000000])[2])
%%
SELECT repeat('x', v::int) FROM json_array_elements_text('[100000000]') v
%%
SELECT repeat('x', v) FROM unnest(ARRAY[0, 100000000]) v
%%
SELECT (SELECT repeat('x', u.n) FROM (SELECT 100000000 AS n) u) FROM users u
%%
SELECT repeat('x', n) FROM (SELECT * FROM (SELECT 100000000 AS n) a) b
%%
SELECT repeat('x', k) FROM (SELECT * FROM (SELECT 100000000 AS n) a) b(k)
%%
SELECT repeat('x', length((SELECT t::text FROM (SELECT repeat('y', 5000000) AS a) t)) * 10)
%%
SELECT repeat(u, 3) FROM (SELECT repeat('y', 5000000) AS a) AS t(u)
%%
WITH a AS (SELECT 1 AS n UNION ALL SELECT 100000000) SELECT repeat('x', x.n) FROM a AS x
%%
WITH a(k) AS (VALUES (1), (100000000)) SELECT repeat('x', k) FROM a
%%
SELECT repeat('x', n) FROM (SELECT DISTINCT ON (n) n FROM (VALUES (100000000)) v(n)) t
%%
SELECT repeat('x', lag) FROM (SELECT lag(100000000) OVER () FROM users) t
%%
SELECT repeat('x', 0x5F5E100)
%%
SELECT repeat('x', 1e8::int)
%%
SELECT repeat('x', x'5F5E100'::int)
%%
WITH RECURSIVE c(x) AS (SELECT * FROM (SELECT 'a') t UNION ALL SELECT x || x FROM c) SELECT length(x) FROM c
%%
WITH RECURSIVE c AS (SELECT * FROM (SELECT 'a' AS x) t UNION ALL SELECT x || x FROM c) SELECT length(x) FROM c
%%
WITH RECURSIVE c(x) AS (VALUES ('a') UNION ALL SELECT c.x || c.x FROM c) SELECT length(x) FROM c
%%
WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL SELECT y FROM (SELECT x || x AS y FROM c) s) SELECT length(x) FROM c
%%
WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL SELECT string_agg(x, x) FROM (SELECT a.x FROM c a, c b) s) SELECT length(x) FROM c
%%
WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL (WITH d AS (SELECT x || x AS z FROM c) SELECT z FROM d)) SELECT length(x) FROM c
%%
WITH RECURSIVE c AS (SELECT * FROM (SELECT 1 AS n, 'a' AS x) t UNION ALL SELECT n, x || x FROM c) SELECT length(x) FROM c
%%
SELECT repeat('x', n) FROM json_to_recordset('[{"n": 100000000}]') AS x(n int)
%%
SELECT repeat('x', n) FROM xmltable('/a' PASSING ('<a>100000000</a>'::xml) COLUMNS n int PATH '.') x
%%
SELECT repeat('x', n) FROM json_table('[100000000]', '$[*]' COLUMNS (n int PATH '$')) t
%%
SELECT npoints(polygon(60000000, circle '((0,0),1)'))
%%
SELECT length(normalize(repeat(chr(837),400000)||repeat(chr(820),400000)))
%%
SELECT length(normalize(repeat(chr(837),4000)||repeat(chr(820),4000), NFKD))
%%
SELECT repeat(chr(837),100000)||repeat(chr(820),100000) IS NFC NORMALIZED
%%
SELECT array_agg(x) FROM (SELECT repeat('x', 1000) AS x FROM generate_series(1, 1000000) ORDER BY 1 FETCH FIRST 1 ROW WITH TIES) s
%%
SELECT array_agg(x) FROM (SELECT generate_series(1, 1000000), repeat('x', 1000) AS x) s
%%
SELECT array_agg(x) FROM (SELECT 1 + generate_series(1, 1000000), generate_series(1, 2), repeat('x', 1000) AS x) s
