package mssql_test

import (
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

const dialect = "mssql"

func TestRefusedCorpus(t *testing.T) {
	sqlguardtest.MustRefuse(t, mssql.New(), sqlguardtest.Load(t, dialect, "refuse.sql"))
}

func TestAcceptedCorpus(t *testing.T) {
	sqlguardtest.MustAccept(t, mssql.New(), sqlguardtest.Load(t, dialect, "accept.sql"))
}
