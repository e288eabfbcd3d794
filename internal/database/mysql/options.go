package mysql

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// tlsMode is the ssl-mode of MySQL's own clients.
type tlsMode string

const (
	tlsDisabled       tlsMode = "disabled"
	tlsPreferred      tlsMode = "preferred"
	tlsRequired       tlsMode = "required"
	tlsVerifyCA       tlsMode = "verify-ca"
	tlsVerifyIdentity tlsMode = "verify-identity"
)

// setOptions applies the allow-list of contract 3.5: TLS mode, program name,
// charset and connect timeout. Whatever else a driver would understand is
// refused by name.
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
		case seen[canonical(name)]:
			return refuse("option " + quote(name) + " is given twice")
		}
		seen[canonical(name)] = true
		if err := t.setOption(name, value); err != nil {
			return err
		}
	}
	return nil
}

// canonical folds the spellings of one option: ssl-mode, ssl_mode, sslMode.
func canonical(name string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
}

func (t *target) setOption(name, value string) error {
	switch canonical(name) {
	case "sslmode":
		return t.setTLS(name, value, sslModes())
	case "tls", "ssl":
		return t.setTLS(name, value, tlsValues())
	case "sslverifycert":
		return t.setTLS(name, value, map[string]tlsMode{"true": tlsVerifyCA})
	case "sslverifyidentity":
		return t.setTLS(name, value, map[string]tlsMode{"true": tlsVerifyIdentity})
	case "charset":
		return checkCharset(name, value)
	case "connecttimeout":
		return t.setConnectTimeout(name, value)
	case "programname", "applicationname":
		return t.setProgram(name, value)
	default:
		return refuse("option " + quote(name) + " is not allowed")
	}
}

// sslModes are the values of ssl-mode, with those of MariaDB's and libpq's
// namesakes.
func sslModes() map[string]tlsMode {
	return map[string]tlsMode{
		"disabled": tlsDisabled, "disable": tlsDisabled,
		"preferred": tlsPreferred, "prefer": tlsPreferred,
		"required": tlsRequired, "require": tlsRequired, "trust": tlsRequired,
		"verify-ca":       tlsVerifyCA,
		"verify-identity": tlsVerifyIdentity, "verify-full": tlsVerifyIdentity,
	}
}

// tlsValues are those of the Go driver's tls and of ssl elsewhere. True asks
// for a proven server, as the driver means it.
func tlsValues() map[string]tlsMode {
	return map[string]tlsMode{
		"true": tlsVerifyIdentity, "false": tlsDisabled,
		"skip-verify": tlsRequired, "preferred": tlsPreferred,
	}
}

// setTLS takes the strictest of what the options ask for, in whatever order.
func (t *target) setTLS(name, value string, modes map[string]tlsMode) error {
	m, ok := modes[strings.ReplaceAll(strings.ToLower(value), "_", "-")]
	if !ok {
		return refuse("option " + quote(name) + " does not know this value; " +
			"use ssl-mode=disabled, preferred, required, verify-ca or verify-identity")
	}
	if !t.tls.verified() || m == tlsVerifyIdentity {
		t.tls = m
	}
	return nil
}

// verified reports whether a certificate is checked.
func (m tlsMode) verified() bool { return m == tlsVerifyCA || m == tlsVerifyIdentity }

// checkCharset accepts UTF-8 by its names: the session speaks utf8mb4 anyway.
func checkCharset(name, value string) error {
	switch strings.ToLower(value) {
	case "utf8", "utf8mb3", "utf8mb4":
		return nil
	default:
		return refuse("option " + quote(name) + " must be utf8mb4")
	}
}

// setConnectTimeout may shorten the gateway's timeout, not lengthen it.
func (t *target) setConnectTimeout(name, value string) error {
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return refuse("option " + quote(name) + " must be a number of seconds")
	}
	if seconds > 0 {
		t.connectTimeout = min(t.connectTimeout, time.Duration(seconds)*time.Second)
	}
	return nil
}

// setProgram names the gateway in the server's session attributes. Commas and
// colons would add attributes of their own.
func (t *target) setProgram(name, value string) error {
	if value == "" || len(value) > 63 || strings.ContainsAny(value, ",:") {
		return refuse("option " + quote(name) + " must be 1 to 63 bytes without comma and colon")
	}
	t.program = value
	return nil
}
