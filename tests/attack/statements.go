package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// corpora is where the guards' corpora lie, from the root of the project.
const corpora = "internal/sqlguard/testdata"

// corpus reads a file of a dialect's corpora.
func corpus(dialect, file string) (string, error) {
	text, err := os.ReadFile(filepath.Join(corpora, dialect, file))
	return string(text), err
}

// refusals makes an attempt of each statement that the guard must refuse, and
// one that looks afterwards whether the database is still the same.
func refusals(dialect, tool string, look func(context.Context) (string, error)) ([]attempt, error) {
	text, err := corpus(dialect, "refuse.sql")
	if err != nil {
		return nil, err
	}
	before, err := look(context.Background())
	if err != nil {
		return nil, err
	}
	var all []attempt
	for _, statement := range sqlguardtest.Split(text) {
		all = append(all, mustFail(tool, statement))
	}
	return append(all, attempt{name: "the database is unchanged after all of them", run: func(ctx context.Context, _ *rig) (string, bool) {
		after, err := look(ctx)
		if err != nil {
			return err.Error(), false
		}
		return after, after == before
	}}), nil
}

func postgresCorpus(ctx context.Context, r *rig) ([]attempt, error) {
	address, db, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "corpus")
	if err != nil {
		return nil, err
	}
	fixture, err := corpus("postgres", "fixture.sql")
	if err != nil {
		return nil, err
	}
	if err := executeAll(ctx, db, fixture); err != nil {
		return nil, err
	}
	tool, _, err := r.connection(ctx, "corpus pg", "postgres", address, true)
	if err != nil {
		return nil, err
	}
	return refusals("postgres", tool, func(ctx context.Context) (string, error) {
		return text(ctx, db, `SELECT concat_ws(' ',
			(SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace), (SELECT count(*) FROM pg_proc WHERE oid >= 16384),
			(SELECT count(*) FROM users), (SELECT sum(salary) FROM users), (SELECT count(*) FROM orders), (SELECT count(*) FROM order_items),
			(SELECT count(*) FROM pg_roles WHERE rolname !~ '^mcpgw_attack'), (SELECT count(*) FROM pg_largeobject_metadata),
			(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())))`)
	})
}

func mariaDBCorpus(ctx context.Context, r *rig) ([]attempt, error) {
	return mysqlFamilyCorpus(ctx, r, "MCPGW_TEST_MARIADB", "maria")
}

func mySQLCorpus(ctx context.Context, r *rig) ([]attempt, error) {
	return mysqlFamilyCorpus(ctx, r, "MCPGW_TEST_MYSQL", "mysql")
}

func mysqlFamilyCorpus(ctx context.Context, r *rig, variable, name string) ([]attempt, error) {
	address, db, err := r.mysqlDatabase(ctx, variable, "corpus_"+name)
	if err != nil {
		return nil, err
	}
	fixture, err := corpus("mysql", "fixture.sql")
	if err != nil {
		return nil, err
	}
	for _, statement := range sqlguardtest.Split(fixture) {
		if variable == "MCPGW_TEST_MYSQL" && strings.HasPrefix(statement, "CREATE SEQUENCE") {
			continue // MySQL has none
		}
		if err := executeAll(ctx, db, statement); err != nil {
			return nil, err
		}
	}
	tool, _, err := r.connection(ctx, "corpus "+name, "mysql", address, true)
	if err != nil {
		return nil, err
	}
	return refusals("mysql", tool, func(ctx context.Context) (string, error) {
		return text(ctx, db, `SELECT CONCAT_WS(' ',
			(SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()),
			(SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = DATABASE()),
			(SELECT COUNT(*) FROM users), (SELECT SUM(salary) FROM users), (SELECT COUNT(*) FROM orders), (SELECT COUNT(*) FROM order_items),
			IS_USED_LOCK('x'), IS_USED_LOCK('l'), IS_USED_LOCK('a'))`)
	})
}

func sqliteCorpus(ctx context.Context, r *rig) ([]attempt, error) {
	fixture, err := corpus("sqlite", "fixture.sql")
	if err != nil {
		return nil, err
	}
	path, err := r.sqliteFile(ctx, "corpus.db", fixture)
	if err != nil {
		return nil, err
	}
	tool, _, err := r.connection(ctx, "corpus lite", "sqlite", "sqlite:///"+path, false)
	if err != nil {
		return nil, err
	}
	return refusals("sqlite", tool, func(context.Context) (string, error) { return digest(path) })
}

// sqliteFile makes a file that users may register and fills it.
func (r *rig) sqliteFile(ctx context.Context, name, statements string) (string, error) {
	path := filepath.Join(r.files(), name)
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return "", err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statements)
	return path, err
}

// digest identifies the content of a file and the names beside it, where a
// statement that writes would leave a journal.
func digest(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	names, err := filepath.Glob(path + "*")
	return fmt.Sprintf("%x %s", sha256.Sum256(content), strings.Join(names, " ")), err
}

// text returns the one value of a query.
func text(ctx context.Context, db *sql.DB, query string) (string, error) {
	var value sql.NullString
	err := db.QueryRowContext(ctx, query).Scan(&value)
	return value.String, err
}
