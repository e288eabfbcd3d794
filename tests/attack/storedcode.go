package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// hostile is what stands in the PostgreSQL database of storedCodePostgres.
// Everything in it is made by a superuser, as a careless administrator would.
const hostile = `
CREATE EXTENSION dblink;
CREATE TABLE orders (id int PRIMARY KEY, total int);
INSERT INTO orders SELECT g, g FROM generate_series(1, 10) g;
CREATE FUNCTION export_orders() RETURNS int LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch $FILE'; RETURN 1; END $$;
CREATE FUNCTION plain_sleep() RETURNS int LANGUAGE sql STABLE AS $$ SELECT 1 FROM pg_sleep(0.1) $$;
CREATE VIEW monthly_report AS SELECT export_orders() AS n;
CREATE VIEW quarterly_report AS SELECT dblink_exec('$DSN', 'DELETE FROM orders') AS done;
CREATE VIEW passwords AS SELECT pg_read_file('/etc/passwd') AS text;
CREATE VIEW slow AS SELECT pg_sleep(0.1)::text AS s;
CREATE VIEW locking AS SELECT pg_advisory_lock(4242)::text AS l;
CREATE VIEW once AS SELECT * FROM locking;
CREATE VIEW twice AS SELECT l AS renamed FROM (SELECT l FROM once WHERE l IS NOT NULL) x;
CREATE VIEW in_cte AS WITH c AS (SELECT pg_advisory_lock(4242)::text AS l) SELECT * FROM c;
CREATE VIEW in_sublink AS SELECT id FROM orders WHERE EXISTS (SELECT pg_advisory_lock(4242));
CREATE VIEW in_lateral AS SELECT o.id FROM orders o, LATERAL (SELECT pg_advisory_lock(4242)) l;
CREATE VIEW in_from AS SELECT * FROM pg_ls_dir('/') AS f;
CREATE VIEW in_order AS SELECT id FROM orders ORDER BY (pg_advisory_lock(4242)::text);
CREATE VIEW in_group AS SELECT count(*) FROM orders GROUP BY pg_advisory_lock(4242)::text;
CREATE VIEW in_case AS SELECT CASE WHEN id > 0 THEN pg_advisory_lock(4242)::text END AS c FROM orders;
CREATE VIEW in_filter AS SELECT count(*) FILTER (WHERE pg_try_advisory_lock(4242)) FROM orders;
CREATE VIEW in_window AS SELECT sum(id) OVER (ORDER BY pg_advisory_lock(4242)::text) FROM orders;
CREATE VIEW own_sql AS SELECT plain_sleep() AS n;
CREATE VIEW barrier WITH (security_barrier) AS SELECT set_config('work_mem', '1GB', false) AS v;
CREATE VIEW largeobject AS SELECT lo_import('/etc/passwd') AS o;
CREATE VIEW notifies AS SELECT pg_notify('x', 'y')::text AS n;
CREATE VIEW xml AS SELECT query_to_xml('SELECT pg_sleep(0.1)', true, true, '') AS x;
CREATE TABLE guarded (id int);
INSERT INTO guarded VALUES (1);
CREATE FUNCTION may_see(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(4242); RETURN true; END $$;
CREATE POLICY p ON guarded USING (may_see(id));
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
CREATE VIEW through_policy AS SELECT * FROM guarded;
CREATE TABLE parent (id int) PARTITION BY RANGE (id);
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE program (line text) SERVER files OPTIONS (program 'touch $FILE; echo 1');
CREATE FOREIGN TABLE child PARTITION OF parent FOR VALUES FROM (1) TO (9) SERVER files OPTIONS (program 'touch $FILE; echo 1');
CREATE FUNCTION plus(int, int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(4242); RETURN 1; END $$;
CREATE OPERATOR <+> (LEFTARG = int, RIGHTARG = int, FUNCTION = plus);
CREATE VIEW by_operator AS SELECT 1 <+> 2 AS n;
CREATE FUNCTION step(int, int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(4242); RETURN 1; END $$;
CREATE AGGREGATE hostile_sum(int) (SFUNC = step, STYPE = int, INITCOND = '0');
CREATE VIEW by_aggregate AS SELECT hostile_sum(id) FROM orders;
CREATE FUNCTION f_upper(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_lock(4242); RETURN upper($1); END $$;
`

// hostileRelations are the relations of hostile that must not be read.
func hostileRelations() []string {
	return []string{
		"monthly_report", "quarterly_report", "passwords", "slow", "locking", "once", "twice", "in_cte", "in_sublink", "in_lateral",
		"in_from", "in_order", "in_group", "in_case", "in_filter", "in_window", "own_sql", "barrier", "largeobject", "notifies", "xml",
		"guarded", "through_policy", "program", "child", "parent", "by_operator", "by_aggregate",
	}
}

func storedCodePostgres(ctx context.Context, r *rig) (all []attempt, err error) {
	for _, version := range []string{"MCPGW_TEST_POSTGRES", "MCPGW_TEST_POSTGRES18"} {
		if os.Getenv(version) == "" {
			continue
		}
		attempts, err := storedCodeOn(ctx, r, version)
		if err != nil {
			return nil, err
		}
		all = append(all, attempts...)
	}
	return all, nil
}

func storedCodeOn(ctx context.Context, r *rig, variable string) ([]attempt, error) {
	name := strings.ToLower(strings.TrimPrefix(variable, "MCPGW_TEST_"))
	address, db, err := r.postgresDatabase(ctx, variable, "stored_"+name)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(os.TempDir(), fmt.Sprintf("mcpgw_attack_%s_%d", name, os.Getpid()))
	r.onCleanUp(func(context.Context) error { return os.RemoveAll(file) })
	if err := executeAll(ctx, db, strings.NewReplacer("$FILE", file, "$DSN", keywords(address)).Replace(hostile)); err != nil {
		return nil, err
	}
	tool, _, err := r.connection(ctx, "stored "+name, "postgres", address, true)
	if err != nil {
		return nil, err
	}
	var all []attempt
	for _, relation := range hostileRelations() {
		a := mustRefuse(tool, "SELECT * FROM "+relation)
		a.name += " on " + name
		all = append(all, a)
	}
	for _, statement := range []string{
		"SELECT (SELECT count(*) FROM in_from)", "WITH x AS (SELECT * FROM twice) SELECT 1 FROM x", "TABLE locking",
		"SELECT 1 FROM orders WHERE id IN (SELECT id FROM in_sublink)", "SELECT f_upper('x')", "SELECT public.f_upper('x')", "SELECT o FROM orders o, locking",
		"EXPLAIN ANALYZE SELECT * FROM locking", `SELECT * FROM public."locking"`, "SELECT * FROM ONLY guarded",
	} {
		all = append(all, mustRefuse(tool, statement))
	}
	return append(all, attempt{name: "nothing has run on " + name, run: func(ctx context.Context, r *rig) (string, bool) {
		_, missing := os.Stat(file)
		left, err := text(ctx, db, "SELECT concat_ws(' ', (SELECT count(*) FROM orders), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4242))")
		return fmt.Sprintf("orders and locks: %s, file: %v, %v", left, missing == nil, err), err == nil && left == "10 0" && os.IsNotExist(missing)
	}}), nil
}

// keywords writes a URL in the form that dblink takes.
func keywords(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("host=%s port=%s user=%s dbname=%s", u.Hostname(), u.Port(), u.User.Username(), strings.TrimPrefix(u.Path, "/"))
}

// hostileMySQL is the counterpart for MariaDB and MySQL.
func hostileMySQL() []string {
	return []string{
		"CREATE TABLE orders (id INT PRIMARY KEY, total INT)",
		"INSERT INTO orders VALUES (1, 1), (2, 2)",
		"CREATE VIEW v_sleep AS SELECT SLEEP(0.1) AS s",
		"CREATE VIEW v_lock AS SELECT GET_LOCK('mcpgw_attack', 1) AS l",
		"CREATE VIEW v_twice AS SELECT * FROM v_lock",
		"CREATE VIEW v_file AS SELECT LOAD_FILE('/etc/passwd') AS f",
		"CREATE VIEW v_bench AS SELECT BENCHMARK(10, 1 + 1) AS b",
		"CREATE VIEW v_where AS SELECT id FROM orders WHERE GET_LOCK('mcpgw_attack', 1) = 1",
		"CREATE VIEW v_nested AS SELECT (SELECT COUNT(*) FROM (SELECT SLEEP(0.1) AS x) y) AS n",
		"CREATE FUNCTION f_lock() RETURNS INT DETERMINISTIC NO SQL BEGIN DO GET_LOCK('mcpgw_attack', 1); RETURN 1; END",
		"CREATE VIEW v_function AS SELECT f_lock() AS f",
		"CREATE FUNCTION sha(t VARCHAR(100)) RETURNS VARCHAR(100) DETERMINISTIC NO SQL BEGIN DO GET_LOCK('mcpgw_attack', 1); RETURN t; END",
	}
}

func storedCodeMySQL(ctx context.Context, r *rig) (all []attempt, err error) {
	for _, variable := range []string{"MCPGW_TEST_MARIADB", "MCPGW_TEST_MYSQL"} {
		name := strings.ToLower(strings.TrimPrefix(variable, "MCPGW_TEST_"))
		address, db, err := r.mysqlDatabase(ctx, variable, "stored_"+name)
		if err != nil {
			return nil, err
		}
		statements := hostileMySQL()
		statements = append(statements, "CREATE FUNCTION md5(t VARCHAR(100)) RETURNS VARCHAR(100) DETERMINISTIC NO SQL BEGIN DO GET_LOCK('mcpgw_attack', 1); RETURN t; END")
		for _, statement := range statements {
			// A server that has the name itself refuses the function: so much the better.
			if _, err := db.ExecContext(ctx, statement); err != nil && !strings.Contains(statement, "FUNCTION sha") && !strings.Contains(statement, "FUNCTION md5") {
				return nil, fmt.Errorf("%s: %w", statement, err)
			}
		}
		tool, _, err := r.connection(ctx, "stored "+name, "mysql", address, true)
		if err != nil {
			return nil, err
		}
		for _, view := range []string{"v_sleep", "v_lock", "v_twice", "v_file", "v_bench", "v_where", "v_nested", "v_function"} {
			a := mustRefuse(tool, "SELECT * FROM "+view)
			a.name += " on " + name
			all = append(all, a)
		}
		all = append(all, mustRefuse(tool, "SELECT f_lock()"), runsNothing(name, db, tool, "SELECT md5('x'), sha('x')"))
	}
	return all, nil
}

// runsNothing is an attempt that may be answered, as long as no function of a
// user's has run: then the lock would be taken.
func runsNothing(name string, db *sql.DB, tool, statement string) attempt {
	return attempt{name: statement + " on " + name, run: func(ctx context.Context, r *rig) (string, bool) {
		answer, _ := r.query(ctx, tool, statement)
		holder, err := text(ctx, db, "SELECT IS_USED_LOCK('mcpgw_attack')")
		return answer + "; lock held by: " + holder, err == nil && holder == ""
	}}
}

// locksLeftBehind runs what the guard cannot see and looks at the locks.
func locksLeftBehind(ctx context.Context, r *rig) (all []attempt, err error) {
	address, db, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "locks")
	if err != nil {
		return nil, err
	}
	err = executeAll(ctx, db, `CREATE TABLE t (id int); INSERT INTO t VALUES (1);
		CREATE VIEW v AS SELECT pg_advisory_lock(77)::text AS l;
		CREATE FUNCTION locker(int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_advisory_lock(77); PERFORM set_config('work_mem', '1GB', false); RETURN $1; END $$`)
	if err != nil {
		return nil, err
	}
	tool, id, err := r.connection(ctx, "locks", "postgres", address, true)
	if err != nil {
		return nil, err
	}
	look := func(ctx context.Context) (string, bool) {
		locks, err := text(ctx, db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77")
		return "locks left: " + locks, err == nil && locks == "0"
	}
	for _, statement := range []string{"SELECT * FROM v", "SELECT locker(id) FROM t", "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM v)"} {
		all = append(all, attempt{name: statement, run: func(ctx context.Context, r *rig) (string, bool) {
			answer, _ := r.query(ctx, tool, statement)
			left, held := look(ctx)
			return answer + "; " + left, held
		}})
	}
	return append(all, attempt{name: "a listed function that takes a lock and changes a setting", run: func(ctx context.Context, r *rig) (string, bool) {
		if err := r.allowFunction(ctx, id, "public.locker(integer)"); err != nil {
			return err.Error(), false
		}
		answer, refused := r.query(ctx, tool, "SELECT locker(id) FROM t")
		left, held := look(ctx)
		setting, _ := r.query(ctx, tool, "SHOW work_mem")
		return answer + "; " + left + "; " + setting, !refused && held && !strings.Contains(setting, "1GB")
	}}), nil
}

// domains runs a user's CHECK function without naming it, in all the ways
// that were found.
func domains(ctx context.Context, r *rig) ([]attempt, error) {
	address, db, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "domains")
	if err != nil {
		return nil, err
	}
	err = executeAll(ctx, db, `
		CREATE FUNCTION chk(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_lock(88); RETURN true; END $$;
		CREATE DOMAIN dom AS text CHECK (chk(VALUE));
		CREATE DOMAIN doms AS dom[];
		CREATE TYPE pair AS (a int, d dom);
		CREATE TABLE dt (id int, d dom); CREATE TABLE dt2 (id int, a dom[]); CREATE TABLE dt3 (id int, p pair); CREATE TABLE dt4 (id int, ds doms);
		INSERT INTO dt VALUES (1, 'x'); INSERT INTO dt2 VALUES (1, '{x}'); INSERT INTO dt3 VALUES (1, '(1,x)'); INSERT INTO dt4 VALUES (1, '{x}');
		SELECT pg_advisory_unlock_all()`)
	if err != nil {
		return nil, err
	}
	tool, _, err := r.connection(ctx, "domains", "postgres", address, true)
	if err != nil {
		return nil, err
	}
	var all []attempt
	for _, statement := range []string{
		"SELECT 1 FROM dt2 WHERE a = '{x}'", "SELECT coalesce(dt,'(2,x)') FROM dt", "SELECT CASE WHEN id = 1 THEN dt ELSE '(1,x)' END FROM dt",
		"SELECT dt FROM dt UNION ALL SELECT '(1,x)'", "VALUES ((SELECT dt FROM dt)),('(1,x)')", "SELECT ARRAY[dt,'(1,x)'] FROM dt",
		"SELECT greatest(dt,'(1,x)') FROM dt", "SELECT 'x'::dom", "SELECT CAST('{x}' AS dom[])", "SELECT '(1,x)'::pair", "SELECT d FROM dt WHERE d = 'x'::dom",
		"SELECT 1 FROM dt3 WHERE p = '(1,x)'", "SELECT coalesce(ds, '{y}') FROM dt4", "SELECT dt FROM dt WHERE dt IN ('(1,x)')", "SELECT nullif(dt, '(1,x)') FROM dt",
		"SELECT * FROM json_to_record('{\"a\":\"x\"}') AS j(a dom)", "SELECT * FROM jsonb_populate_record(NULL::dt, '{\"d\":\"x\"}')", "SELECT array_append(a, 'y') FROM dt2",
		"WITH RECURSIVE c AS (SELECT dt FROM dt UNION ALL SELECT '(1,x)' FROM c WHERE false) SELECT * FROM c",
	} {
		all = append(all, attempt{name: statement, run: func(ctx context.Context, r *rig) (string, bool) {
			answer, refused := r.query(ctx, tool, statement)
			return answer, refused && strings.HasPrefix(answer, "SQL rejected: ")
		}})
	}
	return append(all, attempt{name: "no check has run", run: func(ctx context.Context, r *rig) (string, bool) {
		locks, err := text(ctx, db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 88")
		return "locks: " + locks, err == nil && locks == "0"
	}}), nil
}
