package mssql

import (
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// setOption applies the allow-list of contract 3.5: TLS mode, application
// name, charset, connect timeout. Whatever else the driver would understand is
// refused by name.
func (t *target) setOption(o database.Option) (err error) {
	switch o.Key {
	case "encrypt":
		return t.setEncrypt(o.Value)
	case "trustservercertificate":
		return t.setTrust(o.Value)
	case "hostnameincertificate":
		return t.setCertName(o.Value)
	case "appname":
		return t.setAppName(o)
	case "connecttimeout":
		t.connectTimeout, err = o.ConnectTimeout()
		return err
	case "charset":
		return checkCharset(o.Value)
	case "database":
		return t.setDatabase(o)
	default:
		return o.Refuse("is not allowed")
	}
}

// setEncrypt knows no "off": a TDS login holds the password as good as in
// clear text, so it is never sent without TLS (contract 15.2 A4). The driver's
// "optional" is refused as well: the server could answer that it has no TLS.
func (t *target) setEncrypt(value string) error {
	switch strings.ToLower(value) {
	case "true", "yes", "1", "mandatory":
		return nil
	case "strict":
		t.strict = true
		return nil
	default:
		return database.Refuse("option \"encrypt\" must be true or strict: without encryption the password could be read on the wire")
	}
}

func (t *target) setTrust(value string) error {
	switch strings.ToLower(value) {
	case "true", "yes", "1":
		t.trust = true
	case "false", "no", "0":
	default:
		return database.Refuse("option \"TrustServerCertificate\" must be true or false")
	}
	return nil
}

func (t *target) setCertName(value string) error {
	if !database.ValidHost(value) {
		return database.Refuse("option \"hostNameInCertificate\" must be a host name")
	}
	t.certName = value
	return nil
}

func (t *target) setAppName(o database.Option) error {
	if len(o.Value) > maxName {
		return o.Refuse("is longer than 128 bytes")
	}
	t.appName = o.Value
	return nil
}

// checkCharset accepts what pymssql's strings say. TDS sends UTF-16 anyway.
func checkCharset(value string) error {
	switch strings.ToLower(value) {
	case "utf8", "utf-8":
		return nil
	default:
		return database.Refuse("option \"charset\" must be utf8")
	}
}
