package config

import (
	"regexp"
	"time"
)

// option is one row of the table of contract 11.
type option struct {
	name    string
	def     string // the default as a text to parse, "" when there is none
	shown   string // the default in words, where it is derived
	meaning string
	secret  bool // has a _FILE form and is never shown
	value   value
}

// defaultText is the default as the reference shows it.
func (o option) defaultText() string {
	switch {
	case o.shown != "":
		return o.shown
	case o.def != "":
		return o.def
	default:
		return "empty"
	}
}

const (
	yearInMinutes = 366 * 24 * 60
	maxDays       = 36500
)

// options is the table, bound to the fields of c.
func options(c *Config) []option {
	var rows []option
	rows = append(rows, keyOptions(c)...)
	rows = append(rows, serverOptions(c)...)
	rows = append(rows, tokenOptions(c)...)
	rows = append(rows, providerOptions(c)...)
	return append(rows, toolOptions(c)...)
}

func keyOptions(c *Config) []option {
	var composeOnly Secret
	return []option{
		{name: "SECRET_KEY", shown: "generated on loopback", secret: true, value: secret(&c.SecretKey),
			meaning: "signs JWTs; keys API-key and refresh-token hashes; at least 32 characters"},
		{name: "SECRET_KEYS_OLD", secret: true, value: secrets(&c.SecretKeysOld),
			meaning: "comma list, still accepted for verification"},
		{name: "ENCRYPTION_KEY", shown: "generated on loopback", secret: true, value: secret(&c.EncryptionKey),
			meaning: "AES-256-GCM key material, at least 32 characters; the whole text goes through a KDF"},
		{name: "ENCRYPTION_KEYS_OLD", secret: true, value: secrets(&c.EncryptionKeysOld),
			meaning: "comma list, still accepted for decryption"},
		{name: "DATABASE_URL", shown: "sqlite:///./data/gateway.db", secret: true, value: databaseURL(&c.Database),
			meaning: "gateway database: `sqlite:///path` (three slashes relative, four absolute) or `postgresql://…`; the default lies in DATA_DIR"},
		{name: "POSTGRES_PASSWORD", secret: true, value: secret(&composeOnly),
			meaning: "compose only: the `db` service and DATABASE_URL; the gateway itself does not read it"},
		{name: "DATA_DIR", def: "./data", value: plain(&c.DataDir),
			meaning: "generated keys, default database, tenant SQLite files"},
	}
}

func serverOptions(c *Config) []option {
	return []option{
		{name: "BASE_URL", def: "http://localhost:8000", value: baseURL(&c.Base),
			meaning: "public URL; source of all issuer, discovery and callback URLs; scheme, host and port only"},
		{name: "HOST", shown: "127.0.0.1 when BASE_URL is loopback, else 0.0.0.0", value: plain(&c.Host),
			meaning: "listen address (the container image sets 0.0.0.0)"},
		{name: "PORT", def: "8000", value: integer(&c.Port, 0, 65535), meaning: "listen port; 0 picks a free one"},
		{name: "CORS_ORIGINS", shown: "origin of BASE_URL", value: list(&c.CORSOrigins, anyText),
			meaning: "comma list of absolute origins; `*` is skipped with a warning"},
		{name: "TRUSTED_PROXIES", value: prefixes(&c.TrustedProxies),
			meaning: "CIDR list; the client IP is the right-most untrusted hop of X-Forwarded-For"},
		{name: "TRUST_PROXY_HEADERS", def: "false", value: boolean(&c.TrustPeer),
			meaning: "true without TRUSTED_PROXIES: trust the direct peer as the one proxy"},
		{name: "LOG_LEVEL", def: "INFO", value: level(&c.LogLevel), meaning: "DEBUG, INFO, WARNING, ERROR"},
		{name: "WEB_CONCURRENCY", def: "1", value: integer(&c.Instances, 1, 10000),
			meaning: "number of instances; above 1 on SQLite start-up stops; with PostgreSQL the database carries limits, relay and invalidation between them (one process uses all cores)"},
		{name: "REDIS_URL", secret: true, value: redisURL(&c.Redis),
			meaning: "rate limits, SSE relay and invalidation between instances through Redis instead of PostgreSQL: `redis://` or, for TLS, `rediss://` with `[user:password@]host[:port][/database number]`"},
	}
}

func tokenOptions(c *Config) []option {
	return []option{
		{name: "ALGORITHM", def: "HS256", value: oneOf(&c.Algorithm, "HS256", "HS384", "HS512"),
			meaning: "JWT algorithm; HS256, HS384, HS512"},
		{name: "ACCESS_TOKEN_EXPIRE_MINUTES", def: "15", value: duration(&c.AccessTokenTTL, time.Minute, 1, yearInMinutes),
			meaning: "access-token life"},
		{name: "REFRESH_TOKEN_EXPIRE_DAYS", def: "30", value: duration(&c.RefreshTokenTTL, 24*time.Hour, 1, maxDays),
			meaning: "refresh-token life"},
		{name: "SESSION_IDLE_HOURS", def: "8", value: duration(&c.SessionIdle, time.Hour, 1, 24*maxDays),
			meaning: "browser-session life while unused"},
		{name: "SESSION_MAX_HOURS", def: "24", value: duration(&c.SessionMax, time.Hour, 1, 24*maxDays),
			meaning: "browser-session life at most"},
		{name: "OAUTH_STATE_TTL_MINUTES", def: "10", value: duration(&c.OAuthStateTTL, time.Minute, 1, yearInMinutes),
			meaning: "sign-in transaction life; raise for slow identity providers"},
		{name: "OAUTH_CODE_TTL_MINUTES", def: "5", value: duration(&c.OAuthCodeTTL, time.Minute, 1, yearInMinutes),
			meaning: "authorization-code life"},
		{name: "OAUTH_REDIRECT_HOSTS", def: "claude.ai/api/mcp/auth_callback, claude.com/api/mcp/auth_callback, " +
			"chatgpt.com/connector_platform_oauth_redirect, chatgpt.com/connector/oauth/*, vscode.dev/redirect, " +
			"insiders.vscode.dev/redirect, cursor.com/agents/mcp/oauth/callback",
			value: list(&c.RedirectHosts, checkPage),
			meaning: "where https redirects may lead (replaces the default): `host/path` for one page, `host/path/*` for the pages directly below, " +
				"both without a query; `host` for every page of a host that holds no open redirector"},
		{name: "OAUTH_REDIRECT_SCHEMES", def: "cursor, vscode, vscode-insiders, claude",
			value: list(&c.RedirectSchemes, checkScheme), meaning: "custom redirect schemes (replaces the default)"},
		{name: "ALLOW_QUERY_API_KEYS", def: "true", value: boolean(&c.AllowQueryAPIKeys),
			meaning: "accept `?api_key=` (and `?token=` on the deprecated endpoints)"},
		{name: "TENANT_REGISTRATION", shown: "unset", value: oneOf(&c.Registration, RegistrationOpen, RegistrationClosed),
			meaning: "open, closed; unset: public on loopback, with the registration token elsewhere"},
		{name: "REGISTRATION_TOKEN", shown: "generated, printed once", secret: true, value: secret(&c.RegistrationToken),
			meaning: "needed to register when BASE_URL is not loopback"},
	}
}

var providerName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

func providerOptions(c *Config) []option {
	return []option{
		{name: "ENTRA_AUTHORITY_URL", def: "https://login.microsoftonline.com", value: webURL(&c.Entra.AuthorityURL),
			meaning: "Microsoft identity platform"},
		{name: "ENTRA_GRAPH_URL", def: "https://graph.microsoft.com/v1.0", value: webURL(&c.Entra.GraphURL),
			meaning: "Microsoft Graph"},
		{name: "ENTRA_GRACE_MINUTES", def: "60", value: duration(&c.Entra.Grace, time.Minute, 0, yearInMinutes),
			meaning: "how long a role outlives a Graph outage; 0 = not at all"},
		{name: "LLM_PROVIDER", shown: "anthropic if ANTHROPIC_API_KEY is set",
			value: matching(&c.LLM.Provider, providerName, "a provider's name in lower case"), meaning: "anthropic, openai, ollama, …"},
		{name: "ANTHROPIC_API_KEY", secret: true, value: secret(&c.LLM.AnthropicKey),
			meaning: "key for /query/; MCP tools do not need it"},
		{name: "OPENAI_API_KEY", secret: true, value: secret(&c.LLM.OpenAIKey),
			meaning: "key for OpenAI-compatible providers (may be empty for local ones)"},
		{name: "LLM_BASE_URL", shown: "the provider's own", value: webURL(&c.LLM.BaseURL),
			meaning: "address of the model API, for every provider (a proxy, a private endpoint, a local server)"},
		{name: "LLM_MODEL", shown: defaultModel, value: plain(&c.LLM.Model),
			meaning: "model; required for other providers than anthropic"},
		{name: "LLM_MAX_TOKENS_SQL", def: "1024", value: integer(&c.LLM.MaxTokensSQL, 1, 1_000_000), meaning: "SQL generation"},
		{name: "LLM_MAX_TOKENS_SUMMARY", def: "500", value: integer(&c.LLM.MaxTokensSummary, 1, 1_000_000), meaning: "summary"},
	}
}

func toolOptions(c *Config) []option {
	return []option{
		{name: "FILESYSTEM_ALLOWED_DIRS", value: dirGrants(&c.FilesystemDirs),
			meaning: "comma list of `<dir>`, `<dir with {tenant}>`, `slug=<dir>`; empty = no filesystem tools"},
		{name: "FILESYSTEM_SHARED", def: "false", value: boolean(&c.FilesystemShared),
			meaning: "serve plain entries to several tenants"},
		{name: "SQLITE_ALLOWED_DIRS", shown: "./data/sqlite/{tenant} and the demo database", value: list(&c.SQLiteDirs, checkDir),
			meaning: "where SQLite connections may point; the default lies in DATA_DIR"},
		{name: "EGRESS_DENY", shown: "link-local, cloud metadata (and `private` when TENANT_REGISTRATION=open)",
			value: list(&c.egressDeny, anyText), meaning: "CIDRs, hosts and the word `private`: never dialled"},
		{name: "EGRESS_ALLOW", value: list(&c.egressAllow, anyText),
			meaning: "CIDRs and hosts allowed although private or loopback; EGRESS_DENY wins"},
		{name: "TOOL_LIMIT_USER_PER_MINUTE", def: "0", value: integer(&c.ToolLimitUser, 0, 1_000_000),
			meaning: "tool-call limit per user; 0 = off"},
		{name: "TOOL_LIMIT_TENANT_PER_MINUTE", def: "0", value: integer(&c.ToolLimitTenant, 0, 1_000_000),
			meaning: "tool-call limit per tenant; 0 = off"},
		{name: "METRICS_ADDR", value: listenAddr(&c.MetricsAddr), meaning: "own listener for /metrics"},
		{name: "METRICS_TOKEN", secret: true, value: secret(&c.MetricsToken),
			meaning: "Bearer token for /metrics on the main listener"},
		{name: "AUDIT_SQL", def: AuditSQLPreview, value: oneOf(&c.AuditSQL, AuditSQLPreview, AuditSQLFull, AuditSQLHash),
			meaning: "what an audit record keeps of a statement: hash (no text), preview (200 characters of the text that ran, without comments), full (also the whole statement as it was sent, sealed, for `mcp-gateway audit show`)"},
		{name: "AUDIT_RETENTION_DAYS", def: "0", value: duration(&c.AuditRetention, 24*time.Hour, 0, maxDays),
			meaning: "age at which audit rows are purged in order; 0 = keep"},
	}
}
