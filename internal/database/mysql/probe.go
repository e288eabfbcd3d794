package mysql

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// Probe connects and asks what the login could do; see [database.Conn]. The
// latency is that of a second, trivial statement on the open connection.
func (c *conn) Probe(ctx context.Context) (database.Probe, error) {
	var p database.Probe
	var powers []string
	err := c.catalogue(ctx, "SELECT @@version, @@version_comment", func(values []string) error {
		p.ServerVersion = serverVersion(values[0], values[1])
		return nil
	})
	if err == nil {
		err = c.catalogue(ctx, "SHOW GRANTS", func(values []string) error {
			if power := powerOf(values[0], c.target.Database); power != "" {
				powers = append(powers, power)
			}
			return nil
		})
	}
	if err == nil && p.ServerVersion == "" {
		err = database.ConnectFault(database.ErrOther, errors.New("the server has no version"))
	}
	if err != nil {
		return database.Probe{}, err
	}
	if p.CanWrite = len(powers) > 0; p.CanWrite {
		p.Warning = c.warning(powers)
	}
	started := time.Now()
	err = c.catalogue(ctx, "SELECT 1", func([]string) error { return nil })
	p.Latency = time.Since(started)
	return p, err
}

// serverVersion names the product as well: MySQL's own version does not.
func serverVersion(version, comment string) string {
	if strings.Contains(strings.ToLower(version), "mariadb") || comment == "" {
		return version
	}
	return version + " (" + comment + ")"
}

// powerOf returns what a line of SHOW GRANTS lets the login do besides
// reading, "" when nothing. What follows the account, on MariaDB the digest of
// its password, is not looked at. Roles that are switched off have a line
// without ON and lend nothing. What everybody may do counts in the
// connection's own database only: MariaDB comes with a database for that.
func powerOf(grant, db string) string {
	list, found := strings.CutPrefix(grant, "GRANT ")
	privileges, object, hasObject := strings.Cut(list, " ON ")
	if !found || !hasObject {
		return ""
	}
	object, rest, _ := strings.Cut(object, " TO ")
	if strings.HasPrefix(rest, "PUBLIC") && !covers(object, db) {
		return ""
	}
	var writing []string
	for _, p := range splitPrivileges(privileges) {
		if !onlyReads(p) {
			writing = append(writing, p)
		}
	}
	if strings.HasSuffix(rest, "WITH GRANT OPTION") {
		writing = append(writing, "GRANT OPTION")
	}
	if len(writing) == 0 {
		return ""
	}
	return "has " + strings.Join(shorten(writing), ", ") + " on " + object
}

// covers reports whether the object of a grant, `pattern`.* or `db`.`table`,
// is in db. The pattern is LIKE's.
func covers(object, db string) bool {
	pattern, _, _ := strings.Cut(object, ".")
	if pattern == "*" {
		return true
	}
	pattern = regexp.QuoteMeta(strings.ReplaceAll(strings.Trim(pattern, "`"), "``", "`"))
	like := strings.NewReplacer(`\\_`, "_", `\\%`, "%", "_", ".", "%", ".*")
	matched, err := regexp.MatchString("(?i)^"+like.Replace(pattern)+"$", db)
	return err != nil || matched
}

// splitPrivileges splits at the commas outside of column lists, which it
// drops.
func splitPrivileges(list string) []string {
	var out []string
	var name strings.Builder
	depth := 0
	for _, r := range list {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case depth > 0:
		case r == ',':
			out = append(out, strings.TrimSpace(name.String()))
			name.Reset()
		default:
			name.WriteRune(r)
		}
	}
	return append(out, strings.TrimSpace(name.String()))
}

// onlyReads lists the privileges that change nothing. Whatever a server has
// besides counts as writing.
func onlyReads(privilege string) bool {
	switch privilege {
	case "USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROCESS", "REFERENCES", "EXECUTE",
		"LOCK TABLES", "CREATE TEMPORARY TABLES", "SHOW_ROUTINE", "SHOW CREATE ROUTINE",
		"REPLICATION CLIENT", "BINLOG MONITOR", "SLAVE MONITOR", "REPLICA MONITOR":
		return true
	default:
		return false
	}
}

// maxListed is how many grants, and privileges of a grant, a warning lists:
// MySQL spells ALL out.
const maxListed = 6

func shorten(list []string) []string {
	if more := len(list) - maxListed; more > 0 {
		return append(list[:maxListed:maxListed], fmt.Sprintf("and %d more", more))
	}
	return list
}

// warning tells the administrator what the login could do and how to make one
// that only reads.
func (c *conn) warning(powers []string) string {
	return fmt.Sprintf("This login could write: it %s. The gateway only runs reads, in read-only transactions, "+
		"but a login that cannot write is safer still: "+
		"CREATE USER 'mcp_reader'@'%%' IDENTIFIED BY '…'; GRANT SELECT, SHOW VIEW ON `%s`.* TO 'mcp_reader'@'%%';",
		strings.Join(shorten(powers), "; "), strings.ReplaceAll(c.target.Database, "`", "``"))
}
