package mysql

import (
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// guards judge for both families. Which one a connection speaks to is only
// known once it is open, while a [database.Dialect] has one guard for all.
type guards struct{ mysql, mariadb sqlguard.Guard }

var _ sqlguard.Guard = guards{}

// Check accepts what the guard of either family accepts. The families differ
// in the names of their built-in functions; see [guards.recheck].
func (g guards) Check(sql string) (*sqlguard.Statement, error) {
	if stmt, err := g.mysql.Check(sql); err == nil {
		return stmt, nil
	}
	return g.mariadb.Check(sql)
}

// Version implements [sqlguard.Guard].
func (g guards) Version() string { return g.mysql.Version() + "+" + g.mariadb.Version() }

// Allowing implements [sqlguard.Guard].
func (g guards) Allowing(functions []string) sqlguard.Guard { return g.allowing(functions) }

func (g guards) allowing(functions []string) guards {
	return guards{mysql: g.mysql.Allowing(functions), mariadb: g.mariadb.Allowing(functions)}
}

// under returns the guards of a connection with these rules.
func (g guards) under(rules database.Rules) guards {
	if len(rules.AllowedFunctions) == 0 {
		return g
	}
	names := make([]string, 0, len(rules.AllowedFunctions))
	for _, f := range rules.AllowedFunctions {
		name, _, _ := strings.Cut(f.Signature, "(")
		names = append(names, name)
	}
	return g.allowing(names)
}

// recheck judges the calls of an accepted statement for the server at hand: a
// function that only the other family has built in would be looked up here
// among the functions that users have stored.
func (g guards) recheck(f flavour, stmt *sqlguard.Statement) (*sqlguard.Statement, error) {
	if len(stmt.Functions) == 0 {
		return stmt, nil
	}
	if f == mariaDB {
		return g.mariadb.Check(stmt.SQL)
	}
	return g.mysql.Check(stmt.SQL)
}
