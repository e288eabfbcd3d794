package gateway

import (
	"net/url"
	"slices"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/config"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/database/postgres"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	mssqlguard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mssql"
	mysqlguard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
	postgresguard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
	sqliteguard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlite"
	"github.com/mcp-gateway/mcp-gateway/internal/sso"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/entra"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/oidc"
)

// The verdicts that one engine's guard remembers.
const (
	verdicts     = 4096
	verdictBytes = 16 << 20
)

// dialects lists the database engines of this build. Nothing registers itself.
// lookedUp is told about every look-up in a guard's cache.
func dialects(lookedUp func(hit bool)) []database.Dialect {
	cached := func(g sqlguard.Guard) sqlguard.Guard {
		return sqlguard.Cached(g, sqlguard.CacheConfig{Entries: verdicts, Bytes: verdictBytes, Observe: lookedUp})
	}
	return []database.Dialect{
		postgres.New(cached(postgresguard.New())),
		mysql.New(cached(mysqlguard.New(mysqlguard.MySQL)), cached(mysqlguard.New(mysqlguard.MariaDB))),
		sqlite.New(cached(sqliteguard.New()), sqlite.Command{}),
		mssql.New(cached(mssqlguard.New())),
	}
}

// How much and how long an identity provider may answer (contract 5.2).
const (
	ssoTimeout = 10 * time.Second
	ssoBody    = 1 << 20
)

// identityProviders lists the kinds of identity provider of this build.
func identityProviders(cfg *config.Config) []sso.Kind {
	client := egress.ClientConfig{Timeout: ssoTimeout, MaxBody: ssoBody}
	microsoft := cfg.Egress // the operator named these hosts
	microsoft.AllowHosts = slices.Concat(microsoft.AllowHosts, hosts(cfg.Entra.AuthorityURL, cfg.Entra.GraphURL))
	return []sso.Kind{
		entra.New(entra.Config{
			Authority: cfg.Entra.AuthorityURL, Graph: cfg.Entra.GraphURL,
			Client: egress.NewClient(microsoft, client), Now: time.Now,
		}),
		oidc.New(oidc.Config{Client: egress.NewClient(cfg.Egress, client), Now: time.Now}),
	}
}

func hosts(addresses ...string) (names []string) {
	for _, a := range addresses {
		if u, err := url.Parse(a); err == nil {
			names = append(names, u.Hostname())
		}
	}
	return names
}
