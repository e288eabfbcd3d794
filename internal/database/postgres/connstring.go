package postgres

import (
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// target is a parsed connection string.
type target struct {
	database.ConnURL
	tls            tlsMode
	appName        string
	searchPath     string // empty: the login's own
	connectTimeout time.Duration
}

// tlsMode is libpq's sslmode.
type tlsMode string

const (
	tlsDisable    tlsMode = "disable"
	tlsAllow      tlsMode = "allow"
	tlsPrefer     tlsMode = "prefer"
	tlsRequire    tlsMode = "require"
	tlsVerifyCA   tlsMode = "verify-ca"
	tlsVerifyFull tlsMode = "verify-full"
)

// verified reports whether the server's identity is proven before anything is
// sent to it.
func (m tlsMode) verified() bool { return m == tlsVerifyCA || m == tlsVerifyFull }

func urlForm() database.URLForm {
	return database.URLForm{
		Type:        "postgres",
		Schemes:     []string{"postgresql", "postgresql+psycopg2", "postgres"},
		DefaultPort: 5432,
		HostHint:    "sockets, lists and percent-encoding are not accepted",
	}
}

// parseTarget reads a connection string. Without a database PostgreSQL takes
// the one of the user's name.
func parseTarget(s string) (*target, error) {
	u, err := urlForm().Parse(s)
	if err != nil {
		return nil, err
	}
	if u.Database == "" {
		u.Database = u.User
	}
	t := &target{ConnURL: u, tls: tlsPrefer, appName: "mcp-gateway", connectTimeout: database.ConnectTimeout}
	for _, o := range u.Options {
		if err := t.setOption(o); err != nil {
			return nil, err
		}
	}
	return t, nil
}
