package sqlite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// corpus reads a file of the guard's corpora.
func corpus(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "sqlguard", "testdata", "sqlite", name))
	mustDo(t, err)
	return string(text)
}

// fixture makes the corpora's database.
func fixture(t *testing.T) (conn database.Conn, path string) {
	t.Helper()
	dir := t.TempDir()
	path = mustCreate(t, dir+"/fixture.db", corpus(t, "fixture.sql"))
	return mustOpen(t, dir, path), path
}

// TestAcceptedCorpusRuns runs what the guard accepts: the engine's own layers
// must not refuse any of it.
func TestAcceptedCorpusRuns(t *testing.T) {
	conn, path := fixture(t)
	before := mustRead(t, path)
	guard := dialect().Guard()
	for i, text := range sqlguardtest.Split(corpus(t, "accept.sql")) {
		stmt, err := guard.Check(text)
		if err != nil {
			t.Errorf("%d: guard: %v\n%s", i+1, err, text)
			continue
		}
		if _, err := conn.Query(t.Context(), stmt, database.Limit{Rows: 100}); err != nil {
			t.Errorf("%d: %v\n%s", i+1, err, text)
		}
	}
	if !bytes.Equal(before, mustRead(t, path)) {
		t.Error("the file has changed")
	}
}

// TestRefusedCorpusWithoutTheGuard sends what the guard refuses straight to
// the engine. Not all of it fails there, but none of it changes anything or
// makes a file.
func TestRefusedCorpusWithoutTheGuard(t *testing.T) {
	conn, path := fixture(t)
	before := mustRead(t, path)
	stopped := 0
	cases := sqlguardtest.Split(corpus(t, "refuse.sql"))
	t.Chdir(t.TempDir()) // for statements that name a file
	for _, text := range cases {
		_, err := conn.Query(t.Context(), &sqlguard.Statement{SQL: text}, database.Limit{Rows: 100, Timeout: database.ConnectTimeout})
		if err != nil {
			stopped++
		} else {
			t.Logf("ran: %.100s", text)
		}
		if fault.Is(err, fault.Internal) {
			t.Errorf("%v\n%s", err, text)
		}
	}
	t.Logf("the engine's layers alone stop %d of %d", stopped, len(cases))
	if !bytes.Equal(before, mustRead(t, path)) {
		t.Error("the file has changed")
	}
	if left, err := os.ReadDir("."); err != nil || len(left) != 0 {
		t.Errorf("files were made: %v, %v", left, err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	mustDo(t, err)
	return b
}
