package gateway

import (
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/database/postgres"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	mssqlguard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
	mysqlguard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
	postgresguard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
	sqliteguard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlite"
)

// The verdicts that one engine's guard remembers.
const (
	verdicts     = 4096
	verdictBytes = 16 << 20
)

// dialects lists the database engines of this build. Nothing registers itself.
func dialects() []database.Dialect {
	cached := func(g sqlguard.Guard) sqlguard.Guard { return sqlguard.Cached(g, verdicts, verdictBytes) }
	return []database.Dialect{
		postgres.New(cached(postgresguard.New())),
		mysql.New(cached(mysqlguard.New(mysqlguard.MySQL)), cached(mysqlguard.New(mysqlguard.MariaDB))),
		sqlite.New(cached(sqliteguard.New())),
		mssql.New(cached(mssqlguard.New())),
	}
}
