package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// TestAcceptedStatementsRun runs what the guard made of each accepted
// statement beside the statement itself: same columns, same rows, no change.
func TestAcceptedStatementsRun(t *testing.T) {
	l := newLab(t, "")
	guard := mysql.New(mysql.MariaDB)
	before := l.dump(t)
	for _, file := range []string{"accept.sql", "accept_mariadb.sql"} {
		for _, c := range sqlguardtest.Load(t, dialect, file) {
			t.Run(c.Name, func(t *testing.T) {
				stmt, err := guard.Check(c.SQL)
				if err != nil {
					t.Fatal(err)
				}
				l.compare(t, c.SQL, stmt)
			})
		}
	}
	if diff := cmp.Diff(before, l.dump(t)); diff != "" {
		t.Errorf("the fixture changed:\n%s", diff)
	}
}

// compare runs a statement as the caller wrote it and as the guard would.
func (l *lab) compare(t *testing.T, sql string, stmt *sqlguard.Statement) {
	t.Helper()
	db := l.readOnly(t)
	defer db.Close()
	guarded := query1(db, stmt.SQL)
	if guarded.err != nil {
		t.Fatalf("%v\nruns: %s", guarded.err, stmt.SQL)
	}
	original := query1(db, sql)
	if original.err != nil {
		if strings.Contains(sql, "->") { // MySQL's own, spelt out by the guard
			return
		}
		t.Fatalf("original: %v", original.err)
	}
	if diff := cmp.Diff(original.columns, guarded.columns); diff != "" {
		t.Errorf("column names: %s\nruns: %s", diff, stmt.SQL)
	}
	if volatile(stmt) {
		return
	}
	if diff := cmp.Diff(sorted(original.rows), sorted(guarded.rows)); diff != "" {
		t.Errorf("rows: %s\nruns: %s", diff, stmt.SQL)
	}
}

// volatile reports whether two runs of a statement may differ.
func volatile(stmt *sqlguard.Statement) bool {
	for _, name := range []string{"now", "sysdate", "curtime", "current_time", "current_timestamp",
		"localtime", "localtimestamp", "utc_time", "utc_timestamp", "uuid", "uuid_short"} {
		if slices.Contains(stmt.Functions, name) {
			return true
		}
	}
	return stmt.Kind == "EXPLAIN" || strings.Contains(stmt.SQL, "RANDOM_BYTES")
}

func sorted(rows [][]string) [][]string {
	slices.SortFunc(rows, slices.Compare)
	return rows
}

// TestEngineLayerAlone counts what the engine layer stops of the refused
// statements when no guard stands before it, for a login that may write. It
// documents why the guard is needed and fails only if there is nothing to count.
func TestEngineLayerAlone(t *testing.T) {
	l := newLab(t, "")
	clean := l.dump(t)
	counts := map[string]int{}
	for _, c := range sqlguardtest.Load(t, dialect, "refuse.sql") {
		db := l.readOnly(t)
		outcome := "stopped"
		if err := query1(db, c.SQL).err; err == nil || errors.Is(err, context.DeadlineExceeded) {
			outcome = "ran"
			t.Logf("ran: %s", c.SQL)
		}
		db.Close()
		if l.dump(t) != clean {
			outcome = "changed the database"
			t.Logf("changed the database: %s", c.SQL)
			l.build(t)
			clean = l.dump(t)
		}
		counts[outcome]++
	}
	t.Logf("engine layer alone: %v", counts)
	if counts["stopped"] == 0 {
		t.Error("the engine layer stopped nothing: is the session read-only?")
	}
}

// servers are the products of the tests and where they are.
func servers() map[mysql.Flavour]string {
	return map[mysql.Flavour]string{mysql.MariaDB: "MCPGW_TEST_MARIADB", mysql.MySQL: "MCPGW_TEST_MYSQL"}
}

// TestListedFunctionsAreNative asks each server for every listed function: the
// release at hand has it natively, or the list says that it does not.
func TestListedFunctionsAreNative(t *testing.T) {
	for flavour, variable := range servers() {
		t.Run(flavour.String(), func(t *testing.T) {
			db := open(t, configOf(t, variable))
			defer db.Close()
			release := mysql.ParseRelease(query1(db, "SELECT VERSION()").rows[0][0])
			missing := mysql.MissingFunctions(flavour, release)
			asked := 0
			for _, name := range mysql.AllowedFunctions(flavour) {
				if name == "json_memberof" { // regenerated as the operator MEMBER OF
					continue
				}
				asked++
				if native := isNative(t, db, name); native == missing[name] {
					t.Errorf("%+v: %s is native: %v, the list says %v", release, name, native, !missing[name])
				}
			}
			if asked < 250 || release.Major < 8 {
				t.Errorf("asked for %d functions of %+v", asked, release)
			}
		})
	}
}

// isNative calls a function without a default database, in which nothing but a
// native function can be found: with each number of arguments, because a name
// may be native with some of them only.
func isNative(t *testing.T, db *sql.DB, name string) bool {
	t.Helper()
	for _, arguments := range []string{"", "1", "1, 1", "1, 1, 1", "1, 1, 1, 1", "1, 1, 1, 1, 1"} {
		if name == "point" && arguments != "1, 1" { // the guard refuses any other number
			continue
		}
		err := query1(db, "SELECT "+name+"("+arguments+")").err
		var server *driver.MySQLError
		if errors.As(err, &server) && (server.Number == 1305 || server.Number == 1046 || server.Number == 1630) {
			return false
		}
	}
	return true
}

// TestStoredFunctionRunsUnderAListedName shows why the list has versions: a
// function that is not native to a server may be anybody's.
func TestStoredFunctionRunsUnderAListedName(t *testing.T) {
	config := configOf(t, "MCPGW_TEST_MYSQL")
	root := open(t, config)
	defer root.Close()
	name := fmt.Sprintf("guard_%08x", rand.Uint32())
	config.DBName = name
	for _, statement := range []string{
		"CREATE DATABASE " + name,
		"CREATE FUNCTION " + name + ".md5(t VARCHAR(100)) RETURNS VARCHAR(100) DETERMINISTIC RETURN 'somebody'",
	} {
		if _, err := root.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	defer query1(root, "DROP DATABASE "+name)
	db := open(t, config)
	defer db.Close()
	got := query1(db, "SELECT MD5('x')")
	release := mysql.ParseRelease(query1(db, "SELECT VERSION()").rows[0][0])
	runs := got.err == nil && got.rows[0][0] == "somebody"
	if missing := mysql.MissingFunctions(mysql.MySQL, release)["md5"]; runs != missing {
		t.Errorf("%+v: the stored function runs: %v, the list calls md5 missing: %v", release, runs, missing)
	}
}

// TestAcceptedStatementsRunOnMySQL does the same on MySQL.
func TestAcceptedStatementsRunOnMySQL(t *testing.T) {
	db := newShelf(t, "MCPGW_TEST_MYSQL")
	guard := mysql.New(mysql.MySQL)
	release := mysql.ParseRelease(query1(db, "SELECT VERSION()").rows[0][0])
	missing := mysql.MissingFunctions(mysql.MySQL, release)
	for _, file := range []string{"accept.sql", "accept_mysql8.sql"} {
		for _, c := range sqlguardtest.Load(t, dialect, file) {
			t.Run(c.Name, func(t *testing.T) {
				stmt, err := guard.Check(c.SQL)
				if err != nil {
					t.Fatal(err)
				}
				if slices.ContainsFunc(stmt.Functions, func(f string) bool { return missing[f] }) {
					return // the dialect refuses it for this server
				}
				compareOn(t, db, c.SQL, stmt)
			})
		}
	}
}

// compareOn runs a statement as the caller wrote it and as the guard would.
func compareOn(t *testing.T, db *sql.DB, sql string, stmt *sqlguard.Statement) {
	t.Helper()
	guarded, original := query1(db, stmt.SQL), query1(db, sql)
	if (guarded.err == nil) != (original.err == nil) {
		t.Fatalf("original: %v\nguarded: %v\nruns: %s", original.err, guarded.err, stmt.SQL)
	}
	if stmt.Kind == "EXPLAIN" { // in MySQL's older form, which both products have
		return
	}
	named := !strings.HasPrefix(sql, "SELECT 'a' 'b'") // MySQL names the column by the first part
	if diff := cmp.Diff(original.columns, guarded.columns); diff != "" && named {
		t.Errorf("column names: %s\nruns: %s", diff, stmt.SQL)
	}
	if diff := cmp.Diff(sorted(original.rows), sorted(guarded.rows)); diff != "" && !volatile(stmt) {
		t.Errorf("rows: %s\nruns: %s", diff, stmt.SQL)
	}
}
