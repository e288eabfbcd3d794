package mysql_test

import (
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/mysql"
)

// TestReleasesDiffer holds what the list says of servers that the tests do not
// have at hand.
func TestReleasesDiffer(t *testing.T) {
	for _, c := range []struct {
		flavour mysql.Flavour
		version string
		name    string
		missing bool
	}{
		{mysql.MySQL, "5.7.44-log", "md5", false},
		{mysql.MySQL, "8.0.mysql_aurora.3.04.0", "sha1", false},
		{mysql.MySQL, "9.5.0", "sha", false},
		{mysql.MySQL, "9.6.0", "sha", true},
		{mysql.MySQL, "10.0.1", "md5", true},
		{mysql.MariaDB, "11.4.2-MariaDB", "md5", false},
		{mysql.MySQL, "5.7.44", "regexp_like", true},
		{mysql.MySQL, "8.0.35", "regexp_like", false},
		{mysql.MariaDB, "10.5.29-MariaDB", "to_char", true},
		{mysql.MariaDB, "10.11.6-MariaDB-1~deb12", "to_char", false},
		{mysql.MariaDB, "10.9.8-MariaDB", "random_bytes", true},
		{mysql.MariaDB, "10.10.1-MariaDB", "random_bytes", false},
		{mysql.MySQL, "", "md5", true},
		{mysql.MySQL, "x.y", "regexp_like", true},
		{mysql.MySQL, "", "upper", false},
	} {
		release := mysql.ParseRelease(c.version)
		if got := mysql.MissingFunctions(c.flavour, release)[c.name]; got != c.missing {
			t.Errorf("%s %q: %s is missing: %v, want %v", c.flavour, c.version, c.name, got, c.missing)
		}
	}
}
