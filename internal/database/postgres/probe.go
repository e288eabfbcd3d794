package postgres

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

//go:embed probe.sql
var probeSQL string

// Probe connects and asks what the login could do; see [database.Conn]. The
// latency is that of a second, trivial statement on the open connection.
func (c *conn) Probe(ctx context.Context) (database.Probe, error) {
	var p database.Probe
	seen := false
	err := c.catalogue(ctx, probeSQL, func(values [][]byte) error {
		seen = true
		var powers []string
		if err := json.Unmarshal(values[1], &powers); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
		p.ServerVersion = string(values[0])
		p.CanWrite = len(powers) > 0
		if p.CanWrite {
			p.Warning = warning(powers, string(values[2]), string(values[3]))
		}
		return nil
	})
	if err == nil && !seen {
		err = database.ConnectFault(database.ErrOther, errors.New("the login has no role"))
	}
	if err != nil {
		return database.Probe{}, err
	}
	started := time.Now()
	err = c.catalogue(ctx, "SELECT 1", func([][]byte) error { return nil })
	p.Latency = time.Since(started)
	return p, err
}

// warning tells the administrator what the login could do and how to make one
// that only reads.
func warning(powers []string, db, schemas string) string {
	return fmt.Sprintf("This login could write: it %s. The gateway only runs reads, in read-only transactions, "+
		"but a login that cannot write is safer still: "+
		"CREATE ROLE mcp_reader LOGIN PASSWORD '…'; GRANT CONNECT ON DATABASE %s TO mcp_reader; "+
		"GRANT USAGE ON SCHEMA %[3]s TO mcp_reader; GRANT SELECT ON ALL TABLES IN SCHEMA %[3]s TO mcp_reader; "+
		"ALTER DEFAULT PRIVILEGES IN SCHEMA %[3]s GRANT SELECT ON TABLES TO mcp_reader;",
		strings.Join(powers, "; "), db, schemas)
}
