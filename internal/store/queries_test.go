package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mustQueries reads the queries of a folder by name, with their SQL text.
func mustQueries(t *testing.T, folder, suffix string, statement *regexp.Regexp) map[string]string {
	t.Helper()
	paths, err := fs.Glob(os.DirFS(folder), "*"+suffix)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	queries := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(filepath.Join(folder, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range statement.FindAllStringSubmatch(string(text), -1) {
			queries[m[1]] = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(m[2]), ";"))
		}
	}
	return queries
}

func mustWritten(t *testing.T) map[string]string {
	return mustQueries(t, "queries", ".sql", regexp.MustCompile(`(?s)-- name: (\w+) :\w+\n(.*?;)\n`))
}

// TestGeneratedCodeIsCurrent notices an edited query whose code was not
// generated again, also where sqlc is not installed.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	generated := mustQueries(t, "internal/db", ".sql.gen.go", regexp.MustCompile("(?s)= `-- name: (\\w+) :\\w+\n(.*?)`"))
	if diff := cmp.Diff(mustWritten(t), generated); diff != "" {
		t.Errorf("run sqlc generate (-written +generated):\n%s", diff)
	}
}

// tenantTables hold rows of tenants.
func tenantTables() []string {
	return []string{
		"users", "db_connections", "connection_functions", "api_keys", "tool_role_overrides", "sessions", "tenant_entra_configs", "tenant_oidc_configs",
		"oauth_clients", "oauth_states", "oauth_authorization_codes", "oauth_refresh_tokens", "sso_codes", "sso_refresh_tokens", "sso_renewals",
		"mcp_sessions", "audit_logs", "audit_heads", "audit_statements",
	}
}

// acrossTenants lists the queries on tenant tables that may leave the tenant
// open, each with its reason.
func acrossTenants() map[string]string {
	return map[string]string{
		"LoginCandidates":  "a sign-in without tenant_slug tries every tenant (contract 2.4)",
		"LoginCandidateAt": "a sign-in names its tenant by slug",
		"LiveKey":          "an API key is what tells the tenant",
		"LiveSession":      "a session cookie is what tells the tenant",
		"ListAuditHeads":   "retention and verification walk every tenant's chain",
		"ListAuditTenants": "retention and verification walk every tenant's chain",
		"GetOAuthState":    "on a callback the state is what tells the tenant",
		"ForeignOAuthCode": "tells a code of another tenant from one that never was",
		"TakeSSOCode":      "a one-time code is what tells the tenant",

		"SealedConnections":      "rotation of keys walks every tenant",
		"SealedEntraSecrets":     "rotation of keys walks every tenant",
		"SealedSSORefreshTokens": "rotation of keys walks every tenant",
		"SealedOIDCSecrets":      "rotation of keys walks every tenant",
		"SealedAuditStatements":  "rotation of keys walks every tenant",

		"SweepOAuthStates":   "housekeeping by age alone",
		"SweepSSOCodes":      "housekeeping by age alone",
		"SweepOAuthCodes":    "housekeeping by age alone",
		"SweepRefreshTokens": "housekeeping by age alone",
		"SweepSessions":      "housekeeping by age alone",
		"SweepMCPSessions":   "housekeeping by age alone",
		"SweepOAuthClients":  "housekeeping by age alone",
	}
}

// TestEveryQueryNamesItsTenant keeps rows of tenants apart: a query on their
// tables compares tenant_id first, or writes it.
func TestEveryQueryNamesItsTenant(t *testing.T) {
	table := regexp.MustCompile(`(?i)\b(?:from|join|into|update)\s+(\w+)`)
	scoped := regexp.MustCompile(`(?s)WHERE (?:\w+\.)?tenant_id = \$1\b|^INSERT INTO \w+ \((?:id, |code_hash, |state_hash, )?tenant_id\b`)
	exceptions := acrossTenants()
	for name, text := range mustWritten(t) {
		touches := slices.ContainsFunc(table.FindAllStringSubmatch(text, -1), func(m []string) bool {
			return slices.Contains(tenantTables(), m[1])
		})
		_, excepted := exceptions[name]
		delete(exceptions, name)
		switch {
		case !touches || excepted:
		case !scoped.MatchString(text):
			t.Errorf("%s does not name its tenant first:\n%s", name, text)
		}
	}
	for name := range exceptions {
		t.Errorf("%s is excepted and does not exist", name)
	}
}

// TestTenantTablesAreKnown notices a new table with a tenant_id that the test
// above would overlook.
func TestTenantTablesAreKnown(t *testing.T) {
	create := regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\);`)
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := migrations.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range create.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[2], "tenant_id ") && !slices.Contains(tenantTables(), m[1]) {
				t.Errorf("table %s has a tenant_id and is not among tenantTables", m[1])
			}
		}
	}
}
