package mssql

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// target is a parsed connection string. Nothing in it comes from anywhere
// else.
type target struct {
	host           string
	port           uint16
	user, password string
	database       string // empty: the login's default
	strict         bool   // TDS 8.0: TLS before the first byte of TDS
	trust          bool   // the server's certificate is not checked
	certName       string // name expected in the certificate, the host's when empty
	appName        string
	connectTimeout time.Duration
}

// String names the server without the credentials.
func (t *target) String() string {
	return "sqlserver://" + t.Address() + "/" + t.database
}

// GoString keeps %#v from printing the credentials.
func (t *target) GoString() string { return t.String() }

// Address is the endpoint that is dialled.
func (t *target) Address() string {
	return net.JoinHostPort(t.host, strconv.Itoa(int(t.port)))
}

// parseTarget reads scheme://user:password@host:port/database?options
// (contract 3.5). The driver's own parser is not used: it knows three other
// syntaxes, certificate files, named pipes and Windows logins.
func parseTarget(s string) (*target, error) {
	scheme, rest, found := strings.Cut(s, "://")
	switch {
	case !found:
		return nil, refuse("connection string must look like sqlserver://user:password@host:1433/database")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, isControl):
		return nil, refuse("connection string holds control characters")
	}
	switch strings.ToLower(scheme) {
	case "mssql+pymssql", "sqlserver", "mssql":
	default:
		return nil, refuse("scheme " + quote(scheme) + " does not belong to mssql; use sqlserver://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")

	t := &target{port: 1433, appName: "mcp-gateway", connectTimeout: database.ConnectTimeout}
	if err := t.setAuthority(authority); err != nil {
		return nil, err
	}
	if err := t.setDatabase("database", path); err != nil {
		return nil, err
	}
	if err := t.setOptions(query); err != nil {
		return nil, err
	}
	if t.strict && t.trust {
		return nil, refuse("option \"TrustServerCertificate\" does not go with encrypt=strict, which always checks the certificate")
	}
	return t, nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

func refuse(text string) *fault.Error { return fault.Field("connection_string", text) }

// quote shows the name of a scheme or option, never more than a name's worth.
func quote(name string) string {
	if len(name) > 40 {
		name = name[:40] + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(name, "?"))
}

// setAuthority reads user:password@host:port. The last @ ends the password.
func (t *target) setAuthority(authority string) error {
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return refuse("connection string names no user")
	}
	user, password, _ := strings.Cut(authority[:at], ":")
	var err error
	if t.user, err = unescape("user", user); err != nil {
		return err
	}
	switch {
	case t.user == "":
		return refuse("connection string names no user")
	case strings.ContainsRune(t.user, '\\'):
		// The driver would answer a Windows login's NTLM challenge, which can
		// be cracked at leisure (contract 15.2 A4).
		return refuse("user must be a SQL Server login; Windows logins are not accepted")
	}
	if t.password, err = unescape("password", password); err != nil {
		return err
	}
	return t.setHost(authority[at+1:])
}

func (t *target) setHost(hostport string) error {
	host, port := hostport, "1433"
	if i := strings.LastIndexByte(hostport, ':'); i > strings.LastIndexByte(hostport, ']') {
		host, port = hostport[:i], hostport[i+1:]
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
		if net.ParseIP(host) == nil {
			return refuse("host in brackets is not an IPv6 address")
		}
	} else if strings.ContainsFunc(host, notHost) {
		return refuse("host must be one name or address; instance names, pipes and lists are not accepted: give the port instead")
	}
	if host == "" {
		return refuse("connection string names no host")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return refuse("port is not a number from 1 to 65535; percent-encode @, /, ? and : in the password")
	}
	t.host, t.port = host, uint16(n)
	return nil
}

// notHost accepts the letters of host names and addresses. A backslash would
// name an instance, which takes a question to the SQL Server Browser.
func notHost(r rune) bool {
	return r <= 0x7f && !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
}

// setDatabase takes the path, or the option of that name.
func (t *target) setDatabase(what, text string) error {
	name, err := unescape(what, text)
	switch {
	case err != nil:
		return err
	case strings.Contains(text, "/"):
		return refuse("database name holds a slash; percent-encode / in the password or name")
	case name != "" && t.database != "":
		return refuse("option \"database\": the path names a database already; instance names are not accepted")
	case len(name) > 128: // sysname
		return refuse("database name is longer than 128 bytes")
	}
	if name != "" {
		t.database = name
	}
	return nil
}

// unescape decodes percent-encoding.
func unescape(what, s string) (string, error) {
	out, err := url.PathUnescape(s)
	if err != nil {
		return "", refuse(what + " has a broken percent-encoding")
	}
	if strings.ContainsFunc(out, isControl) || !utf8.ValidString(out) {
		return "", refuse(what + " holds control characters")
	}
	return out, nil
}
