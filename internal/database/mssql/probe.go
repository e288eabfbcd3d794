package mssql

import (
	"context"
	"database/sql/driver"
	_ "embed"
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
	if _, err := c.recentObjects(ctx, 0); err != nil {
		return database.Probe{}, err
	}
	var about login
	if err := c.catalogue(ctx, probeSQL, about.take); err != nil {
		return database.Probe{}, err
	}
	p := database.Probe{ServerVersion: about.version, CanWrite: len(about.kinds) > 0}
	if p.CanWrite {
		p.Warning = about.warning()
	}
	started := time.Now()
	err := c.catalogue(ctx, "SELECT 1 AS one", func(int, []driver.Value) error { return nil })
	p.Latency = time.Since(started)
	return p, err
}

// login is what probe.sql tells.
type login struct {
	version, database, schema string
	kinds                     []string // in the order they came
	powers                    map[string][]string
}

func (l *login) take(set int, values []driver.Value) error {
	r := record(values)
	if set == 0 {
		if len(values) != 3 {
			return errProtocol
		}
		l.version, l.database, l.schema = firstLine(r.text(0)), r.text(1), r.text(2)
		return nil
	}
	if len(values) != 2 {
		return errProtocol
	}
	if l.powers == nil {
		l.powers = map[string][]string{}
	}
	kind := r.text(0)
	if len(l.powers[kind]) == 0 {
		l.kinds = append(l.kinds, kind)
	}
	l.powers[kind] = append(l.powers[kind], r.text(1))
	return nil
}

// firstLine takes the copyright and the machine's operating system away.
func firstLine(version string) string {
	line, _, _ := strings.Cut(version, "\n")
	return strings.TrimSpace(line)
}

// maxPowers is how many of a kind are named.
const maxPowers = 6

// warning tells the administrator what the login could do and how to make one
// that only reads.
func (l *login) warning() string {
	list := make([]string, len(l.kinds))
	for i, kind := range l.kinds {
		names, more := l.powers[kind], ""
		if len(names) > maxPowers {
			names, more = names[:maxPowers], fmt.Sprintf(" and %d more", len(names)-maxPowers)
		}
		list[i] = kind + " " + strings.Join(names, ", ") + more
	}
	return fmt.Sprintf("This login could write: it %s. SQL Server has no read-only transactions: the gateway only runs reads "+
		"and rolls every transaction back, but only a login that cannot write is safe whatever happens: "+
		"USE %s; CREATE LOGIN mcp_reader WITH PASSWORD = '…'; CREATE USER mcp_reader FOR LOGIN mcp_reader; "+
		"GRANT SELECT, VIEW DEFINITION ON SCHEMA::%s TO mcp_reader;",
		strings.Join(list, "; "), l.database, l.schema)
}
