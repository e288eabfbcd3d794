// Package mssql is the dialect of Microsoft SQL Server and Azure SQL.
//
// It speaks TDS through Microsoft's own driver. SQL Server has no read-only
// transaction: the guard decides what runs, the statement runs in a
// transaction that is always rolled back, and the login should have no right
// to write (docs/design/004-sql-server.md).
package mssql

import (
	"fmt"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// Dialect implements [database.Dialect].
type Dialect struct{ guard sqlguard.Guard }

// New returns the dialect; guard judges its statements.
func New(guard sqlguard.Guard) *Dialect { return &Dialect{guard: guard} }

// Name returns the db_type of contract 3.4.
func (d *Dialect) Name() string { return "mssql" }

// Title returns the engine's name for people.
func (d *Dialect) Title() string { return "Microsoft SQL Server" }

// Guard returns the engine's SQL guard.
func (d *Dialect) Guard() sqlguard.Guard { return d.guard }

// Parse checks a connection string; see [database.Dialect].
func (d *Dialect) Parse(connString string, _ database.Env) (database.Target, error) {
	t, err := parseTarget(connString)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Open returns a pool that dials when it is first used.
func (d *Dialect) Open(t database.Target, env database.Env) (database.Conn, error) {
	own, ok := t.(*target)
	if !ok {
		return nil, fmt.Errorf("mssql: target of another dialect: %T", t)
	}
	return newConn(own, env), nil
}
