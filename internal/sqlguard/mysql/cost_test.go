package mysql_test

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

func TestExpensiveStatementsAreRefused(t *testing.T) {
	for _, flavour := range []mysql.Flavour{mysql.MySQL, mysql.MariaDB} {
		t.Run(flavour.String(), func(t *testing.T) {
			sqlguardtest.MustFindExpensive(t, mysql.New(flavour), sqlguardtest.Load(t, dialect, "expensive.sql"))
		})
	}
}

func TestAffordableStatementsAreAccepted(t *testing.T) {
	for _, flavour := range []mysql.Flavour{mysql.MySQL, mysql.MariaDB} {
		t.Run(flavour.String(), func(t *testing.T) {
			sqlguardtest.MustAccept(t, mysql.New(flavour), sqlguardtest.Load(t, dialect, "affordable.sql"))
		})
	}
}

func TestExpansions(t *testing.T) {
	const join = "FROM c%d a, c%d b"
	tests := map[string]struct {
		sql     string
		refused bool
	}{
		"22 doublings":        {sqlguardtest.Doubling(22, "", join), true},
		"explained":           {"EXPLAIN " + sqlguardtest.Doubling(22, "", join), true},
		"7 doublings":         {sqlguardtest.Doubling(7, "", join), false},
		"in conditions":       {sqlguardtest.Doubling(22, "", "FROM DUAL WHERE EXISTS (SELECT 1 FROM c%d) AND 1 IN (SELECT x FROM c%d)"), true},
		"in a union":          {sqlguardtest.Doubling(22, "", "FROM c%d UNION ALL SELECT x FROM c%d"), true},
		"in derived tables":   {sqlguardtest.Doubling(22, "", "FROM (SELECT x FROM c%d) a JOIN (SELECT x FROM c%d) b"), true},
		"within a WITH query": {"WITH z AS (" + sqlguardtest.Doubling(22, "", join) + ") SELECT * FROM z", true},
		"recursive":           {strings.Replace(sqlguardtest.Doubling(22, "", join), "WITH", "WITH RECURSIVE", 1), true},
		"many relations":      {"SELECT 1 FROM users a0" + strings.Repeat(" JOIN users", 65), true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := mysql.New(mysql.MariaDB).Check(tt.sql)
			switch {
			case tt.refused && err == nil:
				t.Error("accepted")
			case tt.refused && !strings.HasPrefix(fault.Of(err).Public, "Statement too expensive: "), !tt.refused && err != nil:
				t.Errorf("refused with %v", err)
			}
		})
	}
}

// TestAffordableStatementsRun makes sure that the corpus is what it says: each
// runs within half a second.
func TestAffordableStatementsRun(t *testing.T) {
	l := newLab(t, "")
	guard := mysql.New(mysql.MariaDB)
	for _, c := range sqlguardtest.Load(t, dialect, "affordable.sql") {
		t.Run(c.Name, func(t *testing.T) {
			stmt, err := guard.Check(c.SQL)
			if err != nil {
				t.Fatal(err)
			}
			db := l.readOnly(t)
			defer db.Close()
			if err := query1(db, stmt.SQL).err; err != nil {
				t.Errorf("%v\n%s", err, stmt.SQL)
			}
		})
	}
}

// TestSchemaPatternsAreRefused is about MySQL alone, which matches the
// patterns of a JSON schema without a limit of time.
func TestSchemaPatternsAreRefused(t *testing.T) {
	tests := map[string]bool{
		`SELECT JSON_SCHEMA_VALID('{"pattern":"^(a|aa)+$"}', '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"')`: true,
		`SELECT JSON_SCHEMA_VALID(CONCAT('{"patt', 'ern":"^(a|aa)+$"}'), meta) FROM users`:                  true,
		`SELECT JSON_SCHEMA_VALID('{"\\u0070attern":"^(a|aa)+$"}', meta) FROM users`:                        true,
		`SELECT JSON_SCHEMA_VALIDATION_REPORT('{"patternProperties":{"(a|aa)+$":{}}}', meta) FROM users`:    true,
		`SELECT JSON_SCHEMA_VALID('{"type":"object","required":["city"]}', meta) FROM users`:                false,
	}
	for sql, refused := range tests {
		_, err := mysql.New(mysql.MySQL).Check(sql)
		if refused && (err == nil || !strings.HasPrefix(fault.Of(err).Public, "Statement too expensive: ")) || !refused && err != nil {
			t.Errorf("%v\n%s", err, sql)
		}
	}
}
