package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

const wideSchema = `
CREATE SCHEMA crm;
CREATE TABLE crm.account (
  id bigint GENERATED ALWAYS AS IDENTITY, region char(2) NOT NULL, name varchar(80) NOT NULL, parent bigint,
  tags text[] NOT NULL DEFAULT '{}', doubled bigint GENERATED ALWAYS AS (id * 2) STORED, gone int,
  PRIMARY KEY (id, region), UNIQUE (name, region));
ALTER TABLE crm.account DROP COLUMN gone;
COMMENT ON TABLE crm.account IS 'Who we sell to';
COMMENT ON COLUMN crm.account.name IS 'Legal "name"';
CREATE UNIQUE INDEX account_lower ON crm.account (lower(name)) INCLUDE (id);
CREATE TABLE crm.note (account_id bigint, account_region char(2), body text,
  CONSTRAINT note_account FOREIGN KEY (account_id, account_region) REFERENCES crm.account (id, region));
CREATE TABLE crm.event (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE crm.event_2026 PARTITION OF crm.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO crm.event SELECT date '2026-01-01' + n FROM generate_series(1, 100) n;
CREATE MATERIALIZED VIEW crm.busy AS SELECT at FROM crm.event;
CREATE TABLE crm.hidden (a int);
CREATE TABLE crm.half (open int, shut int);
CREATE TABLE crm.nothing ();
CREATE SCHEMA secret; CREATE TABLE secret.t (a int);
ANALYZE crm.event, crm.busy;
GRANT USAGE ON SCHEMA crm TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA crm TO PUBLIC; GRANT SELECT ON secret.t TO PUBLIC;
REVOKE ALL ON crm.hidden, crm.half FROM PUBLIC; GRANT SELECT (open) ON crm.half TO PUBLIC`

func TestSchema(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, wideSchema)
	got, err := s.open(t, s.readerConn).Schema(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	want := &database.Schema{Tables: []database.Table{
		{
			Schema: "crm", Name: "account", Kind: "table", Comment: "Who we sell to", Rows: -1,
			Columns: []database.Column{
				{Name: "id", Type: "bigint", Default: "generated as identity"},
				{Name: "region", Type: "character(2)"},
				{Name: "name", Type: "character varying(80)", Comment: `Legal "name"`},
				{Name: "parent", Type: "bigint", Nullable: true},
				{Name: "tags", Type: "text[]", Default: "'{}'::text[]"},
				{Name: "doubled", Type: "bigint", Nullable: true, Default: "generated always as ((id * 2))"},
			},
			PrimaryKey: []string{"id", "region"},
			Unique:     [][]string{{"name", "region"}},
			Indexes:    []database.Index{{Name: "account_lower", Columns: []string{"lower(name::text)"}, Unique: true}},
		},
		{
			Schema: "crm", Name: "busy", Kind: "materialized view", Rows: 100,
			Columns: []database.Column{{Name: "at", Type: "date", Nullable: true}},
		},
		{
			Schema: "crm", Name: "event", Kind: "table", Rows: 100,
			Columns: []database.Column{{Name: "at", Type: "date"}, {Name: "what", Type: "text", Nullable: true}},
		},
		{
			Schema: "crm", Name: "half", Kind: "table", Rows: -1,
			Columns: []database.Column{{Name: "open", Type: "integer", Nullable: true}},
		},
		{
			Schema: "crm", Name: "note", Kind: "table", Rows: -1,
			Columns: []database.Column{
				{Name: "account_id", Type: "bigint", Nullable: true},
				{Name: "account_region", Type: "character(2)", Nullable: true},
				{Name: "body", Type: "text", Nullable: true},
			},
			ForeignKeys: []database.ForeignKey{{
				Columns: []string{"account_id", "account_region"}, RefTable: "crm.account", RefColumns: []string{"id", "region"},
			}},
		},
		{Schema: "crm", Name: "nothing", Kind: "table", Rows: -1, Columns: []database.Column{}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

func TestProbeNamesPowers(t *testing.T) {
	s := start(t)
	mustExec(t, s.admin, "CREATE TABLE crm (a int); GRANT UPDATE (a) ON crm TO "+s.reader+"; GRANT pg_write_server_files TO "+s.reader)
	p, err := openWith(t, s.readerConn, database.Rules{AllowPowerfulLogin: true}).Probe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"is a member of pg_write_server_files", "may change 1 table", "GRANT SELECT ON ALL TABLES IN SCHEMA public", "DATABASE " + s.db} {
		if !p.CanWrite || !strings.Contains(p.Warning, want) {
			t.Errorf("warning %q does not hold %q", p.Warning, want)
		}
	}
	if !strings.HasPrefix(p.ServerVersion, "PostgreSQL ") {
		t.Errorf("version %q", p.ServerVersion)
	}
}

// BenchmarkSchema500Tables is the database of 500 tables.
func BenchmarkSchema500Tables(b *testing.B) {
	s := start(b)
	var sql strings.Builder
	for i := range 500 {
		fmt.Fprintf(&sql, `CREATE TABLE t%[1]d (id int PRIMARY KEY, parent int REFERENCES t%[2]d, name text NOT NULL UNIQUE,
			a numeric(10,2), b date, c timestamptz DEFAULT now(), d jsonb, e boolean); CREATE INDEX ON t%[1]d (b, c);
			COMMENT ON TABLE t%[1]d IS 'table %[1]d';`, i, max(0, i-1))
	}
	mustExec(b, s.admin, sql.String())
	mustExec(b, s.admin, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+s.reader)
	conn := s.open(b, s.readerConn)
	for b.Loop() {
		if _, err := conn.Schema(testContext(b)); err != nil {
			b.Fatal(err)
		}
	}
}
