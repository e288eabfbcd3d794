package sqlite

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// FuzzCheck holds the guard against the real engine: what it accepts either
// fails there or runs in read-only mode and leaves every file as it was.
func FuzzCheck(f *testing.F) {
	for _, file := range []string{"accept.sql", "refuse.sql"} {
		for _, c := range sqlguardtest.Load(f, "sqlite", file) {
			f.Add(c.SQL)
		}
	}
	engine := startEngine(f)
	before := engine.files(f)
	guard := New()
	f.Fuzz(func(t *testing.T, sql string) {
		stmt, err := guard.Check(sql)
		if err != nil {
			if !sqlguardtest.IsReason(err) {
				t.Fatalf("refused with %q, which is no reason of contract 6.5", err)
			}
			return
		}
		if again, err := guard.Check(stmt.SQL); err != nil || again.SQL != stmt.SQL {
			t.Fatalf("own output is not stable: %v\ninput:  %q\noutput: %q", err, sql, stmt.SQL)
		}
		conn, release := engine.reader(t)
		defer release()
		state := settings(t, conn)
		_ = read(conn, stmt.SQL, 300*time.Millisecond) // failing is one of the two outcomes
		if diff := cmp.Diff(state, settings(t, conn)); diff != "" {
			t.Fatalf("the session changed (-before +after):\n%s\ninput:  %q\noutput: %q", diff, sql, stmt.SQL)
		}
		if diff := cmp.Diff(before, engine.files(t)); diff != "" {
			t.Fatalf("the files changed (-before +after):\n%s\ninput:  %q\noutput: %q", diff, sql, stmt.SQL)
		}
	})
}
