package mysql_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

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

// TestFunctionsAreNative asks the server for every allowed function: error
// 1305 says that the name would be looked up as a stored function.
func TestFunctionsAreNative(t *testing.T) {
	l := newLab(t, "")
	db := open(t, l.writer)
	defer db.Close()
	for _, name := range mysql.AllowedFunctions(mysql.MariaDB) {
		if name == "point" { // native with its two arguments only
			continue
		}
		err := query1(db, "SELECT "+name+"()").err
		if err != nil && strings.Contains(err.Error(), "1305") {
			t.Errorf("%s is not native: %v", name, err)
		}
	}
}
