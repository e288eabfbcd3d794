package mysql

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
)

// relation is what the catalogue says of a table or view.
type relation struct {
	engine string            // "" of views
	view   *guard.Definition // nil of tables
	hidden bool              // a view whose definition the login may not see
	marks  bool              // a generated column that uses a variable of the session
}

// reader runs one of this package's own statements on some session.
type reader func(ctx context.Context, query string, row func(values []string) error) error

// maxBatch is how many relations one look-up asks for, so that its text stays
// short.
const maxBatch = 50

// readRelations asks the catalogue for relations by name. Relations that do not
// exist, or of which the login sees nothing, have no row. The server compares
// the names, by its own rules for letter case.
func readRelations(ctx context.Context, read reader, f flavour, names []guard.Name, row func(guard.Name, []string) error) error {
	for len(names) > 0 {
		batch := names[:min(maxBatch, len(names))]
		names = names[len(batch):]
		if err := read(ctx, relationsSQL(f, batch), func(v []string) error {
			at, err := strconv.Atoi(v[0])
			if err != nil || at < 0 || at >= len(batch) {
				return fmt.Errorf("%w: row %q of a look-up", errProtocol, v[0])
			}
			return row(batch[at], v[1:])
		}); err != nil {
			return err
		}
	}
	return nil
}

// relationsSQL asks for each name by itself: a server answers an equality from
// one file, a list by opening every table. A definition longer than the guard
// reads is cut, and refused for its length. The servers let generated columns
// call nothing that acts; but in MariaDB's, @x := 1 may stand, outside of
// strings and names.
func relationsSQL(f flavour, names []guard.Name) string {
	parts := make([]string, 0, len(names))
	for i, n := range names {
		where := "table_schema = " + quote(n.Schema) + " AND table_name = " + quote(n.Name)
		marks := "0"
		if f == mariaDB {
			marks = "COALESCE((SELECT MAX(REGEXP_REPLACE(generation_expression, " + quote(quotedPattern) +
				", '') LIKE '%@%') FROM information_schema.columns WHERE " + where + "), 0)"
		}
		parts = append(parts, "SELECT "+strconv.Itoa(i)+", table_type, COALESCE(engine, ''), "+
			"COALESCE((SELECT LEFT(view_definition, 100001) FROM information_schema.views WHERE "+where+"), ''), "+marks+
			" FROM information_schema.tables WHERE "+where)
	}
	return strings.Join(parts, " UNION ALL ")
}

// quotedPattern finds strings and names in backticks.
const quotedPattern = `'([^'\\]|\\.|'')*'|` + "`[^`]*`"

// quote writes a string literal of sql_mode without NO_BACKSLASH_ESCAPES.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// relationOf reads the columns behind the number in a row of relationsSQL.
func relationOf(v []string, judge *guard.Guard) *relation {
	if !strings.HasSuffix(v[0], "VIEW") {
		return &relation{engine: v[1], marks: v[3] != "0"}
	}
	if v[2] == "" {
		return &relation{hidden: true}
	}
	return &relation{view: judge.ReadDefinition(v[2])}
}

// readsElsewhere reports whether tables of an engine are not the server's own:
// FEDERATED, SPIDER, CONNECT, S3 and their like connect to other servers or
// open files when they are read.
func readsElsewhere(engine string) bool {
	switch strings.ToLower(engine) {
	case "", "innodb", "myisam", "aria", "memory", "heap", "archive", "csv", "blackhole", "mrg_myisam", "mrg_isam",
		"rocksdb", "tokudb", "ndbcluster", "columnstore", "mroonga", "sequence", "performance_schema", "oqgraph":
		return false
	}
	return true
}

// sequencePattern are the tables that MariaDB makes up when they are named.
var sequencePattern = regexp.MustCompile(`^seq_[0-9]+_to_[0-9]+(_step_[0-9]+)?$`)

// candidates are the relations that a name in a statement may mean. The guard
// joins schema and name with a dot, which may be part of either.
func candidates(written, database string) []guard.Name {
	found := []guard.Name{{Schema: database, Name: written}}
	for i, r := range written {
		if r == '.' {
			found = append(found, guard.Name{Schema: written[:i], Name: written[i+1:]})
		}
	}
	return found
}

// isCatalogue reports whether the guard has judged a relation by its name.
func isCatalogue(n guard.Name) bool { return strings.EqualFold(n.Schema, "information_schema") }
