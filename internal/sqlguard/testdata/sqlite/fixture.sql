-- What the accepted statements read. Run it in an empty database.
CREATE TABLE departments (dept_id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE users (
    id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE, ssn TEXT, salary NUMERIC,
    dept_id INTEGER REFERENCES departments, manager_id INTEGER REFERENCES users, created_at TEXT, meta TEXT
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER REFERENCES users, amount NUMERIC, status TEXT, created_at TEXT
);
CREATE TABLE order_items (order_id INTEGER, product_id INTEGER, qty INTEGER, price REAL, PRIMARY KEY (order_id, product_id)) WITHOUT ROWID;
CREATE TABLE "Select" ("from" INTEGER, "order" TEXT, "group" INTEGER, "Mixed Case" TEXT, "quote""d" INTEGER);
CREATE TABLE blobs (id INTEGER PRIMARY KEY, data BLOB, strictly ANY) STRICT;
CREATE VIEW ids AS SELECT id FROM users WHERE id < 4;
CREATE VIEW v_users AS SELECT id, name, ssn AS hidden FROM users;
CREATE INDEX orders_status ON orders (status, created_at);
CREATE VIRTUAL TABLE notes USING fts5(title, body);
INSERT INTO departments VALUES (1, 'eng'), (2, 'ops');
WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 50)
INSERT INTO users SELECT n, 'user' || n, 'u' || n || '@x.io', '000-00-' || n, n * 10, 1 + n % 2, nullif(n / 2, 0),
    datetime('2026-01-01', n || ' days'), json_object('city', 'x' || n % 3, 'tags', json_array('a', 'b')) FROM g;
WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 500)
INSERT INTO orders (user_id, amount, status, created_at) SELECT 1 + n % 50, n, CASE n % 3 WHEN 0 THEN 'open' ELSE 'paid' END,
    datetime('2026-02-01', n || ' hours') FROM g;
INSERT INTO order_items SELECT id, id % 7, 1 + id % 3, id * 1.5 FROM orders WHERE id <= 200;
INSERT INTO "Select" VALUES (1, 'a', 2, 'm', 4);
INSERT INTO blobs VALUES (1, x'0102', 'x');
INSERT INTO notes VALUES ('One', 'The quick brown fox'), ('Two', 'jumps over the lazy dog');
ANALYZE;
