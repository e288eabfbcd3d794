package mysql

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// powers refuses a login that could do more to the server than SQL does.
type powers struct {
	allowed bool // by database.Rules

	mu     sync.Mutex // guards what follows
	asked  time.Time
	powers []string
}

// check asks the server once for all sessions of a connector.
func (p *powers) check(ctx context.Context, s *session) error {
	if p.allowed {
		return nil
	}
	p.mu.Lock()
	known, fresh := p.powers, time.Since(p.asked) < database.CatalogueLife
	p.mu.Unlock()
	if !fresh {
		known = nil
		if err := s.fetch(ctx, "SHOW GRANTS", func(values []string) error {
			known = append(known, beyondSQL(values[0])...)
			return nil
		}); err != nil {
			return err
		}
		p.mu.Lock()
		p.powers, p.asked = known, time.Now()
		p.mu.Unlock()
	}
	if len(known) > 0 {
		return database.PowerfulLoginFault(strings.Join(shorten(known), "; it could "))
	}
	return nil
}

// beyondSQL returns what a line of SHOW GRANTS lets the login do to the server:
// read and write its files, load programs into it, end other sessions, act as
// somebody else. Roles that are switched on have lines of their own.
func beyondSQL(grant string) []string {
	list, found := strings.CutPrefix(grant, "GRANT ")
	privileges, object, hasObject := strings.Cut(list, " ON ")
	object, _, _ = strings.Cut(object, " TO ")
	if !found || !hasObject || object != "*.*" && !covers(object, "mysql") {
		return nil
	}
	var can []string
	for _, p := range splitPrivileges(privileges) {
		if power := serverPower(p, object == "*.*"); power != "" {
			can = append(can, power+" (it has "+p+")")
		}
	}
	slices.Sort(can)
	return slices.Compact(can)
}

// serverPower names the power behind a privilege, "" when there is none. Who
// writes to the database mysql loads functions from libraries, and accounts.
func serverPower(privilege string, everywhere bool) string {
	switch privilege {
	case "ALL", "ALL PRIVILEGES", "SUPER":
		if !everywhere {
			return "run programs on the server"
		}
		return "read and write files on the server, run programs on it and end other sessions"
	case "FILE":
		return "read and write files on the server"
	case "INSERT", "UPDATE":
		return "run programs on the server"
	case "CONNECTION_ADMIN", "CONNECTION ADMIN", "SHUTDOWN":
		return "end other sessions"
	case "SET_USER_ID", "SET_ANY_DEFINER", "SET USER", "SYSTEM_USER", "CREATE USER", "ROLE_ADMIN":
		return "act as other accounts"
	case "SYSTEM_VARIABLES_ADMIN", "PERSIST_RO_VARIABLES_ADMIN", "BINLOG_ADMIN", "BINLOG ADMIN", "BINLOG REPLAY",
		"CLONE_ADMIN", "BACKUP_ADMIN", "REPLICATION_SLAVE_ADMIN", "REPLICATION SLAVE ADMIN", "GROUP_REPLICATION_ADMIN",
		"FEDERATED ADMIN", "READ_ONLY ADMIN", "READ ONLY ADMIN":
		return "change how the server runs"
	}
	return ""
}
