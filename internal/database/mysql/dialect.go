// Package mysql is the dialect of MySQL (from 5.7.8 on) and MariaDB (from 10.2
// on).
//
// It uses go-sql-driver/mysql below database/sql: the pool is database/sql's,
// rows come from the driver's text protocol straight into JSON. Every session
// is read-only, runs a statement in a transaction that is rolled back, and is
// ended in the server by KILL when nobody waits for it any more.
package mysql

import (
	"fmt"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// Dialect implements [database.Dialect].
type Dialect struct{ guards guards }

// New returns the dialect. A statement is accepted when the guard of either
// family accepts it; calls of functions are judged again by the guard of the
// server's own family before they are sent.
func New(mysql, mariadb sqlguard.Guard) *Dialect {
	return &Dialect{guards: guards{mysql: mysql, mariadb: mariadb}}
}

// Name returns the db_type of contract 3.4.
func (d *Dialect) Name() string { return "mysql" }

// Title returns the engines' names for people.
func (d *Dialect) Title() string { return "MySQL or MariaDB" }

// Guard returns the SQL guard of both families.
func (d *Dialect) Guard() sqlguard.Guard { return d.guards }

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
		return nil, fmt.Errorf("mysql: target of another dialect: %T", t)
	}
	return newConn(own, env, d.guards), nil
}
