-- What the accepted statements read. Run it in an empty database.
CREATE TYPE address AS (street text, city text);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE departments (dept_id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE users (
    id int PRIMARY KEY, name text, email text UNIQUE, ssn text, salary numeric,
    dept_id int REFERENCES departments, manager_id int REFERENCES users,
    created_at timestamptz DEFAULT now(), born date, meta jsonb, tags text[], home address, feeling mood
);
CREATE TABLE orders (
    id serial PRIMARY KEY, user_id int REFERENCES users, amount numeric, status text,
    created_at timestamptz DEFAULT now(), during tstzrange, note text
);
CREATE TABLE order_items (order_id int, product_id int, qty int, price numeric);
CREATE TABLE documents (id int PRIMARY KEY, title text, body text, search tsvector, raw xml, payload json, digest bytea);
CREATE TABLE shapes (id int PRIMARY KEY, at point, area box, net inet, mac macaddr, flags bit(8), key uuid, span int4range);
CREATE TABLE "Select" ("from" int, "order" text, "group" int, "Mixed Case" text, "percent%" int, "quote""d" int);
CREATE TABLE attendance (user_id int, time_in time, time_out time, date_in date);
CREATE TABLE events (id int, at date, kind text) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW v_users AS SELECT id, name, ssn AS hidden FROM users;
CREATE MATERIALIZED VIEW m_totals AS SELECT user_id, sum(amount) AS total FROM orders GROUP BY user_id;
CREATE FUNCTION f_write() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM order_items; RETURN 1; END $$;
CREATE FUNCTION f_mark_stable() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 2; END $$;
INSERT INTO departments VALUES (1, 'eng'), (2, 'ops');
INSERT INTO users SELECT g, 'user' || g, 'u' || g || '@x.io', '000-00-' || g, g * 10, 1 + g % 2, nullif(g / 2, 0), '2026-01-01'::timestamptz + g * interval '1 day',
    date '1980-01-01' + g * 100, jsonb_build_object('city', 'x' || g % 3, 'tags', jsonb_build_array('a', 'b'), 'vip', g % 2 = 0),
    ARRAY['t' || g % 4, 'all'], ROW('street ' || g, 'x')::address, 'ok' FROM generate_series(1, 50) g;
INSERT INTO orders (user_id, amount, status, created_at, during) SELECT 1 + g % 50, g, CASE WHEN g % 3 = 0 THEN 'open' ELSE 'paid' END,
    '2026-02-01'::timestamptz + g * interval '1 hour', tstzrange('2026-02-01'::timestamptz + g * interval '1 hour', '2026-02-02'::timestamptz + g * interval '1 hour')
    FROM generate_series(1, 500) g;
INSERT INTO order_items SELECT g, g % 7, 1 + g % 3, g * 1.5 FROM generate_series(1, 200) g;
INSERT INTO documents VALUES (1, 'One', 'The quick brown fox', to_tsvector('english', 'The quick brown fox'), '<a><b>1</b><b>2</b></a>', '{"a":[1,2]}', '\x0102');
INSERT INTO shapes VALUES (1, '(1,2)', '((0,0),(2,2))', '10.0.0.0/8', '08:00:2b:01:02:03', B'10101010', '00000000-0000-0000-0000-000000000001', '[1,10)');
INSERT INTO "Select" VALUES (1, 'a', 2, 'm', 3, 4);
INSERT INTO attendance VALUES (1, '09:00', '17:00', '2026-01-05');
INSERT INTO events VALUES (1, '2026-03-01', 'login'), (2, '2026-03-02', 'logout');
REFRESH MATERIALIZED VIEW m_totals;
