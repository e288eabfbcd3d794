WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<9000), x(v) AS MATERIALIZED (SELECT replace(printf('%999d',0),' ',printf('%99d',0))) SELECT length(json_group_array(v||i||'0')), length(json_group_array(v||i||'1')) FROM n, x
%%
SELECT length(json_pretty('[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]', replace(printf('%999d',0),' ',printf('%99d',0))))
%%
SELECT replace(replace(replace(printf('%999d',0),' ',printf('%999d',0)),' ',printf('%999d',0)),' ',printf('%999d',0))
%%
SELECT hex(hex(hex(hex(hex(hex(replace(printf('%999d',0),' ',printf('%999d',0))))))))
%%
SELECT quote(quote(quote(quote(quote(quote(replace(printf('%999d',0),' ',printf('%999d','''')))))))) 
%%
WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL SELECT x || x FROM c WHERE length(x) < 1000000000) SELECT length(x) FROM c
%%
WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL SELECT hex(x) FROM c WHERE length(x) < 1000000000) SELECT length(x) FROM c
%%
WITH c(x) AS (SELECT 'a' UNION ALL SELECT replace(x, 'a', 'aa') FROM c LIMIT 40) SELECT length(x) FROM c
%%
WITH RECURSIVE c(x) AS (SELECT '"' UNION ALL SELECT json_quote(x) FROM c WHERE length(x) < 1000000000) SELECT length(x) FROM c
%%
WITH a AS (SELECT replace(printf('%999d',0),' ',printf('%999d',0)) AS v), b AS (SELECT v||v||v||v AS v FROM a), c AS (SELECT v||v||v||v AS v FROM b) SELECT instr(v, v || 'x') FROM c
%%
SELECT group_concat(replace(printf('%999d',0),' ',printf('%999d',0))) FROM users
%%
SELECT replace(printf('%999d',0),' ',printf('%999d',0)) LIKE '%' || replace(printf('%999d',0),' ',printf('%99d',0)) || 'x'
%%
SELECT replace(printf('%999d',0),' ',printf('%999d',0)) AS v FROM users WHERE length(v || v || v || v || v || v || v || v || v || v) > 0
