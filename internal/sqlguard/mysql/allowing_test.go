package mysql_test

import (
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
)

// TestAllowing: a listed function passes by its whole name and, completed, by
// its name alone; nothing native passes by posing as one.
func TestAllowing(t *testing.T) {
	strict := mysql.New(mysql.MySQL)
	guard := strict.Allowing([]string{"Shop.f_total", "shop.sleep", "shop.upper", "a.twice", "b.twice", "mariadb_schema.get_lock", "bare"})
	if guard.Version() == strict.Version() || strict.Allowing(nil).Version() != strict.Version() {
		t.Errorf("versions %q and %q", guard.Version(), strict.Version())
	}
	for sql, want := range map[string]string{
		"SELECT f_total(1) AS x":             "SELECT `Shop`.`f_total`(1) AS `x`",
		"SELECT F_TOTAL(1) AS x":             "SELECT `Shop`.`F_TOTAL`(1) AS `x`",
		"SELECT shop.f_total(1) AS x":        "SELECT `shop`.`f_total`(1) AS `x`",
		"SELECT SLEEP(1) AS x":               "SELECT `shop`.`SLEEP`(1) AS `x`",
		"SELECT UPPER('a') AS x":             "SELECT UPPER('a') AS `x`",
		"SELECT a.twice(f_total(2)) AS x":    "SELECT `a`.`twice`(`Shop`.`f_total`(2)) AS `x`",
		"SELECT COUNT(f_total(id)) x FROM t": "SELECT COUNT(`Shop`.`f_total`(`id`)) AS `x` FROM `t`",
	} {
		stmt, err := guard.Check(sql)
		if err != nil || stmt.SQL != want {
			t.Errorf("%s:\n got %+v, %v\nwant %s", sql, stmt, err, want)
		}
	}
	const allow = ". An administrator can allow it for this connection."
	for sql, want := range map[string]string{
		"SELECT other.f_total(1)":             "Function not allowed: other.f_total" + allow,
		"SELECT twice(1)":                     "Function not allowed: twice, which is listed in several databases: write it with its database" + allow,
		"SELECT mariadb_schema.get_lock(1,0)": "Function not allowed: mariadb_schema.get_lock" + allow,
		"SELECT get_lock('x', 0)":             "Function not allowed: get_lock",
		"SELECT bare(1)":                      "Function not allowed: bare",
		"SELECT f_total(BENCHMARK(1, 1))":     "Function not allowed: benchmark",
		"SELECT shop.`f_total`(@a)":           "Forbidden operation in SQL AST: user variable @a",
	} {
		if stmt, err := guard.Check(sql); err == nil || fault.Of(err).Public != want {
			t.Errorf("%s:\n got %+v, %v\nwant %s", sql, stmt, err, want)
		}
	}
}
