package mysql

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

const defaultPort = "3306"

// target is a parsed connection string. Nothing in it comes from anywhere
// else: no option file, password file or client key.
type target struct {
	host, port     string
	user, password string
	database       string
	tls            tlsMode
	program        string
	connectTimeout time.Duration
}

// String names the server without the credentials.
func (t *target) String() string { return "mysql://" + t.Address() + "/" + t.database }

// GoString keeps %#v from printing the credentials.
func (t *target) GoString() string { return t.String() }

// Address returns host and port.
func (t *target) Address() string { return net.JoinHostPort(t.host, t.port) }

// parseTarget reads scheme://user:password@host:port/database?options
// (contract 3.5). It is written by hand because net/url would quote the
// password in its errors.
func parseTarget(s string) (*target, error) {
	scheme, rest, found := strings.Cut(s, "://")
	switch {
	case !found:
		return nil, refuse("connection string must look like mysql://user:password@host:3306/database")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, isControl):
		return nil, refuse("connection string holds control characters")
	}
	switch strings.ToLower(scheme) {
	case "mysql", "mysql+pymysql", "mariadb":
	default:
		return nil, refuse("scheme " + quote(scheme) + " does not belong to mysql; use mysql://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")

	t := &target{tls: tlsPreferred, program: "mcp-gateway", connectTimeout: database.ConnectTimeout}
	if err := t.setAuthority(authority); err != nil {
		return nil, err
	}
	if err := t.setDatabase(path); err != nil {
		return nil, err
	}
	if err := t.setOptions(query); err != nil {
		return nil, err
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
	if at <= 0 || authority[0] == ':' {
		return refuse("connection string names no user")
	}
	user, password, _ := strings.Cut(authority[:at], ":")
	var err error
	if t.user, err = unescape("user", user); err != nil {
		return err
	}
	if t.password, err = unescape("password", password); err != nil {
		return err
	}
	return t.setHost(authority[at+1:])
}

func (t *target) setHost(hostport string) error {
	host, port := hostport, defaultPort
	if i := strings.LastIndexByte(hostport, ':'); i > strings.LastIndexByte(hostport, ']') {
		host, port = hostport[:i], hostport[i+1:]
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
		if net.ParseIP(host) == nil {
			return refuse("host in brackets is not an IPv6 address")
		}
	} else if strings.ContainsFunc(host, notHost) {
		return refuse("host must be one name or address; sockets, lists and percent-encoding are not accepted")
	}
	if host == "" {
		return refuse("connection string names no host")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return refuse("port is not a number from 1 to 65535; percent-encode @, /, ? and : in the password")
	}
	t.host, t.port = host, port
	return nil
}

// notHost accepts the letters of host names and addresses. Parentheses and
// slashes would be a network or a socket to other clients.
func notHost(r rune) bool {
	return r <= 0x7f && !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
}

// setDatabase reads the path. A database is required: without one there is no
// schema to show, and every database of the server would be as near as any.
func (t *target) setDatabase(path string) error {
	name, err := unescape("database", path)
	switch {
	case err != nil:
		return err
	case name == "":
		return refuse("connection string names no database")
	case strings.Contains(path, "/"):
		return refuse("database name holds a slash; percent-encode / in the password or name")
	}
	t.database = name
	return nil
}

// unescape decodes percent-encoding. A NUL would end a field of the login
// packet and begin another one.
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
