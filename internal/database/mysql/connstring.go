package mysql

import (
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
)

// target is a parsed connection string.
type target struct {
	database.ConnURL
	tls            tlsMode
	native         nativeRule
	program        string
	connectTimeout time.Duration
}

func urlForm() database.URLForm {
	return database.URLForm{
		Type:        "mysql",
		Schemes:     []string{"mysql", "mysql+pymysql", "mariadb"},
		DefaultPort: 3306,
		HostHint:    "sockets, lists and percent-encoding are not accepted",
		Canonical:   canonical,
	}
}

// canonical folds the spellings of one option: ssl-mode, ssl_mode, sslMode.
func canonical(name string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
}

// parseTarget reads a connection string. A database is required: without one
// there is no schema to show, and every database of the server would be as
// near as any. In a system database, names without a schema would mean the
// relations that the guard refuses by schema.
func parseTarget(s string) (*target, error) {
	u, err := urlForm().Parse(s)
	if err != nil {
		return nil, err
	}
	if u.Database == "" {
		return nil, database.Refuse("connection string names no database")
	}
	if guard.IsSystemDatabase(u.Database) {
		return nil, database.Refuse("connection string names a system database: name the database that holds your data")
	}
	t := &target{ConnURL: u, tls: tlsPreferred, program: "mcp-gateway", connectTimeout: database.ConnectTimeout}
	for _, o := range u.Options {
		if err := t.setOption(o); err != nil {
			return nil, err
		}
	}
	return t, nil
}
