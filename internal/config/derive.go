package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/egress"
)

const defaultModel = "claude-sonnet-4-6"

// Engine names the kind of the gateway's own database.
type Engine string

// The engines the gateway can keep its own data in.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Database is where the gateway keeps its own data.
type Database struct {
	Engine Engine
	Path   string // SQLite: the file
	URL    Secret // PostgreSQL: the URL, which may hold a password
}

// String shows the database without its password.
func (d Database) String() string {
	switch d.Engine {
	case SQLite:
		return "sqlite:///" + d.Path
	case Postgres:
		return redactURL(d.URL.Reveal())
	default:
		return ""
	}
}

// Source is the database in the form that the store opens. It may hold a
// password.
func (d Database) Source() string {
	if d.Engine == SQLite {
		return "sqlite:///" + d.Path
	}
	return d.URL.Reveal()
}

func databaseURL(to *Database) value {
	return parsed[Database]{to, parseDatabase, Database.String}
}

func parseDatabase(s string) (Database, error) {
	if path, ok := strings.CutPrefix(s, "sqlite:///"); ok && path != "" && !strings.ContainsAny(path, "?#") {
		return Database{Engine: SQLite, Path: filepath.Clean(path)}, nil
	}
	u, err := url.Parse(s)
	if err == nil && (u.Scheme == "postgresql" || u.Scheme == "postgres") && u.Host != "" && len(u.Path) > 1 {
		return Database{Engine: Postgres, URL: Secret(s)}, nil
	}
	return Database{}, errors.New("must be sqlite:///path or postgresql://user:password@host:port/database")
}

// BaseURL is the public address of the gateway, "B" in the contract.
type BaseURL struct {
	Text     string // without trailing slash
	Origin   string // scheme, host and port, in lower case and without a default port
	Secure   bool   // https
	Loopback bool
}

// String returns the URL without trailing slash.
func (b BaseURL) String() string { return b.Text }

func baseURL(to *BaseURL) value {
	return parsed[BaseURL]{to, parseBaseURL, BaseURL.String}
}

// parseBaseURL refuses a path: discovery documents (RFC 8414, RFC 9728) and
// cookies live at the root of the host.
func parseBaseURL(s string) (BaseURL, error) {
	origin, err := parseOrigin(s)
	if err != nil {
		return BaseURL{}, fmt.Errorf("%q %w", s, err)
	}
	u, err := url.Parse(origin)
	if err != nil {
		return BaseURL{}, fmt.Errorf("%q is not a URL", s)
	}
	return BaseURL{Text: origin, Origin: origin, Secure: u.Scheme == "https", Loopback: isLoopback(u.Hostname())}, nil
}

// parseOrigin normalises an origin: lower case, no trailing slash, no default
// port, as browsers send it (RFC 6454, section 6).
func parseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", errors.New("must be an absolute http or https URL")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", errors.New("must hold only scheme, host and port")
	}
	host := strings.ToLower(u.Host)
	if port := u.Port(); port != "" {
		if _, err := parseInt(port, 1, 65535); err != nil {
			return "", errors.New("must have a port from 1 to 65535")
		}
		if u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
			host = strings.TrimSuffix(host, ":"+port)
		}
	}
	return u.Scheme + "://" + strings.TrimSuffix(host, ":"), nil
}

// isLoopback reports whether a host can only be this machine. Names below
// .localhost are loopback by RFC 6761, section 6.3.
func isLoopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// Addr is the address to listen on.
func (c *Config) Addr() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// derive fills in the defaults that depend on other variables and checks what
// only makes sense together.
func (c *Config) derive() []error {
	c.deriveAddresses()
	c.derivePlaces()
	return slices.Concat(c.deriveOrigins(), c.deriveEgress(), c.checkTogether())
}

// deriveEgress makes the policy of contract 3.5. Where strangers may register,
// private addresses are the operator's own network and not theirs.
func (c *Config) deriveEgress() []error {
	if len(c.egressDeny) == 0 && c.Registration == RegistrationOpen {
		c.egressDeny = []string{"private"}
	}
	policy, err := egress.ParseLists(c.egressDeny, c.egressAllow)
	policy.AllowLoopback = c.Base.Loopback
	c.Egress = policy
	if err != nil {
		return []error{err}
	}
	return nil
}

func (c *Config) deriveAddresses() {
	if c.Host == "" {
		c.Host = "0.0.0.0"
		if c.Base.Loopback {
			c.Host = "127.0.0.1"
		}
	}
	if len(c.TrustedProxies) > 0 {
		c.TrustPeer = false
	}
	if !c.Base.Secure && !c.Base.Loopback {
		c.warn("BASE_URL: http on a public address sends passwords and tokens in clear text")
	}
}

func (c *Config) derivePlaces() {
	if c.Database.Engine == "" {
		c.Database = Database{Engine: SQLite, Path: filepath.Join(c.DataDir, "gateway.db")}
	}
	if len(c.SQLiteDirs) == 0 {
		c.SQLiteDirs = []string{filepath.Join(c.DataDir, "sqlite", "{tenant}"), filepath.Join(c.DataDir, "demo")}
	}
	if c.LLM.Provider == "" && c.LLM.AnthropicKey != "" {
		c.LLM.Provider = "anthropic"
	}
	if c.LLM.Model == "" && (c.LLM.Provider == "anthropic" || c.LLM.Provider == "") {
		c.LLM.Model = defaultModel
	}
}

// deriveOrigins normalises CORS_ORIGINS (contract 1).
func (c *Config) deriveOrigins() (bad []error) {
	var origins []string
	for _, text := range c.CORSOrigins {
		if text == "*" {
			c.warn("CORS_ORIGINS: * is not allowed and was skipped")
			continue
		}
		origin, err := parseOrigin(text)
		if err != nil {
			bad = append(bad, fmt.Errorf("CORS_ORIGINS: %q %w", text, err))
			continue
		}
		if strings.HasSuffix(text, "/") {
			c.warn(fmt.Sprintf("CORS_ORIGINS: the trailing slash of %q was removed", text))
		}
		origins = append(origins, origin)
	}
	if len(c.CORSOrigins) == 0 {
		origins = []string{c.Base.Origin}
	}
	c.CORSOrigins = origins
	return bad
}

func (c *Config) checkTogether() (bad []error) {
	if c.Instances > 1 && c.Database.Engine == SQLite {
		bad = append(bad, errors.New("WEB_CONCURRENCY: more than one instance needs PostgreSQL in DATABASE_URL"))
	}
	if c.SessionIdle > c.SessionMax {
		bad = append(bad, errors.New("SESSION_IDLE_HOURS: must not exceed SESSION_MAX_HOURS"))
	}
	if c.LLM.Model == "" {
		bad = append(bad, fmt.Errorf("LLM_MODEL: must be set for LLM_PROVIDER=%s", c.LLM.Provider))
	}
	return bad
}

func (c *Config) warn(line string) { c.Warnings = append(c.Warnings, line) }

var (
	hostName   = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	pagePath   = regexp.MustCompile(`^([A-Za-z0-9._~-]+/)*([A-Za-z0-9._~-]+|\*)?$`)
	schemeName = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)
)

// checkPage accepts a host name, and one with the path of a page.
func checkPage(s string) error {
	host, path, _ := strings.Cut(s, "/")
	if !hostName.MatchString(host) || !pagePath.MatchString(path) || hasDotDot(path) {
		return fmt.Errorf("%q must be a host name in lower case, or host/path for one page, or host/path/* for the pages directly below", s)
	}
	return nil
}

// checkScheme keeps out the schemes that are ruled by their own lists and
// those that browsers run or read (RFC 8252, section 8.4 wants private ones).
func checkScheme(s string) error {
	switch s {
	case "http", "https", "javascript", "data", "file", "vbscript", "blob", "about", "ftp", "ws", "wss":
		return fmt.Errorf("%q is not a private scheme", s)
	}
	if !schemeName.MatchString(s) {
		return fmt.Errorf("%q must be a URL scheme in lower case", s)
	}
	return nil
}

func checkDir(s string) error {
	if hasDotDot(s) {
		return fmt.Errorf("%q must not hold a .. part", s)
	}
	return nil
}
