package mysql_test

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mysql"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// TestPowerfulLogins: a login that could do more to the server than SQL does
// is refused, unless the connection accepts it.
func TestPowerfulLogins(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		strict := localEnv()
		strict.Rules = database.Rules{}
		for _, url := range []string{s.readerConn, s.ownerConn} {
			if _, err := openGuarded(t, url, strict).Probe(t.Context()); err != nil {
				t.Errorf("a login of one database: %v", err)
			}
		}
		s.toReader(t, "GRANT FILE ON *.* TO")
		conn := openGuarded(t, s.readerConn, strict)
		want := "login too powerful: this login could read and write files on the server (it has FILE)" +
			". Use a login that only reads, or set allow_powerful_login for this connection."
		if _, err := conn.Probe(t.Context()); err == nil || fault.Of(err).Public != want || !fault.Is(err, fault.Unavailable) {
			t.Errorf("Probe = %v", err)
		}
		if _, err := ask(t, conn, strict, "SELECT 1"); err == nil || fault.Of(err).Public != want {
			t.Errorf("Query = %v", err)
		}
		if _, err := conn.Schema(t.Context()); err == nil || fault.Of(err).Public != want {
			t.Errorf("Schema = %v", err)
		}
		if _, err := openGuarded(t, s.readerConn, localEnv()).Probe(t.Context()); err != nil {
			t.Errorf("allowed: %v", err)
		}
	})
}

// TestPowersComeWithRoles: a role that is switched on lends its powers.
func TestPowersComeWithRoles(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server) {
		role := s.db + "_files"
		mustExec(t, s.admin, "CREATE ROLE "+role)
		t.Cleanup(func() { mustExec(t, s.admin, "DROP ROLE "+role) })
		mustExec(t, s.admin, "GRANT FILE ON *.* TO "+role)
		s.toReader(t, "GRANT "+role+" TO")
		for _, host := range []string{"@localhost", "@'%'"} {
			word := " TO "
			if s.mariadb {
				word = " FOR "
			}
			mustExec(t, s.admin, "SET DEFAULT ROLE "+role+word+s.reader+host)
		}
		strict := localEnv()
		strict.Rules = database.Rules{}
		if _, err := openGuarded(t, s.readerConn, strict).Probe(t.Context()); err == nil || !strings.Contains(fault.Of(err).Public, "it has FILE") {
			t.Errorf("Probe = %v", err)
		}
	})
}

func TestPowersOfGrants(t *testing.T) {
	const files, programs = "read and write files on the server", "run programs on the server"
	all := files + ", run programs on it and end other sessions"
	for grant, want := range map[string]string{
		"GRANT USAGE ON *.* TO `u`@`%`":                                          "",
		"GRANT SELECT, PROCESS, SHOW DATABASES ON *.* TO `u`@`%`":                "",
		"GRANT ALL PRIVILEGES ON `shop`.* TO `u`@`%` WITH GRANT OPTION":          "",
		"GRANT SELECT ON `mysql`.`proc` TO `u`@`%`":                              "",
		"GRANT SHOW_ROUTINE ON *.* TO `u`@`%`":                                   "",
		"GRANT FILE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*ON *.* TO SUPER'": files + " (it has FILE)",
		"GRANT ALL PRIVILEGES ON *.* TO `root`@`%` WITH GRANT OPTION":            all + " (it has ALL PRIVILEGES)",
		"GRANT SELECT, SUPER ON *.* TO `u`@`%`":                                  all + " (it has SUPER)",
		"GRANT ALL PRIVILEGES ON `mysql`.* TO `u`@`%`":                           programs + " (it has ALL PRIVILEGES)",
		"GRANT SELECT, INSERT ON `my%`.* TO `u`@`%`":                             programs + " (it has INSERT)",
		"GRANT SELECT, INSERT (`name`, `dl`) ON `mysql`.`func` TO `u`@`%`":       programs + " (it has INSERT)",
		"GRANT SELECT, INSERT ON *.* TO PUBLIC":                                  programs + " (it has INSERT)",
		"GRANT CONNECTION_ADMIN,SYSTEM_USER ON *.* TO `u`@`%`":                   "act as other accounts (it has SYSTEM_USER)|end other sessions (it has CONNECTION_ADMIN)",
		"GRANT BINLOG ADMIN, SET USER ON *.* TO `u`@`%`":                         "act as other accounts (it has SET USER)|change how the server runs (it has BINLOG ADMIN)",
		"GRANT `writers` TO `u`@`%`":                                             "",
		"GRANT PROXY ON ``@`%` TO `root`@`localhost`":                            "",
		"GRANT EXECUTE ON FUNCTION `shop`.`f` TO `u`@`%`":                        "",
		"REVOKE FILE ON *.* FROM `u`@`%`":                                        "",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON `shop\\_%`.* TO `u`@`%`":        "",
		"GRANT INSERT ON `mysq_`.* TO `u`@`%`":                                   programs + " (it has INSERT)",
	} {
		if got := strings.Join(mysql.BeyondSQL(grant), "|"); got != want {
			t.Errorf("%s\n got %q\nwant %q", grant, got, want)
		}
	}
}
