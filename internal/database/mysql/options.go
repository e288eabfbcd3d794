package mysql

import (
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
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

// setOption applies the allow-list of contract 3.5: TLS mode, the answer to
// mysql_native_password, program name, charset and connect timeout. Whatever else a driver would understand is
// refused by name.
func (t *target) setOption(o database.Option) (err error) {
	switch o.Key {
	case "sslmode":
		return t.setTLS(o, sslModes())
	case "tls", "ssl":
		return t.setTLS(o, tlsValues())
	case "sslverifycert":
		return t.setTLS(o, map[string]tlsMode{"true": tlsVerifyCA})
	case "sslverifyidentity":
		return t.setTLS(o, map[string]tlsMode{"true": tlsVerifyIdentity})
	case "allownativepasswords":
		return t.setNative(o)
	case "charset":
		return checkCharset(o)
	case "connecttimeout":
		t.connectTimeout, err = o.ConnectTimeout()
		return err
	case "programname", "applicationname":
		return t.setProgram(o)
	default:
		return o.Refuse("is not allowed")
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
func (t *target) setTLS(o database.Option, modes map[string]tlsMode) error {
	m, ok := modes[strings.ReplaceAll(strings.ToLower(o.Value), "_", "-")]
	if !ok {
		return o.Refuse("does not know this value; " +
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
func checkCharset(o database.Option) error {
	switch strings.ToLower(o.Value) {
	case "utf8", "utf8mb3", "utf8mb4":
		return nil
	default:
		return o.Refuse("must be utf8mb4")
	}
}

// setNative takes the Go driver's option for mysql_native_password.
func (t *target) setNative(o database.Option) error {
	switch strings.ToLower(o.Value) {
	case "true":
		t.native = nativeAlways
	case "false":
		t.native = nativeNever
	default:
		return o.Refuse("must be true or false")
	}
	return nil
}

// setProgram names the gateway in the server's session attributes. Commas and
// colons would add attributes of their own.
func (t *target) setProgram(o database.Option) error {
	if o.Value == "" || len(o.Value) > 63 || strings.ContainsAny(o.Value, ",:") {
		return o.Refuse("must be 1 to 63 bytes without comma and colon")
	}
	t.program = o.Value
	return nil
}
