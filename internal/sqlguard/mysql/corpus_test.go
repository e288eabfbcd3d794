package mysql_test

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

const dialect = "mysql"

func TestRefusedCorpus(t *testing.T) {
	cases := sqlguardtest.Load(t, dialect, "refuse.sql")
	for _, flavour := range []mysql.Flavour{mysql.MySQL, mysql.MariaDB} {
		t.Run(flavour.String(), func(t *testing.T) {
			sqlguardtest.MustRefuse(t, mysql.New(flavour), cases)
		})
	}
}

func TestAcceptedCorpus(t *testing.T) {
	for file, flavours := range map[string][]mysql.Flavour{
		"accept.sql":         {mysql.MySQL, mysql.MariaDB},
		"accept_mysql8.sql":  {mysql.MySQL},
		"accept_mariadb.sql": {mysql.MariaDB},
	} {
		cases := sqlguardtest.Load(t, dialect, file)
		for _, flavour := range flavours {
			t.Run(flavour.String()+"/"+file, func(t *testing.T) {
				sqlguardtest.MustAccept(t, mysql.New(flavour), cases)
			})
		}
	}
}

func TestMariaDBSyntaxIsRefusedWithAHint(t *testing.T) {
	guard := mysql.New(mysql.MariaDB)
	for _, c := range sqlguardtest.Load(t, dialect, "hint_mariadb.sql") {
		_, err := guard.Check(c.SQL)
		if err == nil {
			t.Errorf("accepted: %s", c.SQL)
			continue
		}
		if public := fault.Of(err).Public; !strings.HasSuffix(public, ")") {
			t.Errorf("no hint in %q for %s", public, c.SQL)
		}
	}
}
