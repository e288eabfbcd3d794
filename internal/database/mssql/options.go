package mssql

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// setOptions applies the allow-list of contract 3.5: TLS mode, application
// name, charset, connect timeout. Whatever else the driver would understand is
// refused by name. Names count without case and blanks, as Microsoft's do.
func (t *target) setOptions(query string) error {
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(rawName)
		value, errValue := url.QueryUnescape(rawValue)
		if errName != nil || errValue != nil || strings.ContainsFunc(name+value, isControl) {
			return refuse("option " + quote(rawName) + " has a broken percent-encoding")
		}
		option := optionName(name)
		if seen[option] {
			return refuse("option " + quote(name) + " is given twice")
		}
		seen[option] = true
		if err := t.setOption(option, name, value); err != nil {
			return err
		}
	}
	return nil
}

// optionName folds the spellings of the drivers these strings come from.
func optionName(name string) string {
	folded := strings.NewReplacer(" ", "", "_", "").Replace(strings.ToLower(name))
	switch folded {
	case "applicationname":
		return "appname"
	case "connecttimeout", "connectiontimeout", "logintimeout":
		return "connecttimeout"
	default:
		return folded
	}
}

func (t *target) setOption(option, name, value string) error {
	switch option {
	case "encrypt":
		return t.setEncrypt(value)
	case "trustservercertificate":
		return t.setTrust(value)
	case "hostnameincertificate":
		return t.setCertName(value)
	case "appname":
		return t.setAppName(name, value)
	case "connecttimeout":
		return t.setConnectTimeout(name, value)
	case "charset":
		return checkCharset(value)
	case "database":
		return t.setDatabase("option \"database\"", url.PathEscape(value))
	default:
		return refuse("option " + quote(name) + " is not allowed")
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
		return refuse("option \"encrypt\" must be true or strict: without encryption the password could be read on the wire")
	}
}

func (t *target) setTrust(value string) error {
	switch strings.ToLower(value) {
	case "true", "yes", "1":
		t.trust = true
	case "false", "no", "0":
	default:
		return refuse("option \"TrustServerCertificate\" must be true or false")
	}
	return nil
}

func (t *target) setCertName(value string) error {
	if value == "" || strings.ContainsFunc(value, notHost) {
		return refuse("option \"hostNameInCertificate\" must be a host name")
	}
	t.certName = value
	return nil
}

func (t *target) setAppName(name, value string) error {
	if len(value) > 128 {
		return refuse("option " + quote(name) + " is longer than 128 bytes")
	}
	t.appName = value
	return nil
}

// checkCharset accepts what pymssql's strings say. TDS sends UTF-16 anyway.
func checkCharset(value string) error {
	switch strings.ToLower(value) {
	case "utf8", "utf-8":
		return nil
	default:
		return refuse("option \"charset\" must be utf8")
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
