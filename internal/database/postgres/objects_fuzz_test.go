package postgres_test

import (
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// traps lies next to columns of the same names; whatever of it runs leaves a
// lock behind.
const traps = around + `
	CREATE FUNCTION each(record) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN leak(1); END $$;
	CREATE FUNCTION name(item) RETURNS int LANGUAGE sql AS 'SELECT leak($1.id)';
	CREATE FUNCTION paired(int, int) RETURNS int LANGUAGE sql AS 'SELECT leak($1)';
	CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = paired);
	CREATE FUNCTION small(int) RETURNS bool LANGUAGE sql AS 'SELECT leak($1) > 0'; CREATE DOMAIN positive AS int CHECK (small(VALUE));
	CREATE FUNCTION as_json(mood) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM leak(1); RETURN '1'; END $$;
	CREATE CAST (mood AS json) WITH FUNCTION as_json(mood);
	CREATE TABLE checked (id int, p positive); CREATE TABLE lists (p positive[]); CREATE VIEW spied AS SELECT id, leak(id) FROM item; CREATE VIEW deep AS SELECT * FROM spied;
	CREATE TABLE guarded (id int, name text); INSERT INTO guarded VALUES (1, 'a'); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON guarded USING (leak(id) > 0);`

// FuzzObjects holds the guard and the catalogue together against the server:
// what both let pass runs none of the traps.
func FuzzObjects(f *testing.F) {
	s := start(f)
	schema := s.schema(f, traps)
	mustExec(f, s.admin, "GRANT SELECT ON ALL TABLES IN SCHEMA "+schema+" TO PUBLIC")
	for _, hole := range holes() {
		f.Add(hole.sql)
	}
	for _, sql := range []string{
		"SELECT * FROM deep", "SELECT name FROM guarded g", "SELECT coalesce(checked, '(1,2)') FROM checked", "SELECT p = '{1}' FROM lists",
	} {
		f.Add(sql)
	}
	for _, sql := range sqlguardtest.Split(corpus(f, "accept.sql")) {
		f.Add(sql)
	}
	conn, judge := s.open(f, s.readerConn+"&search_path="+schema), guard.New()
	f.Fuzz(func(t *testing.T, sql string) {
		stmt, err := judge.Check(sql)
		if err != nil {
			return
		}
		// It may fail, and may have run something before it did.
		_, _ = conn.Query(t.Context(), stmt, database.Limit{Rows: 10, Timeout: time.Second})
		if s.advisoryLocks(t) != "0" {
			t.Fatalf("runs a trap\ninput:  %q\noutput: %q", sql, stmt.SQL)
		}
	})
}
