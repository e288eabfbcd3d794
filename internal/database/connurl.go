package database

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// URLForm is how one engine's connection strings are written: as
// scheme://user:password@host:port/database?options (contract 3.5).
type URLForm struct {
	Type        string   // the db_type, which refusals name
	Schemes     []string // in lower case, the engine's own first
	DefaultPort uint16
	HostHint    string // what a host may not be, for refusals
	// Canonical folds the spellings of one option into its Key. Without it
	// there is one spelling.
	Canonical func(name string) string
}

// ConnURL is a parsed connection string. It holds credentials: its texts are
// redacted, also where it is embedded. Nothing in it comes from anywhere but
// the string: no environment, password file, option file or client key.
type ConnURL struct {
	Scheme         string // the engine's own, whatever the string said
	Host           string
	Port           uint16
	User, Password string
	Database       string   // empty when the string names none
	Options        []Option // in the string's order, none of them twice
}

// Option is one option of a connection string.
type Option struct {
	Key   string // the name in its canonical spelling
	Name  string // the name as it was written, for refusals
	Value string
}

// Address returns host and port.
func (u ConnURL) Address() string {
	return net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port)))
}

// String names the server without the credentials.
func (u ConnURL) String() string { return u.Scheme + "://" + u.Address() + "/" + u.Database }

// GoString keeps %#v from printing the credentials.
func (u ConnURL) GoString() string { return u.String() }

// MarshalText keeps encoders, a log's among them, from writing the credentials.
func (u ConnURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// Parse reads a connection string. It is written by hand because net/url would
// quote the password in its errors and disagrees with the engines' own clients
// about what a password may hold. Its errors never repeat the string.
func (f URLForm) Parse(s string) (ConnURL, error) {
	scheme, rest, found := strings.Cut(s, "://")
	switch {
	case !found:
		return ConnURL{}, Refuse("connection string must look like " + f.example())
	case !utf8.ValidString(s) || strings.ContainsFunc(s, isControl):
		return ConnURL{}, Refuse("connection string holds control characters")
	case !slices.Contains(f.Schemes, strings.ToLower(scheme)):
		return ConnURL{}, Refuse("scheme " + quote(scheme) + " does not belong to " + f.Type + "; use " + f.Schemes[0] + "://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")

	u := ConnURL{Scheme: f.Schemes[0], Port: f.DefaultPort}
	if err := u.setAuthority(authority, f.HostHint); err != nil {
		return ConnURL{}, err
	}
	if err := u.setDatabase(path); err != nil {
		return ConnURL{}, err
	}
	if err := u.setOptions(query, f.Canonical); err != nil {
		return ConnURL{}, err
	}
	return u, nil
}

func (f URLForm) example() string {
	return f.Schemes[0] + "://user:password@host:" + strconv.Itoa(int(f.DefaultPort)) + "/database"
}

// Refuse returns the fault of a connection string that is not accepted. text
// must not repeat more of it than the name of an option or scheme.
func Refuse(text string) *fault.Error { return fault.Field("connection_string", text) }

// Refuse returns the fault of an option that is not accepted; text goes on
// after its name.
func (o Option) Refuse(text string) *fault.Error {
	return Refuse("option " + quote(o.Name) + " " + text)
}

// ConnectTimeout reads the option as seconds. They may shorten the gateway's
// timeout, not lengthen it; none leave it as it is.
func (o Option) ConnectTimeout() (time.Duration, error) {
	seconds, err := strconv.ParseUint(o.Value, 10, 31)
	switch {
	case err != nil:
		return 0, o.Refuse("must be a number of seconds")
	case seconds == 0:
		return ConnectTimeout, nil
	default:
		return min(ConnectTimeout, time.Duration(seconds)*time.Second), nil
	}
}

// ValidHost reports whether s is made of the letters of host names and
// addresses. Other letters mean more than a host to one driver or another: a
// slash, an @ or a parenthesis a socket, a comma a list, a backslash an
// instance that another service is asked about.
func ValidHost(s string) bool { return s != "" && !strings.ContainsFunc(s, notHost) }

func notHost(r rune) bool {
	return r <= 0x7f && !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
}

// setAuthority reads user:password@host:port. The last @ ends the password.
func (u *ConnURL) setAuthority(authority, hostHint string) (err error) {
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return Refuse("connection string names no user")
	}
	user, password, _ := strings.Cut(authority[:at], ":")
	if u.User, err = unescape("user", user); err != nil {
		return err
	}
	if u.User == "" {
		return Refuse("connection string names no user")
	}
	if u.Password, err = unescape("password", password); err != nil {
		return err
	}
	return u.setHost(authority[at+1:], hostHint)
}

func (u *ConnURL) setHost(hostport, hint string) error {
	host := hostport
	if i := strings.LastIndexByte(hostport, ':'); i > strings.LastIndexByte(hostport, ']') {
		host = hostport[:i]
	}
	inner, bracketed := strings.CutPrefix(host, "[")
	if bracketed {
		inner = strings.TrimSuffix(inner, "]")
	}
	switch {
	case bracketed && net.ParseIP(inner) == nil:
		return Refuse("host in brackets is not an IPv6 address")
	case inner == "":
		return Refuse("connection string names no host")
	case !bracketed && !ValidHost(inner):
		return Refuse("host must be one name or address; " + hint)
	}
	u.Host = inner
	return u.setPort(hostport[len(host):])
}

// setPort reads :port; without one the default stays.
func (u *ConnURL) setPort(suffix string) error {
	if suffix == "" {
		return nil
	}
	port, err := strconv.ParseUint(suffix[1:], 10, 16)
	if err != nil || port == 0 {
		return Refuse("port is not a number from 1 to 65535; percent-encode @, /, ? and : in the password")
	}
	u.Port = uint16(port)
	return nil
}

func (u *ConnURL) setDatabase(path string) (err error) {
	if u.Database, err = unescape("database", path); err != nil {
		return err
	}
	if strings.Contains(path, "/") {
		return Refuse("database name holds a slash; percent-encode / in the password or name")
	}
	return nil
}

func (u *ConnURL) setOptions(query string, canonical func(string) string) error {
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		o, err := parseOption(pair)
		if err != nil {
			return err
		}
		if canonical != nil {
			o.Key = canonical(o.Name)
		}
		if seen[o.Key] {
			return o.Refuse("is given twice")
		}
		seen[o.Key] = true
		u.Options = append(u.Options, o)
	}
	return nil
}

func parseOption(pair string) (Option, error) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, errName := url.QueryUnescape(rawName)
	value, errValue := url.QueryUnescape(rawValue)
	if errName != nil || errValue != nil || strings.ContainsFunc(name+value, isControl) {
		return Option{}, Option{Name: rawName}.Refuse("has a broken percent-encoding")
	}
	return Option{Key: name, Name: name, Value: value}, nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// quote shows the name of a scheme or option, never more than a name's worth.
func quote(name string) string {
	if len(name) > 40 {
		name = name[:40] + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(name, "?"))
}

// unescape decodes percent-encoding. A NUL would end a field of the login
// packet and begin another one.
func unescape(what, s string) (string, error) {
	out, err := url.PathUnescape(s)
	if err != nil {
		return "", Refuse(what + " has a broken percent-encoding")
	}
	if strings.ContainsFunc(out, isControl) || !utf8.ValidString(out) {
		return "", Refuse(what + " holds control characters")
	}
	return out, nil
}
