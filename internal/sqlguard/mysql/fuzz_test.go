package mysql_test

import (
	"errors"
	"os"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// errReadOnly is the server's answer to a write in a read-only transaction
// (ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION).
const errReadOnly = 1792

// FuzzCheck holds the guard to: no panic, refusals with a reason only, output
// that is accepted unchanged, and, with a server at hand, no accepted statement
// that the engine takes for a write or that changes anything.
func FuzzCheck(f *testing.F) {
	for _, file := range []string{"accept.sql", "accept_mysql8.sql", "accept_mariadb.sql", "hint_mariadb.sql", "refuse.sql"} {
		for _, c := range sqlguardtest.Load(f, dialect, file) {
			f.Add(c.SQL)
		}
	}
	guard := mysql.New(mysql.MariaDB)
	var l *lab
	var clean string
	if os.Getenv("MCPGW_TEST_MARIADB") != "" && !testing.Short() {
		l = newLab(f, "")
		clean = l.dump(f)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		stmt, err := guard.Check(sql)
		if err != nil {
			if !sqlguardtest.IsReason(err) {
				t.Fatalf("not a reason: %v", err)
			}
			return
		}
		again, err := guard.Check(stmt.SQL)
		if err != nil || again.SQL != stmt.SQL {
			t.Fatalf("not stable: %v\n%s", err, stmt.SQL)
		}
		if l != nil {
			l.mustOnlyRead(t, stmt.SQL, clean)
		}
	})
}

// mustOnlyRead runs an accepted statement. Most errors are the caller's own
// (unknown columns); only a stopped write or a change is the guard's.
func (l *lab) mustOnlyRead(t *testing.T, sql, clean string) {
	t.Helper()
	db := l.readOnly(t)
	defer db.Close()
	err := query1(db, sql).err
	if failure, ok := errors.AsType[*driver.MySQLError](err); ok && failure.Number == errReadOnly {
		t.Fatalf("a write got to the engine: %v\n%s", err, sql)
	}
	if l.dump(t) != clean {
		t.Fatalf("the database changed: %s", sql)
	}
}
