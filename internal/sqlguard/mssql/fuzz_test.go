package mssql_test

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// FuzzCheck holds the guard to: no panic, refusals with a reason only, and
// canonical text that is accepted unchanged, has one line and is never a
// single word, which the driver would send as a procedure call.
func FuzzCheck(f *testing.F) {
	for _, file := range []string{"accept.sql", "refuse.sql"} {
		for _, c := range sqlguardtest.Load(f, dialect, file) {
			f.Add(c.SQL)
		}
	}
	guard := mssql.New()
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
		if !strings.Contains(stmt.SQL, " ") {
			t.Fatalf("a single word: %s", stmt.SQL)
		}
	})
}
