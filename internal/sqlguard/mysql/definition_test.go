package mysql_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

func TestDefinitions(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		want    mysql.Definition
		refused string
	}{
		"relations and native functions": {
			text: "select `shop`.`t`.`id` AS `id`,upper(`shop`.`t`.`n`) AS `u` from (`shop`.`t` join `other`.`a.b` on(`shop`.`t`.`id` = `other`.`a.b`.`id`))",
			want: mysql.Definition{Relations: []mysql.Name{{"shop", "t"}, {"other", "a.b"}}, Functions: []string{"upper"}},
		},
		"a name in backticks is a stored function, whatever its name": {
			text: "select `f`(1) AS `a`,`other`.`h`(2) AS `b`,`md5`('x') AS `c`,`shop`.`sleep`(1) AS `d`",
			want: mysql.Definition{Stored: []mysql.Name{{"", "f"}, {"other", "h"}, {"", "md5"}, {"shop", "sleep"}}},
		},
		"a common table expression is neither": {
			text: "with `c` (`x`) as (select 1 AS `a`) select `c`.`x` AS `x` from `c`",
		},
		"a lock":          {text: "select get_lock('x',0) AS `l`", want: mysql.Definition{Runs: "GET_LOCK"}, refused: "Function not allowed: get_lock"},
		"a lock, deep":    {text: "select (select 1 from `s`.`t` where `s`.`t`.`a` in (select sleep(1))) AS `l`", want: mysql.Definition{Relations: []mysql.Name{{"s", "t"}}, Runs: "SLEEP"}, refused: "Function not allowed: sleep"},
		"a user variable": {text: "select @a AS `l`", refused: "Forbidden operation in SQL AST: user variable @a"},
		"a system schema": {text: "select `mysql`.`user`.`User` AS `u` from `mysql`.`user`", want: mysql.Definition{Relations: []mysql.Name{{"mysql", "user"}}}, refused: "Forbidden operation in SQL AST: system schema mysql"},
		"no query":        {text: "delete from t", refused: "Non-SELECT statement in generated SQL: DeleteStmt"},
		"two":             {text: "select 1; select 2", refused: "Multiple statements are not allowed"},
		"an unread form":  {text: "select median(1) over ()", refused: `Generated SQL failed to parse: line 1 column 21 near "over ()"`},
		"a sequence":      {text: "select nextval(`s`.`q`) AS `n`", want: mysql.Definition{Runs: "NEXTVAL"}, refused: "Function not allowed: nextval"},
		"too expensive": {
			text: "select length(replace(repeat('a',1400000),concat(repeat('a',100000),'b'),'')) AS `l`",
			want: mysql.Definition{Functions: []string{"length", "replace", "repeat", "concat"}}, refused: "Statement too expensive",
		},
		"a file":          {text: "select load_file('/etc/x') AS `n`", want: mysql.Definition{Runs: "LOAD_FILE"}, refused: "Function not allowed: load_file"},
		"a lock to write": {text: "select 1 from `s`.`t` for update", refused: "Forbidden operation in SQL AST: SelectLockInfo"},
	} {
		t.Run(name, func(t *testing.T) {
			d := mysql.New(mysql.MySQL).ReadDefinition(c.text)
			if refused := publicOf(d.Refused); refused != c.refused && (c.refused != "Statement too expensive" || !strings.HasPrefix(refused, c.refused)) {
				t.Errorf("refused: %q, want %q", refused, c.refused)
			}
			d.Refused = nil
			if diff := cmp.Diff(c.want, *d, ignoreUnexported()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func publicOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Public
}

func ignoreUnexported() cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool {
		return strings.HasSuffix(p.String(), "quotedCalls")
	}, cmp.Ignore())
}

// TestAcceptedStatementsAsViews makes a view of every accepted statement that
// a server lets be one, and judges its text as the server wrote it: whoever
// may read by statement may read by view.
func TestAcceptedStatementsAsViews(t *testing.T) {
	files := map[mysql.Flavour]string{mysql.MariaDB: "accept_mariadb.sql", mysql.MySQL: "accept_mysql8.sql"}
	for flavour, variable := range servers() {
		t.Run(flavour.String(), func(t *testing.T) {
			db := newShelf(t, variable)
			guard := mysql.New(flavour)
			made := 0
			for _, c := range slices.Concat(sqlguardtest.Load(t, dialect, "accept.sql"), sqlguardtest.Load(t, dialect, files[flavour])) {
				name := fmt.Sprintf("view_%d", made)
				if query1(db, "CREATE VIEW "+name+" AS "+c.SQL).err != nil {
					continue
				}
				made++
				text := query1(db, "SELECT view_definition FROM information_schema.views WHERE table_schema = DATABASE() AND table_name = '"+name+"'").rows[0][0]
				if d := guard.ReadDefinition(text); d.Refused != nil {
					t.Errorf("%v\nstatement: %s\ndefinition: %s", d.Refused, c.SQL, text)
				}
			}
			if made < 100 {
				t.Errorf("only %d statements became views", made)
			}
		})
	}
}

// newShelf makes a database of what the server understands of the fixture.
func newShelf(t *testing.T, variable string) *sql.DB {
	t.Helper()
	config := configOf(t, variable)
	root := open(t, config)
	config.DBName = fmt.Sprintf("guard_%08x", rand.Uint32())
	if err := query1(root, "CREATE DATABASE "+config.DBName+" CHARACTER SET utf8mb4").err; err != nil {
		t.Fatal(err)
	}
	db := open(t, config)
	t.Cleanup(func() {
		db.Close()
		query1(root, "DROP DATABASE "+config.DBName)
		root.Close()
	})
	for _, statement := range sqlguardtest.Split(sqlguardtest.Text(t, dialect, "fixture.sql")) {
		query1(db, statement)
	}
	return db
}
