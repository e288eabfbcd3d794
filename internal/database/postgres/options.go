package postgres

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// setOptions applies the allow-list of contract 3.5: TLS mode, application
// name, charset, connect timeout and schema search path. Whatever else libpq
// or pgx would understand is refused by name.
func (t *target) setOptions(query string) error {
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(rawName)
		value, errValue := url.QueryUnescape(rawValue)
		switch {
		case errName != nil || errValue != nil || strings.ContainsFunc(name+value, isControl):
			return refuse("option " + quote(rawName) + " has a broken percent-encoding")
		case seen[name]:
			return refuse("option " + quote(name) + " is given twice")
		}
		seen[name] = true
		if err := t.setOption(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (t *target) setOption(name, value string) error {
	switch name {
	case "sslmode":
		return t.setTLSMode(value)
	case "sslrootcert":
		return t.setRootCert(value)
	case "application_name":
		return t.setAppName(value)
	case "client_encoding":
		return checkEncoding(value)
	case "connect_timeout":
		return t.setConnectTimeout(value)
	case "search_path":
		return t.setSearchPath(name, value)
	case "options":
		return t.setSessionOptions(value)
	default:
		return refuse("option " + quote(name) + " is not allowed")
	}
}

func (t *target) setTLSMode(value string) error {
	switch m := tlsMode(value); m {
	case tlsDisable, tlsAllow, tlsPrefer, tlsRequire, tlsVerifyCA, tlsVerifyFull:
		if !t.tls.verified() { // sslrootcert=system has asked for more
			t.tls = m
		}
		return nil
	default:
		return refuse("option \"sslmode\" must be disable, allow, prefer, require, verify-ca or verify-full")
	}
}

// setRootCert takes libpq's special value only: any other value is a file of
// this machine.
func (t *target) setRootCert(value string) error {
	if value != "system" {
		return refuse("option \"sslrootcert\" must be system: certificate files are not allowed")
	}
	t.tls = tlsVerifyFull
	return nil
}

func (t *target) setAppName(value string) error {
	if len(value) > 63 {
		return refuse("option \"application_name\" is longer than 63 bytes")
	}
	t.appName = value
	return nil
}

func checkEncoding(value string) error {
	switch strings.ToLower(value) {
	case "utf8", "utf-8", "unicode":
		return nil
	default:
		return refuse("option \"client_encoding\" must be utf8")
	}
}

// setConnectTimeout may shorten the gateway's timeout, not lengthen it.
func (t *target) setConnectTimeout(value string) error {
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return refuse("option \"connect_timeout\" must be a number of seconds")
	}
	if seconds > 0 {
		t.connectTimeout = min(t.connectTimeout, time.Duration(seconds)*time.Second)
	}
	return nil
}

func (t *target) setSearchPath(option, value string) error {
	// pg_catalog is searched first unless a path names it: named later, other
	// schemas could put their own functions in the place of built-in ones.
	if strings.TrimSpace(value) == "" || t.searchPath != "" || strings.ContainsRune(value, '\\') ||
		strings.Contains(strings.ToLower(value), "pg_") {
		return refuse("option " + quote(option) + " must set search_path once, to a list of your own schemas")
	}
	t.searchPath = value
	return nil
}

// setSessionOptions reads libpq's options=-csearch_path=a,b in its three
// spellings. Every other setting could undo what keeps the session read-only.
func (t *target) setSessionOptions(value string) error {
	value = strings.TrimSpace(value)
	for _, prefix := range []string{"-c", "--"} {
		setting, ok := strings.CutPrefix(value, prefix)
		name, path, found := strings.Cut(strings.TrimSpace(setting), "=")
		if ok && found && name == "search_path" && !strings.ContainsAny(path, " \\") {
			return t.setSearchPath("options", path)
		}
	}
	return refuse("option \"options\" may only hold -csearch_path=schema,schema")
}
