package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// expensivePostgres are statements that cost the server everything although
// they are small.
func expensivePostgres() []string {
	return []string{
		"EXPLAIN " + doubling("AS NOT MATERIALIZED ", 30), doubling("AS NOT MATERIALIZED ", 30),
		"SELECT length(array_agg(repeat('x',100000000))::text) FROM generate_series(1,100)",
		"SELECT (SELECT array_agg(i::text) FROM generate_series(1,100000) i) && (SELECT array_agg((-i)::text) FROM generate_series(1,100000) i)",
		"SELECT xpath('count(//*[count(//*[count(//*)>0])>0])', xmlparse(document '<a>'||repeat('<b/>',1800)||'</a>'))",
		"SELECT length(translate(repeat('z',200000),repeat('a',20000),''))",
		"SELECT repeat(repeat('x', 10000), 100000)", "SELECT lpad('x', 1000000000)", "SELECT length(array_fill(1, ARRAY[100000000])::text)",
		"SELECT format('%1000000000s', 'x')", "SELECT count(*) FROM (SELECT 1 FROM orders GROUP BY CUBE (a,a+1,a+2,a+3,a+4,a+5,a+6,a+7,a+8,a+9,a+10,a+11)) x",
		"SELECT replace(repeat('a',1000000), 'a', repeat('b',1000))", "SELECT string_agg(repeat('x',10000000), '') FROM generate_series(1,100)",
	}
}

// expensiveMySQL is the counterpart for MariaDB and MySQL.
func expensiveMySQL() []string {
	return []string{
		doubling("AS ", 22), "EXPLAIN " + doubling("AS ", 22),
		"SELECT LENGTH(REPLACE(REPEAT('a',1400000), CONCAT(REPEAT('a',100000),'b'), ''))",
		"SELECT LENGTH(REPEAT(REPEAT('x', 100000), 10000))", "SELECT LENGTH(LPAD('x', 1000000000, 'y'))", "SELECT LENGTH(SPACE(1000000000))",
	}
}

// doubling is a statement that doubles with every WITH query.
func doubling(how string, n int) string {
	var b strings.Builder
	b.WriteString("WITH c0 " + how + "(SELECT 1 AS x)")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, ", c%d %s(SELECT 1 AS x FROM c%d a, c%d b)", i, how, i-1, i-1)
	}
	fmt.Fprintf(&b, " SELECT count(*) FROM c%d", n)
	return b.String()
}

func smallAndExpensive(ctx context.Context, r *rig) (all []attempt, err error) {
	address, db, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "expensive")
	if err != nil {
		return nil, err
	}
	if err := executeAll(ctx, db, "CREATE TABLE orders (id int, a int)"); err != nil {
		return nil, err
	}
	tool, _, err := r.connection(ctx, "expensive pg", "postgres", address, true)
	if err != nil {
		return nil, err
	}
	for _, statement := range expensivePostgres() {
		all = append(all, mustRefuse(tool, statement))
	}
	for _, variable := range []string{"MCPGW_TEST_MARIADB", "MCPGW_TEST_MYSQL"} {
		name := strings.ToLower(strings.TrimPrefix(variable, "MCPGW_TEST_"))
		address, _, err := r.mysqlDatabase(ctx, variable, "expensive_"+name)
		if err != nil {
			return nil, err
		}
		tool, _, err := r.connection(ctx, "expensive "+name, "mysql", address, true)
		if err != nil {
			return nil, err
		}
		for _, statement := range expensiveMySQL() {
			all = append(all, mustRefuse(tool, statement))
		}
	}
	return all, nil
}

// aroundTheLists registers databases whose names or search paths would make
// system tables readable without a schema before them.
func aroundTheLists(ctx context.Context, r *rig) (all []attempt, err error) {
	postgres, maria, mysql := os.Getenv("MCPGW_TEST_POSTGRES"), os.Getenv("MCPGW_TEST_MARIADB"), os.Getenv("MCPGW_TEST_MYSQL")
	for _, path := range []string{"information_schema", "public,information_schema", "pg_toast", "public,pg_catalog", "%22information_schema%22"} {
		all = append(all, mustNotRegister("postgres", postgres+"&options="+"-csearch_path%3D"+path), mustNotRead(ctx, "postgres", postgres+"&search_path="+path, "SELECT * FROM user_mapping_options"))
	}
	for _, server := range []string{maria, mysql} {
		for _, name := range []string{"mysql", "information_schema", "performance_schema", "sys", "MySQL"} {
			all = append(all, mustNotRegister("mysql", server+name))
		}
	}
	address, _, err := r.mysqlDatabase(ctx, "MCPGW_TEST_MARIADB", "lists")
	if err != nil {
		return nil, err
	}
	tool, _, err := r.connection(ctx, "lists maria", "mysql", address, true)
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{
		"SELECT * FROM mysql.global_priv", "SELECT * FROM mysql.user", "SELECT * FROM information_schema.processlist", "SELECT * FROM INFORMATION_SCHEMA.PROCESSLIST",
		"SELECT routine_definition FROM information_schema.routines", "SHOW PROCESSLIST", "SHOW GRANTS", "SHOW CREATE USER root", "SELECT * FROM `mysql`.`user`",
	} {
		all = append(all, mustRefuse(tool, statement))
	}
	pgAddress, _, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "lists")
	if err != nil {
		return nil, err
	}
	pgTool, _, err := r.connection(ctx, "lists pg", "postgres", pgAddress, true)
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{
		"SELECT * FROM pg_authid", "SELECT * FROM pg_shadow", "SELECT * FROM information_schema.user_mapping_options", "SELECT routine_definition FROM information_schema.routines",
		"SELECT * FROM pg_stat_activity", "SELECT * FROM pg_hba_file_rules", "SELECT * FROM pg_file_settings", "SELECT prosrc FROM pg_proc", "SELECT * FROM pg_user_mappings",
		"SELECT * FROM pg_stats", "SELECT * FROM pg_statistic", "SELECT * FROM pg_subscription",
	} {
		all = append(all, mustRefuse(pgTool, statement))
	}
	return all, nil
}

// mustNotRegister is a connection that must not be stored.
func mustNotRegister(engine, address string) attempt {
	name := address[strings.LastIndex(address, "@")+1:]
	return attempt{name: "register " + engine + " " + name[strings.IndexAny(name, "/?"):], run: func(ctx context.Context, r *rig) (string, bool) {
		_, id, err := r.connection(ctx, "system", engine, address, true)
		if err == nil {
			return "stored as " + id, false
		}
		return err.Error(), strings.Contains(err.Error(), "status 4")
	}}
}

// mustNotRead is a connection that may be stored, but not used to read this.
func mustNotRead(_ context.Context, engine, address, statement string) attempt {
	return attempt{name: statement + " with " + address[strings.LastIndex(address, "&")+1:], run: func(ctx context.Context, r *rig) (string, bool) {
		tool, _, err := r.connection(ctx, "system path", engine, address, true)
		if err != nil {
			return err.Error(), strings.Contains(err.Error(), "status 4")
		}
		return r.query(ctx, tool, statement)
	}}
}

// powerfulLogins registers logins that could do more than read, without
// leave.
func powerfulLogins(ctx context.Context, r *rig) (all []attempt, err error) {
	maria, _, err := r.mysqlDatabase(ctx, "MCPGW_TEST_MARIADB", "powerful")
	if err != nil {
		return nil, err
	}
	mysql, _, err := r.mysqlDatabase(ctx, "MCPGW_TEST_MYSQL", "powerful")
	if err != nil {
		return nil, err
	}
	for _, server := range []struct{ engine, address string }{
		{"postgres", os.Getenv("MCPGW_TEST_POSTGRES")}, {"mysql", maria}, {"mysql", mysql},
	} {
		all = append(all, attempt{name: "test a superuser of " + server.engine, run: func(ctx context.Context, r *rig) (string, bool) {
			var result struct {
				OK    bool
				Error string
			}
			err := r.admin.Do(ctx, http.MethodPost, "/api/v1/connections/test", map[string]any{"db_type": server.engine, "connection_string": server.address}, &result)
			return fmt.Sprintf("%+v %v", result, err), err == nil && !result.OK
		}}, attempt{name: "query as a superuser of " + server.engine, run: func(ctx context.Context, r *rig) (string, bool) {
			tool, _, err := r.connection(ctx, "powerful", server.engine, server.address, false)
			if err != nil {
				return err.Error(), strings.Contains(err.Error(), "status 4")
			}
			return r.query(ctx, tool, "SELECT 1")
		}})
	}
	address, db, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "powerful")
	if err != nil {
		return nil, err
	}
	for i, group := range []string{"pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"} {
		login := fmt.Sprintf("mcpgw_attack_%d_%d", i, os.Getpid())
		if err := executeAll(ctx, db, "CREATE ROLE "+login+" LOGIN PASSWORD 'x' IN ROLE "+group); err != nil {
			return nil, err
		}
		r.onCleanUp(func(ctx context.Context) error { return executeAll(ctx, db, "DROP ROLE "+login) })
		all = append(all, attempt{name: "query as a member of " + group, run: func(ctx context.Context, r *rig) (string, bool) {
			tool, _, err := r.connection(ctx, "member", "postgres", asUser(address, login, "x"), false)
			if err != nil {
				return err.Error(), strings.Contains(err.Error(), "status 4")
			}
			return r.query(ctx, tool, "SELECT 1")
		}})
	}
	return all, nil
}
