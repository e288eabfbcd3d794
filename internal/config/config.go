// Package config turns the environment into one validated [Config]. Every
// variable is one row of one table, from which the loader, the reference in
// docs/configuration.md and the redacted effective configuration all come.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/egress"
)

// Config is the effective configuration (contract 11). It is complete and
// consistent when [Load] returns it and is not changed afterwards. The keys
// are the operator's; [EnsureKeys] answers which keys are in force.
type Config struct {
	SecretKey         Secret
	SecretKeysOld     []Secret
	EncryptionKey     Secret
	EncryptionKeysOld []Secret

	Database Database
	DataDir  string

	Base           BaseURL
	Host           string
	Port           int
	CORSOrigins    []string
	TrustedProxies []netip.Prefix
	// TrustPeer makes the direct peer the one trusted proxy. It is false when
	// TrustedProxies are given, which say it better.
	TrustPeer bool

	LogLevel  slog.Level
	Instances int // WEB_CONCURRENCY
	Redis     Secret

	Algorithm         string
	AccessTokenTTL    time.Duration
	RefreshTokenTTL   time.Duration
	SessionIdle       time.Duration
	SessionMax        time.Duration
	OAuthStateTTL     time.Duration
	OAuthCodeTTL      time.Duration
	RedirectHosts     []string
	RedirectSchemes   []string
	AllowQueryAPIKeys bool
	Registration      Registration
	RegistrationToken Secret

	Entra Entra
	LLM   LLM

	FilesystemDirs   []DirGrant
	FilesystemShared bool
	SQLiteDirs       []string // {tenant} stands for the slug

	// Egress says which addresses may be dialled. The gateway's own database
	// is added by whoever knows its address.
	Egress egress.Policy

	ToolLimitUser   int // calls per minute, 0 = off
	ToolLimitTenant int
	MetricsAddr     string
	MetricsToken    Secret
	AuditRetention  time.Duration // 0 = keep
	AuditSQL        string        // AuditSQLPreview, AuditSQLFull or AuditSQLHash

	// Warnings are lines for the operator about settings that were mended or
	// are unwise.
	Warnings []string

	egressDeny, egressAllow []string // as written
	settings                []Setting
}

// Entra is where Microsoft's endpoints are (contract 5).
type Entra struct {
	AuthorityURL string
	GraphURL     string
	Grace        time.Duration
}

// LLM says which model answers questions (contract 9). Provider is empty when
// none is configured.
type LLM struct {
	Provider         string
	AnthropicKey     Secret
	OpenAIKey        Secret
	BaseURL          string
	Model            string
	MaxTokensSQL     int
	MaxTokensSummary int
}

// The values of AUDIT_SQL (contract 11): what a record keeps of a statement
// beside its hash.
const (
	AuditSQLPreview = "preview"
	AuditSQLFull    = "full"
	AuditSQLHash    = "hash"
)

// Registration says who may register a tenant (contract 3.3).
type Registration string

// The registration modes. RegistrationDefault is public on loopback and needs
// the token elsewhere.
const (
	RegistrationDefault Registration = ""
	RegistrationOpen    Registration = "open"
	RegistrationClosed  Registration = "closed"
)

// RegistrationNeedsToken reports whether POST /tenants/ asks for the
// registration token (contract 3.3).
func (c *Config) RegistrationNeedsToken() bool {
	return c.Registration == RegistrationDefault && !c.Base.Loopback
}

// DirGrant is one entry of FILESYSTEM_ALLOWED_DIRS (contract 7).
type DirGrant struct {
	Slug string // the only tenant, "" for every tenant
	Path string // absolute; may hold {tenant}
}

// Setting is one row of the effective configuration, safe to print.
type Setting struct {
	Name   string
	Value  string // secrets are replaced
	Origin string // default, environment, .env or the file of a _FILE form
}

// Effective returns every variable with its value in force, in the order of
// the reference, secrets redacted.
func (c *Config) Effective() []Setting { return append([]Setting(nil), c.settings...) }

// Load reads the environment through getenv, and the file .env in dir when
// there is one; the environment wins. An empty variable counts as unset, so
// that compose files may pass every name through. The error names each
// variable that is wrong, one line each. An empty dir means no file.
func Load(getenv func(string) string, dir string) (*Config, error) {
	src, err := newSource(getenv, dir)
	if err != nil {
		return nil, err
	}
	c := new(Config)
	opts := options(c)
	origins := make([]string, len(opts))
	var bad []error
	for i, o := range opts {
		origin, err := o.load(src)
		origins[i] = origin
		if err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", o.name, err))
		}
	}
	if len(bad) == 0 {
		bad = c.derive()
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	for i, o := range opts {
		c.settings = append(c.settings, Setting{Name: o.name, Value: o.value.String(), Origin: origins[i]})
	}
	return c, nil
}

// load sets the option's value from the source and tells where it came from.
func (o option) load(src source) (origin string, err error) {
	text, origin, err := src.lookup(o.name, o.secret)
	if err != nil {
		return origin, err
	}
	if origin == originDefault {
		text = o.def
	}
	if text == "" {
		return origin, nil
	}
	return origin, o.value.Set(text)
}
