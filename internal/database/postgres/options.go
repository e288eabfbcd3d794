package postgres

import (
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// setOption applies the allow-list of contract 3.5: TLS mode, application
// name, charset, connect timeout and schema search path. Whatever else libpq
// or pgx would understand is refused by name.
func (t *target) setOption(o database.Option) (err error) {
	switch o.Key {
	case "sslmode":
		return t.setTLSMode(o)
	case "sslrootcert":
		return t.setRootCert(o)
	case "application_name":
		return t.setAppName(o)
	case "client_encoding":
		return checkEncoding(o)
	case "connect_timeout":
		t.connectTimeout, err = o.ConnectTimeout()
		return err
	case "search_path":
		return t.setSearchPath(o, o.Value)
	case "options":
		return t.setSessionOptions(o)
	default:
		return o.Refuse("is not allowed")
	}
}

func (t *target) setTLSMode(o database.Option) error {
	switch m := tlsMode(o.Value); m {
	case tlsDisable, tlsAllow, tlsPrefer, tlsRequire, tlsVerifyCA, tlsVerifyFull:
		if !t.tls.verified() { // sslrootcert=system has asked for more
			t.tls = m
		}
		return nil
	default:
		return o.Refuse("must be disable, allow, prefer, require, verify-ca or verify-full")
	}
}

// setRootCert takes libpq's special value only: any other value is a file of
// this machine.
func (t *target) setRootCert(o database.Option) error {
	if o.Value != "system" {
		return o.Refuse("must be system: certificate files are not allowed")
	}
	t.tls = tlsVerifyFull
	return nil
}

func (t *target) setAppName(o database.Option) error {
	if len(o.Value) > 63 {
		return o.Refuse("is longer than 63 bytes")
	}
	t.appName = o.Value
	return nil
}

func checkEncoding(o database.Option) error {
	switch strings.ToLower(o.Value) {
	case "utf8", "utf-8", "unicode":
		return nil
	default:
		return o.Refuse("must be utf8")
	}
}

func (t *target) setSearchPath(o database.Option, path string) error {
	// pg_catalog is searched first unless a path names it: named later, other
	// schemas could put their own functions in the place of built-in ones. The
	// names of information_schema are judged by that schema's own list.
	lower := strings.ToLower(path)
	if strings.TrimSpace(path) == "" || t.searchPath != "" || strings.ContainsRune(path, '\\') ||
		strings.Contains(lower, "pg_") || strings.Contains(lower, "information_schema") {
		return o.Refuse("must set search_path once, to a list of your own schemas and no system schema")
	}
	t.searchPath = path
	return nil
}

// setSessionOptions reads libpq's options=-csearch_path=a,b in its three
// spellings. Every other setting could undo what keeps the session read-only.
func (t *target) setSessionOptions(o database.Option) error {
	value := strings.TrimSpace(o.Value)
	for _, prefix := range []string{"-c", "--"} {
		setting, ok := strings.CutPrefix(value, prefix)
		name, path, found := strings.Cut(strings.TrimSpace(setting), "=")
		if ok && found && name == "search_path" && !strings.ContainsAny(path, " \\") {
			return t.setSearchPath(o, path)
		}
	}
	return o.Refuse("may only hold -csearch_path=schema,schema")
}
