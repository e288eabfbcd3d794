package mysql_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

func TestSchema(t *testing.T) {
	s := start(t)
	for _, sql := range []string{
		"CREATE TABLE `Odd ``Name` (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'the key', " +
			"price DECIMAL(8,2) NOT NULL DEFAULT 1.50, note VARCHAR(9) NULL, doubled DECIMAL(9,2) AS (price * 2) STORED, " +
			"made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, UNIQUE KEY two (price, note), KEY by_note (note)) COMMENT 'odd things'",
		"CREATE TABLE child (a BIGINT UNSIGNED, b INT, PRIMARY KEY (b, a), CONSTRAINT fk FOREIGN KEY (a) REFERENCES `Odd ``Name` (id))",
		"CREATE TABLE past (a INT) WITH SYSTEM VERSIONING",
		"CREATE VIEW seen AS SELECT id FROM `Odd ``Name`",
		"CREATE VIEW broken AS SELECT a FROM past",
		"CREATE SEQUENCE counter",
		"CREATE TEMPORARY TABLE passing (a INT)",
		"ALTER TABLE past RENAME TO gone",
	} {
		mustExec(t, s.admin, sql)
	}
	got, err := open(t, s.readerConn).Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range got.Tables {
		got.Tables[i].Rows = 0 // an estimate
	}
	want := []database.Table{
		{Schema: s.db, Name: "Odd `Name", Kind: "table", Comment: "odd things", PrimaryKey: []string{"id"},
			Columns: []database.Column{
				{Name: "id", Type: "bigint(20) unsigned", Default: "auto_increment", Comment: "the key"},
				{Name: "price", Type: "decimal(8,2)", Default: "1.50"},
				{Name: "note", Type: "varchar(9)", Nullable: true},
				{Name: "doubled", Type: "decimal(9,2)", Nullable: true, Default: "generated as (`price` * 2)"},
				{Name: "made", Type: "timestamp", Default: "current_timestamp()"},
			},
			Unique:  [][]string{{"price", "note"}},
			Indexes: []database.Index{{Name: "by_note", Columns: []string{"note"}}},
		},
		{Schema: s.db, Name: "broken", Kind: "view"},
		{Schema: s.db, Name: "child", Kind: "table", PrimaryKey: []string{"b", "a"},
			Columns:     []database.Column{{Name: "a", Type: "bigint(20) unsigned"}, {Name: "b", Type: "int(11)"}},
			ForeignKeys: []database.ForeignKey{{Columns: []string{"a"}, RefTable: s.db + ".Odd `Name", RefColumns: []string{"id"}}},
			Indexes:     []database.Index{{Name: "fk", Columns: []string{"a"}}},
		},
		{Schema: s.db, Name: "gone", Kind: "table", Columns: []database.Column{{Name: "a", Type: "int(11)", Nullable: true}}},
		{Schema: s.db, Name: "seen", Kind: "view", Columns: []database.Column{{Name: "id", Type: "bigint(20) unsigned", Default: "0", Comment: "the key"}}},
	}
	if diff := cmp.Diff(want, got.Tables, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

func BenchmarkSchema500(b *testing.B) {
	s := start(b)
	for i := range 500 {
		mustExec(b, s.admin, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, a VARCHAR(9), b DATE, c DECIMAL(9,2), d INT, e TEXT, KEY by_a (a))", i))
	}
	conn := open(b, s.readerConn)
	for b.Loop() {
		schema, err := conn.Schema(b.Context())
		if err != nil || len(schema.Tables) != 500 {
			b.Fatal(len(schema.Tables), err)
		}
	}
}
