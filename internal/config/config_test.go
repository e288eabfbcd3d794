package config

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/egress"
)

// env makes a getenv function of pairs NAME=value.
func env(pairs ...string) func(string) string {
	vars := make(map[string]string)
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		vars[name] = value
	}
	return func(name string) string { return vars[name] }
}

func mustLoad(t *testing.T, pairs ...string) *Config {
	t.Helper()
	c, err := Load(env(pairs...), "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustWrite(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDefaultsAreTheContracts(t *testing.T) {
	c := mustLoad(t)
	got := []any{
		c.Database, c.Base, c.Addr(), c.CORSOrigins, c.LogLevel, c.Instances, c.Algorithm,
		c.AccessTokenTTL, c.RefreshTokenTTL, c.SessionIdle, c.SessionMax, c.OAuthStateTTL, c.OAuthCodeTTL,
		c.RedirectHosts, c.RedirectSchemes, c.AllowQueryAPIKeys, c.Registration, c.Entra, c.LLM,
		c.SQLiteDirs, c.Egress, c.AuditRetention, c.Warnings,
	}
	want := []any{
		Database{Engine: SQLite, Path: "data/gateway.db"},
		BaseURL{Text: "http://localhost:8000", Origin: "http://localhost:8000", Loopback: true},
		"127.0.0.1:8000", []string{"http://localhost:8000"}, slog.LevelInfo, 1, "HS256",
		15 * time.Minute, 30 * 24 * time.Hour, 8 * time.Hour, 24 * time.Hour, 10 * time.Minute, 5 * time.Minute,
		[]string{
			"claude.ai/api/mcp/auth_callback", "claude.com/api/mcp/auth_callback", "chatgpt.com/connector_platform_oauth_redirect",
			"chatgpt.com/connector/oauth/*", "vscode.dev/redirect", "insiders.vscode.dev/redirect", "cursor.com/agents/mcp/oauth/callback",
		},
		[]string{"cursor", "vscode", "vscode-insiders", "claude"}, true, RegistrationDefault,
		Entra{AuthorityURL: "https://login.microsoftonline.com", GraphURL: "https://graph.microsoft.com/v1.0", Grace: time.Hour},
		LLM{Model: "claude-sonnet-4-6", MaxTokensSQL: 1024, MaxTokensSummary: 500},
		[]string{"data/sqlite/{tenant}", "data/demo"}, egress.Policy{AllowLoopback: true}, time.Duration(0), []string(nil),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestBadValuesNameTheirVariable(t *testing.T) {
	for _, tc := range []struct{ pair, want string }{
		{"PORT=eighty", `PORT: "eighty" must be a whole number from 0 to 65535`},
		{"PORT=65536", "PORT: "},
		{"LOG_LEVEL=LOUD", "LOG_LEVEL: "},
		{"ALGORITHM=none", `ALGORITHM: "none" must be one of HS256, HS384, HS512`},
		{"ALGORITHM=RS256", "ALGORITHM: "},
		{"BASE_URL=gateway.example.com", "BASE_URL: "},
		{"BASE_URL=ftp://gateway.example.com", "BASE_URL: "},
		{"BASE_URL=https://example.com/gateway", "BASE_URL: "},
		{"BASE_URL=https://user@example.com", "BASE_URL: "},
		{"BASE_URL=https://example.com:0", "BASE_URL: "},
		{"CORS_ORIGINS=/app", `CORS_ORIGINS: "/app" must be an absolute`},
		{"CORS_ORIGINS=https://a.example, app.example", "CORS_ORIGINS: "},
		{"TRUSTED_PROXIES=10.0.0.0/33", "TRUSTED_PROXIES: "},
		{"TRUST_PROXY_HEADERS=maybe", "TRUST_PROXY_HEADERS: "},
		{"WEB_CONCURRENCY=0", "WEB_CONCURRENCY: "},
		{"WEB_CONCURRENCY=2", "WEB_CONCURRENCY: more than one instance needs PostgreSQL"},
		{"DATABASE_URL=mysql://u:hunter2@h/db", "DATABASE_URL: "},
		{"DATABASE_URL=sqlite://relative.db", "DATABASE_URL: "},
		{"DATABASE_URL=postgresql://u:hunter2@/db", "DATABASE_URL: "},
		{"REDIS_URL=http://:hunter2@h", "REDIS_URL: "},
		{"REDIS_URL=redis://:hunter2@", "REDIS_URL: "},
		{"REDIS_URL=redis://:hunter2@:6379", "REDIS_URL: "},
		{"REDIS_URL=redis://:hunter2@h:port", "REDIS_URL: "},
		{"REDIS_URL=redis://:hunter2#@h:6379", "REDIS_URL: "},
		{"REDIS_URL=redis://:hunter2@h/one", "REDIS_URL: "},
		{"REDIS_URL=redis://:hunter2@h?db=1", "REDIS_URL: "},
		{"REDIS_URL=redis:hunter2", "REDIS_URL: "},
		{"REDIS_URL=:hunter2@h:6379", "REDIS_URL: "},
		{"ACCESS_TOKEN_EXPIRE_MINUTES=0", "ACCESS_TOKEN_EXPIRE_MINUTES: "},
		{"ACCESS_TOKEN_EXPIRE_MINUTES=99999999999999999999", "ACCESS_TOKEN_EXPIRE_MINUTES: "},
		{"SESSION_IDLE_HOURS=48", "SESSION_IDLE_HOURS: must not exceed SESSION_MAX_HOURS"},
		{"OAUTH_REDIRECT_HOSTS=https://claude.ai", "OAUTH_REDIRECT_HOSTS: "},
		{"OAUTH_REDIRECT_HOSTS=claude.ai/a?b=c", "OAUTH_REDIRECT_HOSTS: "},
		{"OAUTH_REDIRECT_HOSTS=claude.ai/a/../b", "OAUTH_REDIRECT_HOSTS: "},
		{"OAUTH_REDIRECT_HOSTS=claude.ai/*/b", "OAUTH_REDIRECT_HOSTS: "},
		{"OAUTH_REDIRECT_HOSTS=claude.ai/a*", "OAUTH_REDIRECT_HOSTS: "},
		{"OAUTH_REDIRECT_HOSTS=claude.ai/a%2fb", "OAUTH_REDIRECT_HOSTS: "},
		{"OAUTH_REDIRECT_HOSTS=*/a", "OAUTH_REDIRECT_HOSTS: "},
		{"OAUTH_REDIRECT_SCHEMES=javascript", "OAUTH_REDIRECT_SCHEMES: "},
		{"TENANT_REGISTRATION=public", "TENANT_REGISTRATION: "},
		{"ENTRA_AUTHORITY_URL=login.microsoftonline.com", "ENTRA_AUTHORITY_URL: "},
		{"ENTRA_GRACE_MINUTES=-1", "ENTRA_GRACE_MINUTES: "},
		{"LLM_PROVIDER=ollama", "LLM_MODEL: must be set for LLM_PROVIDER=ollama"},
		{"LLM_PROVIDER=Open AI", "LLM_PROVIDER: "},
		{"LLM_BASE_URL=localhost:11434", "LLM_BASE_URL: "},
		{"FILESYSTEM_ALLOWED_DIRS=projects", "FILESYSTEM_ALLOWED_DIRS: "},
		{"FILESYSTEM_ALLOWED_DIRS=/srv/../etc", "FILESYSTEM_ALLOWED_DIRS: "},
		{"FILESYSTEM_ALLOWED_DIRS=acme=srv", "FILESYSTEM_ALLOWED_DIRS: "},
		{"SQLITE_ALLOWED_DIRS=./data/../..", "SQLITE_ALLOWED_DIRS: "},
		{"EGRESS_DENY=10.0.0.0/33", "EGRESS_DENY: "},
		{"EGRESS_ALLOW=db:5432", "EGRESS_ALLOW: "},
		{"METRICS_ADDR=9090", "METRICS_ADDR: "},
		{"AUDIT_RETENTION_DAYS=1.5", "AUDIT_RETENTION_DAYS: "},
	} {
		_, err := Load(env(tc.pair), "")
		if err == nil {
			t.Errorf("%s: accepted", tc.pair)
			continue
		}
		if !strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q, want one line beginning %q", tc.pair, err, tc.want)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the password: %v", tc.pair, err)
		}
	}
}

func TestRedisURL(t *testing.T) {
	for text, want := range map[string]struct{ full, shown string }{
		"redis://cache":                     {"redis://cache:6379", "redis://cache:6379"},
		"redis://cache:7000/":               {"redis://cache:7000/", "redis://cache:7000/"},
		"redis://[::1]/2":                   {"redis://[::1]:6379/2", "redis://[::1]:6379/2"},
		"rediss://:hunter2@cache:6380/15":   {"rediss://:hunter2@cache:6380/15", "rediss://:xxxxx@cache:6380/15"},
		"rediss://gateway:hunter2%40@cache": {"rediss://gateway:hunter2%40@cache:6379", "rediss://gateway:xxxxx@cache:6379"},
		"redis://hunter2@cache":             {"redis://:hunter2@cache:6379", "redis://:xxxxx@cache:6379"},
	} {
		c := mustLoad(t, "REDIS_URL="+text)
		if c.Redis.Reveal() != want.full {
			t.Errorf("%s is taken as %s, want %s", text, c.Redis.Reveal(), want.full)
		}
		if shown := redactURL(c.Redis.Reveal()); shown != want.shown {
			t.Errorf("%s is shown as %s, want %s", text, shown, want.shown)
		}
	}
}

func TestEveryBadVariableIsListed(t *testing.T) {
	_, err := Load(env("PORT=x", "ALGORITHM=x", "LOG_LEVEL=x"), "")
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want three lines", err)
	}
}

func TestPublicAddress(t *testing.T) {
	c := mustLoad(t, "BASE_URL=https://Gateway.Example.com:443/", "TENANT_REGISTRATION=open", "ANTHROPIC_API_KEY=k")
	if c.Base.Text != "https://gateway.example.com" || c.Base.Loopback || !c.Base.Secure {
		t.Errorf("base URL %+v", c.Base)
	}
	if c.Addr() != "0.0.0.0:8000" {
		t.Errorf("listens on %s", c.Addr())
	}
	if d := cmp.Diff(egress.Policy{DenyPrivate: true}, c.Egress); d != "" {
		t.Error(d)
	}
	if c.LLM.Provider != "anthropic" {
		t.Errorf("provider %q", c.LLM.Provider)
	}
	if plain := mustLoad(t, "BASE_URL=http://gateway.example.com"); len(plain.Warnings) != 1 {
		t.Errorf("http on a public address: warnings %q", plain.Warnings)
	}
}

func TestLoopbackHosts(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "app.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "[::1]": true,
		"[::ffff:127.0.0.1]": true, "localhost.": true,
		"localhost.example.com": false, "0.0.0.0": false, "10.0.0.1": false, "[::]": false, "notlocalhost": false, "127.0.0.1.nip.io": false,
	} {
		if c := mustLoad(t, "BASE_URL=http://"+host+":8000"); c.Base.Loopback != want {
			t.Errorf("%s: loopback %v, want %v", host, c.Base.Loopback, want)
		}
	}
}

func TestCORSOrigins(t *testing.T) {
	c := mustLoad(t, "CORS_ORIGINS=https://A.example/, *, http://b.example:80,,https://c.example:8443")
	if d := cmp.Diff([]string{"https://a.example", "http://b.example", "https://c.example:8443"}, c.CORSOrigins); d != "" {
		t.Error(d)
	}
	if len(c.Warnings) != 2 {
		t.Errorf("warnings %q, want one for the slash and one for *", c.Warnings)
	}
	if only := mustLoad(t, "CORS_ORIGINS=*"); len(only.CORSOrigins) != 0 {
		t.Errorf("* alone allows %q", only.CORSOrigins)
	}
}

func TestLists(t *testing.T) {
	c := mustLoad(t, "TRUSTED_PROXIES=10.1.2.3/8, 192.0.2.7,::ffff:192.0.2.8", "TRUST_PROXY_HEADERS=true",
		"FILESYSTEM_ALLOWED_DIRS=/srv/all/,acme=/srv/acme,/srv/{tenant}", "SECRET_KEYS_OLD=one, two")
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("192.0.2.8/32")}
	if d := cmp.Diff(proxies, c.TrustedProxies, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Error(d)
	}
	if c.TrustPeer {
		t.Error("the direct peer is trusted although TRUSTED_PROXIES names the proxies")
	}
	if d := cmp.Diff([]DirGrant{{Path: "/srv/all"}, {Slug: "acme", Path: "/srv/acme"}, {Path: "/srv/{tenant}"}}, c.FilesystemDirs); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Secret{"one", "two"}, c.SecretKeysOld); d != "" {
		t.Error(d)
	}
}

func TestDatabaseForms(t *testing.T) {
	for text, want := range map[string]Database{
		"sqlite:///./x/g.db":               {Engine: SQLite, Path: "x/g.db"},
		"sqlite:////var/lib/g.db":          {Engine: SQLite, Path: "/var/lib/g.db"},
		"postgresql://u:p@db:5432/gateway": {Engine: Postgres, URL: "postgresql://u:p@db:5432/gateway"},
		"postgres://db/gateway":            {Engine: Postgres, URL: "postgres://db/gateway"},
	} {
		if d := cmp.Diff(want, mustLoad(t, "DATABASE_URL="+text).Database); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}

func TestDotEnvAndFiles(t *testing.T) {
	dir := t.TempDir()
	secretFile := filepath.Join(dir, "metrics")
	mustWrite(t, secretFile, "from-file\n")
	mustWrite(t, filepath.Join(dir, ".env"), "\ufeff# comment\n\nexport PORT = 9000 # inline\r\nLOG_LEVEL='DEBUG'\n"+
		"REGISTRATION_TOKEN=\"pa$$ \\\"word\\\" #1\"\nDATA_DIR=\nHOST=# nothing\nMETRICS_TOKEN_FILE="+secretFile+"\n")
	c, err := Load(env("LOG_LEVEL=ERROR"), dir)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Port, c.LogLevel, c.RegistrationToken.Reveal(), c.DataDir, c.Host, c.MetricsToken.Reveal()}
	if d := cmp.Diff([]any{9000, slog.LevelError, `pa$$ "word" #1`, "./data", "127.0.0.1", "from-file"}, got); d != "" {
		t.Error(d)
	}
	origins := make(map[string]string)
	for _, s := range c.Effective() {
		origins[s.Name] = s.Origin
	}
	for name, want := range map[string]string{"PORT": ".env", "LOG_LEVEL": "environment", "DATA_DIR": "default", "METRICS_TOKEN": "METRICS_TOKEN_FILE"} {
		if origins[name] != want {
			t.Errorf("%s comes from %q, want %q", name, origins[name], want)
		}
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	mustWrite(t, empty, "\n")
	for name, tc := range map[string]struct{ dotenv, want string }{
		"no equals":     {"PORT=1\nhunter2", ".env: line 2 is not NAME=value"},
		"spaced name":   {"MY hunter2=1", ".env: line 1 is not NAME=value"},
		"open quote":    {`SECRET_KEY="hunter2`, ".env: line 1 (SECRET_KEY) has an unfinished quote"},
		"missing file":  {"SECRET_KEY_FILE=" + filepath.Join(dir, "none"), "SECRET_KEY: SECRET_KEY_FILE: "},
		"empty file":    {"SECRET_KEY_FILE=" + empty, "SECRET_KEY: SECRET_KEY_FILE: the file is empty"},
		"both forms":    {"SECRET_KEY=hunter2\nSECRET_KEY_FILE=" + empty, "SECRET_KEY: set either SECRET_KEY or SECRET_KEY_FILE"},
		"not for plain": {"PORT=x\nPORT_FILE=" + empty, `PORT: "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			mustWrite(t, filepath.Join(dir, ".env"), tc.dotenv)
			_, err := Load(env(), dir)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats the line: %v", err)
			}
		})
	}
}
