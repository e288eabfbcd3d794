package postgres_test

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// TestPowerfulLogin refuses a login that could do more to the server than SQL,
// whichever way it came to its power, unless an administrator accepts it.
func TestPowerfulLogin(t *testing.T) {
	for _, variable := range servers() {
		t.Run(variable, func(t *testing.T) {
			s := startOn(t, variable)
			other := s.db + "_other"
			t.Cleanup(func() { mustExec(t, s.admin, "DROP OWNED BY "+other+"; DROP ROLE "+other) })
			mustExec(t, s.admin, "CREATE ROLE "+other)
			for name, c := range map[string]struct{ grant, revoke, want string }{
				"superuser": {"ALTER ROLE $r SUPERUSER", "ALTER ROLE $r NOSUPERUSER", "(it is a superuser)"},
				"hidden behind another role": {
					"ALTER ROLE $r SUPERUSER; ALTER ROLE $r SET role = '$o'",
					"ALTER ROLE $r NOSUPERUSER; ALTER ROLE $r RESET role", "(it is a superuser)",
				},
				"member of a superuser": {
					"ALTER ROLE $o SUPERUSER; GRANT $o TO $r", "REVOKE $o FROM $r; ALTER ROLE $o NOSUPERUSER",
					"may become a superuser",
				},
				"programs": {"GRANT pg_execute_server_program TO $r", "REVOKE pg_execute_server_program FROM $r", "member of pg_execute_server_program"},
				"files through another role, not inherited": {
					"ALTER ROLE $r NOINHERIT; GRANT pg_read_server_files, pg_write_server_files TO $o; GRANT $o TO $r",
					"REVOKE pg_read_server_files, pg_write_server_files FROM $o; REVOKE $o FROM $r; ALTER ROLE $r INHERIT",
					"member of pg_read_server_files, pg_write_server_files",
				},
				"one function": {
					"GRANT EXECUTE ON FUNCTION pg_read_file(text) TO $r", "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM $r",
					"may call pg_read_file",
				},
			} {
				t.Run(name, func(t *testing.T) {
					names := strings.NewReplacer("$r", s.reader, "$o", other)
					mustExec(t, s.admin, names.Replace(c.grant))
					defer mustExec(t, s.admin, names.Replace(c.revoke))
					_, err := s.open(t, s.readerConn).Query(testContext(t), statement("SELECT 1 AS v"), database.Limit{})
					if public := publicOf(err); !strings.HasPrefix(public, database.ErrPowerfulLogin+": ") ||
						!strings.Contains(public, c.want) || !strings.Contains(public, "set allow_powerful_login") {
						t.Errorf("refusal: %q, want %q", public, c.want)
					}
					allowed := openWith(t, s.readerConn, database.Rules{AllowPowerfulLogin: true})
					if got := mustQuery(t, allowed, "SELECT 1 AS v"); got != `[{"v":1}]` {
						t.Errorf("allowed: %s", got)
					}
				})
			}
			if got := mustQuery(t, s.open(t, s.readerConn), "SELECT 1 AS v"); got != `[{"v":1}]` {
				t.Errorf("without powers: %s", got)
			}
		})
	}
}

func publicOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Public
}

// TestBoundsOfSessions: memory, processes and files are bounded and never
// above the login's own settings.
func TestBoundsOfSessions(t *testing.T) {
	for _, variable := range servers() {
		t.Run(variable, func(t *testing.T) {
			s := startOn(t, variable)
			mustExec(t, s.admin, "ALTER ROLE "+s.reader+" SET work_mem = '1GB'; ALTER ROLE "+s.reader+" SET hash_mem_multiplier = 10; "+
				"ALTER ROLE "+s.reader+" SET max_parallel_workers_per_gather = 8; ALTER ROLE "+s.owner+" SET work_mem = '1MB'; "+
				"ALTER ROLE "+s.owner+" SET max_parallel_workers_per_gather = 0; ALTER ROLE "+s.owner+" SUPERUSER")
			const sql = "SELECT current_setting('work_mem') AS w, current_setting('max_parallel_workers_per_gather') AS p, current_setting('temp_file_limit') AS f"
			if got, want := mustQuery(t, s.open(t, s.readerConn), sql), `[{"w":"16MB","p":"1","f":"-1"}]`; got != want {
				t.Errorf("a login without bounds: %s, want %s", got, want)
			}
			if got := mustQuery(t, s.open(t, s.readerConn), "SHOW hash_mem_multiplier"); got != `[{"hash_mem_multiplier":"2"}]` {
				t.Error(got)
			}
			allowed := openWith(t, s.ownerConn, database.Rules{AllowPowerfulLogin: true})
			if got, want := mustQuery(t, allowed, sql), `[{"w":"1MB","p":"0","f":"1GB"}]`; got != want {
				t.Errorf("a login of tighter bounds that may set file limits: %s, want %s", got, want)
			}
		})
	}
}
