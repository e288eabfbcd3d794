package mysql_test

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database/mysql"
)

func TestPowers(t *testing.T) {
	for grant, want := range map[string]string{
		"GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*INSERT'":                                           "",
		"GRANT SELECT, SHOW VIEW ON `shop`.* TO `u`@`%`":                                                           "",
		"GRANT SELECT (`a`, `b`), REFERENCES (`c`) ON `shop`.`t` TO `u`@`%`":                                       "",
		"GRANT SELECT, INSERT (`a`, `b`), UPDATE ON `shop`.`t` TO `u`@`%`":                                         "has INSERT, UPDATE on `shop`.`t`",
		"GRANT ALL PRIVILEGES ON *.* TO `u`@`%` WITH GRANT OPTION":                                                 "has ALL PRIVILEGES, GRANT OPTION on *.*",
		"GRANT FILE, PROCESS ON *.* TO `u`@`%`":                                                                    "has FILE on *.*",
		"GRANT SUPER ON *.* TO `u`@`%`":                                                                            "has SUPER on *.*",
		"GRANT SELECT ON `other`.* TO `u`@`%` WITH GRANT OPTION":                                                   "has GRANT OPTION on `other`.*",
		"GRANT SYSTEM_VARIABLES_ADMIN ON *.* TO `u`@`%`":                                                           "has SYSTEM_VARIABLES_ADMIN on *.*",
		"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, SHUTDOWN, PROCESS, FILE ON *.* TO `root`@`%`": "has INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, and 2 more on *.*",
		"GRANT EXECUTE ON `shop`.* TO `u`@`%`":                                                                     "",
		"GRANT PROXY ON ``@`%` TO `root`@`localhost`":                                                              "has PROXY on ``@`%`",
		"GRANT `writers` TO `u`@`%`":                                                                               "",
		"GRANT INSERT ON `test`.* TO PUBLIC":                                                                       "",
		"GRANT INSERT ON `shop`.* TO PUBLIC":                                                                       "has INSERT on `shop`.*",
		"GRANT INSERT ON `sh%`.* TO PUBLIC":                                                                        "has INSERT on `sh%`.*",
		"GRANT INSERT ON `shop\\_%`.* TO PUBLIC":                                                                   "",
		"GRANT INSERT ON `sho_`.* TO PUBLIC":                                                                       "has INSERT on `sho_`.*",
		"GRANT INSERT ON *.* TO PUBLIC":                                                                            "has INSERT on *.*",
		"SET DEFAULT ROLE `r` FOR `u`@`%`":                                                                         "",
		"GRANT SELECT ON `shop`.* TO `u`@`%` IDENTIFIED BY PASSWORD '*WITH GRANT OPTION--'":                        "",
	} {
		if got := mysql.PowerOf(grant, "shop"); got != want {
			t.Errorf("%s\n got %q\nwant %q", grant, got, want)
		}
	}
}

func TestProbeWarns(t *testing.T) {
	s := start(t)
	p, err := open(t, s.ownerConn).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ALL PRIVILEGES on `" + s.db + "`.*", "GRANT SELECT, SHOW VIEW ON `" + s.db + "`.*"} {
		if !strings.Contains(p.Warning, want) {
			t.Errorf("warning %q does not say %q", p.Warning, want)
		}
	}
	if strings.Contains(p.Warning, "PASSWORD '*") {
		t.Errorf("the digest is shown: %q", p.Warning)
	}
}

// TestProbeSeesRoles: a privilege that comes through a role counts.
func TestProbeSeesRoles(t *testing.T) {
	s := start(t)
	role := s.db + "_role"
	mustExec(t, s.admin, "CREATE ROLE "+role)
	t.Cleanup(func() { mustExec(t, s.admin, "DROP ROLE "+role) })
	mustExec(t, s.admin, "GRANT INSERT ON "+s.db+".* TO "+role)
	for _, account := range []string{s.reader + "@localhost", s.reader + "@'%'"} {
		mustExec(t, s.admin, "GRANT "+role+" TO "+account)
		mustExec(t, s.admin, "SET DEFAULT ROLE "+role+" FOR "+account)
	}
	p, err := open(t, s.readerConn).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !p.CanWrite || !strings.Contains(p.Warning, "has INSERT on") {
		t.Errorf("Probe = %+v", p)
	}
}
