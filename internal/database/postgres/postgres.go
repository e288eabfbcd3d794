// Package postgres is the dialect of PostgreSQL, from version 13 on.
//
// It speaks the wire protocol through pgproto3: a statement runs in one
// network round trip inside a read-only transaction that is always rolled
// back, and its values go from the wire into JSON without a detour.
package postgres

import (
	"fmt"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// Dialect implements [database.Dialect].
type Dialect struct{ guard sqlguard.Guard }

// New returns the dialect; guard judges its statements.
func New(guard sqlguard.Guard) *Dialect { return &Dialect{guard: guard} }

// Name returns the db_type of contract 3.4.
func (d *Dialect) Name() string { return "postgres" }

// Title returns the engine's name for people.
func (d *Dialect) Title() string { return "PostgreSQL" }

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
		return nil, fmt.Errorf("postgres: target of another dialect: %T", t)
	}
	c, err := newConnector(own, env)
	if err != nil {
		return nil, err
	}
	return &conn{target: own, pool: newPool(c), types: newTypes(), rules: env.Rules, stored: database.NewCached[storedCode](time.Now)}, nil
}
