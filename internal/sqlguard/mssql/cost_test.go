package mssql_test

import (
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

func TestExpensiveStatementsAreRefused(t *testing.T) {
	cases := sqlguardtest.Load(t, "mssql", "expensive.sql")
	for _, from := range []string{"FROM c%d a, c%d b", "FROM c%d a CROSS APPLY (SELECT x FROM c%d) b", "FROM c%d UNION ALL SELECT x FROM c%d",
		"FROM (SELECT x FROM c%d) a JOIN (SELECT x FROM c%d) b ON 1 = 1", "WHERE EXISTS (SELECT x FROM c%d) OR 1 IN (SELECT x FROM c%d)"} {
		cases = append(cases, sqlguardtest.Case{Name: from, SQL: sqlguardtest.Doubling(30, "", from)})
	}
	sqlguardtest.MustFindExpensive(t, mssql.New(), cases)
}

func TestAffordableStatementsAreAccepted(t *testing.T) {
	sqlguardtest.MustAccept(t, mssql.New(), sqlguardtest.Load(t, "mssql", "affordable.sql"))
}
