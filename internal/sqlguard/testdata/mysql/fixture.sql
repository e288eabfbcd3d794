CREATE TABLE departments (dept_id INT PRIMARY KEY, name VARCHAR(50))
%%
CREATE TABLE users (
  id INT PRIMARY KEY, name VARCHAR(50), email VARCHAR(80), ssn VARCHAR(20),
  salary DECIMAL(12,2), dept_id INT, created_at DATETIME DEFAULT '2026-01-15 10:00:00',
  meta JSON, FULLTEXT (name))
%%
CREATE TABLE orders (
  id INT PRIMARY KEY AUTO_INCREMENT, user_id INT, amount DECIMAL(12,2), status VARCHAR(20),
  created_at DATETIME DEFAULT '2026-02-01 08:30:00', KEY by_user (user_id))
%%
CREATE TABLE order_items (order_id INT, product_id INT, qty INT, price DECIMAL(12,2))
%%
CREATE TABLE `odd ``table` (`select` INT, `a b` VARCHAR(10), g GEOMETRY, b BLOB, t TIME, `end` INT)
%%
INSERT INTO departments VALUES (1,'eng'),(2,'ops')
%%
INSERT INTO users (id, name, email, ssn, salary, dept_id, meta)
SELECT id + 1, CONCAT('user', id + 1), CONCAT('u', id + 1, '@x.io'), CONCAT('000-00-', id + 1),
  (id + 1) * 10, 1 + id % 2, '{"city":"x","tags":["a"],"n":1.5}'
FROM (SELECT a.d * 10 + b.d AS id FROM
  (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) a,
  (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5
   UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) b) n
%%
INSERT INTO orders (id, user_id, amount, status)
SELECT u.id * 2 + d.dept_id, u.id, u.id * d.dept_id, 'paid' FROM users u, departments d
%%
INSERT INTO order_items SELECT id, id % 7, 1 + id % 3, amount FROM orders
%%
INSERT INTO `odd ``table` VALUES (1, 'x', ST_GeomFromText('POINT(1 2)'), x'00ff', '10:11:12', 5)
%%
CREATE VIEW v_users AS SELECT id, name, ssn AS hidden FROM users
%%
CREATE SEQUENCE s1
%%
CREATE FUNCTION f_write() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM order_items; RETURN 1; END
%%
CREATE FUNCTION any_value(x INT) RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM order_items; RETURN x; END
%%
CREATE PROCEDURE p1() BEGIN DELETE FROM order_items; END
%%
CREATE TRIGGER tr1 BEFORE INSERT ON order_items FOR EACH ROW SET NEW.qty = 1
