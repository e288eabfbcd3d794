package mssql

import (
	"fmt"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
)

// systemDatabases hold the server's own state: in them every unqualified name
// could mean a table of the server's.
func isSystemDatabase(name string) bool {
	switch guard.Fold(name) {
	case "master", "msdb", "model", "tempdb", "mssqlsystemresource", "distribution":
		return true
	default:
		return false
	}
}

// admit refuses a login that may do too much for one guard to stand before it,
// and a session that the login's default has put into a system database. A
// database that a string names is judged when it is parsed.
func (c *conn) admit(all *objects) error {
	switch {
	case isSystemDatabase(all.database):
		cause := fmt.Errorf("the login's default database is %s, which belongs to the server: name another one in the connection string", all.database)
		return database.ConnectFault(database.ErrDatabaseNotFound, cause)
	case len(all.powers) > 0 && !c.rules.AllowPowerfulLogin:
		return database.PowerfulLoginFault("do more to the server than SQL does (it has " + strings.Join(all.powers, ", ") + ")")
	default:
		return nil
	}
}
